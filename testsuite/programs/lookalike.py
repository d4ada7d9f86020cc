"""Memory that looks like the thread's own thread state, but for one word.

    lookalike.py TRUTH

CPython 3.11 and later.
"""
import ctypes
import sys

import truth

SIZE = 400  # bytes of a thread state, with all that leads to frames in each version
SMALLEST = 16 << 10


def datastack_limit(words):
    """Which word: it follows where the newest chunk begins, and up to where that is used."""
    for i in range(len(words) - 2):
        chunk, top, limit = words[i : i + 3]
        size = limit - chunk
        if chunk < top <= limit and size >= SMALLEST and not size & (size - 1):
            return i + 2
    raise SystemExit("no data stack in %s" % words)


def main():
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    # Its newest frame is this one, which stays.
    words = list((ctypes.c_uint64 * (SIZE // 8)).from_address(get()))
    words[datastack_limit(words)] += 8
    copies = [(ctypes.c_uint64 * len(words))(*words) for _ in range(100)]
    frame = sys._getframe()
    truth.report(frame); truth.block()  # noqa: E702
    return copies


main()
