# -*- coding: utf-8 -*-
"""What `pywalk watch` is to run, and most of it to end:  hang.py MODE READY

READY is written when it is about to hang.
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

MODE, READY = sys.argv[1:3]
FIRST, SECOND = threading.Lock(), threading.Lock()
FIRST_TAKEN, SECOND_TAKEN = threading.Event(), threading.Event()


def ready(suffix=""):
    with open(READY + suffix, "w") as file:
        file.write(str(os.getpid()))


def first_then_second():
    with FIRST:
        FIRST_TAKEN.set()
        SECOND_TAKEN.wait()
        ready()
        with SECOND:
            pass


def second_then_first():
    with SECOND:
        SECOND_TAKEN.set()
        FIRST_TAKEN.wait()
        with FIRST:
            pass


def worker():
    threads = [threading.Thread(target=f) for f in (first_then_second, second_then_first)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def deadlock():
    process = multiprocessing.Process(target=worker)
    process.start()
    process.join()


def in_c():
    libc = ctypes.CDLL(None)
    ready()
    libc.pause()


def ends():
    out, err = getattr(sys.stdout, "buffer", sys.stdout), getattr(sys.stderr, "buffer", sys.stderr)
    out.write(b"out\0\xff\r\n\x1b[1mno line end")
    err.write(b"err\0\xfe\n\nno line end")
    ready()
    out.flush()
    err.flush()
    os._exit(3)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def copies():
    read, write = getattr(sys.stdin, "buffer", sys.stdin), getattr(sys.stdout, "buffer", sys.stdout)
    write.write(read.read())


def ignores_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    while True:
        time.sleep(1000)


def daemon_sleeps():
    ready()
    while True:
        time.sleep(1000)


def starts_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            daemon_sleeps()
        os._exit(0)
    subprocess.call(["sleep", "1000"])


def leaves_daemon():
    if os.fork() == 0:
        os.setsid()
        ready(".daemon")
        while not os.path.exists(READY + ".stop"):
            time.sleep(0.02)
        os._exit(0)
    while not os.path.exists(READY + ".daemon"):
        time.sleep(0.02)


def one_of_many():
    while True:
        time.sleep(1000)


def many():
    for _ in range(40):
        if os.fork() == 0:
            one_of_many()
    ready()
    os.wait()


def stopped():
    ready()
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(1000)


def handles():
    def handler(number, frame):
        ready(".%d" % number)
        if number == signal.SIGTERM:
            sys.exit(9)

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, handler)
    ready()
    while True:
        time.sleep(1000)


if __name__ == "__main__":
    globals()[MODE]()
