#!/usr/bin/env python3
"""Whether a profile's shares are those that the program measured itself:  check_shares.py TRUTH FOLDED cpu|wall

TRUTH is what programs/shares.py wrote, FOLDED a profile of it in the format "collapsed".
"""

import json
import math
import sys
from typing import Dict, Tuple


def count(path: str) -> Tuple[Dict[str, int], int, int]:
    """Samples of each function, of the program's main function, of the sleeping thread."""
    functions = {"six": 0, "three": 0, "one": 0}
    main = sleeping = 0
    with open(path) as file:
        for line in file:
            text, _, number = line.rstrip("\n").rpartition(" ")
            names = [piece.split(" (")[0] for piece in text.split(";")]
            main += int(number) * ("main" in names)
            sleeping += int(number) * ("sleeper" in names)
            for name in functions:
                functions[name] += int(number) * (name in names)
    return functions, main, sleeping


def main() -> int:
    with open(sys.argv[1]) as file:
        truth = json.load(file)
    functions, in_main, sleeping = count(sys.argv[2])
    total, spent = sum(functions.values()), sum(truth["cpu"].values())
    if total < 50:
        print("only %d samples" % total)
        return 1
    for name, seconds in truth["cpu"].items():
        share, found = seconds / spent, functions[name] / total
        # Five standard deviations, and what the clock's granularity may add.
        allowed = 5 * math.sqrt(share * (1 - share) / total) + 0.02
        if abs(share - found) > allowed:
            print("%s: %.3f of the samples, %.3f of the time" % (name, found, share))
            return 1
    if sys.argv[3] == "wall" and not 0.8 < sleeping / in_main < 1.25:
        print("%d samples of the sleeping thread, %d of the main one" % (sleeping, in_main))
        return 1
    if sys.argv[3] == "cpu" and sleeping > in_main * 0.2:
        print("%d samples of the sleeping thread, which should not count" % sleeping)
        return 1
    print(total)
    return 0


if __name__ == "__main__":
    sys.exit(main())
