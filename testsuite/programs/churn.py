# -*- coding: utf-8 -*-
"""Children that come and go all the time: forked ones that end at once or soon, and programs.

    churn.py TRUTH
"""
import ctypes
import os
import sys
import time

import truth


def child(number):
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG
    if number % 3 == 0:
        time.sleep(0.003)
    elif number % 3 == 1:
        os.execvp("sleep", ["sleep", "0.002"])
    os._exit(0)


def main():
    alive = []
    number = 0
    while True:
        number += 1
        pid = os.fork()
        if pid == 0:
            child(number)
        alive.append(pid)
        if len(alive) > 6:
            os.waitpid(alive.pop(0), 0)
        if number == 20:
            truth.report(sys._getframe())


if __name__ == "__main__":
    main()
