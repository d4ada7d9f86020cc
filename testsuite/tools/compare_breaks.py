"""Compares where py-break stopped with what breaks.py says it has reached.

compare_breaks.py READY     reads READY.phases, READY.log and READY.stops
"""

import json
import os
import sys
import time
from collections import Counter
from typing import Any, Dict, List, Optional

THREADS = 11  #: the phase whose order nobody knows


def first_difference(a: List[str], b: List[str]) -> Optional[str]:
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return f"stop {i} of {len(a)} is {x}, expected {y}, of {len(b)}"
    return (
        None
        if len(a) == len(b)
        else f"{len(a)} stops, expected {len(b)}: {Counter(a)}, {Counter(b)}"
    )


def compare(phases: List[Any], reached: Dict[str, Any], found: List[Dict[str, Any]]) -> List[str]:
    wrong: List[str] = []
    if len(found) != len(phases) or len(reached["log"]) != len(phases):
        return [f"{len(found)} phases, {len(reached['log'])} in the log, expected {len(phases)}"]
    for number, (locations, log, got) in enumerate(zip(phases, reached["log"], found)):
        tags: Dict[str, str] = dict(locations)
        if got["refused"]:
            wrong.append(f"phase {number}: {got['refused']}")
            continue
        stops = [tags[location] for location, _, _ in got["stops"]]
        wanted = [tag for tag in log if tag in tags.values()]
        if len(set(wanted)) != len(tags):
            wrong.append(f"phase {number}: the program reached {set(wanted)} only")
        if number == THREADS:
            stops.sort()
            wanted.sort()
        problem = first_difference(stops, wanted)
        if problem:
            wrong.append(f"phase {number} {list(tags)}: {problem}")
        for location, name, line in got["stops"]:
            tag = tags[location]
            # At the evaluation function, nothing has run yet: it is the line of `def`, or what decorates it.
            near = (
                line <= reached["lines"][tag]
                if got["kinds"][location]
                else line == reached["lines"][tag]
            )
            if not near or name.split(".")[-1] not in (reached["names"][tag], "<lambda>"):
                wrong.append(f"phase {number}: {tag} stops in {name} at line {line}")
                break
    return wrong


def main() -> None:
    read: Dict[str, Any] = {}
    end = time.time() + 30
    while not os.path.exists(f"{sys.argv[1]}.log") and time.time() < end:
        time.sleep(0.05)
    for what in ("phases", "log", "stops"):
        with open(f"{sys.argv[1]}.{what}") as file:
            read[what] = json.load(file)
    wrong = compare(read["phases"], read["log"], read["stops"])
    if wrong:
        sys.exit(f"{len(wrong)} differences, the first: " + "\n".join(wrong))


if __name__ == "__main__":
    main()
