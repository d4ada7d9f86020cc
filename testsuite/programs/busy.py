"""Computes in two threads until the file READY.stop is there, and prints how far it got and what came out.

    busy.py READY [ROUNDS ROUNDS]

With ROUNDS, as printed by another run, it computes as much again: whatever happened to the other from outside,
the result must be the same.
"""
import os
import sys
import threading
import zlib

ROUNDS = [int(n) for n in sys.argv[2:]]
RESULTS = {}


def mix(value, i):
    return (value * 1103515245 + 12345 + i) & 0xFFFFFFFF


def compute(seed):
    value = seed
    rounds = 0
    while rounds < ROUNDS[seed - 1] if ROUNDS else not os.path.exists(sys.argv[1] + ".stop"):
        for j in range(10000):
            value = mix(value, j)
        value ^= zlib.crc32(str(value).encode()) & 0xFFFFFFFF
        rounds += 1
    RESULTS[seed] = (rounds, value)


def main():
    threads = [threading.Thread(target=compute, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    open(sys.argv[1], "w").close()
    for thread in threads:
        thread.join()
    print("rounds %d %d checksum %08x %08x" % (
        RESULTS[1][0], RESULTS[2][0], RESULTS[1][1], RESULTS[2][1]))


if __name__ == "__main__":
    main()
