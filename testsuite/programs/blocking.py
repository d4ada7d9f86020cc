# -*- coding: utf-8 -*-
"""Threads that sleep, in eight kinds of blocking call, at different depths.

    blocking.py TRUTH [COUNT]

Each stays where it is when a tracer disturbs it: what returns early is called again on the same line.
"""
import ctypes
import itertools
import os
import select
import socket
import sys
import threading
import time

import truth

try:
    import queue
except ImportError:
    import Queue as queue

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 16
LOCK = threading.Lock()
QUEUE = queue.Queue()
CONDITION = threading.Condition()
LIBC = ctypes.CDLL(None)
LONG = 100000


class timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


def on_lock():
    truth.ready(sys._getframe()); LOCK.acquire()  # noqa: E702


def on_sleep():
    truth.ready(sys._getframe()); time.sleep(LONG)  # noqa: E702


def on_recv():
    a, b = socket.socketpair()
    truth.ready(sys._getframe()); a.recv(1)  # noqa: E702
    b.close()


def on_read():
    truth.ready(sys._getframe()); truth.block()  # noqa: E702


def on_select():
    truth.ready(sys._getframe()); select.select([truth._READ], [], [])  # noqa: E702


def on_poll():
    poll = select.poll()
    poll.register(truth._READ, select.POLLIN)
    truth.ready(sys._getframe()); poll.poll()  # noqa: E702


def on_queue():
    truth.ready(sys._getframe()); QUEUE.get()  # noqa: E702


def on_condition():
    with CONDITION:
        truth.ready(sys._getframe()); CONDITION.wait()  # noqa: E702


def in_nanosleep():
    span = timespec(LONG, 0)
    truth.ready(sys._getframe()); LIBC.nanosleep(ctypes.byref(span), None)  # noqa: E702


def in_epoll_wait():
    # The kernel never restarts this one: a tracer's stop makes it return EINTR.  The first calls return at once, until
    # the interpreter has specialized the loop: later ones all come from the same place.
    descriptor = LIBC.epoll_create1(0)
    events = ctypes.create_string_buffer(64)
    times = itertools.chain([0] * 1000, itertools.repeat(-1))
    truth.ready(sys._getframe())
    for timeout in times: LIBC.epoll_wait(descriptor, events, 1, timeout)  # noqa: E701


def in_pause():
    truth.ready(sys._getframe()); LIBC.pause()  # noqa: E702


def in_read():
    place = ctypes.create_string_buffer(1)
    truth.ready(sys._getframe()); LIBC.read(truth._READ, place, ctypes.c_size_t(1))  # noqa: E702


KINDS = [[on_lock], [on_sleep], [on_recv], [on_read], [on_select, on_poll], [on_queue], [on_condition],
         [in_nanosleep, in_epoll_wait, in_pause, in_read]]


def nested(depth, kind):
    if depth:
        nested(depth - 1, kind)
    else:
        kind()


def asleep():
    """Whether each thread but this one sleeps in the kernel."""
    mine = truth.native_id()
    for tid in os.listdir("/proc/self/task"):
        if int(tid) == mine:
            continue
        with open("/proc/self/task/%s/stat" % tid) as stat:
            if stat.read().rpartition(") ")[2][0] != "S":
                return False
    return True


def places():
    """Where each thread is: its newest frame, which is not the one it reported when it waits in Python code."""
    current = sys._current_frames()
    return dict((ident, (current[ident], current[ident].f_lasti)) for ident in truth.THREADS)


def settle(seconds=60):
    end = time.time() + seconds
    before = None
    while time.time() < end:
        if len(truth.THREADS) == COUNT and asleep():
            now = places()
            if now == before:
                for ident, (frame, _) in now.items():
                    truth.THREADS[ident]["frame"] = frame
                return
            before = now
        time.sleep(0.05)
    raise RuntimeError("%d of %d threads were ready, or they did not come to rest"
                       % (len(truth.THREADS), COUNT))


def main():
    LOCK.acquire()
    threading.stack_size(256 << 10)
    for i in range(COUNT):
        kinds = KINDS[i % len(KINDS)]
        kind = kinds[i // len(KINDS) % len(kinds)]
        thread = threading.Thread(target=nested, args=(i % 7, kind), name="%s-%d" % (kind.__name__, i))
        thread.daemon = True
        thread.start()
    settle()
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    main()
