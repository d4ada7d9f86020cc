#!/usr/bin/env python3
"""Whether each stack of a profile was possible:  check_stacks.py TRUTH FOLDED AT_LEAST

TRUTH is what programs/chains.py wrote, FOLDED a profile in the format "collapsed".  C frames are skipped.  Prints the
number of samples, or what could not have been.
"""

import json
import re
import sys
from collections import Counter
from typing import Any, Dict, List, Optional
from typing import Counter as CounterType

FRAME = re.compile(r"^(.*?)(?: \(([^()]*)\))?$")


def python_functions(pieces: List[str]) -> List[str]:
    found = []
    for piece in pieces:
        match = FRAME.match(piece)
        name, place = (match.group(1), match.group(2)) if match else (piece, None)
        if name and place and re.search(r"\.py(:\d+)?$", place):
            # Before 3.11 a name has no class in front of it.
            found.append(name.rpartition(".")[2])
    return found


def problem_of(stack: List[str], truth: Dict[str, Any]) -> Optional[str]:
    if not stack:
        return "no Python frame"
    if stack[0] not in truth["roots"]:
        return "begins with %s" % stack[0]
    for caller, callee in zip(stack, stack[1:]):
        if callee not in truth["calls"].get(caller, ()):
            return "%s cannot call %s" % (caller, callee)
    name, most = Counter(stack).most_common(1)[0]
    if most > truth["depth"]:
        return "%s stands there %d times, not %d at most" % (name, most, truth["depth"])
    return None


def main() -> int:
    with open(sys.argv[1]) as file:
        truth = json.load(file)
    samples = 0
    problems: CounterType[str] = Counter()
    functions = set()
    with open(sys.argv[2]) as file:
        for line in file:
            text, _, count = line.rstrip("\n").rpartition(" ")
            stack = python_functions(text.split(";")[1:])
            problem = problem_of(stack, truth)
            samples += int(count)
            functions.update(stack)
            if problem:
                problems["%s: %s" % (problem, text)] += int(count)
    for problem, number in problems.most_common(5):
        print("%d of %d: %s" % (number, samples, problem))
    if samples < int(sys.argv[3]):
        print("only %d samples" % samples)
    elif len(functions) < 3:
        print("only the functions %s" % " ".join(sorted(functions)))
    elif not problems:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
