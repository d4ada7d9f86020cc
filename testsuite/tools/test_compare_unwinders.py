"""Checks that compare_unwinders.py can fail: changes good output and expects each change to be found.

test_compare_unwinders.py GDB.json PYWALK.json
"""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
from typing import Any, Dict

COMPARE = pathlib.Path(__file__).with_name("compare_unwinders.py")


def load(path: str) -> Dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    document: Dict[str, Any] = json.loads(text[text.index('{"schema"') :])
    return document


def agrees(gdb: str, document: Dict[str, Any]) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        run = subprocess.run(
            [sys.executable, str(COMPARE), gdb, file.name], stdout=subprocess.PIPE, check=False
        )
    return run.returncode == 0


def native_at(thread: Dict[str, Any], skip: int = 0) -> int:
    """The index of a C frame that is not inlined."""
    real = [
        i
        for i, frame in enumerate(thread["frames"])
        if frame["kind"] == "native" and not frame.get("inlined")
    ]
    return real[skip]


def python_at(thread: Dict[str, Any]) -> int:
    return next(i for i, frame in enumerate(thread["frames"]) if frame["kind"] == "python")


def drop_thread(document: Dict[str, Any]) -> None:
    del document["threads"][-1]


def drop_newest(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    del thread["frames"][native_at(thread)]


def drop_oldest(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    del thread["frames"][native_at(thread, -1)]


def other_pc(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    thread["frames"][native_at(thread, 3)]["pc"] = "0x1234"


def other_sp(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    thread["frames"][native_at(thread, 3)]["sp"] = "0x1238"


def drop_python(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    del thread["frames"][python_at(thread)]


def other_line(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    thread["frames"][python_at(thread)]["line"] += 1


def other_place(document: Dict[str, Any]) -> None:
    frames = document["threads"][0]["frames"]
    frames.insert(0, frames.pop(python_at(document["threads"][0])))


def weaker_proof(document: Dict[str, Any]) -> None:
    thread = document["threads"][0]
    thread["frames"][python_at(thread)]["proof"] = "none"


def gap(document: Dict[str, Any]) -> None:
    frames = document["threads"][0]["frames"]
    frames.insert(2, {"kind": "gap", "pc": "0x1234", "reason": "for a test"})


def early_end(document: Dict[str, Any]) -> None:
    document["threads"][0]["native_end"]["reason"] = "no_cfi"


CHANGES = [
    drop_thread,
    drop_newest,
    drop_oldest,
    other_pc,
    other_sp,
    drop_python,
    other_line,
    other_place,
    weaker_proof,
    gap,
    early_end,
]


def main() -> None:
    gdb, good = sys.argv[1], load(sys.argv[2])
    if not agrees(gdb, good):
        sys.exit("the outputs differ before anything was changed")
    missed = []
    for change in CHANGES:
        document = copy.deepcopy(good)
        change(document)
        if agrees(gdb, document):
            missed.append(change.__name__)
    if missed:
        sys.exit("not found: " + ", ".join(missed))


if __name__ == "__main__":
    main()
