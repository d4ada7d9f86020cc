#!/usr/bin/env python3
"""Starts `pywalk dump` on a process again and again and kills each at a random moment.

    kill_dumps.py PYWALK PID COUNT

Prints how many were killed before they ended.  The moments are spread over twice the time of a whole dump.
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
    span = 2 * min(durations)
    killed = 0
    for _ in range(count):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, span))
        process.kill()
        killed += process.wait() < 0
    print("killed %d of %d within %.1f ms" % (killed, count, 1000 * span))
    return 0 if killed >= count / 10 else 1


if __name__ == "__main__":
    sys.exit(main())
