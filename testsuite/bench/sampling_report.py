"""What bench/sampling.py found, as Markdown."""

import os
import statistics
import time
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional

from report import machine
from sampling_tools import BLOCKING, Sampler, Samplers

if TYPE_CHECKING:
    import find_pythons


class Measured(NamedTuple):
    speed: float  # of the target, while it was sampled
    alone: float  # and without that
    samples: int
    wished: float  # how many stacks were due
    seconds: float  # of sampling
    impossible: (
        int  # functions that cannot call each other, or a stack without its beginning or end
    )
    wrong_line: int  # the functions are right
    cpu: float  # of the sampler, as a share of a processor
    problem: Optional[str]


class Row:
    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self.results: List[Measured] = []
        self.problem: Optional[str] = None

    @property
    def good(self) -> List[Measured]:
        return [one for one in self.results if not one.problem]

    def failure(self) -> Optional[str]:
        bad = [one.problem for one in self.results if one.problem]
        return self.problem or (bad[0] if bad and not self.good else None)

    def median(self, value: Callable[[Measured], float]) -> float:
        return statistics.median(value(one) for one in self.good)

    def slowdown(self) -> float:
        return self.median(slowdown)

    def impossible(self) -> int:
        return sum(one.impossible for one in self.good)

    def samples(self) -> int:
        return sum(one.samples for one in self.good)


def slowdown(one: Measured) -> float:
    """How much longer the target's work takes than when it is left alone."""
    return one.alone / one.speed - 1 if one.speed else float("inf")


def kept(one: Measured) -> float:
    return one.samples / one.wished


def percent(value: float) -> str:
    return "%.1f %%" % (100 * value)


def head(
    samplers: Samplers,
    python: "find_pythons.Python",
    newest: "Optional[find_pythons.Python]",
    rounds: int,
    high: bool,
) -> str:
    lines = [
        "# Benchmarks of sampling",
        "",
        "Made by `make bench-sampling`; do not edit. %s." % time.strftime("%Y-%m-%d"),
        "",
        "- Machine: " + machine(),
        "- Load before the first case: %.2f; target and samplers run at %s priority"
        % (os.getloadavg()[0], "high" if high else "normal"),
        "- Target: CPython %s%s; its main thread runs call chains through C and Python without pause"
        % (python.version, ", and %s for 3.15's own sampler" % newest.version if newest else ""),
        "- Samplers: " + ", ".join("%s %s" % pair for pair in samplers.versions.items()),
        "- Medians of %d rounds; each round runs every sampler once, in turns. " % rounds
        + "All threads are sampled, idle ones too.",
        '- "Slowdown": how much longer the main thread\'s work takes than in the half seconds before and after, '
        "in which nobody looks; in parentheses the best and the worst round.",
        '- "Kept": stacks in the output, of those that were due in the time from the first one: '
        "rate x time x threads.",
        '- "Impossible": stacks of the main thread that cannot have been, by its own word, of all samples in all rounds; '
        '"wrong line": the functions can have been, their lines cannot.',
        '- "CPU": processor time of the sampler, its start included, per second.',
    ]
    lines += ["- Not there: %s" % what for what in samplers.missing]
    return "\n".join(lines) + "\n"


def cells(row: Row, ceiling: bool) -> List[str]:
    failure = row.failure()
    if failure or not row.good:
        text = (failure or "no result").replace("|", "\\|")[:100]
        return [row.sampler.name, "failed: " + text, "", "", "", "", ""]
    each = [slowdown(one) for one in row.good]
    samples = max(row.samples(), 1)
    bad = len(row.results) - len(row.good)
    return [
        row.sampler.name + (" (%d of %d runs failed)" % (bad, len(row.results)) if bad else ""),
        "%s (%s ... %s)" % (percent(row.slowdown()), percent(min(each)), percent(max(each))),
        "%.0f" % row.median(lambda one: one.samples / one.seconds),
        "" if ceiling else percent(row.median(kept)),
        "%d of %d (%.2f %%)" % (row.impossible(), row.samples(), 100 * row.impossible() / samples),
        str(sum(one.wrong_line for one in row.good)),
        percent(row.median(lambda one: one.cpu)),
    ]


COLUMNS = ["Sampler", "Slowdown", "Samples/s", "Kept", "Impossible", "Wrong line", "CPU"]


def table(name: str, threads: int, rate: int, rows: List[Row], skipped: str, ceiling: int) -> str:
    what = "as often as it goes" if rate == ceiling else "%d Hz" % rate
    sleepers = "one busy thread" + (", %d asleep" % threads if threads else "")
    lines = ["## %s, %s (%s)" % (sleepers[0].upper() + sleepers[1:], what, name), ""]
    if skipped:
        return "\n".join(lines + ["Skipped: %s.\n" % skipped])
    lined = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1)]
    lined += [cells(row, rate == ceiling) for row in rows]
    widths = [max(len(line[i]) for line in lined) for i in range(len(COLUMNS))]
    for line in lined:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))
        ]
        lines.append("| " + " | ".join(padded) + " |")
    return "\n".join(lines) + "\n"


# ---- what is to hold ---------------------------------------------------------------------------


class Goal(NamedTuple):
    case: str
    engine: str
    most: float  # slowdown


GOALS = [
    Goal("busy-1k", "ptrace", 0.05),
    Goal("busy-10k", "ebpf", 0.15),
    Goal("sleep-100", "ptrace", 0.02),
    Goal("sleep-100", "ebpf", 0.02),
]


def find(rows: List[Row], name: str) -> Optional[Row]:
    return next((row for row in rows if row.sampler.name == name and row.good), None)


def met(good: bool) -> str:
    return "**met**" if good else "**not met**"


def verdict(cases: Dict[str, List[Row]]) -> str:
    lines = []
    for goal in GOALS:
        row = find(cases.get(goal.case, []), "pywalk " + goal.engine)
        if row:
            lines.append(
                "- %s: `%s`: slowdown at most %s: %s, %s"
                % (
                    goal.case,
                    row.sampler.name,
                    percent(goal.most),
                    percent(row.slowdown()),
                    met(row.slowdown() <= goal.most),
                )
            )
    for name in "3.15-1k", "3.15-10k":
        ours = find(cases.get(name, []), "pywalk ptrace")
        theirs = find(cases.get(name, []), BLOCKING)
        if ours and theirs:
            values = (percent(ours.slowdown()), percent(theirs.slowdown()))
            lines.append(
                "- %s: `pywalk ptrace`: slowdown below that of %s: %s, %s; %s"
                % (name, BLOCKING, *values, met(ours.slowdown() < theirs.slowdown()))
            )
    for engine in "ptrace", "ebpf":
        ours_rows = [
            row
            for rows in cases.values()
            for row in rows
            if row.sampler.engine == engine and row.good
        ]
        if ours_rows:
            bad = sum(row.impossible() for row in ours_rows)
            lines.append(
                "- all cases: `pywalk %s`: no impossible stack: %d of %d, %s"
                % (engine, bad, sum(row.samples() for row in ours_rows), met(not bad))
            )
    return "\n".join(["## What is to hold", "", *(lines or ["- nothing was measured"])]) + "\n"
