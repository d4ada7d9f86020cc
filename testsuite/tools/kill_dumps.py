#!/usr/bin/env python3
"""Starts `pywalk dump` on a process again and again and ends it by a signal at a random moment, COUNT times.

    kill_dumps.py PYWALK PID COUNT [SIGNAL [FILE]]

SIGNAL is a name such as INT; without it, KILL.  With FILE the dumps go there (--output), and its folder may never
hold anything but a complete FILE.  A dump that ended before the signal does not count.  Prints how many there were.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import List


def complaint(path: str, completed: bool) -> str:
    """What is wrong with the folder of the output file."""
    names = os.listdir(os.path.dirname(path))
    others = [name for name in names if name != os.path.basename(path)]
    if others:
        return "left behind: %s" % ", ".join(others)
    if not names:
        return "no output of a dump that ended well" if completed else ""
    with open(path, encoding="utf-8") as file:
        try:
            json.load(file)
        except ValueError as error:
            return "half an output: %s" % error
    os.remove(path)
    return ""


def main() -> int:
    pywalk, pid, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    number = signal.Signals["SIG" + (sys.argv[4] if len(sys.argv) > 4 else "KILL")]
    path = sys.argv[5] if len(sys.argv) > 5 else ""
    command: List[str] = [pywalk, "dump", "--json", pid] + (["--output", path] if path else [])
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
        process.send_signal(number)
        status = process.wait()
        killed += status < 0
        if status not in (0, -number):
            print("exit status %d instead of %d" % (status, -number))
            return 1
        problem = complaint(path, status == 0) if path else ""
        if problem:
            print(problem)
            return 1
    print("%d of %d ended by %s within %.1f ms" % (killed, attempts, number.name, 1000 * span))
    return 0 if killed == count else 1


if __name__ == "__main__":
    sys.exit(main())
