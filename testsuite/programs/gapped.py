# -*- coding: utf-8 -*-
"""Threads that run the same functions and wake up all the time, each with C code below it that can't be unwound.

    gapped.py READY LIBRARY [THREADS]

LIBRARY (nocfi.so) calls back from without_cfi().
"""
import ctypes
import sys
import threading
import time

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)
THROUGH = ctypes.CDLL(sys.argv[2]).without_cfi


def doze():
    time.sleep(0.0005)
    return 0


def work():
    callback = CALLBACK(doze)
    while True:
        THROUGH(callback)


def main():
    for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 8):
        thread = threading.Thread(target=work)
        thread.daemon = True
        thread.start()
    open(sys.argv[1], "w").close()
    while True:
        time.sleep(100)


if __name__ == "__main__":
    main()
