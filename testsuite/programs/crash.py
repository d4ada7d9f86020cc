# -*- coding: utf-8 -*-
"""Dies of a signal in C code that Python called.

    crash.py TRUTH LIBRARY FUNCTION
"""
import ctypes
import sys

import truth

FUNCTION = getattr(ctypes.CDLL(sys.argv[2]), sys.argv[3])


def inner():
    truth.report(sys._getframe()); FUNCTION()  # noqa: E702


def outer():
    return list(map(lambda n: inner(), [1]))


if __name__ == "__main__":
    outer()
