#!/usr/bin/env python3
"""Cuts a core at every 5 percent of its length and looks at what is still shown.

    cut_core.py PYWALK CORE TRUTH [OPTION...]

The options go to `pywalk dump`.  At each length:

- Right: a thread's frames are the target's, newest or not, in order; a name or line that is lost may be unknown.
- Whole: a frame is shown if all that leads to it is in the file: its thread state, and of it and of each newer
  frame the frame, the code object and the anchor on the C stack.  Where the notes come last (gcore), thread states
  before 3.11 are known only by their interpreter, which has to be there, too.  Where these are is taken from the dump of the
  whole core, which bytes of the file hold them from the program headers.
- Monotone: no thread has more frames than with more bytes, Python or native (where pywalk can show these).
- Said: standard error says what is missing, and the exit status is 1 or 2, unless every frame is shown.

Prints what is wrong, and a line with the number of frames at each length.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional, Tuple

from compare_truth import shown

Json = Dict[str, Any]
STEP = 5
TIMEOUT = 120 * int(os.environ.get("TIMEOUT_FACTOR", "1"))
# Bytes that are read of each, at most.
INTERPRETER, TSTATE, FRAME, CODE, ANCHOR = 64, 512, 128, 256, 64
PT_LOAD, PT_NOTE, PN_XNUM = 1, 4, 0xFFFF


class Segments:
    """Where in the file the bytes of an address stand."""

    def __init__(self, path: str) -> None:
        self.list: List[Tuple[int, int, int]] = []
        self.notes_first = False
        with open(path, "rb") as core:
            header = core.read(64)
            (offset,) = struct.unpack_from("<Q", header, 32)
            (count,) = struct.unpack_from("<H", header, 56)
            if count == PN_XNUM:
                core.seek(struct.unpack_from("<Q", header, 40)[0] + 44)
                (count,) = struct.unpack("<I", core.read(4))
            core.seek(offset)
            table = core.read(count * 56)
        for at in range(0, len(table), 56):
            kind, _, where, address, _, size = struct.unpack_from("<IIQQQQ", table, at)
            if kind == PT_NOTE:
                self.notes_first = where <= offset + len(table)
            if kind == PT_LOAD and size:
                self.list.append((address, size, where))

    def end_in_file(self, address: int, length: int) -> Optional[int]:
        """How long the file must be to hold the bytes; None: it never did."""
        for start, size, where in self.list:
            if start <= address < start + size:
                return where + min(address + length, start + size) - start
        return None


def dump(pywalk: str, core: str, options: List[str]) -> Tuple[int, Optional[Json], str]:
    done = subprocess.run(
        [pywalk, "dump", "--json", *options, core],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=TIMEOUT,
        check=False,
    )
    text = done.stdout.decode()
    return done.returncode, json.loads(text) if text else None, done.stderr.decode()


def number(text: Optional[str]) -> int:
    return int(text, 16) if text else 0


def needs(segments: Segments, whole: Json, thread: Json) -> List[Tuple[str, int]]:
    """The frames of a thread, newest first: address, and how long the file must be to lead to it."""
    length = segments.end_in_file(number(thread["state_address"]), TSTATE) or 0
    version = [int(n) for n in whole["process"]["python"]["version"].split(".")[:2]]
    if not segments.notes_first and version < [3, 11]:
        for interpreter in whole["interpreters"]:
            if interpreter["id"] == thread["interpreter"]:
                at = number(interpreter["address"])
                length = max(length, segments.end_in_file(at, INTERPRETER) or sys.maxsize)
    result = []
    for frame in python_frames(thread):
        for field, size in (("address", FRAME), ("code", CODE), ("anchor", ANCHOR)):
            if number(frame.get(field)):
                length = max(
                    length, segments.end_in_file(number(frame[field]), size) or sys.maxsize
                )
        result.append((frame["address"], length))
    return result


def python_frames(thread: Json) -> List[Json]:
    return [f for f in thread["frames"] if f["kind"] == "python"]


def true_frames(thread: Json, is_bytes: bool) -> List[Json]:
    return [
        {"name": shown(f["name"], is_bytes), "file": shown(f["file"], is_bytes), "line": f["line"]}
        for f in thread["frames"]
    ]


def fits(frame: Json, true: Json) -> bool:
    return all(
        frame.get(key) is None or frame[key] == true[key] for key in ("name", "file", "line")
    )


def is_part(frames: List[Json], true: List[Json]) -> bool:
    """Whether frames are some of the true ones, in their order; what is unknown of one fits any."""
    rest = iter(true)
    return all(any(fits(frame, one) for one in rest) for frame in frames)


def counts(document: Optional[Json], kind: str) -> Dict[Any, int]:
    """Frames of each thread, which is known by its thread state or its number."""
    result: Dict[Any, int] = {}
    for thread in document["threads"] if document else []:
        key = thread["tid"] if kind == "native" else thread["state_address"]
        result[key] = sum(frame["kind"] == kind for frame in thread["frames"])
    return result


class Cutter:
    def __init__(self, pywalk: str, core: str, truth: Json, options: List[str]) -> None:
        self.pywalk, self.core, self.truth, self.options = pywalk, core, truth, options
        status, whole, message = dump(pywalk, core, options)
        if status or not whole:
            raise SystemExit("the whole core: status %d: %s" % (status, message))
        segments = Segments(core)
        self.needs = {t["state_address"]: needs(segments, whole, t) for t in whole["threads"]}
        self.tids = {t["state_address"]: t["tid"] for t in whole["threads"]}
        self.true = {t["tid"]: true_frames(t, truth["bytes"]) for t in truth["threads"]}
        self.whole = {"python": counts(whole, "python"), "native": counts(whole, "native")}
        self.last = dict(self.whole)
        self.problems: List[str] = []
        self.row: List[str] = []

    def check_frames(self, name: str, document: Optional[Json], length: int) -> None:
        found: Dict[str, List[Json]] = {}
        for thread in document["threads"] if document else []:
            found[thread["state_address"]] = python_frames(thread)
        for state, frames in found.items():
            if not frames:
                continue
            if state not in self.tids:
                self.problems.append("%s: there is no thread state %s" % (name, state))
            elif not is_part(frames, self.true.get(self.tids[state], [])):
                self.problems.append(
                    "%s: thread %s: not its frames: %s"
                    % (name, self.tids[state], [f["name"] for f in frames])
                )
        for state, frame_needs in self.needs.items():
            there = {f["address"] for f in found.get(state, [])}
            lost = [a for a, need in frame_needs if need <= length and a not in there]
            if lost:
                self.problems.append(
                    "%s: thread %s: %d frames are not shown, all bytes of which are there: %s"
                    % (name, self.tids[state], len(lost), lost[:3])
                )

    def check_monotone(self, name: str, document: Optional[Json]) -> None:
        for kind, last in self.last.items():
            now = counts(document, kind)
            for key, count in now.items():
                if count > last.get(key, 0):
                    self.problems.append(
                        "%s: thread %s has %d %s frames, with more bytes %d"
                        % (name, key, count, kind, last.get(key, 0))
                    )
            self.last[kind] = now

    def cut(self, path: str, percent: int, size: int) -> None:
        length = size * percent // 100
        os.truncate(path, length)
        name = "%d %%" % percent
        status, document, message = dump(self.pywalk, path, self.options)
        kinds = ["python", "native"] if any(self.whole["native"].values()) else ["python"]
        complete = all(counts(document, kind) == self.whole[kind] for kind in kinds)
        if status not in ((0, 1, 2) if complete else (1, 2)) or not message:
            self.problems.append("%s: status %d, said: %s" % (name, status, message[:200]))
        self.check_frames(name, document, length)
        self.check_monotone(name, document)
        self.row.append("%d:%d" % (percent, sum(c for c in counts(document, "python").values())))

    def run(self) -> None:
        size = os.path.getsize(self.core)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.core)) as folder:
            path = os.path.join(folder, "core")
            shutil.copyfile(self.core, path)
            for percent in range(100 - STEP, 0, -STEP):
                self.cut(path, percent, size)


def main() -> int:
    pywalk, core, truth = sys.argv[1:4]
    options = sys.argv[4:]
    text = subprocess.run([pywalk, "dump", "--help"], stdout=subprocess.PIPE, check=True).stdout
    with open(truth) as file:
        cutter = Cutter(pywalk, core, json.load(file), options)
    cutter.run()
    if b"--native" in text:
        native = Cutter(pywalk, core, cutter.truth, [*options, "--native=all", "--threads"])
        native.run()
        cutter.problems += ["with --native=all: " + problem for problem in native.problems]
        cutter.row += native.row
    for problem in cutter.problems:
        print(problem)
    print("frames:", *cutter.row)
    return 1 if cutter.problems else 0


if __name__ == "__main__":
    sys.exit(main())
