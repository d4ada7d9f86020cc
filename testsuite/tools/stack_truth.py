"""Profiles of programs/chains.py, compared with the stacks that it says can be.

A profile is pywalk's JSON lines, or what pywalk, py-spy, austin or profiling.sampling call collapsed stacks.
"""

import json
import os
import re
from collections import Counter, defaultdict
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple
from typing import Counter as CounterType

Frame = Tuple[str, str, int]  # name, file, line (0: unknown)

# name (folder/file.py:12) of pywalk and py-spy; folder/file.py:name:12 of austin and profiling.sampling.
NAME_PLACE = re.compile(r"^(.*) \(([^()]*\.py)(?::(\d+))?\)$")
PLACE_NAME = re.compile(r"^([^:]*\.py):(.*):(-?\d+)$")


class Sample(NamedTuple):
    tid: int  # 0: unknown
    frames: List[Frame]  # of Python, oldest first
    gaps: bool  # frames of C are missing, it says; those of Python are judged all the same
    torn: bool  # its newest frames are missing, it says
    number: int  # of samples


TORN = "torn: "  # how the frame begins that stands for newer ones that were changing


def plain(name: str) -> str:
    """Without the class or function that it is in."""
    return name.rpartition(".")[2]


def frame_of(piece: str) -> Optional[Frame]:
    match = NAME_PLACE.match(piece)
    if match:
        return plain(match.group(1)), os.path.basename(match.group(2)), int(match.group(3) or 0)
    match = PLACE_NAME.match(piece)
    if match:
        return plain(match.group(2)), os.path.basename(match.group(1)), max(int(match.group(3)), 0)
    return None


def read_collapsed(path: str, counts: bool = True) -> Iterator[Sample]:
    """counts: the last word of a line is a number of samples; else a time of one."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            text, _, number = line.rstrip("\n").rpartition(" ")
            if not text or line.startswith("#") or not number.isdigit():
                continue
            pieces = text.split(";")
            frames = [frame for frame in map(frame_of, pieces) if frame]
            torn = pieces[-1].startswith(TORN)
            yield Sample(0, frames, False, torn, int(number) if counts else 1)


def read_jsonl(path: str) -> Iterator[Sample]:
    threads: Dict[int, int] = {}
    frames: Dict[int, Dict[str, Any]] = {}
    nodes: Dict[int, Tuple[int, int]] = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            one = json.loads(line)
            kind = one["type"]
            if kind == "thread":
                threads[one["id"]] = one["tid"]
            elif kind == "frame":
                frames[one["id"]] = one
            elif kind == "stack":
                nodes[one["id"]] = one.get("caller", 0), one["frame"]
            elif kind == "sample":
                stack, node = [], one.get("stack", 0)
                while node:
                    node, frame = nodes[node]
                    stack.append(frames[frame])
                stack.reverse()
                python = [
                    (plain(f["name"]), os.path.basename(f.get("file", "")), f.get("line", 0))
                    for f in stack
                    if f["kind"] == "python"
                ]
                gaps = any(f["kind"] == "gap" and not f["name"].startswith(TORN) for f in stack)
                yield Sample(threads[one["thread"]], python, gaps, one.get("torn", False), 1)


def read_profile(path: str) -> Iterator[Sample]:
    return read_jsonl(path) if path.endswith(".jsonl") else read_collapsed(path)


def head_of(path: str) -> Dict[str, Any]:
    """What a profile in JSON lines says about itself."""
    with open(path, encoding="utf-8") as file:
        head: Dict[str, Any] = json.loads(file.readline())
    return head


class Truth:
    def __init__(self, path: str, lines: bool = True) -> None:
        """lines: false when only functions are to be looked at."""
        with open(path) as file:
            truth = json.load(file)
        self.starting: List[str] = truth["starting"]
        self.pid: int = truth["pid"]
        self.lines = lines
        self.below: Dict[Tuple[int, Frame], int] = {}
        same = [0]  # for each node of the truth, ours
        for parent, name, source, line in truth["nodes"]:
            key = same[parent], (name, source, line if lines else 0)
            same.append(self.below.setdefault(key, len(self.below) + 1))
        self.ends: Dict[int, Set[int]] = {
            int(tid): {same[end] for end in ends} for tid, ends in truth["threads"].items()
        }
        self.all_ends: Set[int] = set().union(*self.ends.values())

    def is_starting(self, frames: List[Frame]) -> bool:
        """Only the program's own beginning: whatever else is in it is judged."""
        names = [name for name, _, _ in frames]
        first, *last = self.starting
        if first in names:
            names = names[: names.index(first) + 1]
            return all(name.startswith(("<", "main", "run_chains", first)) for name in names)
        return bool(names) and names[-1] in last

    def problem(self, sample: Sample) -> Optional[str]:
        """Why this cannot have been."""
        node = 0
        for i, frame in enumerate(sample.frames):
            key = frame if self.lines else (frame[0], frame[1], 0)
            below = self.below.get((node, key))
            if below is None:
                return "%s cannot be below %s" % (
                    shown(sample.frames[i : i + 1]),
                    shown(sample.frames[i - 1 : i]),
                )
            node = below
        if sample.torn:  # what is left must be the beginning of a stack
            return None
        ends = self.ends.get(sample.tid, self.all_ends)
        if node in ends:
            return None
        if not sample.frames:
            return "no Python frame"
        if node in self.all_ends:
            return "another thread's stack"
        return "a stack cannot end in %s" % shown(sample.frames[-1:])


def shown(frames: List[Frame]) -> str:
    return ";".join("%s:%d" % (name, line) for name, _, line in frames) or "nothing"


class Result:
    def __init__(self) -> None:
        self.samples = self.starting = self.torn = self.gaps = self.impossible = 0
        self.problems: CounterType[str] = Counter()
        self.example: Dict[str, str] = {}
        self.functions: Set[str] = set()
        self.by_thread: Dict[int, int] = defaultdict(int)

    def judge(self, truth: Truth, samples: Iterator[Sample]) -> "Result":
        for sample in samples:
            if truth.is_starting(sample.frames):
                self.starting += sample.number
                continue
            self.samples += sample.number
            self.torn += sample.number * sample.torn
            self.gaps += sample.number * sample.gaps
            self.by_thread[sample.tid] += sample.number
            self.functions.update(name for name, _, _ in sample.frames)
            problem = truth.problem(sample)
            if problem:
                self.impossible += sample.number
                self.problems[problem] += sample.number
                self.example.setdefault(problem, shown(sample.frames))
        return self

    def show(self, most: int = 5) -> str:
        return "\n".join(
            "%d of %d: %s: %s" % (count, self.samples, problem, self.example[problem])
            for problem, count in self.problems.most_common(most)
        )
