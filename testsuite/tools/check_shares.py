#!/usr/bin/env python3
"""Whether a profile's shares are those that the program measured itself:  check_shares.py TRUTH FOLDED CLOCK [native]

TRUTH is what programs/shares.py wrote, FOLDED a profile of it in the format "collapsed", by the CLOCK cpu, wall or gil;
"native": with C frames.  Prints both.
"""

import json
import math
import sys
from typing import Dict, List, Tuple

C_FUNCTION = "burn_in_c"
IN_C = ("twenty", "released")
LEAST = 100


class Counted:
    """Samples of each function, of C, of the program's main function, of the thread that sleeps."""

    def __init__(self, path: str, functions: List[str]) -> None:
        self.functions = {name: 0 for name in functions}
        self.in_c = self.main = self.sleeping = 0
        with open(path) as file:
            for line in file:
                text, _, number = line.rstrip("\n").rpartition(" ")
                names = [piece.split(" (")[0] for piece in text.split(";")]
                self.main += int(number) * ("main" in names)
                self.sleeping += int(number) * ("sleeper" in names)
                inside = [name for name in functions if name in names]
                for name in inside:
                    self.functions[name] += int(number)
                self.in_c += int(number) * (C_FUNCTION in names and bool(inside))


def compare(what: str, expected: float, found: float, total: int) -> Tuple[str, bool]:
    # Four standard deviations, and what the clocks' granularity and the calls themselves may add.
    allowed = 4 * math.sqrt(expected * (1 - expected) / total) + 0.02
    text = "%-10s %.3f of the time, %.3f of the samples" % (what, expected, found)
    bad = abs(expected - found) > allowed
    return text + (": more than %.3f apart" % allowed if bad else ""), bad


def main() -> int:
    with open(sys.argv[1]) as file:
        truth: Dict[str, Dict[str, float]] = json.load(file)
    clock, native = sys.argv[3], "native" in sys.argv[4:]
    times = truth[clock]
    counted = Counted(sys.argv[2], list(times))
    total, spent = sum(counted.functions.values()), sum(times.values())
    if total < LEAST:
        print("only %d samples" % total)
        return 1
    lines = [
        compare(name, seconds / spent, counted.functions[name] / total, total)
        for name, seconds in times.items()
    ]
    if native:
        expected = sum(times[name] for name in IN_C) / spent
        lines.append(compare("in C", expected, counted.in_c / total, total))
    problems = [text for text, bad in lines if bad]
    if clock == "wall" and not 0.8 < counted.sleeping / counted.main < 1.25:
        problems.append(
            "%d samples of the thread that sleeps, %d of the main one"
            % (counted.sleeping, counted.main)
        )
    if clock != "wall" and counted.sleeping > counted.main * 0.1:
        problems.append(
            "%d samples of the thread that sleeps, which should not count" % counted.sleeping
        )
    if problems:
        print("; ".join(problems))
    print("%d samples by %s\n%s" % (total, clock, "\n".join(text for text, _ in lines)))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
