#!/usr/bin/env python3
"""Records for long what changes all the time, and watches the recorder:  soak.py BUILD-FOLDER

The target is programs/soak.py, with its children: code, threads, modules, libraries and processes come and go, and it
executes itself.  No name in the recording may belong to something else; the recorder's resident size and number of
open files must not grow from the second third of the time to the last.

    --seconds N      how long (600); below 60 the recorder's size is only looked at in the end, for what it may be at all
    --engine NAME    of pywalk (again: others as well); all that it has
    --python NAME    of interpreters, as tools/find_pythons.py has them, the first whose name begins so (3.12)
    --rate N         looks a second (200)
    --native         C frames as well
    --pywalk FILE    another pywalk than that in BUILD-FOLDER, such as one with sanitizers: its size is not judged
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from typing import List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))

import find_pythons  # noqa: E402
from check_names import Checker, Profile  # noqa: E402
from recorder import (  # noqa: E402
    Failed,
    Target,
    engine_options,
    engines,
    work_folder,
)

LIBRARIES = ["shares.so", "framepointer.so"]
GROWTH = 6 << 20  # bytes, and a tenth of what it was
MORE_FILES = 40
MOST = 400 << 20
MOST_FILES = 400
END_SECONDS = 120  # that the recorder may take after its target
LONG = 60
ENOUGH = {"codes": 100000, "threads": 10000, "children": 200, "execs": 1}  # in 600 seconds


class Look(List[Tuple[float, int, int]]):
    """(seconds, resident bytes, open files) of the recorder."""

    def take(self, begin: float, pid: int) -> None:
        try:
            with open("/proc/%d/statm" % pid) as file:
                resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            self.append((time.monotonic() - begin, resident, len(os.listdir("/proc/%d/fd" % pid))))
        except (OSError, IndexError):
            pass  # it has just ended

    def most(self, part: int) -> Tuple[int, int]:
        """In a third of the time."""
        end = self[-1][0]
        there = [one for one in self if part * end / 3 <= one[0] <= (part + 1) * end / 3]
        return max(one[1] for one in there), max(one[2] for one in there)

    def problems(self, long: bool) -> List[str]:
        if len(self) < 3:
            return ["it was seen %d times" % len(self)]
        found = []
        highest, files = max(one[1] for one in self), max(one[2] for one in self)
        if highest > MOST or files > MOST_FILES:
            found.append("%d MB, %d files" % (highest >> 20, files))
        if long:
            (middle, middle_files), (last, last_files) = self.most(1), self.most(2)
            if last > middle * 1.1 + GROWTH:
                found.append("grew from %.1f to %.1f MB" % (middle / 1e6, last / 1e6))
            if last_files > middle_files + MORE_FILES:
                found.append("had %d files open, then %d" % (middle_files, last_files))
        return found


def run_recorder(command: List[str], target: Target, seconds: float) -> Tuple[int, str, Look]:
    """(exit status, what it said, what was seen of it)"""
    look = Look()
    begin = time.monotonic()
    recorder = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        while recorder.poll() is None:
            look.take(begin, recorder.pid)
            time.sleep(0.2 if seconds < LONG else 1.0)
            if time.monotonic() - begin > seconds * 1.5 + END_SECONDS:
                raise Failed("the recorder does not end with its target")
        said = recorder.communicate()[1]
    finally:
        recorder.kill()
        recorder.wait()
        target.process.poll()
    return recorder.returncode, said, look


def soak(
    build: str,
    pywalk: str,
    work: str,
    python: find_pythons.Python,
    engine: str,
    wanted: argparse.Namespace,
) -> List[str]:
    """What is wrong."""
    libraries = []
    for name in LIBRARIES:
        built = os.path.join(build, "testsuite", name)
        if os.path.exists(built):
            libraries.append(shutil.copy(built, work))
    recording = os.path.join(work, "soak.pywalk")
    arguments = [str(wanted.seconds), *libraries]
    seconds = wanted.seconds * 2 + END_SECONDS
    with Target(build, python, work, "soak.py", arguments, seconds=int(seconds)) as target:
        command = [
            pywalk,
            "record",
            "--subprocesses",
            "-r",
            str(wanted.rate),
            *engine_options(engine),
        ]
        command += ["--native"] * wanted.native + ["-p", str(target.pid), "-o", recording]
        status, said, look = run_recorder(command, target, wanted.seconds)
        did = target.said().strip().splitlines()
    problems = ["pywalk record: status %d: %s" % (status, said.strip())] if status else []
    counts = json.loads(did[-1]) if did and did[-1].startswith("{") else {}
    if not counts:
        problems.append("the target did not end well: %s" % " ".join(did))
    print("  the target made %s" % ", ".join("%d %s" % (n, what) for what, n in counts.items()))
    if wanted.seconds >= 600:
        problems += [
            "only %d %s" % (counts.get(w, 0), w) for w, n in ENOUGH.items() if counts.get(w, 0) < n
        ]
    if not wanted.pywalk:
        problems += look.problems(wanted.seconds >= LONG)
    for line in said.strip().splitlines():
        print("  " + line)
    if look:
        sizes = [
            "%.1f MB and %d files" % (size / 1e6, files) for size, files in map(look.most, range(3))
        ]
        print("  the recorder had at most, in thirds of the time: %s" % "; ".join(sizes))
    return problems + check_recording(os.path.join(build, "pywalk"), recording, work)


def check_recording(pywalk: str, recording: str, work: str) -> List[str]:
    lines = os.path.join(work, "soak.jsonl")
    report = subprocess.run(
        [pywalk, "report", "-F", "jsonl", "-o", lines, recording], stderr=subprocess.PIPE, text=True
    )
    if report.returncode:
        return ["pywalk report: status %d: %s" % (report.returncode, report.stderr.strip())]
    profile = Profile(lines)
    print(
        "  %d samples, %d stacks, %d frames, %d processes, %d threads by %s"
        % (
            profile.samples,
            len(profile.nodes),
            len(profile.frames),
            profile.processes,
            profile.threads,
            profile.head["engine"],
        )
    )
    found = Checker(profile, work).problems()
    problems = ["%s (%d stacks)" % pair for pair in found.most_common(10)]
    if not any(frame.name.startswith("g_") for frame in profile.frames):
        problems.append("none of the functions that come and go was seen")
    if profile.processes < 3:
        problems.append("only %d processes were seen" % profile.processes)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--engine", action="append")
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--pywalk")
    wanted = parser.parse_args()
    build = os.path.abspath(wanted.build)
    pywalk = os.path.abspath(wanted.pywalk or os.path.join(build, "pywalk"))
    pythons = find_pythons.find()
    bad = False
    for name in wanted.python or ["3.12"]:
        chosen = [python for python in pythons if python.name.startswith(name)]
        if not chosen:
            print("no interpreter %s" % name)
            return 2
        for engine in wanted.engine or engines(pywalk):
            print("%s %s, %g seconds" % (chosen[0].name, engine, wanted.seconds), flush=True)
            with work_folder() as work:
                try:
                    problems = soak(build, pywalk, work, chosen[0], engine, wanted)
                except Failed as failure:
                    problems = [str(failure)]
            for problem in problems:
                print("  WRONG: %s" % problem, flush=True)
            bad = bad or bool(problems)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
