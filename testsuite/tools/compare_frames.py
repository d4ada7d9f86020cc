"""Compares the Python frames in gdb's own backtraces, or those that were selected, with the target's truth.

    compare_frames.py FORM TRUTH OUTPUT [--part NUMBER] [--thread NUMBER] [--symbols]

FORM is how OUTPUT has them: bt, mi (-stack-list-frames), py-mi (-py-list-frames), dap (a JSON list of DAP's
stack frames), select (what gdb_select.py writes).  The thread is the main one, or the NUMBER-th of the truth.
Prints the first difference and ends with status 1; prints nothing and ends with 0 when all agrees.
"""

import argparse
import json
import re
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from compare_truth import EVAL, shown

Json = Dict[str, Any]


class One(NamedTuple):
    name: Optional[str]
    file: Optional[str]
    line: Optional[int]


class Difference(Exception):
    pass


# The source of a C frame; Python frames have any other.
C_SOURCE = re.compile(r"\.(c|h|cc|S|macros?)$")
BT_LINE = re.compile(r"^(?:#\d+ +)?(?:0x[0-9a-f]+ in )?(\S.*?) \(.*\) at (.+):(\d+)$", re.MULTILINE)
PY_LINE = re.compile(r"^#(\d+) +\[py\] (.+) at (.+):(\d+)$")
# Up to its children, if it has any.
MI_FRAME = re.compile(r'\{((?:[\w-]+="(?:[^"\\]|\\.)*",?)+)')
MI_RESULT = re.compile(r'([\w-]+)="((?:[^"\\]|\\.)*)"')


def mi_text(quoted: str) -> str:
    """gdb writes bytes that it takes for no letter in octal, the others as they are."""
    data = quoted.encode("utf-8", "surrogateescape")
    data = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m.group(1), 8)]), data)
    return re.sub(rb"\\(.)", rb"\1", data).decode("utf-8", "replace")


def from_bt(text: str) -> List[One]:
    found = [One(m.group(1), m.group(2), int(m.group(3))) for m in BT_LINE.finditer(text)]
    return [one for one in found if not C_SOURCE.search(one.file or "")]


def mi_frames(text: str) -> List[Dict[str, str]]:
    lines = [line for line in text.splitlines() if line.startswith("^")]
    if not lines or not lines[-1].startswith("^done,stack=["):
        raise Difference("no stack: %s" % (lines[-1:] or text[-300:]))
    return [
        {key: mi_text(value) for key, value in MI_RESULT.findall(frame)}
        for frame in MI_FRAME.findall(lines[-1])
        if "level=" in frame or "func=" in frame
    ]


def from_mi(text: str) -> List[One]:
    return [
        One(frame["func"], frame["file"], int(frame["line"]))
        for frame in mi_frames(text)
        if "line" in frame and not C_SOURCE.search(frame["file"])
    ]


def from_py_mi(text: str) -> List[One]:
    frames = mi_frames(text)
    for i, frame in enumerate(frames):
        if int(frame["level"]) != i:
            raise Difference("level %s is the %d-th" % (frame["level"], i))
    return [One(f.get("func"), f.get("file"), int(f.get("line", 0))) for f in frames]


def from_dap(text: str) -> List[One]:
    return [
        One(f["name"], f["source"]["path"], f["line"])
        for f in json.loads(text)
        if f.get("source") and f["line"] and not C_SOURCE.search(f["source"]["path"])
    ]


def selected(frames: List[Json]) -> List[One]:
    found = []
    for frame in frames:
        match = PY_LINE.match(frame["line"])
        if not match:
            raise Difference("not a Python frame: %a" % frame["line"])
        found.append(One(match.group(2), match.group(3), int(match.group(4))))
    return found


def from_select(text: str) -> List[One]:
    return selected(json.loads(text)["frames"])


FORMS: Dict[str, Callable[[str], List[One]]] = {
    "bt": from_bt,
    "mi": from_mi,
    "py-mi": from_py_mi,
    "dap": from_dap,
    "select": from_select,
}


def expected_frames(truth: Json, thread: Json) -> List[One]:
    return [
        One(
            shown(frame.get("qualname") or frame["name"], truth["bytes"]),
            shown(frame["file"], truth["bytes"]),
            frame["line"],
        )
        for frame in thread["frames"]
    ]


def compare(expected: List[One], got: List[One]) -> None:
    for i in range(max(len(expected), len(got))):
        want = expected[i] if i < len(expected) else None
        have = got[i] if i < len(got) else None
        if want != have:
            raise Difference(
                "Python frame %d of %d is %a instead of %a" % (i, len(expected), have, want)
            )


def compare_selection(document: Json, expected: List[One], truth: Json, symbols: bool) -> None:
    """That each frame comes with its C frame, by all ways to get there."""
    frames = document["frames"]
    compare(expected[1:], selected(document["up"]))
    compare(expected[-2::-1], selected(document["down"]))
    if document["up"] != frames[1:] or document["down"] != frames[-2::-1]:
        raise Difference("py-up or py-down select other C frames than py-frame")
    for way in ("frame", "up", "down"):
        if not document["too_far"][way]:
            raise Difference("py-%s goes on for ever" % way)
    levels = [frame["level"] for frame in frames]
    if levels != sorted(levels):
        raise Difference("C frames are not in order: %s" % levels)
    raw = document["raw"]
    for i, frame in enumerate(frames):
        if raw[frame["level"]] != frame["symbol"]:
            raise Difference("frame %d: another C frame is selected than the one of its level" % i)
    if symbols:
        version = min(int(truth["version"].split(".")[0]), 3)
        evals = [i for i, name in enumerate(raw) if name and EVAL[version].match(name)]
        if sorted(set(levels)) != evals:
            raise Difference("selected C frames %s instead of %s" % (sorted(set(levels)), evals))
    # A C frame's Python line is that of the newest Python frame that it runs, or that called it.
    for level, line in enumerate(document["lines"]):
        wanted = next((one.line for at, one in zip(levels, expected) if at >= level), 0)
        if line != wanted:
            raise Difference("$py_line() at level %d is %d instead of %s" % (level, line, wanted))
    names = {frame["name"] for frame in truth["threads"][0]["frames"]}
    for name, found in document["inside"].items():
        if found != (name in names):
            raise Difference('$py_in("%s") is %d' % (name, found))


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare gdb's frames with the target's truth.")
    parser.add_argument("form", choices=sorted(FORMS))
    parser.add_argument("truth")
    parser.add_argument("output")
    parser.add_argument(
        "--part", type=int, help="only that part of OUTPUT, which lines of --- separate"
    )
    parser.add_argument("--thread", type=int, help="which of the truth's threads")
    parser.add_argument("--symbols", action="store_true", help="evaluation frames have names")
    options = parser.parse_args()
    with open(options.truth) as file:
        truth = json.load(file)
    with open(options.output, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    if options.part is not None:
        text = text.split("---\n")[options.part]
    if options.thread is not None:
        thread = truth["threads"][options.thread]
    else:
        thread = next(one for one in truth["threads"] if one["tid"] == truth["main"])
    expected = expected_frames(truth, thread)
    try:
        compare(expected, FORMS[options.form](text))
        if options.form == "select":
            compare_selection(json.loads(text), expected, truth, options.symbols)
    except Difference as difference:
        print(difference)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
