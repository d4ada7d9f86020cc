#!/usr/bin/env python3
"""Kills recorders at random moments:  kill_recorders.py PYWALK PID FILE TIMES

Each time, FILE must be a recording that `pywalk report` can read, up to what was flushed last.
"""

import random
import re
import subprocess
import sys
import time


def main() -> int:
    pywalk, pid, path, times = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    chance = random.Random(1)
    readable = 0
    for number in range(times):
        recorder = subprocess.Popen([pywalk, "record", "-q", "-r", "500", "-p", pid, "-o", path])
        time.sleep(0.05 + chance.random() * 2.2)
        recorder.kill()
        recorder.wait()
        report = subprocess.run(
            [pywalk, "report", "-F", "collapsed", path], capture_output=True, text=True
        )
        if report.returncode != 1 or not re.search("not ended|cut off", report.stderr):
            print("kill %d: status %d: %s" % (number, report.returncode, report.stderr))
            return 1
        readable += bool(report.stdout)
    print("%d of %d recordings have samples" % (readable, times))
    return 0 if readable * 5 > times else 1


if __name__ == "__main__":
    sys.exit(main())
