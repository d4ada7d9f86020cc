#!/usr/bin/env python3
"""Cuts a core at every 5 percent of its length and looks at what is still shown.

    cut_core.py [--holes] PYWALK CORE TRUTH [OPTION...]

The options go to `pywalk dump`.  With --holes, instead of at every 5 percent: the core lacks just one of the segments
that hold what leads to the frames (the main thread's C stack, chunks of data stacks, the heap, ...), then it ends where
one of them begins; Python frames only.  Each time:

- Right: a thread's frames are the target's, newest or not, in order; a name or line that is lost may be unknown.
- Whole: a frame is shown if all that leads to it is in the file: its thread state, and of it and of each newer
  frame the frame, the code object and the anchor on the C stack.  From 3.11 on these are all shown, too, if the
  thread state, all its frames and their code objects are there, without the C stack: frames stand on the thread's
  data stack, one behind the other, or in generators.  Where the notes come last (gcore), thread states
  before 3.11 are known only by their interpreter, which has to be there, too.  Where these are is taken from the dump of the
  whole core, which bytes of the file hold them from the program headers.
- Monotone: no thread has more frames than with more bytes, Python or native (where pywalk can show these); not asked
  of holes.
- Said: standard error says what is missing, and the exit status is 1 or 2, unless every frame is shown.

Prints what is wrong, and a line with the number of frames at each length.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

from compare_truth import shown

Json = Dict[str, Any]
STEP = 5
TIMEOUT = 120 * int(os.environ.get("TIMEOUT_FACTOR", "1"))
# Bytes that are read of each, at most.
INTERPRETER, TSTATE, FRAME, CODE, ANCHOR = 64, 512, 128, 256, 64
PT_LOAD, PT_NOTE, PN_XNUM = 1, 4, 0xFFFF
# Where in a chunk of the data stack, which is whole pages, the first frame stands.
PAGE, CHUNK_STARTS = 4096, (24, 32)


Place = Tuple[int, int]  # an address, and how many bytes


class Segments:
    """Where in the file the bytes of an address stand."""

    def __init__(self, path: str) -> None:
        self.list: List[Tuple[int, int, int]] = []
        self.headers: List[int] = []  # where in the file each is described
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
                self.headers.append(offset + at)

    def find(self, address: int) -> Optional[int]:
        """The number of the segment; None: its bytes never were in the file."""
        for i, (start, size, _) in enumerate(self.list):
            if start <= address < start + size:
                return i
        return None

    def end_in_file(self, place: Place) -> int:
        """How long the file must be to hold the bytes; what it never held comes from files that the notes name."""
        found = self.find(place[0])
        if found is None:
            return 0 if self.notes_first else sys.maxsize
        start, size, where = self.list[found]
        return where + min(place[0] + place[1], start + size) - start


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


def needs(segments: Segments, whole: Json, thread: Json) -> List[Tuple[str, List[List[Place]]]]:
    """The frames of a thread, newest first: address, and what leads to it, by one way or another."""
    state = [(number(thread["state_address"]), TSTATE)]
    version = [int(n) for n in whole["process"]["python"]["version"].split(".")[:2]]
    if not segments.notes_first and version < [3, 11]:
        for interpreter in whole["interpreters"]:
            if interpreter["id"] == thread["interpreter"]:
                state.append((number(interpreter["address"]), INTERPRETER))
    linked, stacked = list(state), list(state)
    result = []
    for frame in python_frames(thread):
        address = number(frame["address"])
        if address % PAGE in CHUNK_STARTS:
            stacked.append((address - address % PAGE, address % PAGE))
        for field, size in (("address", FRAME), ("code", CODE), ("anchor", ANCHOR)):
            at = number(frame.get(field))
            if at:
                linked.append((at, size))
            if at and field != "anchor":
                stacked.append((at, size))
        result.append((frame["address"], [list(linked)]))
    if version >= [3, 11]:
        for _, ways in result:
            ways.append(stacked)
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
        self.segments = segments = Segments(core)
        self.needs = {t["state_address"]: needs(segments, whole, t) for t in whole["threads"]}
        self.tids = {t["state_address"]: t["tid"] for t in whole["threads"]}
        self.true = {t["tid"]: true_frames(t, truth["bytes"]) for t in truth["threads"]}
        self.whole = {"python": counts(whole, "python"), "native": counts(whole, "native")}
        self.last = dict(self.whole)
        self.problems: List[str] = []
        self.row: List[str] = []

    def check_frames(
        self, name: str, document: Optional[Json], there: Callable[[Place], bool]
    ) -> None:
        found: Dict[str, List[Json]] = {}
        for thread in document["threads"] if document else []:
            found[thread["state_address"]] = python_frames(thread)
        for state, frames in found.items():
            if not frames:
                continue
            if state not in self.tids:
                self.problems.append("%s: there is no thread state %s" % (name, state))
            elif not is_part(
                [f for f in frames if not f.get("incomplete")], self.true.get(self.tids[state], [])
            ):
                self.problems.append(
                    "%s: thread %s: not its frames: %s"
                    % (name, self.tids[state], [f["name"] for f in frames])
                )
        for state, frame_needs in self.needs.items():
            seen = {f["address"] for f in found.get(state, [])}
            lost = [
                address
                for address, ways in frame_needs
                if address not in seen and any(all(map(there, way)) for way in ways)
            ]
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

    def look(self, name: str, path: str, there: Callable[[Place], bool]) -> Optional[Json]:
        status, document, message = dump(self.pywalk, path, self.options)
        kinds = ["python", "native"] if any(self.whole["native"].values()) else ["python"]
        complete = all(counts(document, kind) == self.whole[kind] for kind in kinds)
        if status not in ((0, 1, 2) if complete else (1, 2)) or not message:
            self.problems.append("%s: status %d, said: %s" % (name, status, message[:200]))
        self.check_frames(name, document, there)
        self.row.append("%s:%d" % (name, sum(c for c in counts(document, "python").values())))
        return document

    def cut(self, path: str, name: str, length: int) -> None:
        os.truncate(path, length)

        def there(place: Place) -> bool:
            return self.segments.end_in_file(place) <= length

        self.check_monotone(name, self.look(name, path, there))

    def lose(self, path: str, segment: int) -> None:
        """The segment's bytes are said to stand behind the end of the file."""
        place = self.segments.headers[segment] + 8
        with open(path, "r+b") as file:
            file.seek(place)
            was = file.read(8)
            file.seek(place)
            file.write(struct.pack("<Q", os.path.getsize(path)))

        def there(place: Place) -> bool:
            return self.segments.find(place[0]) != segment

        self.look("without 0x%x" % self.segments.list[segment][0], path, there)
        with open(path, "r+b") as file:
            file.seek(place)
            file.write(was)

    def leading(self) -> List[int]:
        """The segments that hold what leads to frames."""
        found = set()
        for frame_needs in self.needs.values():
            for _, ways in frame_needs:
                found |= {self.segments.find(place[0]) for way in ways for place in way}
        return sorted(segment for segment in found if segment is not None)

    def run(self, holes: bool) -> None:
        size = os.path.getsize(self.core)
        with tempfile.TemporaryDirectory(dir=os.path.dirname(self.core)) as folder:
            path = os.path.join(folder, "core")
            subprocess.run(["cp", "--sparse=auto", self.core, path], check=True)
            if holes:
                for segment in self.leading():
                    self.lose(path, segment)
                for segment in reversed(self.leading()):
                    address, _, where = self.segments.list[segment]
                    self.cut(path, "up to 0x%x" % address, where)
                return
            for percent in range(100 - STEP, 0, -STEP):
                self.cut(path, "%d %%" % percent, size * percent // 100)


def main() -> int:
    holes = sys.argv[1] == "--holes"
    pywalk, core, truth, *options = sys.argv[1 + holes :]
    text = subprocess.run([pywalk, "dump", "--help"], stdout=subprocess.PIPE, check=True).stdout
    with open(truth) as file:
        cutter = Cutter(pywalk, core, json.load(file), options)
    cutter.run(holes)
    if b"--native" in text and not holes:
        native = Cutter(pywalk, core, cutter.truth, [*options, "--native=all", "--threads"])
        native.run(False)
        cutter.problems += ["with --native=all: " + problem for problem in native.problems]
        cutter.row += native.row
    for problem in cutter.problems:
        print(problem)
    print("frames:", *cutter.row)
    return 1 if cutter.problems else 0


if __name__ == "__main__":
    sys.exit(main())
