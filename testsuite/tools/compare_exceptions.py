"""Compares what py-exc prints with what the threads' own traceback module said.

    compare_exceptions.py TRUTH TEXT JSON

TEXT is the output of `py-exc --all`, JSON that of `py-exc --all --json`.  Python marks columns below the lines of
source (3.11 and later) and proposes names (3.10 and later); pywalk does neither.
"""

import json
import re
import sys
from typing import Any, Dict, List

HEAD = re.compile(r"Thread \S+ \(LWP (\d+)\)")
MARKS = re.compile(r"[ |+]*[~^][~^ ]*$")
PROPOSAL = re.compile(r"(?:\.|\?)? (?:Did you mean|Did you forget|Or did you forget).*$")
KIND = re.compile(r"Being (?:raised|handled|handled further out):$")


def plain(text: str) -> List[str]:
    """The lines of a traceback, without what pywalk does not print."""
    lines = [PROPOSAL.sub("", line.rstrip()) for line in text.rstrip("\n").split("\n")]
    return [line for line in lines if not MARKS.match(line) or not line.strip(" |+")]


def split(text: str) -> Dict[int, List[str]]:
    """By thread, the texts of its exceptions."""
    found: Dict[int, List[str]] = {}
    lines: List[str] = []
    tid = 0
    for line in text.split("\n"):
        head = HEAD.match(line)
        if head:
            tid = int(head.group(1))
            found[tid] = []
            lines = []
        elif KIND.match(line):
            lines = []
            found[tid].append("")
        elif tid and found[tid]:
            lines.append(line)
            found[tid][-1] = "\n".join(lines).rstrip("\n")
    return found


def last_line(text: str) -> str:
    return text.rstrip("\n").split("\n")[-1]


def differences(truth: List[Dict[str, Any]], text: str, whole: Dict[str, Any]) -> List[str]:
    found = split(text)
    as_json = {one["tid"]: one for one in whole["threads"]}
    wrong: List[str] = []
    for about in truth:
        name, tid, wanted = about["name"], about["tid"], about["texts"]
        got = found.get(tid)
        if got is None or tid not in as_json:
            wrong.append(f"{name}: thread {tid} is not there")
            continue
        exceptions = as_json[tid]["exceptions"]
        if wanted == ["broken"]:
            if "(the traceback ends here: traceback at 0x" not in "".join(got):
                wrong.append(f"{name}: it does not say that the traceback is broken: {got}")
            continue
        if as_json[tid]["name"] not in (name, None):
            wrong.append(f"{name}: JSON has the name {as_json[tid]['name']}")
        if len(got) != len(wanted) or len(exceptions) != len(wanted):
            wrong.append(
                f"{name}: {len(got)} exceptions, {len(exceptions)} in JSON, expected {len(wanted)}"
            )
            continue
        for one, expected, told in zip(got, wanted, exceptions):
            if about["exact"]:
                a, b = plain(one), plain(expected)
                if a != b:
                    line = next(
                        (i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b))
                    )
                    wrong.append(f"{name}: line {line + 1} of\n{one}\n--- expected\n{expected}")
            elif "its __str__ is not called" not in last_line(one):
                wrong.append(
                    f"{name}: it does not say that __str__ is not called: {last_line(one)}"
                )
            newest = told["chain"][0]
            message = newest["message"]
            if told["state"] != "handled" or newest["message_is_exact"] != about["exact"]:
                wrong.append(
                    f"{name}: JSON says {told['state']}, exact {newest['message_is_exact']}"
                )
            if about["exact"] and message and PROPOSAL.sub("", message) not in expected:
                wrong.append(f"{name}: message {message!r} is not in\n{expected}")
            # Each entry is a line of the traceback, but for those that Python counts only.
            for entry in newest["traceback"]:
                call = 'File "{file}", line {line}, in {name}'.format(**entry)
                if call not in expected:
                    wrong.append(f"{name}: {call} is not in\n{expected}")
    return wrong


def main() -> None:
    truth, text, whole = sys.argv[1:4]
    with open(truth) as file:
        expected = json.load(file)
    with open(text, encoding="utf-8") as file:
        shown = file.read()
    with open(whole, encoding="utf-8") as file:
        told = json.load(file)
    if len(expected) < 30:
        sys.exit(f"only {len(expected)} threads in the truth")
    wrong = differences(expected, shown, told)
    if wrong:
        sys.exit(f"{len(wrong)} differences, the first: " + "\n".join(wrong))


if __name__ == "__main__":
    main()
