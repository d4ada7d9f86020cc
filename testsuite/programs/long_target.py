# -*- coding: utf-8 -*-
"""The long target: one stack through every kind of C code that calls Python.

    long_target.py TRUTH [ROUNDS]
"""
import ctypes
import functools
import json
import re
import sys

import truth

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
STEPS = []

truth.MARKS.update({
    "__getattr__": "getattr",
    "callback": "ctypes",
    "__del__": "del",
    "replace": "re.sub",
    "fold": "reduce",
    "mapped": "map",
    "sort_key": "sorted",
    "hook": "json",
    "computed": "property",
})


def step(function):
    STEPS.append(function)
    return function


def descend(n):
    if n < ROUNDS * len(STEPS):
        return STEPS[n % len(STEPS)](n + 1)
    return bottom()


def bottom():
    frame = sys._getframe()
    truth.report(frame); truth.block()  # noqa: E702


@step
def through_generator(n):
    def numbers():
        yield 1
        yield descend(n)

    for number in numbers():
        pass


class Attributes(object):
    def __getattr__(self, name):
        return descend(int(name[1:]))


@step
def through_getattr(n):
    return getattr(Attributes(), "a%d" % n)


@step
def through_ctypes(n):
    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
    def callback(number):
        return c_callback(number)

    return callback(n)


def c_callback(number):
    descend(number)
    return 0


class Finalized(object):
    def __init__(self, n):
        self.n = n

    def __del__(self):
        descend(self.n)


@step
def through_del(n):
    thing = Finalized(n)
    del thing


@step
def through_sub(n):
    def replace(match):
        return descend(int(match.group(0)))

    return re.sub("[0-9]+", replace, "x %d y" % n)


@step
def through_reduce(n):
    def fold(a, b):
        return descend(b)

    return functools.reduce(fold, [0, n])


@step
def through_map(n):
    def mapped(number):
        return descend(number)

    return list(map(mapped, [n]))


@step
def through_sorted(n):
    def sort_key(number):
        return descend(number)

    return sorted([n], key=sort_key)


@step
def through_json(n):
    def hook(value):
        return descend(value["n"])

    return json.loads('{"n": %d}' % n, object_hook=hook)


@step
def through_exec(n):
    exec("\n\ndef inner(number):\n    return (\n        descend(number))\n\ninner(n)\n",
         {"descend": descend, "n": n})


class Computing(object):
    def __init__(self, n):
        self.n = n

    @property
    def computed(self):
        return descend(self.n)


@step
def through_property(n):
    return Computing(n).computed


@step
def through_recursion(n, depth=10):
    if depth:
        return through_recursion(n, depth - 1)
    return descend(n)


def make_named():
    """A function whose name is not ASCII: Latin-1, UCS-2 and UCS-4 in turn."""
    if sys.version_info[0] == 2:
        def plain(n):
            return descend(n)

        code = plain.__code__
        plain.__code__ = type(code)(
            code.co_argcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code,
            code.co_consts, code.co_names, code.co_varnames, code.co_filename, "gr\xc3\xbcn",
            code.co_firstlineno, code.co_lnotab, code.co_freevars, code.co_cellvars)
        return plain
    source = (u"def gr\u00fcn(n):\n    return \u03bb(n)\n"
              u"def \u03bb(n):\n    return \U00020000(n)\n"
              u"def \U00020000(n):\n    return descend(n)\n")
    space = {"descend": descend}
    exec(source, space)
    return space[u"gr\u00fcn"]


step(make_named())


def main():
    descend(0)


if __name__ == "__main__":
    main()
