# -*- coding: utf-8 -*-
"""Frames with variables of every kind; the truth is what each frame's f_locals says.

Runs in CPython 2.7 and 3.6-3.15.  The chain: module body, exec'ed module, class body, function with all kinds of
arguments, generator, comprehension, closure, a leaf that blocks.
"""
import sys

import truth

PY2 = sys.version_info[0] == 2
NAMESPACES = {}  # of class bodies, by name


def text(value):
    return truth.text(repr(value))


def describe(frame):
    code = frame.f_code
    count = code.co_argcount
    only = 0 if PY2 else code.co_kwonlyargcount
    names = list(code.co_varnames)
    order = names[:count]
    at = count + only
    if code.co_flags & 4:
        order.append(names[at])
        at += 1
    order += names[count : count + only]
    if code.co_flags & 8:
        order.append(names[at])
    # From 3.13 on f_locals leaves the namespace of a class body out while a comprehension runs in it.
    namespace = NAMESPACES.get(code.co_name, frame.f_locals)
    values = dict((truth.text(name), text(value)) for name, value in namespace.items())
    everything = names + list(code.co_cellvars) + list(code.co_freevars)
    return {
        "name": truth.text(code.co_name),
        "arguments": order,
        "values": values,
        "unbound": sorted(set(everything) - set(values)) if code.co_flags & 1 else [],
        "free": list(code.co_freevars) if code.co_flags & 1 else [],
        "cells": [name for name in code.co_cellvars if name not in order] if code.co_flags & 1 else [],
    }


def leaf():
    frame = sys._getframe(1)
    frames = []
    while frame is not None:
        frames.append(describe(frame))
        frame = frame.f_back
    seen = {"frames": frames, "hidden": [] if sys.version_info < (3, 12) else ["one"]}
    path = sys.argv[1]
    truth.report(sys._getframe(), path + ".frames"), truth.write(path, seen), truth.block()


def closure(argument, shared):
    total = argument
    later = "yes" if argument > 1000 else None

    def inner(n):
        return total + n + len(shared) + (0 if later is None else 1)

    def unset():
        return missing  # noqa: F821

    inner(1)
    number = 2**70
    name = u"n\u00e4me"
    flag = True
    nothing = None
    pair = (1, "two")

    def caller(own):
        mine = own + total
        leaf()
        return mine, shared

    if argument > 1000:
        missing = 1
        never = 2
        del never
        return missing, unset
    caller(5)
    return number, name, flag, nothing, pair


def comprehension(items):
    before = "before"
    found = [closure(item, [item, items]) for item in items]
    return before, found


def generator(start):
    step = 3
    received = yield start
    inner = comprehension((received, step))
    yield inner


def arguments(a, b=2, *args, **kwargs):
    local = [a, b]
    running = generator(7)
    first = next(running)
    running.send(first + 4)
    return local


class Body(object):
    attribute = "of the class"
    number = 17

    def method(self, other):
        result = arguments(1, 2, 3, 4, key="word", other=other)
        return result

    if PY2:
        exec("method(None, 'x')")
    else:
        import variables3

        variables3.run(arguments, method, NAMESPACES)
