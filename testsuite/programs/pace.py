# -*- coding: utf-8 -*-
"""Works for ever, and tells how fast:  pace.py TRUTH

TRUTH.pace has two numbers of 8 bytes, pieces of work and seconds of processor time, written after each piece; an odd
number of pieces, before it is written, says that the other is not to be read.
"""
import mmap
import struct
import sys
import time

CLOCK = getattr(time, "thread_time", None) or getattr(time, "process_time", None) or time.clock
SIZE = mmap.PAGESIZE


def piece(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def main(path):
    with open(path + ".pace", "wb") as file:
        file.write(b"\0" * SIZE)
    with open(path + ".pace", "r+b") as file:
        page = mmap.mmap(file.fileno(), SIZE)
    open(path, "w").close()
    pieces = 0
    while True:
        piece(2000)
        pieces += 2
        page[0:8] = struct.pack("q", pieces - 1)
        page[8:16] = struct.pack("d", CLOCK())
        page[0:8] = struct.pack("q", pieces)


if __name__ == "__main__":
    main(sys.argv[1])
