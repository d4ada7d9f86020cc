#!/usr/bin/env python3
"""Runs a command and fails when it took more memory than that: peak_memory.py MEGABYTES COMMAND..."""

import resource
import subprocess
import sys


def main() -> int:
    most, command = int(sys.argv[1]), sys.argv[2:]
    status = subprocess.run(command, check=False).returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    if peak > most:
        print("%d MB resident, %d expected at most" % (peak, most), file=sys.stderr)
        return 100
    return status


if __name__ == "__main__":
    sys.exit(main())
