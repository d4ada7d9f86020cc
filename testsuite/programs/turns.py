# -*- coding: utf-8 -*-
"""Spends known shares of its processor time in known functions, and tells what it really spent.

    turns.py TRUTH SECONDS

TRUTH gets, as JSON, at the end: the processor time of each function ("cpu", seconds, by the thread's own clock),
how long it all took ("wall"), and how long a second thread slept meanwhile.  `six`, `three` and `one` of Python share
the main thread's time 60:30:10, the last of them through C (`sum` of a range).
"""

import json
import sys
import threading
import time

CLOCK = getattr(time, "thread_time", None) or getattr(time, "process_time", None) or time.clock
PIECE = 0.01


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


def sleeper(stop):
    while not stop:
        time.sleep(0.05)


def measured(function, spent):
    begin = CLOCK()
    function()
    spent[function.__name__] = spent.get(function.__name__, 0.0) + CLOCK() - begin


def main(path, seconds):
    stop, spent = [], {}
    thread = threading.Thread(target=sleeper, args=(stop,))
    thread.start()
    begin = time.time()
    while sum(spent.values()) < seconds:
        for function in six, three, one:
            measured(function, spent)
    wall = time.time() - begin
    stop.append(1)
    thread.join()
    with open(path, "w") as file:
        json.dump({"cpu": spent, "wall": wall}, file)
    return 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
