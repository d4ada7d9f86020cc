"""The bench's target: sleepers of several kinds, and a main thread that watches the clock.

    target.py WATCH_LIBRARY PAGE PARENT THREADS MEBIBYTES

Every thread but the main one has `bench_sleeper` once on its stack, the main one `bench_busy`; the names stand in no
line that a tool would quote with a frame.  MEBIBYTES of memory are written to, for a big core.
"""

import ctypes
import os
import queue
import select
import socket
import sys
import threading
import time
from typing import Callable

FOREVER = 1000000


def on_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def on_sleep() -> None:
    time.sleep(FOREVER)


def on_recv() -> None:
    ours, theirs = socket.socketpair()
    ours.recv(1)
    theirs.close()


def on_select() -> None:
    ours, theirs = socket.socketpair()
    select.select([ours], [], [])
    theirs.close()


def on_read() -> None:
    ours, theirs = os.pipe()
    os.read(ours, 1)
    os.close(theirs)


def on_queue() -> None:
    forever: "queue.Queue[None]" = queue.Queue()
    forever.get()


def on_condition() -> None:
    condition = threading.Condition()
    with condition:
        condition.wait()


def on_event() -> None:
    threading.Event().wait(FOREVER)


KINDS = [on_lock, on_sleep, on_recv, on_select, on_read, on_queue, on_condition, on_event]


def below(depth: int, wait: Callable[[], None]) -> None:
    if depth:
        below(depth - 1, wait)
    else:
        wait()


def bench_sleeper(wait: Callable[[], None]) -> None:
    below(20, wait)


def bench_busy(library: ctypes.CDLL, page: bytes) -> None:
    library.watch(page)


def main() -> None:
    library = ctypes.CDLL(sys.argv[1])
    page = os.fsencode(sys.argv[2])
    if not library.die_with(int(sys.argv[3])):
        return
    memory = bytearray(int(sys.argv[5]) << 20)
    memory[::4096] = b"\1" * (len(memory) // 4096)
    threading.stack_size(256 << 10)
    run, start = bench_sleeper, threading.Thread
    for i in range(int(sys.argv[4]) - 1):
        thread = start(target=run, args=(KINDS[i % len(KINDS)],), name="worker %d" % i)
        thread.daemon = True
        thread.start()
    work = bench_busy
    work(library, page)


if __name__ == "__main__":
    main()
