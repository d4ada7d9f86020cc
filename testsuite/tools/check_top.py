#!/usr/bin/env python3
"""Whether the last page of pywalk top --since-start has the shares that the program measured itself:

    check_top.py TRUTH PAGES cpu|wall

TRUTH is what programs/turns.py wrote.
"""

import json
import math
import re
import sys
from typing import Dict, Tuple

ROW = re.compile(r"^ *([0-9.]+) +([0-9.]+) +([0-9.]+) +([0-9.]+) +([0-9.]+)  (\w+) \(turns\.py:")


def read(path: str) -> Tuple[Dict[str, Tuple[float, float]], float]:
    """Percent and seconds of each function, with all that it called; and how many seconds 100 percent are."""
    with open(path, encoding="utf-8") as file:
        page = file.read().split("pywalk top  ")[-1]
    found = {}
    for line in page.splitlines():
        match = ROW.match(line)
        if match:
            found[match.group(6)] = float(match.group(2)), float(match.group(5))
    percent, seconds = found["main"]
    return found, seconds / percent * 100


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        truth = json.load(file)
    found, whole = read(sys.argv[2])
    spent = sum(truth["cpu"].values())
    total = sum(found[name][1] for name in truth["cpu"])
    samples = total * 100  # at least: the machine may be too busy for the 200 that were asked for
    if total < 0.3 * spent:
        print(f"{total} seconds of {spent}")
        return 1
    for name, seconds in truth["cpu"].items():
        share, shown = seconds / spent, found[name][1] / total
        # Five standard deviations, and what the clock's granularity may add.
        allowed = 5 * math.sqrt(share * (1 - share) / samples) + 0.02
        if abs(share - shown) > allowed:
            print(f"{name}: {shown:.3f} on the page, {share:.3f} of the time")
            return 1
    for name, (percent, seconds) in found.items():
        # Both are rounded.
        if abs(percent / 100 * whole - seconds) > 0.02 + 0.002 * whole:
            print(f"{name}: {percent} % of {whole:.2f} s are not {seconds} s")
            return 1
    sleeping, running = found.get("sleeper", (0, 0))[1], found["main"][1]
    if sys.argv[3] == "wall" and not 0.8 < sleeping / running < 1.25:
        print(f"{sleeping} s of the sleeping thread, {running} of the main one")
        return 1
    if sys.argv[3] == "cpu" and sleeping > running * 0.2:
        print(f"{sleeping} s of the sleeping thread, which should not count")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
