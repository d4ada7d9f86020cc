#!/usr/bin/env python3
"""Counts stacks that cannot have been, over every interpreter and engine:  impossible.py BUILD-FOLDER

programs/chains.py knows all its possible stacks; it is recorded until there are enough samples.

    --samples N      of each interpreter and engine (50000)
    --engine NAME    only this one (again: others as well); all that pywalk has
    --python NAME    only interpreters whose name begins so, as tools/find_pythons.py has them
    --rate N         looks a second (1000)
    --threads N      of the target, apart from its main one (3)
    --clock NAME     wall, cpu or gil (wall)
    --native         C frames as well
    --seconds N      at most so long for each (240)

The exit status is 1 when there was one with an engine that stops threads, or more than 0.1 % with peek, or if peek
kept fewer than 80 % of the ticks.
"""

import argparse
import os
import sys
import time
from typing import Iterator, List, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))

import find_pythons  # noqa: E402
from recorder import (  # noqa: E402
    Failed,
    Target,
    engine_options,
    engines,
    record,
    work_folder,
)
from stack_truth import Result, Truth, head_of, read_jsonl  # noqa: E402

CHUNK = 20.0  # seconds of one recording
MOST = {"peek": 0.001}  # impossible, as a share
KEPT = {"peek": 0.8}
HEAD = ("interpreter", "engine", "looks/s", "samples", "kept", "lost", "torn", "gaps", "impossible")


class Count:
    """Of one interpreter and engine."""

    def __init__(self) -> None:
        self.result = Result()
        self.said = ""
        self.ticks = self.missed = self.lost = 0
        self.duration = 0.0

    def add(self, path: str, truth: Truth) -> None:
        head = head_of(path)
        self.said = head["engine"]
        self.ticks += head["ticks"]
        self.missed += head["missed"]
        self.lost += head["lost"]
        self.duration += head["duration_ns"] / 1e9
        self.result.judge(truth, read_jsonl(path))

    def needs(self, samples: int) -> float:
        """Seconds until there are so many, and a bit; at most CHUNK, for less memory."""
        if not self.result.samples:
            return 2.0
        missing = samples - self.result.samples
        return min(CHUNK, 0.5 + 1.1 * missing * self.duration / self.result.samples)

    @property
    def kept(self) -> float:
        """Of the stacks that were due."""
        samples = self.result.samples + self.result.starting
        due = (samples + self.lost) * (self.ticks + self.missed) / max(self.ticks, 1)
        return samples / due if due else 0.0

    @property
    def bad(self) -> bool:
        most, least = MOST.get(self.said, 0.0), KEPT.get(self.said, 0.0)
        return self.result.impossible > most * self.result.samples or self.kept < least

    def cells(self, name: str) -> Tuple[str, ...]:
        result = self.result
        return (
            name,
            self.said,
            "%.0f" % (self.ticks / self.duration if self.duration else 0),
            str(result.samples),
            "%.1f %%" % (100 * self.kept),
            str(self.lost),
            str(result.torn),
            str(result.gaps),
            str(result.impossible) + (" **bad**" if self.bad else ""),
        )


def count(
    build: str, work: str, python: find_pythons.Python, engine: str, wanted: argparse.Namespace
) -> Count:
    counted = Count()
    path = os.path.join(work, "chains.jsonl")
    with Target(build, python, work, "chains.py", [str(wanted.threads)]) as target:
        truth = Truth(target.ready)
        end = time.monotonic() + wanted.seconds
        while counted.result.samples < wanted.samples and time.monotonic() < end:
            duration = min(counted.needs(wanted.samples), max(end - time.monotonic(), 1.0))
            options = ["-q", "--" + wanted.clock, "-r", str(wanted.rate), "-d", "%.1f" % duration]
            options += ["--native"] * wanted.native + engine_options(engine)
            options += ["-p", str(target.pid), "-F", "jsonl", "-o", path]
            run = record(os.path.join(build, "pywalk"), options, duration + 120)
            if run.status or not os.path.exists(path):
                raise Failed("status %d: %s" % (run.status, run.errors.strip()))
            counted.add(path, truth)
            os.unlink(path)
            if target.process.poll() is not None:
                raise Failed("the target has ended: %s" % target.said())
    if engine and counted.said != engine:
        raise Failed("%s was used instead" % counted.said)
    return counted


def chosen(wanted: List[str]) -> Iterator[find_pythons.Python]:
    for python in find_pythons.find():
        if not wanted or any(python.name.startswith(name) for name in wanted):
            yield python


def line(cells: Tuple[str, ...]) -> str:
    return (
        "| "
        + " | ".join(cell.ljust(w) for cell, w in zip(cells, (22, 8, 8, 8, 8, 6, 6, 6)))
        + (" | %s |" % cells[-1])
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("build")
    parser.add_argument("--samples", type=int, default=50000)
    parser.add_argument("--engine", action="append")
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--clock", choices=["wall", "cpu", "gil"], default="wall")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--seconds", type=float, default=240)
    wanted = parser.parse_args()
    build = os.path.abspath(wanted.build)
    bad = False
    print(line(HEAD), line(("---",) * len(HEAD)), sep="\n", flush=True)
    with work_folder() as work:
        for python in chosen(wanted.python):
            for engine in wanted.engine or engines(os.path.join(build, "pywalk")):
                try:
                    counted = count(build, work, python, engine, wanted)
                except Failed as failure:
                    print("| %s | %s: %s" % (python.name, engine, failure), flush=True)
                    bad = True
                    continue
                print(line(counted.cells(python.name)), flush=True)
                if counted.result.impossible:
                    print(counted.result.show(), flush=True)
                bad = bad or counted.bad
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
