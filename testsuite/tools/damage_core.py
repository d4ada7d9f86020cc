#!/usr/bin/env python3
"""Changes bytes of a core file, runs a command on it, and restores them; again and again.

    damage_core.py CORE COUNT COMMAND...

The command must end by itself, with status 0 to 3, within 30 seconds.  The first half of the runs damages the
headers and notes, the second half anything.  The random seed is fixed, and printed with a failure.
"""

import os
import random
import subprocess
import sys
from typing import List

TIMEOUT = 30


def one(path: str, command: List[str], seed: int, early: bool) -> str:
    generator = random.Random(seed)
    size = os.path.getsize(path)
    limit = min(size, 65536) if early else size
    changes = []
    with open(path, "r+b") as core:
        for _ in range(generator.randrange(1, 30) if early else 400):
            at = generator.randrange(limit - 8)
            core.seek(at)
            changes.append((at, core.read(8)))
            core.seek(at)
            core.write(
                generator.choice(
                    [b"\0" * 8, b"\xff" * 8, generator.getrandbits(64).to_bytes(8, "little")]
                )
            )
    try:
        done = subprocess.run(
            command + [path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT
        )
        if 0 <= done.returncode <= 3:
            return ""
        return "seed %d: status %d: %s" % (
            seed,
            done.returncode,
            done.stderr.decode(errors="replace")[-2000:],
        )
    except subprocess.TimeoutExpired:
        return "seed %d: no end within %d seconds" % (seed, TIMEOUT)
    finally:
        with open(path, "r+b") as core:
            for at, before in reversed(changes):
                core.seek(at)
                core.write(before)


def main() -> int:
    path, count, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    for seed in range(count):
        problem = one(path, command, seed, seed < count // 2)
        if problem:
            print(problem)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
