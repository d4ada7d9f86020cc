# -*- coding: utf-8 -*-
"""Threads that never sleep: one runs Python code of many kinds, others, if libraries are there, native code.

    restless.py READY [FOLDER]

FOLDER has native.so and throw.so: one thread spins in the vdso, another throws C++ exceptions.
"""
import ctypes
import functools
import json
import re
import sys
import threading
import zlib

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


class Attributes(object):
    def __init__(self, value):
        self.value = value

    def __getattr__(self, name):
        return self.value + len(name)

    @property
    def computed(self):
        return self.value * 2

    def __lt__(self, other):
        return self.value < other.value

    def __del__(self):
        self.value = None


def numbers(n):
    for i in range(n):
        yield i * i


def recursive(n):
    return n + recursive(n - 1) if n else 0


def failing(n):
    if n == 0:
        raise ValueError(n)
    failing(n - 1)


def generators(n):
    return sum(numbers(100 + n % 50))


def attributes(n):
    return getattr(Attributes(n), "missing") + Attributes(n).computed


def through_ctypes(n):
    return CALLBACK(lambda i: i + recursive(5))(n)


def through_re(n):
    return len(re.sub("[0-9]+", lambda match: str(int(match.group(0)) + 1), "a 1 b 22 c 333 " * 5))


def through_sort(n):
    return sorted((Attributes((i * 7919) % 101) for i in range(40)), key=lambda one: one.value)[0].value


def through_json(n):
    text = json.dumps({"a": list(range(20)), "b": {"c": [None, True, 1.5] * 5}})
    return len(json.loads(text, object_hook=lambda value: dict(value)))


def through_map(n):
    return functools.reduce(lambda a, b: a + b, map(lambda i: i * 3, range(50)))


def compressing(n):
    return len(zlib.decompress(zlib.compress(b"%d" % n * 500)))


def raising(n):
    try:
        failing(n % 10)
    except ValueError as error:
        return str(error)


def recursion(n):
    return recursive(n % 60)


def executing(n):
    space = {}
    exec("def f(n):\n    return [i for i in range(n)]\n", space)
    return len(space["f"](n % 20))


WORK = [generators, attributes, through_ctypes, through_re, through_sort, through_json, through_map, compressing,
        raising, recursion, executing]


def work():
    n = 0
    while True:
        WORK[n % len(WORK)](n)
        n += 1


def main():
    functions = []
    if len(sys.argv) > 2:
        functions = [ctypes.CDLL(sys.argv[2] + "/native.so").spin_in_vdso,
                     functools.partial(ctypes.CDLL(sys.argv[2] + "/throw.so").throw_for_ever, None)]
    for function in functions:
        thread = threading.Thread(target=function)
        thread.daemon = True
        thread.start()
    open(sys.argv[1], "w").close()
    work()


if __name__ == "__main__":
    main()
