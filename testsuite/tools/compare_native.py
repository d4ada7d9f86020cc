#!/usr/bin/env python3
"""Compares the native frames that pywalk printed with GDB's.

    compare_native.py [OPTIONS] GDB OUTPUT

GDB is written by gdb_frames.py, OUTPUT is from `pywalk dump --native=all --json`.  For each thread the sequence
of real frames must be the same: program counter, stack pointer, name, whether it is a signal's.  GDB's pseudo-frames
(inlined functions, tail calls) and pywalk's inlined ones are set aside.  Prints the first difference of each thread
and ends with status 1.

Where GDB and pywalk differ, GDB may be the one that is wrong.  That is decided by a third party: with --judge, a
thread in which eu-stack's frames are exactly pywalk's counts as equal, and is named in a line that begins "judged".
At some instructions call-frame information is wrong (a C++ landing pad being installed): GDB and eu-stack end there, and
pywalk goes on behind a gap.
"""

import argparse
import functools
import json
import re
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

Json = Dict[str, Any]
SUFFIX = re.compile(r"(\.(cold|part|constprop|isra|lto_priv|localalias)[.\d]*)+$")
# Demanglers write out what the ABI abbreviates, or do not.
STANDARD = re.compile(
    r"std::basic_(string|[io]+stream)<char, std::char_traits<char>(?:, std::allocator<char> )?>"
)
COMPLETE = "outermost"


class Difference(Exception):
    """A difference in the sequence of frames, which a third party can judge."""


class BehindGap(Difference):
    """GDB ends where pywalk has a gap, and goes on behind it: so it is where eu-stack ends too."""


class Fault(Difference):
    """A difference in what is said about a frame, about which GDB's word counts."""


class Symbols(NamedTuple):
    values: Dict[str, Set[int]]
    names: Dict[int, Set[str]]


@functools.lru_cache(maxsize=None)
def symbols_of(path: str) -> Symbols:
    """What is defined in an ELF file, by readelf."""
    found = Symbols({}, {})
    command = ["readelf", "-W", "--syms", "--dyn-syms", path]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    for line in run.stdout.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) < 8 or not words[0].endswith(":") or words[6] == "UND":
            continue
        try:
            value = int(words[1], 16)
        except ValueError:
            continue
        name = words[7].partition("@")[0]
        found.values.setdefault(name, set()).add(value)
        found.names.setdefault(value, set()).add(name)
    return found


@functools.lru_cache(maxsize=None)
def demangle(name: str) -> str:
    if not name.startswith("_Z"):
        return name
    run = subprocess.run(["c++filt", name], stdout=subprocess.PIPE, check=False)
    return run.stdout.decode().strip() or name


def plain(name: Optional[str]) -> Optional[str]:
    """A name without what tools add in different ways: version, clone suffix, parameters, ABI tags."""
    if name is None:
        return None
    name = SUFFIX.sub("", demangle(name.partition("@")[0]))
    name = re.sub(r" \[clone [^]]*\]|\[abi:[^]]*\]", "", name)
    name = STANDARD.sub(r"std::\1", name)
    name = re.sub(r"( const)?( \[.*\])?$", "", name)
    if name.endswith(")") and not name.endswith("operator()"):
        depth = 0
        for i in range(len(name) - 1, -1, -1):
            depth += (name[i] == ")") - (name[i] == "(")
            if depth == 0:
                name = name[:i] if i else name
                break
    return name


def text(frame: Optional[Json]) -> str:
    if frame is None:
        return "nothing"
    if frame.get("kind") == "gap":
        return "a gap"
    pc, sp = frame.get("pc"), frame.get("sp")
    if isinstance(pc, int) and isinstance(sp, int):
        pc, sp = "0x%x" % pc, "0x%x" % sp
    name = frame["symbol"] if "kind" in frame else frame.get("name")
    return "%s at pc %s, sp %s" % (name or "??", pc, sp)


def address(frame: Json, key: str) -> int:
    value = frame.get(key)
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Difference("%s of %s is %r, no address" % (key, text(frame), value))
    return int(value, 16)


def real(thread: Json) -> List[Json]:
    """A thread's frames without GDB's pseudo-frames."""
    return [f for f in thread["frames"] if f["type"] not in ("inline", "tailcall")]


class Comparison:
    def __init__(self, gdb: Json, options: argparse.Namespace) -> None:
        self.options = options
        self.program = gdb.get("program")
        self.below: Dict[int, List[Json]] = {}
        self.gaps = 0
        self.biases: Dict[str, Tuple[str, int]] = {}
        for thread in gdb["threads"]:
            for frame in thread["frames"]:
                self.learn_bias(frame)

    def learn_bias(self, frame: Json) -> None:
        """Where a file was loaded, from a symbol that GDB found in it."""
        key = frame.get("file") or self.program
        if not key or key in self.biases or not frame.get("elf"):
            return
        for path in [self.options.root + key, key] if self.options.root else [key]:
            values = symbols_of(path).values.get(frame["elf"].partition("@")[0], set())
            if len(values) == 1:
                self.biases[key] = (path, frame["start"] - min(values))
                return

    def is_alias(self, want: Json, symbol: str, start: int) -> bool:
        """Whether the file that GDB names has this symbol at this place."""
        path, bias = self.biases.get(want.get("file") or self.program or "", ("", 0))
        if not path:
            return False
        there = symbols_of(path).names.get(start - bias, set())
        return plain(symbol) in {plain(name) for name in there}

    def name(self, want: Json, have: Json) -> None:
        symbol, offset = have.get("symbol"), have.get("offset")
        known = [want.get(key) for key in ("name", "elf", "linkage")]
        if symbol is None:
            # GDB names the entries of a PLT of a file that it has, and what a JIT compiler tells to
            # it alone; without a file pywalk has no relocations.
            made_up = re.search(r"^\*ABS\*.*@plt$|^py::jit:", str(known[0]))
            if any(known) and not have.get("signal") and not made_up:
                raise Fault("it has no name instead of %s" % (known[0] or known[1]))
            return
        if not isinstance(offset, int):
            raise Fault("the offset in %s is %r" % (symbol, offset))
        start = address(have, "pc") - offset
        if symbol == want.get("elf") and start != want["start"]:
            raise Fault("%s begins at 0x%x instead of 0x%x" % (symbol, start, want["start"]))
        if plain(symbol) in {plain(name) for name in known}:
            return
        if (want["start"] is None or start == want["start"]) and self.is_alias(want, symbol, start):
            return
        raise Fault("its name is %s instead of %s" % (symbol, known[0] or known[1] or "none"))

    def frame(self, number: int, want: Optional[Json], have: Optional[Json], end: Json) -> None:
        if want is None:
            raise Difference(
                "frame %d is %s, where gdb ends (%s: %s)"
                % (number, text(have), end["reason"], end["message"])
            )
        if have is None:
            raise Difference("frame %d is missing: gdb has %s" % (number, text(want)))
        for key in ("pc", "sp"):
            if address(have, key) != want[key]:
                raise Difference(
                    "%s of frame %d differs: %s instead of %s"
                    % (key, number, text(have), text(want))
                )
        if bool(have.get("signal")) != (want["type"] == "sigtramp"):
            raise Fault("frame %d (%s): signal is wrong" % (number, text(have)))
        try:
            self.name(want, have)
        except Fault as difference:
            raise Fault("frame %d (%s): %s" % (number, text(want), difference)) from None

    def after_gap(
        self, number: int, gdb: List[Json], have: Optional[Json], gap: Json, expected: bool
    ) -> int:
        """The number of GDB's frame with which the stack goes on after a gap."""
        # GDB shows a null return address as a frame, and ends there.
        ended = all(f["pc"] == 0 for f in gdb[number:])
        if not expected and ended and have is not None and number:
            raise BehindGap(
                "gdb ends after frame %d, %s, pywalk has a gap (%s)"
                % (number - 1, text(gdb[number - 1]), gap.get("reason"))
            )
        if not expected:
            raise Difference(
                "a gap after frame %d (%s), gdb has %s"
                % (number, gap.get("reason"), text(gdb[number] if number < len(gdb) else None))
            )
        if not gap.get("reason"):
            raise Difference("a gap without a reason after frame %d" % number)
        if have is None:
            raise Difference("nothing follows the gap after frame %d" % number)
        self.gaps += 1
        for i in range(number, len(gdb)):
            if (gdb[i]["pc"], gdb[i]["sp"]) == (address(have, "pc"), address(have, "sp")):
                return i
        raise Difference(
            "%s follows the gap after frame %d; gdb has no such frame" % (text(have), number)
        )

    def splice(self, tid: int, gdb: List[Json], frames: List[Json]) -> Tuple[List[Json], bool]:
        """GDB's frames down to the gap, and below it those that were there before what has no CFI was called.

        The frame that called it is known by its stack pointer, and has moved on in its function."""
        at = next((i for i, f in enumerate(frames) if f["kind"] == "gap"), None)
        older = self.below.get(tid, [])
        if at is None or at + 1 >= len(frames) or not older:
            return gdb, False
        have = frames[at + 1]
        for i, frame in enumerate(older):
            if frame["sp"] != address(have, "sp"):
                continue
            caller = dict(frame, pc=address(have, "pc"))
            return gdb[:at] + [caller] + older[i + 1 :], True
        raise Difference(
            "%s follows the gap; nothing stood at this stack pointer before" % text(have)
        )

    def thread(self, want: Json, have: Json) -> None:
        """Raises Difference."""
        gdb = real(want)
        pywalk = [
            f for f in have["frames"] if f["kind"] in ("native", "gap") and not f.get("inlined")
        ]
        gap = bool(re.fullmatch(self.options.gaps, have.get("name") or ""))
        gdb, spliced = self.splice(want["tid"], gdb, pywalk)
        gaps = self.gaps
        number = 0
        i = 0
        while i < len(pywalk):
            if pywalk[i]["kind"] == "gap":
                following = pywalk[i + 1] if i + 1 < len(pywalk) else None
                number = self.after_gap(number, gdb, following, pywalk[i], gap)
                i += 1
                if following is None or following["kind"] == "gap":
                    continue
            expected = gdb[number] if number < len(gdb) else None
            self.frame(number, expected, pywalk[i], want["end"])
            number += 1
            i += 1
        if number < len(gdb):
            self.frame(number, gdb[number], None, want["end"])
        if gap and gaps == self.gaps and not self.options.gaps_maybe:
            raise Difference("it has no gap")
        if want["end"]["reason"] != COMPLETE and not spliced:
            raise Difference(
                "gdb itself does not reach the end: %s, %s"
                % (want["end"]["reason"], want["end"]["message"])
            )
        end = have.get("native_end")
        if not isinstance(end, dict) or end.get("reason") != "complete":
            raise Difference("all frames are there, but native_end is %s" % json.dumps(end))


def read_judge(path: str) -> Dict[int, List[int]]:
    """The program counters of eu-stack's frames, by thread."""
    threads: Dict[int, List[int]] = {}
    tid = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"TID (\d+):", line)
            if match:
                tid = int(match.group(1))
                threads[tid] = []
            match = re.match(r"#\d+\s+(0x[0-9a-f]+)", line)
            if match:
                threads[tid].append(int(match.group(1), 16))
    return threads


def judged(have: Json, difference: Difference, judge: Optional[Dict[int, List[int]]]) -> bool:
    """Whether eu-stack says exactly what pywalk says: of a whole stack, or down to a gap where all others end."""
    if judge is None or isinstance(difference, Fault):
        return False
    if (have.get("native_end") or {}).get("reason") != "complete":
        return False
    frames = [f for f in have["frames"] if f["kind"] in ("native", "gap") and not f.get("inlined")]
    gap = next((i for i, f in enumerate(frames) if f["kind"] == "gap"), len(frames))
    if gap < len(frames) and not isinstance(difference, BehindGap):
        return False
    pcs = [int(f["pc"], 16) for f in frames[:gap]]
    return bool(pcs) and judge.get(have["tid"]) == pcs


def compare(gdb: Json, document: Json, options: argparse.Namespace) -> Tuple[List[str], List[str]]:
    """What differs, and what was judged in pywalk's favour."""
    problems: List[str] = []
    verdicts: List[str] = []
    judge = read_judge(options.judge) if options.judge else None
    comparison = Comparison(gdb, options)
    if options.below:
        with open(options.below) as file:
            comparison.below = {t["tid"]: real(t) for t in json.load(file)["threads"]}
    got = {thread["tid"]: thread for thread in document["threads"]}
    if len(got) != len(document["threads"]):
        problems.append("a thread is there twice")
    wanted = {thread["tid"]: thread for thread in gdb["threads"]}
    if not wanted:
        problems.append("gdb has no thread")
    for tid in sorted(set(got) - set(wanted)):
        problems.append("thread %s: gdb does not know it" % tid)
    for tid, want in wanted.items():
        if options.tid and tid not in options.tid:
            continue
        if tid not in got:
            problems.append("thread %d is missing" % tid)
            continue
        try:
            comparison.thread(want, got[tid])
        except Difference as difference:
            about = "thread %d (%s): %s" % (tid, got[tid].get("name"), difference)
            fair = judged(got[tid], difference, judge)
            (verdicts if fair else problems).append(about)
    known = [t for t in got.values() if re.fullmatch(options.gaps, t.get("name") or "")]
    if options.gaps and not known:
        problems.append("no thread is named %s" % options.gaps)
    return problems, verdicts


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare pywalk's native frames with GDB's.")
    parser.add_argument("gdb", nargs="?")
    parser.add_argument("output", nargs="?")
    parser.add_argument("--judge", metavar="FILE", help="output of eu-stack, which decides")
    parser.add_argument(
        "--gaps", metavar="PATTERN", default="", help="threads so named have a gap, no others"
    )
    parser.add_argument(
        "--gaps-maybe", action="store_true", help="threads named by --gaps may be without a gap"
    )
    parser.add_argument(
        "--below",
        metavar="FILE",
        help="GDB's frames before what has no CFI was called: the truth about what follows a gap",
    )
    parser.add_argument("--root", default="", help="the folder that is the target's root")
    parser.add_argument(
        "--tid", type=int, action="append", help="compare this thread's frames only"
    )
    return parser


def main() -> int:
    options = make_parser().parse_args()
    with open(options.gdb) as file:
        gdb = json.load(file)
    with open(options.output, encoding="utf-8", errors="surrogateescape") as file:
        try:
            document = json.load(file)
        except ValueError as error:
            print("no JSON in the output: %s" % error)
            return 1
    problems, verdicts = compare(gdb, document, options)
    for problem in problems[:5]:
        print(problem)
    if len(problems) > 5:
        print("... and %d more" % (len(problems) - 5))
    for verdict in verdicts:
        print("judged by eu-stack, gdb is wrong: " + verdict)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
