"""What was measured, as Markdown, and the ratios that pywalk is to keep."""

import os
import platform
import statistics
import subprocess
import time
from typing import Callable, List, NamedTuple, Optional

from gdb_tools import GDB_BT, LIBPYTHON, MIXED, PYTHON
from tools import NO_DUMP, Tool, Tools


class Result(NamedTuple):
    wall: float  # seconds
    cpu: float  # seconds, user and system
    memory: int  # KiB
    gap: Optional[float]  # seconds
    threads: int
    c_frames: int
    failure: Optional[str]


class Row(NamedTuple):
    tool: Tool
    results: List[Result]

    @property
    def good(self) -> List[Result]:
        return [result for result in self.results if not result.failure]

    @property
    def failed(self) -> Optional[str]:
        """Why there is nothing to show.  A peer that only sometimes fails is measured by its other runs."""
        failures = [result.failure for result in self.results if result.failure]
        tolerated = self.good and not self.tool.name.startswith("pywalk")
        return failures[0] if failures and not tolerated else None

    @property
    def usable(self) -> bool:
        return bool(self.results) and not self.failed

    def wall(self) -> float:
        return statistics.median(result.wall for result in self.good)

    def cpu(self) -> float:
        return statistics.median(result.cpu for result in self.good)

    def memory(self) -> float:
        return statistics.median(result.memory for result in self.good)

    def gap(self) -> float:
        return statistics.median(result.gap or 0.0 for result in self.good)

    def worst_gap(self) -> float:
        return max(result.gap or 0.0 for result in self.good)


class Case(NamedTuple):
    name: str
    threads: int
    core: bool
    rows: List[Row]
    notes: List[str]
    skipped: str = ""
    inside: bool = False  # commands in gdb

    def row(self, tool: str) -> Optional[Row]:
        return next((row for row in self.rows if row.tool.name == tool and row.usable), None)


def size(octets: float) -> str:
    for unit in ("B", "KB", "MB"):
        if octets < 1000:
            return "%.3g %s" % (octets, unit)
        octets /= 1000
    return "%.3g GB" % octets


def machine() -> str:
    model = platform.machine()
    with open("/proc/cpuinfo") as file:
        text = file.read()
    for line in text.splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    if " hypervisor" in text:
        model += " (virtual machine)"
    with open("/proc/meminfo") as file:
        memory = int(file.readline().split()[1]) << 10
    return "%s, %d processors, %s of memory, Linux %s" % (
        model,
        os.cpu_count() or 0,
        size(memory),
        platform.release(),
    )


def head(python: str, tools: Tools, rounds: int, high: bool, left_out: List[str]) -> str:
    version = subprocess.run(
        [python, "-c", "import platform as p; print(p.python_version(), p.python_compiler())"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    lines = [
        "# Benchmarks",
        "",
        "Made by `make bench`; do not edit. %s." % time.strftime("%Y-%m-%d"),
        "",
        "- Machine: " + machine(),
        "- Load before the first case: %.2f; target and tools run at %s priority"
        % (os.getloadavg()[0], "high" if high else "normal"),
        "- Target: CPython " + version.strip(),
        "- Tools: " + ", ".join("%s %s" % pair for pair in tools.versions.items()),
        "- Medians of %d rounds; each round runs every tool once, in turns, after one run that does not count. "
        % rounds
        + "Before each run the target settles: all but its busy thread sleep, and the scheduler did not touch them.",
        "- Ratios, in parentheses, are to pywalk at the same task: Python frames only, or C frames as well. "
        "More than 1: pywalk is better.",
        '- "Longest gap": the longest time in which the busy thread of the target could not look at the clock, '
        'and its worst round. "%s" is what the machine does by itself.' % NO_DUMP,
        '- "Threads": how many of the target\'s threads the tool showed, in the worst round; "C frames": how many of all. '
        "pywalk folds the interpreter's own C frames away after it unwound them, py-spy and pystack most of them.",
        "- In gdb: the time is that of the command alone, the first one in a gdb that has just opened its target; "
        "memory is gdb's.",
    ]
    lines += ["- Not there: %s" % what for what in tools.missing]
    if left_out:
        lines.append("- Cases left out: " + ", ".join(left_out))
    return "\n".join(lines) + "\n"


def ratio(row: Row, case: Case, value: Callable[[Row], float]) -> str:
    base = case.row(row.tool.base)
    if base is None or row.tool.name == row.tool.base or not value(base):
        return ""
    return " (%.3gx)" % (value(row) / value(base))


def cells(row: Row, case: Case) -> List[str]:
    if row.tool.missing:
        return ["not there: " + row.tool.missing, "", "", "", "", ""]
    if row.failed:
        return ["failed: " + row.failed.replace("|", "\\|")[:120], "", "", "", "", ""]
    gap = ""
    if not case.core and not case.inside:
        worst = ", worst %.2f" % (1000 * row.worst_gap())
        gap = "%.2f ms%s%s" % (1000 * row.gap(), ratio(row, case, Row.gap), worst)
    if row.tool.name == NO_DUMP:
        return ["", "", gap, "", "", ""]
    shown = min(result.threads for result in row.good)
    return [
        "%.1f ms%s" % (1000 * row.wall(), ratio(row, case, Row.wall)),
        "%.1f ms%s" % (1000 * row.cpu(), ratio(row, case, Row.cpu)),
        gap,
        "%.1f MB%s" % (row.memory() * 1024 / 1e6, ratio(row, case, Row.memory)),
        str(shown) if shown == case.threads else "**%d of %d**" % (shown, case.threads),
        str(min(result.c_frames for result in row.good)) if row.tool.native else "",
    ]


def name(row: Row) -> str:
    bad = len(row.results) - len(row.good)
    return row.tool.name + (" (%d of %d runs failed)" % (bad, len(row.results)) if bad else "")


def table(case: Case) -> str:
    title = "Core" if case.core else "Live process"
    if case.inside:
        title = "In gdb: " + title.lower()
    threads = "%d thread%s" % (case.threads, "s" * (case.threads != 1))
    lines = ["## %s, %s (%s)" % (title, threads, case.name), ""]
    lines += [note[0].upper() + note[1:] + ".\n" for note in case.notes]
    if case.skipped:
        return "\n".join(lines + ["Skipped: %s.\n" % case.skipped])
    columns = ["Tool", "Wall time", "CPU time", "Longest gap", "Peak memory", "Threads", "C frames"]
    rows = [[name(row), *cells(row, case)] for row in case.rows]
    table = [columns, ["---"] + ["---:"] * (len(columns) - 1), *rows]
    if case.core or case.inside:  # nobody waits
        table = [line[:3] + line[4:] for line in table]
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    for line in table:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))
        ]
        lines.append("| " + " | ".join(padded) + " |")
    return "\n".join(lines) + "\n"


# ---- what is to hold ---------------------------------------------------------------------------

NATIVE = "pywalk dump --native"
PY_SPY = "py-spy dump --native"


class Goal(NamedTuple):
    case: str
    what: str
    peer: str
    value: Callable[[Row], float]
    most: float  # of the peer's
    ours: str = NATIVE


GOALS = [
    Goal("live-1", "longest gap", PY_SPY, Row.gap, 1 / 20),
    Goal("live-100", "longest gap", PY_SPY, Row.gap, 1 / 20),
    Goal("live-500", "longest gap", PY_SPY, Row.gap, 1 / 100),
    Goal("live-500", "wall time", PY_SPY, Row.wall, 1 / 8),
    Goal("core-500", "wall time", "gdb bt", Row.wall, 1 / 5),
    Goal("core-500", "wall time", "pystack core --native", Row.wall, 1 / 10),
    Goal("core-4g", "wall time", "gdb bt", Row.wall, 1 / 5),
    Goal("core-4g", "wall time", "pystack core --native", Row.wall, 1 / 10),
    Goal("gdb-65", "wall time", LIBPYTHON, Row.wall, 1 / 10, PYTHON),
    Goal("gdb-core-500", "wall time", GDB_BT, Row.wall, 1, MIXED),
]
MEMORY_CASES = ["core-500", "core-4g"]
MEMORY_MOST = 50e6


def verdict(cases: List[Case]) -> str:
    lines = []
    by_name = {case.name: case for case in cases}
    for goal in GOALS:
        case = by_name.get(goal.case)
        if case:
            lines.append("- %s" % judge(goal, case))
    for name in MEMORY_CASES:
        ours = by_name[name].row(NATIVE) if name in by_name else None
        if ours:
            used = ours.memory() * 1024
            lines.append(
                "- %s: `%s`: peak memory at most %s: %s, **%s**"
                % (
                    name,
                    NATIVE,
                    size(MEMORY_MOST),
                    size(used),
                    "met" if used <= MEMORY_MOST else "not met",
                )
            )
    if not lines:
        return ""
    return "\n".join(["## What is to hold", "", *lines]) + "\n"


def judge(goal: Goal, case: Case) -> str:
    most = "that" if goal.most == 1 else "1/%.0f" % (1 / goal.most)
    text = "%s: `%s`: %s at most %s of %s: " % (goal.case, goal.ours, goal.what, most, goal.peer)
    ours, theirs = case.row(goal.ours), case.row(goal.peer)
    if ours is None or theirs is None:
        return text + "not known, **%s** has no result" % (goal.ours if ours is None else goal.peer)
    text += "1/%.3g" % (goal.value(theirs) / goal.value(ours))
    result = text + (
        ", **met**" if goal.value(ours) <= goal.most * goal.value(theirs) else ", **not met**"
    )
    idle = case.row(NO_DUMP)
    if goal.value is Row.gap and idle:
        result += " (%.2f ms; %.2f ms without a dump)" % (1000 * ours.gap(), 1000 * idle.gap())
    return result
