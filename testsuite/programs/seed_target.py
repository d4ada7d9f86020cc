"""What a seed core shows: a few frames of each kind, a second thread; dies with all its memory in the core.

Runs on every supported Python, 2.7 included.
"""

import os
import sys
import threading

NAME = "w\u00e4it" if sys.version_info >= (3,) else "wait"


class Walker(object):
    def method(self, value):
        return inner(value)


def inner(value):
    return [leaf(x) for x in (value,)]


def leaf(value):
    if value:
        os.abort()


def generator(value):
    yield Walker().method(value)


def wait(event, ready):
    ready.set()
    event.wait()


def main():
    ready = threading.Event()
    thread = threading.Thread(target=wait, args=(threading.Event(), ready), name=NAME)
    thread.daemon = True
    thread.start()
    ready.wait()
    with open("/proc/self/coredump_filter", "w") as file:
        file.write("0x7f")
    for _ in generator(1):
        pass


main()
