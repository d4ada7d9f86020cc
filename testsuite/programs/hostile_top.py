# -*- coding: utf-8 -*-
"""Functions and a thread whose names would steer a terminal, or take more columns than they have characters.

hostile_top.py READY
"""

import sys
import threading
import time

SOURCE = "def function(stop):\n    while not stop:\n        pass_time(0.01)\n"
NAMES = [
    "title\x1b]0;pwned\x07\x1b[2J\x1b[31m",
    "c1\x9b31mcontrol\x9d0;pwned\x9c",
    "line\nfeed\rreturn\ttab\x08\x7f",
    "order\u202eoverride\u2066isolate\u200f\ufeff",
    "\u4e2d\u6587" * 40,
    "combining" + "\u0301" * 30,
    "long_" * 100 + "end",
    "\U0001f600face\ue000private\U000e0041tag\u200bzero",
]


def named(name):
    space = {"pass_time": time.sleep}
    exec(compile(SOURCE, "/tmp/\x1b[5mfile\x9b\n.py", "exec"), space)
    function = space["function"]
    both = {"co_name": name}
    if hasattr(function.__code__, "co_qualname"):
        both["co_qualname"] = name
    function.__code__ = function.__code__.replace(**both)
    return function


def main():
    stop = []
    for name in NAMES:
        thread = threading.Thread(target=named(name), args=(stop,), name=name)
        thread.daemon = True
        thread.start()
    with open(sys.argv[1], "w") as file:
        file.write("{}")
    time.sleep(600)


if __name__ == "__main__":
    main()
