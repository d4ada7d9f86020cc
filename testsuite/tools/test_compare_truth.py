#!/usr/bin/env python3
"""Checks that compare_truth.py finds differences: a comparison that cannot fail proves nothing.

    test_compare_truth.py TRUTH OUTPUT

TRUTH and OUTPUT agree, with native frames and symbols.  Each change made here to OUTPUT must be found.
Prints what was not found.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
Thread = Dict[str, Any]


def python_at(thread: Thread, number: int) -> int:
    places = [i for i, f in enumerate(thread["frames"]) if f["kind"] == "python"]
    return places[number]


def changing(key: str, value: Any, number: int) -> Callable[[Thread], None]:
    def change(thread: Thread) -> None:
        frame = thread["frames"][python_at(thread, number)]
        frame[key] = value if value is not None else frame[key] + 1

    return change


def drop(number: int) -> Callable[[Thread], None]:
    def change(thread: Thread) -> None:
        del thread["frames"][python_at(thread, number)]

    return change


def swap(thread: Thread) -> None:
    a, b = python_at(thread, 3), python_at(thread, 4)
    frames = thread["frames"]
    frames[a], frames[b] = frames[b], frames[a]


def move_down(thread: Thread) -> None:
    """A Python frame on the wrong side of the C function that called it."""
    frames = thread["frames"]
    for i, frame in enumerate(frames):
        if frame["kind"] == "native" and frame.get("symbol") == "map_next":
            eval_frame = max(n for n in range(i) if frames[n]["kind"] == "python") + 1
            frames.insert(eval_frame - 1, frames.pop(i))
            return
    # No such symbol in this build: something else that must be found.
    thread["end"]["reason"] = "corrupt"


def lose_native(thread: Thread) -> None:
    thread["frames"] = [f for f in thread["frames"] if f["kind"] == "python"]


def lose_eval(thread: Thread) -> None:
    del thread["frames"][python_at(thread, -1) + 1]


def rename(thread: Thread) -> None:
    thread["name"] = "somebody"


def end(thread: Thread) -> None:
    thread["end"]["reason"] = "corrupt"


def duplicate(thread: Thread) -> None:
    i = python_at(thread, 5)
    thread["frames"].insert(i, dict(thread["frames"][i]))


CHANGES: List[Tuple[str, Callable[[Thread], None]]] = [
    ("a line of the newest frame", changing("line", None, 0)),
    ("a line of the oldest frame", changing("line", None, -1)),
    ("a name", changing("name", "x", 7)),
    ("a file", changing("file", "/x.py", 9)),
    ("proof none", changing("proof", "none", 11)),
    ("the newest Python frame is missing", drop(0)),
    ("the oldest Python frame is missing", drop(-1)),
    ("a frame twice", duplicate),
    ("two frames in the wrong order", swap),
    ("a C function on the wrong side", move_down),
    ("no native frames", lose_native),
    ("an evaluation frame is missing", lose_eval),
    ("another thread name", rename),
    ("the stack is not complete", end),
]


def differs(truth: str, document: Dict[str, Any]) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        command = [
            sys.executable,
            os.path.join(HERE, "compare_truth.py"),
            "--native",
            "--symbols",
            truth,
            file.name,
        ]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0


def main() -> int:
    truth, output = sys.argv[1:]
    with open(output, encoding="utf-8") as file:
        text = file.read()
    document = json.JSONDecoder().raw_decode(
        text, text.index('\n{"') + 1 if '\n{"' in text else text.index("{")
    )[0]
    status = 0
    if differs(truth, document):
        print("the unchanged output differs")
        status = 1
    for what, change in CHANGES:
        changed = copy.deepcopy(document)
        change(changed["threads"][0])
        if not differs(truth, changed):
            print("not found: " + what)
            status = 1
    changed = copy.deepcopy(document)
    del changed["threads"][0]
    if not differs(truth, changed):
        print("not found: a thread is missing")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
