# -*- coding: utf-8 -*-
"""Has C call Python through a closure of libffi's, again and again:  closure.py TRUTH

TRUTH gets the address of the closure's code; it is there when the process is about to begin.
"""
import ctypes
import os
import sys

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


@CALLBACK
def callback(n):
    return n + 1


def caller():
    return callback(1)


def main():
    with open(sys.argv[1] + ".part", "w") as file:
        file.write("0x%x" % ctypes.cast(callback, ctypes.c_void_p).value)
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    while True:
        caller()


if __name__ == "__main__":
    main()
