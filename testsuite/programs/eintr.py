# -*- coding: utf-8 -*-
"""Threads in system calls that are not restarted, called through ctypes: who looks must not wake them.

    eintr.py READY [COUNT]

Half of them are in epoll_wait, half in nanosleep.  No call should return; when READY.stop is there, it prints how many
did, and with which errno.
"""
import ctypes
import os
import sys
import threading
import time

import truth

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 100
LIBC = ctypes.CDLL(None, use_errno=True)
LONG = 100000
ENTERED = []
RETURNED = []  # (function, result, errno)


class timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


def in_epoll_wait():
    descriptor = LIBC.epoll_create1(0)
    events = ctypes.create_string_buffer(64)
    ENTERED.append(truth.native_id())
    while True:
        result = LIBC.epoll_wait(descriptor, events, 1, -1)
        RETURNED.append(("epoll_wait", result, ctypes.get_errno()))


def in_nanosleep():
    span = timespec(LONG, 0)
    ENTERED.append(truth.native_id())
    while True:
        result = LIBC.nanosleep(ctypes.byref(span), None)
        RETURNED.append(("nanosleep", result, ctypes.get_errno()))


def asleep(tid):
    with open("/proc/self/task/%d/stat" % tid) as stat:
        return stat.read().rpartition(") ")[2][0] == "S"


def main():
    threading.stack_size(256 << 10)
    for i in range(COUNT):
        thread = threading.Thread(target=in_nanosleep if i % 2 else in_epoll_wait)
        thread.daemon = True
        thread.start()
    while len(ENTERED) < COUNT or not all(asleep(tid) for tid in ENTERED):
        time.sleep(0.02)
    open(sys.argv[1], "w").close()
    while not os.path.exists(sys.argv[1] + ".stop"):
        time.sleep(0.05)
    time.sleep(0.2)  # for those that were woken to say so
    print("%d of %d threads: %d calls returned: %s" % (
        len(ENTERED), COUNT, len(RETURNED), sorted(set(RETURNED))))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
