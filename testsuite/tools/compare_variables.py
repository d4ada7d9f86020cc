"""Compares the variables in `pywalk dump --json --locals` with what the target wrote (programs/variables.py).

usage: compare_variables.py TRUTH OUTPUT

Prints a line for each difference; the exit status is 1 when there is any.
"""

import json
import re
import sys
from typing import Any, Dict, Iterator, List

# What the form of an instance that pywalk does not know adds to repr() is compared without it.
ATTRIBUTES = re.compile(r"( object at 0x[0-9a-f]+): .*>$")
ARGUMENTS = ("argument", "varargs", "keyword", "varkeywords")


def differences(truth: Dict[str, Any], frame: Dict[str, Any]) -> Iterator[str]:
    found = {one["name"]: one for one in frame["locals"]}
    if len(found) != len(frame["locals"]):
        yield "a name is there twice: %s" % sorted(one["name"] for one in frame["locals"])
    arguments = [one["name"] for one in frame["locals"] if one["kind"] in ARGUMENTS]
    if arguments != truth["arguments"]:
        yield "arguments: expected %s, found %s" % (truth["arguments"], arguments)
    if [one["name"] for one in frame["locals"]][: len(arguments)] != arguments:
        yield "arguments do not come first"
    for name, value in truth["values"].items():
        if name not in found:
            yield "%s is missing" % name
        elif (
            found[name]["value"] != value
            and ATTRIBUTES.sub(r"\1>", found[name]["value"] or "") != value
        ):
            yield "%s: expected %s, found %s" % (
                name,
                ascii(value)[:200],
                ascii(found[name]["value"])[:200],
            )
    for name in truth["unbound"]:
        if name not in found:
            yield "%s is missing, which is unbound" % name
        elif found[name]["value"] is not None:
            yield "%s should be unbound, is %s" % (name, found[name]["value"])
    for name in set(found) - set(truth["values"]) - set(truth["unbound"]):
        if found[name]["kind"] not in ("comprehension", "free"):
            yield "%s is too much: %s" % (name, found[name])
    for names, kind in ((truth["free"], "free"), (truth["cells"], "cell")):
        for name in names:
            if name in found and found[name]["kind"] != kind:
                yield "%s is a %s, expected %s" % (name, found[name]["kind"], kind)


def main() -> int:
    truth_path, output_path = sys.argv[1:]
    with open(truth_path, encoding="utf-8") as file:
        truth_file = json.load(file)
    expected: List[Dict[str, Any]] = truth_file["frames"]
    with open(output_path, encoding="utf-8") as file:
        threads = json.load(file)["threads"]
    frames = [frame for frame in threads[0]["frames"] if frame["kind"] == "python"]
    while frames and frames[0]["name"] != "leaf":
        del frames[0]
    del frames[:1]
    problems = []
    if [one["name"] for one in frames] != [one["name"] for one in expected]:
        problems.append("frames: expected %s, found %s" % (expected, frames))
    for one, frame in zip(expected, frames):
        problems += ["%s: %s" % (one["name"], problem) for problem in differences(one, frame)]
    kinds = {one["kind"] for frame in frames for one in frame["locals"]}
    for kind in ("argument", "varargs", "varkeywords", "local", "cell", "free", "name"):
        if kind not in kinds:
            problems.append("no variable of kind %s was compared" % kind)
    hidden = [
        one["name"] for frame in frames for one in frame["locals"] if one["kind"] == "comprehension"
    ]
    if hidden != truth_file["hidden"]:
        problems.append(
            "variables of comprehensions: expected %s, found %s" % (truth_file["hidden"], hidden)
        )
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
