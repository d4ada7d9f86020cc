# -*- coding: utf-8 -*-
"""Many threads, blocked in different ways, with names of every kind.

    threads.py TRUTH [COUNT]
"""
import select
import socket
import sys
import threading
import time

import truth

COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 20
LOCK = threading.Lock()
NAMES = ["plain-%d", "caf\xe9-%d", "\u03bb-%d", "\U0001f40d-%d"]
if sys.version_info[0] == 2:
    NAMES = ["plain-%d", "caf\xc3\xa9-%d"]


def on_lock():
    truth.ready(sys._getframe()); LOCK.acquire()  # noqa: E702


def on_sleep():
    truth.ready(sys._getframe()); time.sleep(100000)  # noqa: E702


def on_pipe():
    truth.ready(sys._getframe()); truth.block()  # noqa: E702


def on_select():
    truth.ready(sys._getframe()); select.select([truth._READ], [], [])  # noqa: E702


def on_socket():
    a, b = socket.socketpair()
    truth.ready(sys._getframe()); a.recv(1)  # noqa: E702
    b.close()


KINDS = [on_lock, on_sleep, on_pipe, on_select, on_socket]


def nested(depth, kind):
    if depth:
        nested(depth - 1, kind)
    else:
        kind()


def main():
    LOCK.acquire()
    threading.stack_size(256 << 10)
    for i in range(COUNT):
        thread = threading.Thread(
            target=nested, args=(i % 7, KINDS[i % len(KINDS)]), name=NAMES[i % len(NAMES)] % i)
        thread.daemon = True
        thread.start()
        if i % 50 == 49:
            truth.wait_for(i + 1)
    truth.wait_for(COUNT)
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    main()
