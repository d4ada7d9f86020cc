# -*- coding: utf-8 -*-
"""Runs through call chains that never mix, for ever or for a number of rounds; all possible stacks are known.

    chains.py TRUTH [ROUNDS]

TRUTH gets, as JSON, who calls whom ("calls": function -> functions), where stacks begin ("roots") and how deep each
function can stand in a stack ("depth").  C calls Python again: in sort keys, map, reduce, comparisons, attribute
access and a ctypes callback; generators are entered and left; nothing else runs.
"""
import ctypes
import functools
import json
import os
import sys

DEPTH = 6
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def a1(n):
    return a2(n) if n else 0


def a2(n):
    return sorted([n], key=a3)[0]


def a3(n):
    return a1(n - 1)


def b1(n):
    if not n:
        return 0
    return list(map(b2, [n]))[0]


def b2(n):
    return sum(b3(n))


def b3(n):
    yield b1(n - 1)


def c1(n):
    return functools.reduce(c2, [n, n])


def c2(_, n):
    return c3(n)


def c3(n):
    return c1(n - 1) if n > DEPTH - 3 else 0


class D(object):
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return d2(self.n)

    def __getattr__(self, name):
        return d1(self.n - 1)


def d1(n):
    return max([D(n), D(n)]) if n > 0 else 0


def d2(n):
    return bool(D(n).missing)


def e1(n):
    return e2(n) if n else 0


@CALLBACK
def e2(n):
    return e3(n)


def e3(n):
    return e1(n - 1)


def one_round():
    a1(DEPTH)
    b1(DEPTH)
    c1(DEPTH)
    d1(3)
    e1(DEPTH)


def main(rounds):
    while rounds:
        one_round()
        rounds -= 1


CALLS = {
    "<module>": ["main"],
    "main": ["one_round"],
    "one_round": ["a1", "b1", "c1", "d1", "e1"],
    "a1": ["a2"],
    "a2": ["a3"],
    "a3": ["a1"],
    "b1": ["b2"],
    "b2": ["b3"],
    "b3": ["b1"],
    "c1": ["c2"],
    "c2": ["c3"],
    "c3": ["c1"],
    "d1": ["__init__", "__lt__"],
    "__lt__": ["d2"],
    "d2": ["__init__", "__getattr__"],
    "__getattr__": ["d1"],
    "e1": ["e2"],
    "e2": ["e3"],
    "e3": ["e1"],
}

if __name__ == "__main__":
    with open(sys.argv[1] + ".part", "w") as file:
        json.dump({"calls": CALLS, "roots": ["<module>"], "depth": DEPTH + 1}, file)
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    main(int(sys.argv[2]) if len(sys.argv) > 2 else -1)
