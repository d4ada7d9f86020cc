# -*- coding: utf-8 -*-
"""Spends known shares of its time in known functions, and tells what it really spent.

    shares.py TRUTH SECONDS LIBRARY

The main thread runs functions in turns, in an order that never repeats: `six`, `three` and `one` compute 60:30:10, the
last of them in C; `eighty` and `twenty` 80:20, the latter in LIBRARY (shares.so) with the GIL held; `released` in
LIBRARY without the GIL; `asleep` sleeps.  A second thread sleeps all the time.  TRUTH gets, as JSON, at the end, the
seconds of each function: "cpu" by the thread's own clock, "wall" those that passed, "gil" those in which it held the
GIL.
"""
import ctypes
import json
import random
import sys
import threading
import time

CLOCK = getattr(time, "thread_time", None) or getattr(time, "process_time", None) or time.clock
WALL = getattr(time, "monotonic", time.time)
PIECE = 0.004


def spin(seconds):
    """Until the thread's own clock has moved so far."""
    end = CLOCK() + seconds
    while CLOCK() < end:
        for _ in range(100):
            pass


def six():
    spin(6 * PIECE)


def three():
    spin(3 * PIECE)


def one():
    end = CLOCK() + PIECE
    while CLOCK() < end:
        sum(range(1000))


def eighty():
    spin(8 * PIECE)


def twenty():
    HOLDING(2 * PIECE)


def released():
    RELEASING(4 * PIECE)


def asleep():
    time.sleep(4 * PIECE)


def sleeper(stop):
    while not stop:
        time.sleep(0.05)


def add(spent, clock, function, seconds):
    spent[clock][function.__name__] = spent[clock].get(function.__name__, 0.0) + seconds


def measured(function, spent):
    cpu, wall = CLOCK(), WALL()
    function()
    cpu, wall = CLOCK() - cpu, WALL() - wall
    add(spent, "cpu", function, cpu)
    add(spent, "wall", function, wall)
    add(spent, "gil", function, 0.0 if function in WITHOUT_GIL else wall)


WITHOUT_GIL = (released, asleep)
FUNCTIONS = [six, three, one, eighty, twenty, released, asleep]


def main(path, seconds):
    stop, spent = [], {"cpu": {}, "wall": {}, "gil": {}}
    thread = threading.Thread(target=sleeper, args=(stop,))
    thread.start()
    functions, order = list(FUNCTIONS), random.Random(1)
    while sum(spent["wall"].values()) < seconds:
        order.shuffle(functions)
        for function in functions:
            measured(function, spent)
    stop.append(1)
    thread.join()
    with open(path, "w") as file:
        json.dump(spent, file)
    return 5


if __name__ == "__main__":
    HOLDING = ctypes.PyDLL(sys.argv[3]).burn_in_c
    RELEASING = ctypes.CDLL(sys.argv[3]).burn_in_c
    HOLDING.argtypes = RELEASING.argtypes = [ctypes.c_double]
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
