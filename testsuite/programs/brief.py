# -*- coding: utf-8 -*-
"""Threads that end all the time; then another program in their place, which waits for all of them to have ended.

    brief.py READY SECONDS

The last that it writes is how many threads it had made, and how many the kernel still knew at most.
"""
import os
import sys
import threading
import time


def work():
    end = time.time() + 0.0005
    while time.time() < end:
        pass


def main():
    end = time.time() + float(sys.argv[2])
    made = most = 0
    open(sys.argv[1], "w").close()
    while time.time() < end:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
            made += 1
        for thread in threads:
            thread.join()
        most = max(most, len(os.listdir("/proc/self/task")))
    os.execv(sys.executable, [sys.executable, "-c", "print('made %d, at most %d')" % (made, most)])


if __name__ == "__main__":
    main()
