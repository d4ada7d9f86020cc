#!/usr/bin/env python3
"""Samplers compared in the same run:  sampling.py BUILD-FOLDER

pywalk's engines, py-spy, austin and, on a target of CPython 3.15, its own profiling.sampling: how much slower the
target's own work gets, how many of the samples that were wished for come, how many of their stacks cannot have been,
and what the sampler itself costs.  Each round runs every sampler once; before and after each the target is left alone,
and what it did then is what its work is compared with.  Medians are shown.

    ROUNDS=N     rounds (5)
    CASES=...    only these: busy-1k busy-10k ceiling sleep-100 sleep-500 3.15-1k 3.15-10k 3.15-sleep-100
    ENGINES=...  only these engines of pywalk
    QUICK=1      1 round

py-spy and austin come from PyPI, into a virtual environment in BUILD-FOLDER/bench.  The report is written to
BUILD-FOLDER/bench/benchmarks-sampling.md and, when all cases were run in full, to docs/benchmarks-sampling.md.
"""

import contextlib
import ctypes
import mmap
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

import command_line
from priority import high_priority
from sampling_report import Measured, Row, head, table, verdict
from sampling_tools import Job, Sampler, Samplers, start

HERE = os.path.dirname(os.path.abspath(__file__))
import find_pythons  # noqa: E402
from recorder import Failed, Target, work_folder  # noqa: E402
from stack_truth import Sample, Truth, head_of, read_collapsed, read_jsonl  # noqa: E402

QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS = int(os.environ.get("ROUNDS") or (1 if QUICK else 5))
ALONE = 0.5  # seconds
WATCHED = 1.0
LEAD = 0.15  # after the first sample is due, before the target's work counts
PATIENCE = 20.0  # that a sampler has to write what it saw
CEILING = 100000
LEARN = 1.2  # seconds, to see how long a sampler takes to start
LEARN_RATE = 100


class Plan(NamedTuple):
    threads: int  # that sleep
    rate: int
    newest: bool = False  # on 3.15
    native: bool = False  # also samplers that show C frames


PLANS = {
    "busy-1k": Plan(0, 1000, native=True),
    "busy-10k": Plan(0, 10000),
    "ceiling": Plan(0, CEILING),
    "sleep-100": Plan(100, 100),
    "sleep-500": Plan(500, 100),
    "3.15-1k": Plan(0, 1000, newest=True),
    "3.15-10k": Plan(0, 10000, newest=True),
    "3.15-sleep-100": Plan(100, 100, newest=True),
}


class Busy:
    """The target, and how fast it works."""

    def __init__(self, build: str, python: find_pythons.Python, work: str, threads: int) -> None:
        page = os.path.join(work, "page.%d" % Target.count)
        with open(page, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        with open(page, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._rounds = ctypes.c_uint64.from_buffer(self._page)
        arguments = [page, str(threads)]
        self.target = Target(build, python, work, "sampling_target.py", arguments)
        self.truth = Truth(self.target.ready)
        self.names = Truth(self.target.ready, lines=False)

    def speed(self, seconds: float) -> float:
        """Rounds a second."""
        before, begin = self._rounds.value, time.monotonic()
        time.sleep(seconds)
        after, end = self._rounds.value, time.monotonic()
        if self.target.process.poll() is not None:
            raise Failed("the target has ended: %s" % self.target.said())
        return (after - before) / (end - begin)


def is_sleeper(sample: Sample) -> bool:
    names = {name for name, _, _ in sample.frames}
    return "bench_sleeper" in names and not any(name.startswith("chain_") for name in names)


def judge(measured: Measured, sampler: Sampler, output: str, busy: Busy) -> Measured:
    """With what the sampler wrote down."""
    samples = impossible = wrong_line = 0
    for sample in read_collapsed(output, not sampler.times):
        samples += sample.number
        if is_sleeper(sample):
            continue
        if busy.names.problem(sample):
            impossible += sample.number
        elif busy.truth.problem(sample):
            wrong_line += sample.number
    return measured._replace(samples=samples, impossible=impossible, wrong_line=wrong_line)


def finish(process: "subprocess.Popen[bytes]") -> Tuple[Optional[str], float]:
    """(what is wrong, its processor time)"""
    if process.poll() is not None:
        return "ended by itself, with status %d" % process.returncode, 0.0
    process.send_signal(signal.SIGINT)
    end = time.monotonic() + PATIENCE
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > end:
            process.kill()
            pid, status, usage = os.wait4(process.pid, 0)
            break
        time.sleep(0.01)
    process.returncode = status
    cpu = usage.ru_utime + usage.ru_stime
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "did not end within %d s" % PATIENCE, cpu
    return None, cpu


class Bench:
    def __init__(self, build: str, work: str) -> None:
        self.build = build
        self.work = work
        self.samplers = Samplers(build)
        found = [p for p in find_pythons.find() if "debug" not in p.flags]
        with_gil = [p for p in found if "free-threaded" not in p.flags]
        self.newest = next((p for p in with_gil if p.version.startswith("3.15.")), None)
        local = [p for p in with_gil if p.root == "-" and p.version.startswith(("3.11", "3.12"))]
        if not local:
            raise Failed("no CPython 3.11 or 3.12")
        wanted = os.environ.get("PYTHON", "")
        self.python = next(
            (p for p in with_gil if p.name == wanted or p.program == wanted), local[-1]
        )
        if self.newest is None:
            self.samplers.missing.append("profiling.sampling: no CPython 3.15")
        self.startup: Dict[str, float] = {}
        self.learnt: Dict[str, Optional[str]] = {}  # what is wrong with a sampler

    def prepare(self) -> None:
        for name in os.listdir(HERE):
            if name in ("sampling_target.py", "target.py"):
                shutil.copy(os.path.join(HERE, name), self.work)

    def chosen(self, plan: Plan) -> List[Sampler]:
        samplers = self.samplers.ours()
        if plan.newest:
            return samplers + self.samplers.profiling(self.newest)
        samplers += self.samplers.py_spy() + self.samplers.py_spy("--nonblocking")
        samplers += self.samplers.austin()
        if plan.native:
            samplers += self.samplers.ours(native=True) + self.samplers.py_spy("--native")
        return samplers

    def _paths(self) -> Tuple[str, str]:
        output, said = os.path.join(self.work, "output"), os.path.join(self.work, "said")
        for path in output, said:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return output, said

    def learn_startup(self, sampler: Sampler, busy: Busy) -> Optional[str]:
        """How long it takes until the first sample; files are in memory afterwards.  What is wrong."""
        output, said = self._paths()
        command = sampler.command(Job(busy.target.pid, LEARN_RATE, output))
        if sampler.kind == "pywalk":
            command += ["-F", "jsonl"]  # which says what engine it really was
        begin = time.monotonic()
        process = start(command, said)
        time.sleep(LEARN)
        took = time.monotonic() - begin
        problem = finish(process)[0]
        if problem or not os.path.exists(output):
            return problem or "no output: %s" % last_line(said)
        if sampler.engine and head_of(output)["engine"] != sampler.engine:
            return "%s was used instead: %s" % (head_of(output)["engine"], last_line(said))
        read = read_jsonl(output) if sampler.kind == "pywalk" else None
        samples = read or read_collapsed(output, not sampler.times)
        busy_ones = sum(sample.number for sample in samples if not is_sleeper(sample))
        startup = max(took - busy_ones / LEARN_RATE, 0.0)
        # One that loses samples starts as fast as the same program that does not.
        known = self.startup.get(sampler.start, startup)
        self.startup[sampler.start] = min(startup, known)
        return None

    def measure(self, sampler: Sampler, busy: Busy, plan: Plan) -> Measured:
        output, said = self._paths()
        startup = self.startup[sampler.start]
        begin = time.monotonic()
        process = start(sampler.command(Job(busy.target.pid, plan.rate, output)), said)
        try:
            time.sleep(startup + LEAD)
            speed = busy.speed(WATCHED)
            lasted = time.monotonic() - begin
            problem, cpu = finish(process)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wished = plan.rate * (lasted - startup) * (plan.threads + 1)
        measured = Measured(speed, 0.0, 0, wished, lasted - startup, 0, 0, cpu / lasted, problem)
        if problem:
            return measured
        if not os.path.exists(output):
            return measured._replace(problem="no output: %s" % last_line(said))
        return judge(measured, sampler, output, busy)

    def rounds(self, rows: List[Row], busy: Busy, plan: Plan) -> None:
        for row in rows:
            if row.sampler.name not in self.learnt:
                self.learnt[row.sampler.name] = self.learn_startup(row.sampler, busy)
            row.problem = self.learnt[row.sampler.name]
        for number in range(ROUNDS):
            first = number % len(rows)
            turn = [row for row in rows[first:] + rows[:first] if not row.problem]
            alone = busy.speed(ALONE)
            for row in turn:
                measured = self.measure(row.sampler, busy, plan)
                after = busy.speed(ALONE)
                row.results.append(measured._replace(alone=statistics.mean([alone, after])))
                alone = after

    def case(self, name: str) -> Tuple[List[Row], str]:
        """(rows, why there are none)"""
        plan = PLANS[name]
        python = self.newest if plan.newest else self.python
        if python is None:
            return [], "no CPython 3.15 was found"
        rows = [Row(sampler) for sampler in self.chosen(plan)]
        busy = Busy(self.build, python, self.work, plan.threads)
        try:
            self.rounds(rows, busy, plan)
        finally:
            busy.target.stop()
        return rows, ""


def last_line(path: str) -> str:
    with open(path, errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else "it said nothing"


def wanted_cases() -> List[str]:
    names = os.environ.get("CASES", "").split() or list(PLANS)
    unknown = [name for name in names if name not in PLANS]
    if unknown:
        raise SystemExit("no case %s; there are %s" % (" ".join(unknown), " ".join(PLANS)))
    return names


def run(build: str, names: List[str]) -> str:
    with work_folder() as work, high_priority() as high:
        bench = Bench(build, work)
        bench.prepare()
        pieces = [head(bench.samplers, bench.python, bench.newest, ROUNDS, high)]
        print(pieces[0], flush=True)
        cases: Dict[str, List[Row]] = {}
        for name in names:
            plan = PLANS[name]
            try:
                cases[name], skipped = bench.case(name)
            except Failed as failure:
                cases[name], skipped = [], "failed: %s" % failure
            pieces.append(table(name, plan.threads, plan.rate, cases[name], skipped, CEILING))
            print(pieces[-1], flush=True)
        pieces.append(verdict(cases))
        print(pieces[-1], flush=True)
        return "\n".join(pieces)


def main() -> int:
    # Samplers are ended by it; who was started in the background may have inherited that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    build, home = command_line.begin("sampling.py", str(__doc__))
    names = wanted_cases()
    try:
        text = run(build, names)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except Failed as failure:
        sys.stderr.write("%s\n" % failure)
        return 1
    complete = set(names) == set(PLANS) and not QUICK
    command_line.publish(text, home, "benchmarks-sampling.md", complete)
    return 0


if __name__ == "__main__":
    sys.exit(main())
