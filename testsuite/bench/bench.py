#!/usr/bin/env python3
"""Dumps by pywalk, py-spy, pystack and gdb, compared in the same run:  bench.py BUILD-FOLDER

Live processes with 1, 100 and 500 threads, cores with 1 and 500, and one with 500 and 4 GB of memory: wall time, the
longest gap that a busy thread of the target saw, peak memory, and how many threads were shown.  Then commands inside
of gdb: pywalk's, gdb's own, and those of CPython's libpython.py, on an interpreter that has one.  Each round runs every
tool once, so that what else the machine does hits all alike; between two runs the target settles.  Medians are shown,
and ratios to pywalk at the same task.

    ROUNDS=N    rounds (7)
    CASES=...   only these: live-1 live-100 live-500 core-1 core-500 core-4g gdb-65 gdb-core-500
    PYTHON=P    the target's interpreter (the newest 3.12 or 3.11 found)
    LIBPYTHON=F libpython.py for the cases in gdb (that of the distribution)
    QUICK=1     3 rounds, without core-4g

py-spy and pystack come from PyPI, into a virtual environment in BUILD-FOLDER/bench.  The report is written to
BUILD-FOLDER/bench/benchmarks.md and, when all cases were run in full, to docs/benchmarks.md.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Dict, List, NamedTuple, Optional, Tuple

import command_line
import report
from gdb_tools import GdbTools, find_interpreter, times
from priority import high_priority
from report import Case, Result, Row
from target_process import Failed, Target
from tools import NO_DUMP, Tool, Tools, complaint, find_python, real_python

TIMEOUT = 300
QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS = int(os.environ.get("ROUNDS") or (3 if QUICK else 7))


class Plan(NamedTuple):
    threads: int
    core: bool
    mebibytes: int
    inside: bool = False  # commands in gdb


PLANS = {
    "live-1": Plan(1, False, 0),
    "live-100": Plan(100, False, 0),
    "live-500": Plan(500, False, 0),
    "core-1": Plan(1, True, 0),
    "core-500": Plan(500, True, 0),
    "core-4g": Plan(500, True, 4096),
    "gdb-65": Plan(65, False, 0, True),
    "gdb-core-500": Plan(500, True, 0, True),
}


class Bench:
    def __init__(self, build: str, python: str, work: str) -> None:
        self.build = build
        self.tools = Tools(build)
        self.measure_program = os.path.join(build, "testsuite", "measure")
        self.library = os.path.join(build, "testsuite", "watch.so")
        self.python = python
        self.work = work
        # gdb would ask the network for what is missing.
        self.environment = {k: v for k, v in os.environ.items() if k != "DEBUGINFOD_URLS"}

    def measure(self, tool: Tool) -> Result:
        output, errors = (os.path.join(self.work, name) for name in ("output", "errors"))
        command = [self.measure_program, str(TIMEOUT), output, errors, *tool.command]
        # A group of its own: whatever a tool leaves behind can be found, and Ctrl-C is for us alone.
        process = subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            preexec_fn=os.setpgrp,
        )
        try:
            text = process.communicate()[0]
        finally:
            process.terminate()  # it ends the tool and waits for it
            process.wait()
            kill_group(process.pid)
        status, nanoseconds, microseconds, memory = (int(word) for word in text.split())
        with open(errors, "rb") as file:
            said = file.read().decode(errors="replace")
        with open(output, "rb") as file:
            text = file.read()
        inside = times(said) if tool.inside else None
        threads, c_frames = len(tool.thread.findall(text)), len(tool.c_frame.findall(text))
        failure = None
        if os.WIFSIGNALED(status):
            by = signal.Signals(os.WTERMSIG(status)).name
            failure = (
                "more than %d s" % TIMEOUT if nanoseconds > TIMEOUT * 1e9 else "killed by " + by
            )
        elif status:
            failure = "status %d: %s" % (os.WEXITSTATUS(status), complaint(said))
        elif not threads and tool.name != NO_DUMP:
            failure = "shows no thread: %s" % complaint(said)
        elif not c_frames and tool.native:
            failure = "shows no C frame: %s" % complaint(said)
        elif tool.inside and not inside:
            failure = "no time: %s" % complaint(said)
        wall, cpu = inside or (nanoseconds / 1e9, microseconds / 1e6)
        return Result(wall, cpu, memory, None, threads, c_frames, failure)

    def rounds(self, tools: List[Tool], target: Optional[Target]) -> List[Row]:
        """Each tool once without being measured, so that all find the files in memory; then the rounds."""
        all_rows = [Row(tool, []) for tool in tools]
        rows = [row for row in all_rows if not row.tool.missing]
        for number in range(ROUNDS + 1):
            first = number % len(rows)
            for row in rows[first:] + rows[:first]:
                if row.failed and number > 2:
                    continue
                if target:
                    target.settle()
                    target.longest_gap()
                result = self.measure(row.tool)
                if target:
                    result = result._replace(gap=target.longest_gap())
                if number:
                    row.results.append(result)
            show_progress("round %d of %d" % (number, ROUNDS))
        return all_rows

    def case(self, name: str, plan: Plan) -> Case:
        case = Case(name, plan.threads, plan.core, [], [], inside=plan.inside)
        folder = os.path.join(self.work, name)
        short = self._what_is_short(plan)
        if short:
            return case._replace(skipped=short)
        if plan.inside and not self.tools.gdb:
            return case._replace(skipped="gdb is not installed")
        inside = GdbTools(self.build, self.tools.gdb or "gdb")
        interpreter = find_interpreter() if plan.inside and not plan.core else None
        python = interpreter.binary if interpreter else self.python
        target = Target(python, self.library, folder, plan.threads, plan.mebibytes)
        try:
            if interpreter:
                case.notes.append("CPython %s (%s)" % (interpreter.version, interpreter.binary))
                tools = inside.live(target.pid, interpreter)
                return case._replace(rows=self.rounds(tools, target))
            if not plan.core:
                return case._replace(rows=self.rounds(self.tools.live(target.pid), target))
            core, kind = target.core()
            status = os.stat(core)
            case.notes.append(
                "%s, %s long, %s on disk"
                % (kind, report.size(status.st_size), report.size(status.st_blocks * 512))
            )
            arguments = core, self.python
            tools = inside.core(*arguments) if plan.inside else self.tools.core(*arguments)
            return case._replace(rows=self.rounds(tools, None))
        finally:
            target.stop()

    def _what_is_short(self, plan: Plan) -> str:
        """The process, its core, and the copy of that in the page cache."""
        needed = plan.mebibytes << 20
        with open("/proc/meminfo") as file:
            memory = dict(line.split(":") for line in file)
        available = int(memory["MemAvailable"].split()[0]) << 10
        if needed and available < 2 * needed + (1 << 30):
            return "needs %s of free memory" % report.size(2 * needed + (1 << 30))
        if needed and shutil.disk_usage(self.work).free < needed + (1 << 30):
            return "needs %s of free disk" % report.size(needed + (1 << 30))
        return ""


def kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def wanted_cases() -> Tuple[Dict[str, Plan], List[str]]:
    names = os.environ.get("CASES", "").split()
    unknown = [name for name in names if name not in PLANS]
    if unknown:
        raise SystemExit("no case %s; there are %s" % (" ".join(unknown), " ".join(PLANS)))
    if not names:
        names = [name for name in PLANS if not (QUICK and PLANS[name].mebibytes)]
    left_out = [name for name in PLANS if name not in names]
    return {name: PLANS[name] for name in names}, left_out


def run_cases(bench: Bench, plans: Dict[str, Plan], head: str) -> str:
    """The report, which is printed as it comes."""
    print(head, flush=True)
    cases = []
    for name, plan in plans.items():
        try:
            case = bench.case(name, plan)
        except Failed as failure:
            case = Case(name, plan.threads, plan.core, [], [], "failed: %s" % failure)
        show_progress("")
        print(report.table(case), flush=True)
        cases.append(case)
    verdict = report.verdict(cases)
    print(verdict, flush=True)
    return "\n".join([head, *(report.table(case) for case in cases), verdict])


def make_report(build: str, home: str) -> Tuple[str, bool]:
    """(the report, whether all cases are in it)"""
    plans, left_out = wanted_cases()
    python = real_python(os.environ.get("PYTHON") or find_python() or sys.executable)
    for leftover in os.listdir(home):  # of a run that was killed
        if leftover.startswith("work."):
            shutil.rmtree(os.path.join(home, leftover), ignore_errors=True)
    work = tempfile.mkdtemp(prefix="work.", dir=home)
    try:
        with high_priority() as high:
            bench = Bench(build, python, work)
            head = report.head(python, bench.tools, ROUNDS, high, left_out)
            return run_cases(bench, plans, head), not left_out
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main() -> int:
    build, home = command_line.begin("bench.py", str(__doc__))
    try:
        text, complete = make_report(build, home)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    command_line.publish(text, home, "benchmarks.md", complete and not QUICK)
    return 0


if __name__ == "__main__":
    sys.exit(main())
