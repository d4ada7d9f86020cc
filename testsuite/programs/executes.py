# -*- coding: utf-8 -*-
"""Spends a second of processor time in first(), then executes itself and spends one in second(), then in third().

The second time another thread than the main one executes: it gets the number of the process.

    executes.py
"""
import os
import sys
import threading
import time

CLOCK = getattr(time, "process_time", None) or time.clock
NAMES = ["first", "second", "third"]


def spend():
    begin = CLOCK()
    while CLOCK() - begin < 1:
        sum(range(1000))


def first():
    spend()


def second():
    spend()


def third():
    thread = threading.Thread(target=spend)
    thread.start()
    thread.join()


def execute(number):
    os.execv(sys.executable, [sys.executable, sys.argv[0], str(number)])


def main():
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    globals()[NAMES[number]]()
    if number == 0:
        execute(1)
    elif number == 1:
        thread = threading.Thread(target=execute, args=(2,))
        thread.start()
        thread.join()


if __name__ == "__main__":
    main()
