# -*- coding: utf-8 -*-
"""Frames whose variables GDB's commands show: the truth is repr() of each of them, and of paths evaluated there.

Runs in CPython 2.7 and 3.6-3.15.  The chain: module body, class body, method, function with broken values, generator,
generator expression, closure, a leaf that blocks.
"""
import collections
import ctypes
import gc
import os
import struct
import sys

import truth

PY2 = sys.version_info[0] == 2
HEAD = object.__basicsize__
AT = "0x[0-9a-f]+"
# What cannot be asked for its repr(): the name of a variable, and a pattern for its text.
BROKEN = {
    "huge": "<list at %s: length 9223372036854775807 is not believed>" % AT,
    "table": r"\{<unreadable at %s>, \.\.\. 3 more\}" % AT,
    "gone": "<object at %s: unreadable at %s>" % (AT, AT),
}
# For each function, paths to evaluate in its frame.
PATHS = {
    "serve": [
        "self", "self.queue", "self.queue[0]", "self.queue[0]['name']", "self.queue[-1]", "self.queue[ 1 : ]",
        "self.queue[::-1]", "self.queue[:2][0]['name']", "self.queue[5:]", "self.table[key]", "self.table[(1, 'a')]",
        "self.table[None]", "self.table[2]", "self.table[True]", "self.table['with ] and .']", "self.table[b'bytes']",
        "self.rows[index]", "self.pair[1]", "self.pair[1:]", "self.text", "self.text[1:4]", "self.text[-1]",
        "self.text[::2]", "self.raw[1:]", "self.raw[0]", "self.row[99]", "self.row[-100]", "self.me.me.me.rows[0]",
        "self.point", "self.point.y", "self.point[0]", "self.error.args", "self.error.args[1]", "self.shared",
        "self.ordered['b']", "self.counts[key]", "self._Shop__private", "self.__class__", "self.array[1]",
        "args", "args[0]", "kwargs['extra']", "key", "os.path.sep", "len", "Point._fields", "PY2",
        "truth.MARKS", "self.slots.one", "collections.OrderedDict",
    ],
    "inner": ["total", "own", "shared", "shared[0]", "sys", "isinstance"],
    "produce": ["step", "received"],
    "<module>": ["__name__", "BROKEN['gone']", "Shop", "Point"],
}  # fmt: skip
# Paths that are none of Python's, and what they lead to.
OWN_PATHS = {"serve": {"self.__private": "'hidden'", "self.gen.inside": "'in the generator'", "self.gen.n": "7"}}


def text(value):
    return truth.text(repr(value))


def evaluated(path, frame):
    return text(eval(path, frame.f_globals, frame.f_locals))


def describe(frame):
    code = frame.f_code
    function = bool(code.co_flags & 1)
    only = 0 if PY2 else code.co_kwonlyargcount
    names = list(code.co_varnames)
    order, at = names[: code.co_argcount], code.co_argcount + only
    if code.co_flags & 4:
        order.append(names[at])
        at += 1
    order += names[code.co_argcount : code.co_argcount + only]
    if code.co_flags & 8:
        order.append(names[at])
    found = {"name": truth.text(code.co_name), "arguments": order, "values": {}, "patterns": {}, "paths": {}}
    for name, value in frame.f_locals.items():
        if function and name in BROKEN:
            found["patterns"][name] = BROKEN[name]
        else:
            found["values"][truth.text(name)] = text(value)
    everything = names + list(code.co_cellvars) + list(code.co_freevars)
    seen = set(found["values"]) | set(found["patterns"])
    found["unbound"] = sorted(set(everything) - seen) if function else []
    for path in PATHS.get(code.co_name, ()):
        found["paths"][path] = evaluated(path, frame)
    found["paths"].update(OWN_PATHS.get(code.co_name, {}))
    if code.co_name == "serve":
        found["paths"]["self.serve"] = text(Shop.__dict__["serve"])  # nothing is bound
    return found


def leaf():
    frame = sys._getframe(1)
    frames = []
    while frame is not None:
        frames.append(describe(frame))
        frame = frame.f_back
    seen = dict((truth.text(name), text(value)) for name, value in globals().items())
    truth.EXTRA.update({"scopes": frames, "globals": seen})
    for address, data in leaf.later:
        ctypes.memmove(address, data, len(data))
    truth.report(sys._getframe()), truth.block()


def closure(shared):
    total = 11

    def inner(own):
        mine = own + total
        if own > 1000:
            never = 1
            del never
        leaf()
        return mine, shared

    inner(5)


def produce(start):
    step = 3
    received = yield start
    yield sum(closure([one, received]) or 0 for one in (step,))


def poke(value, offset, number):
    """Breaks an object, as soon as nobody looks at it any more."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))  # for ever: it must not be freed
    leaf.later.append((id(value) + offset, struct.pack("<Q", number)))


def broken(a, b=u"\x1b]0;title\x07\x1b[31m\x9b1m\u202e"):
    """What a hostile process could hold."""
    huge = [1, 2, 3]
    table = {"a": 1, "b": 2, "c": 3}
    gone = (1, 2)
    itself = [a]
    itself.append(itself)
    number = 10**3000
    poke(huge, HEAD, 2**63 - 1)
    poke(table, HEAD + 16, 0x123456789ABCDE)
    poke(gone, HEAD - 8, 0x18)
    running = produce(a)
    next(running)
    running.send(b)
    return huge, table, gone, itself, number


leaf.later = []
Point = collections.namedtuple("Point", "x y")


class Slots(object):
    __slots__ = ("one", "unset")

    def __init__(self):
        self.one = 1


class Shop(object):
    shared = "of the class"

    def __init__(self):
        self.__private = "hidden"
        self.queue = [{"name": "first"}, 2, [3]]
        self.table = {"key": "value", (1, "a"): "tuple", None: "nothing", 2: "two", 1: "one", "with ] and .": 3}
        self.table[b"bytes"] = "of bytes"
        self.rows = list(range(50))
        self.pair = (1, "two")
        self.text = u"n\u00e4me and \U0001f600"
        self.raw = b"\x00raw\xff"
        self.array = bytearray(b"abc")
        self.row = collections.deque(range(100))
        self.me = self
        self.point = Point(1, "two")
        self.error = ValueError("bad", 3)
        self.ordered = collections.OrderedDict([("a", 1), ("b", 2)])
        self.counts = collections.defaultdict(list, {"key": [1]})
        self.slots = Slots()
        self.gen = self.generator(7)
        next(self.gen)

    @property
    def prop(self):
        return 1

    def __getitem__(self, index):
        return 1

    def generator(self, n):
        inside = "in the generator"
        yield n
        yield inside

    def serve(self, key, index=-1, *args, **kwargs):
        count, ratio, yes, nothing, label, empty = 5, 2.5, True, None, u"h\u00e4llo", ""
        local = [count, ratio]
        broken(7)
        return local, yes, nothing, label, empty


globals()["bad\x1b[31mname"] = 1
gc.disable()  # it would look into what is broken


class Body(object):
    number = 17
    names = ["a", "b"]
    Shop().serve("key", 2, 3, "four", extra={"x": 1})
