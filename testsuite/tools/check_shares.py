#!/usr/bin/env python3
"""Whether a profile's shares are those that the program measured itself:  check_shares.py TRUTH FOLDED CLOCK [native] [ticks]

TRUTH is what programs/shares.py wrote, FOLDED a profile of it in the format "collapsed", by the CLOCK cpu, wall or gil;
"native": with C frames; "ticks": threads that run were counted by a clock that stands while they wait for a
processor.  Prints both.
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


def undisturbed(truth: Dict[str, Dict[str, float]], clock: str) -> Dict[str, float]:
    """What the times had been if the program had had a processor whenever it wanted one."""
    return {
        name: min(truth["cpu"][name], seconds) if name != "asleep" else seconds
        for name, seconds in truth[clock].items()
    }


def shares(times: Dict[str, float]) -> Dict[str, float]:
    total = sum(times.values())
    found = {name: seconds / total for name, seconds in times.items()}
    found["in C"] = sum(found[name] for name in IN_C)
    return found


def compare(what: str, share: float, other: float, found: float, total: int) -> Tuple[str, bool]:
    """While others had the processors, the recorder may have had none either, so that it saw nothing of that time:
    what is right lies between the share of all the time and that of the time in which the program ran."""
    # Four standard deviations, and what the clocks' granularity and the calls themselves may add.
    allowed = 4 * math.sqrt(share * (1 - share) / total) + 0.02
    least, most = min(share, other) - allowed, max(share, other) + allowed
    text = "%-10s %.3f of the time (%.3f undisturbed), %.3f of the samples" % (
        what,
        share,
        other,
        found,
    )
    bad = not least <= found <= most
    return text + (": not within %.3f" % allowed if bad else ""), bad


def main() -> int:
    with open(sys.argv[1]) as file:
        truth: Dict[str, Dict[str, float]] = json.load(file)
    clock, native = sys.argv[3], "native" in sys.argv[4:]
    times = truth[clock]
    counted = Counted(sys.argv[2], list(times))
    total = sum(counted.functions.values())
    if total < LEAST:
        print("only %d samples" % total)
        return 1
    found = {name: number / total for name, number in counted.functions.items()}
    if native:
        found["in C"] = counted.in_c / total
    right, other = shares(times), shares(undisturbed(truth, clock))
    lines = [compare(name, right[name], other[name], share, total) for name, share in found.items()]
    problems = [text for text, bad in lines if bad]
    most = 1.25
    if "ticks" in sys.argv[4:]:
        waiting = sum(truth["wall"].values()) / sum(undisturbed(truth, "wall").values())
        most *= waiting
    if clock == "wall" and not 0.8 < counted.sleeping / counted.main < most:
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
