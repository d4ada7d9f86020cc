#!/usr/bin/env python3
"""Whether every name in a profile of programs/soak.py belongs to where it stands:  check_names.py JSONL FOLDER

FOLDER has soak.py and the libraries.  A frame of Python whose file can be read must be on a line of a function of that
name (with its decorators); those that soak.py makes have rules of their own; a frame of one of the libraries has a name
that the library has.  Prints what is wrong.
"""

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple
from typing import Counter as CounterType

MADE = re.compile(r"^([fgmh])_(\d+)$")
CALLER = {"g": "f", "h": "m"}
FILES = {"f": "soak_%d.py", "g": "soak_%d.py", "m": "soak_mod_%d.py", "h": "soak_mod_%d.py"}
MODULES = 5


class Frame(NamedTuple):
    kind: str
    name: str
    file: str
    line: int
    module: str


class Profile:
    def __init__(self, path: str) -> None:
        self.frames: List[Frame] = []
        self.nodes: Dict[int, Tuple[int, int]] = {}
        self.samples = 0
        self.processes = 0
        self.threads = 0
        self.head: Dict[str, Any] = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                self._take(json.loads(line))

    def _take(self, one: Dict[str, Any]) -> None:
        kind = one["type"]
        if kind == "frame":
            self.frames.append(
                Frame(
                    one["kind"],
                    one["name"].rpartition(".")[2] if one["kind"] == "python" else one["name"],
                    one.get("file", ""),
                    one.get("line", 0),
                    one.get("module", ""),
                )
            )
        elif kind == "stack":
            self.nodes[one["id"]] = one.get("caller", 0), one["frame"]
        elif kind == "profile":
            self.head = one
        self.samples += kind == "sample"
        self.processes += kind == "process"
        self.threads += kind == "thread"

    def caller(self, node: int) -> Optional[Frame]:
        """The nearest frame of Python that called this one."""
        node = self.nodes[node][0]
        while node and self.frames[self.nodes[node][1]].kind != "python":
            node = self.nodes[node][0]
        return self.frames[self.nodes[node][1]] if node else None


def functions_of(path: str) -> Optional[Dict[str, Set[int]]]:
    """The lines of each function and class, by name; None: not to be read."""
    try:
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return None
    lines: Dict[str, Set[int]] = {}
    kinds = ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef
    for one in ast.walk(tree):
        if isinstance(one, kinds):
            first = min([one.lineno] + [d.lineno for d in one.decorator_list])
            lines.setdefault(one.name, set()).update(range(first, (one.end_lineno or 0) + 1))
    return lines


class Checker:
    def __init__(self, profile: Profile, folder: str) -> None:
        self.profile = profile
        self.folder = folder
        self.sources: Dict[str, Optional[Dict[str, Set[int]]]] = {}
        self.symbols: Dict[str, Set[str]] = {}

    def _made(self, node: int, frame: Frame) -> Optional[str]:
        match = MADE.match(frame.name)
        assert match
        letter, number = match.group(1), int(match.group(2))
        place = number % MODULES if letter in "mh" else number
        if os.path.basename(frame.file) != FILES[letter] % place:
            return "is in another file"
        first = number + 1 if letter in "fm" else number + 3
        last = first + 1 if letter in "fm" else first + 4
        if frame.line and not first <= frame.line <= last:
            return "is on another line"
        caller = self.profile.caller(node)
        wanted = "%s_%d" % (CALLER[letter], number) if letter in CALLER else ""
        if wanted and (caller is None or caller.name != wanted):
            return "is called by %s" % (caller.name if caller else "nobody")
        return None

    def _python(self, node: int, frame: Frame) -> Optional[str]:
        if MADE.match(frame.name):
            return self._made(node, frame)
        if not frame.name or not frame.file:
            return "has no name or file"
        if frame.name.startswith("<") or "importlib" in frame.file:
            return None
        base = os.path.basename(frame.file)
        path = os.path.join(self.folder, base) if base == "soak.py" else frame.file
        if path not in self.sources:
            self.sources[path] = functions_of(path)
        known = self.sources[path]
        if known is None:
            return "is in a file that is not there" if base.startswith("soak") else None
        if frame.name not in known:
            return "is no function of that file"
        if frame.line and frame.line not in known[frame.name]:
            return "is on a line of something else"
        return None

    def _native(self, frame: Frame) -> Optional[str]:
        if os.path.dirname(frame.module) != self.folder:
            return None
        if frame.module not in self.symbols:
            text = subprocess.run(
                ["nm", frame.module], stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            self.symbols[frame.module] = {line.split()[-1] for line in text.splitlines()}
        known = self.symbols[frame.module]
        called = frame.name.rpartition("@plt")[0]
        if frame.name in known or called in {name.partition("@")[0] for name in known}:
            return None
        return "is no function of that library"

    def problems(self) -> CounterType[str]:
        found: CounterType[str] = Counter()
        for node, (_, number) in self.profile.nodes.items():
            frame = self.profile.frames[number]
            problem = None
            if frame.kind == "python":
                problem = self._python(node, frame)
            elif frame.kind == "native":
                problem = self._native(frame)
            if problem:
                place = "%s:%d" % (frame.file or frame.module, frame.line)
                found["%s (%s) %s" % (frame.name, place, problem)] += 1
        return found


def main() -> int:
    profile = Profile(sys.argv[1])
    found = Checker(profile, os.path.abspath(sys.argv[2])).problems()
    for problem, number in found.most_common(10):
        print("%s: %d stacks" % (problem, number))
    made = sum(bool(MADE.match(frame.name)) for frame in profile.frames)
    if made < 10:
        print("only %d of the functions that come and go" % made)
    return int(bool(found) or made < 10)


if __name__ == "__main__":
    sys.exit(main())
