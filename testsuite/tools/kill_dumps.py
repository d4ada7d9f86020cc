#!/usr/bin/env python3
"""Starts `pywalk dump` on a process again and again and kills it at a random moment, COUNT times.

    kill_dumps.py PYWALK PID COUNT

A dump that ended before it was killed does not count.  Prints how many there were.
"""

import random
import subprocess
import sys
import time


def main() -> int:
    pywalk, pid, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    command = [pywalk, "dump", "--json", pid]
    durations = []
    for _ in range(3):
        start = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        durations.append(time.monotonic() - start)
    span = min(durations)
    killed = attempts = 0
    while killed < count and attempts < 10 * count:
        attempts += 1
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, span))
        process.kill()
        killed += process.wait() < 0
    print("killed %d of %d within %.1f ms" % (killed, attempts, 1000 * span))
    return 0 if killed == count else 1


if __name__ == "__main__":
    sys.exit(main())
