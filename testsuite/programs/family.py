# -*- coding: utf-8 -*-
"""A process with children and grandchildren, one of them not Python, one forked without exec.

    family.py TRUTH [DEPTH]

The children's truths are TRUTH.0, TRUTH.1 and so on, theirs TRUTH.0.0 ...  They end with their parents.
"""
import ctypes
import os
import subprocess
import sys
import time

import truth

DEPTH = int(sys.argv[2]) if len(sys.argv) > 2 else 2


def end_with_parent():
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG


def wait_for_file(path, seconds=100):
    end = time.time() + seconds
    while not os.path.exists(path):
        if time.time() > end:
            raise RuntimeError("no " + path)
        time.sleep(0.02)


def start(name, depth):
    path = sys.argv[1] + "." + name
    subprocess.Popen([sys.executable, sys.argv[0], path, str(depth)], preexec_fn=end_with_parent)
    wait_for_file(path)


def forked(path):
    end_with_parent()
    truth.THREADS.clear()
    truth.report(sys._getframe(), path); truth.block()  # noqa: E702


def parent():
    truth.report(sys._getframe()); truth.block()  # noqa: E702


def main():
    if DEPTH:
        start("0", DEPTH - 1)
        subprocess.Popen(["sleep", "900"], preexec_fn=end_with_parent)
        path = sys.argv[1] + ".1"
        if os.fork() == 0:
            forked(path)
        wait_for_file(path)
    parent()


if __name__ == "__main__":
    main()
