"""Computes for a while, in two threads, and prints a checksum: whatever happens to it from outside, the
result is the same.

    busy.py READY [ROUNDS]
"""
import sys
import threading
import zlib

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 400
RESULTS = {}


def mix(value, i):
    return (value * 1103515245 + 12345 + i) & 0xFFFFFFFF


def compute(seed):
    value = seed
    for i in range(ROUNDS):
        for j in range(20000):
            value = mix(value, j)
        value ^= zlib.crc32(str(value).encode()) & 0xFFFFFFFF
    RESULTS[seed] = value


def main():
    threads = [threading.Thread(target=compute, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    open(sys.argv[1], "w").close()
    for thread in threads:
        thread.join()
    print("checksum %08x %08x" % (RESULTS[1], RESULTS[2]))


if __name__ == "__main__":
    main()
