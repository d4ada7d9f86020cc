#!/usr/bin/env python3
"""Compares tables of `pywalk report --json` and `pywalk diff` with what make_profile says it made.

    check_tables.py [--before-case CASE --before-truth FILE] CASE TRUTH OUTPUT [OPTIONS]

CASE is make_profile's, TRUTH its standard error: "THREAD WEIGHT FRAME;FRAME..." a sample.  OPTIONS
are those that pywalk was given; what they mean is computed here once more, from the truth alone.
Prints what differs.  OUTPUT of `-F collapsed` is told by its name's end, ".folded".
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from typing import Any, Dict, List, NamedTuple, Tuple

Cost = Tuple[int, int]  # samples, nanoseconds
Stack = Tuple[str, ...]

NATIVE = {"list_sort_impl", "epoll_wait"}
GAPS = {"no call-frame information"}
TIDS = {"usual": [4711, 4712, 4713], "family": [100, 101, 102]}
PIDS = {"usual": [4711, 4711, 4711], "family": [100, 101, 102]}
NAMES = {"usual": ["MainThread", "worker 1", "grpc"], "family": ["MainThread"] * 3}
FILES = {
    "<module>": "/srv/app/main.py",
    "Server.serve": "/srv/app/server.py",
    "parse": "/srv/app/parse.py",
    "list_sort_impl": "Objects/listobject.c",
    "Server.serve.<locals>.<lambda>": "/srv/app/server.py",
}
LIBRARIES = {
    "list_sort_impl": "/usr/lib/libpython3.12.so.1.0",
    "epoll_wait": "/usr/lib/x86_64-linux-gnu/libc.so.6",
}
NOBODY = "(nobody)"


class Sample(NamedTuple):
    thread: int
    time: int
    weight: int
    stack: Stack
    running: bool
    gil: bool


def read_truth(case: str, path: str) -> List[Sample]:
    samples = []
    with open(path, encoding="utf-8") as file:
        for i, line in enumerate(file):
            thread, weight, frames = line.rstrip("\n").split(" ", 2)
            usual = case == "usual"
            samples.append(
                Sample(
                    int(thread),
                    i // 3 * 10_000_000 if usual else i * 5_000_000,
                    int(weight),
                    tuple(frames.split(";")),
                    i % 10 != 9 or not usual,
                    usual and i % 10 != 9 and i % 3 == 0,
                )
            )
    return samples


def folded(name: str, folds: List[str]) -> str:
    for fold in folds:
        _, expression, new, flags = fold.split(fold[1])
        new = new.replace("&", r"\g<0>")
        name = re.sub(expression, new, name, count=0 if "g" in flags else 1)
    return name


def choose(case: str, samples: List[Sample], options: argparse.Namespace) -> List[Sample]:
    kept = []
    for s in samples:
        tid, name, pid = TIDS[case][s.thread], NAMES[case][s.thread], PIDS[case][s.thread]
        if options.thread and not {str(tid), name} & set(options.thread):
            continue
        if options.process and pid not in options.process:
            continue
        if (options.running and not s.running) or (options.gil and not s.gil):
            continue
        if s.time < options.start * 1e9 or (options.to and s.time >= options.to * 1e9):
            continue
        stack = [(folded(f, options.fold), f in NATIVE, f in GAPS) for f in s.stack]
        if options.include and not any(re.search(r, f[0]) for r in options.include for f in stack):
            continue
        if any(re.search(r, f[0]) for r in options.exclude for f in stack):
            continue
        if options.python:
            stack = [f for f in stack if not f[1] and not f[2]]
        if options.native:
            stack = [f for f in stack if f[1]]
        kept.append(s._replace(stack=tuple(f[0] for f in stack)))
    return kept


def subject(name: str, by: str) -> str:
    if by == "file":
        return FILES.get(name, "")
    if by == "module":
        return LIBRARIES.get(name, FILES.get(name, ""))
    return name


def add(costs: Dict[Any, Cost], key: Any, weight: int) -> None:
    samples, time = costs.get(key, (0, 0))
    costs[key] = (samples + 1, time + weight)


class Sums:
    """What each subject took, by walking each sample's stack."""

    def __init__(self, case: str, samples: List[Sample], by: str) -> None:
        self.self_: Dict[str, Cost] = {}
        self.total: Dict[str, Cost] = {}
        self.callers: Dict[str, Dict[str, Cost]] = defaultdict(dict)
        self.callees: Dict[str, Dict[str, Cost]] = defaultdict(dict)
        self.tree: Dict[Stack, Cost] = {}
        self.tree_self: Dict[Stack, Cost] = {}
        self.all: Dict[str, Cost] = {}
        for s in samples:
            stack = [subject(f, by) for f in s.stack] or [NOBODY]
            if by == "thread":
                stack = [str(TIDS[case][s.thread])]
            elif by == "process":
                stack = [str(PIDS[case][s.thread])]
            add(self.all, "all", s.weight)
            add(self.self_, stack[-1], s.weight)
            add(self.tree_self, tuple(stack), s.weight)
            for i in range(len(stack)):
                add(self.tree, tuple(stack[: i + 1]), s.weight)
            for one in set(stack):
                add(self.total, one, s.weight)
                first = stack.index(one)
                last = len(stack) - 1 - stack[::-1].index(one)
                add(self.callers[one], stack[first - 1] if first else NOBODY, s.weight)
                if last + 1 < len(stack):
                    add(self.callees[one], stack[last + 1], s.weight)


def cost(value: Dict[str, Any]) -> Cost:
    return value["samples"], value["time"]


def label(row: Dict[str, Any], by: str) -> str:
    if by == "thread":
        return str(row["thread"]["tid"])
    if by == "process":
        return str(row["process"]["pid"])
    if by in ("file", "module"):
        return str(row.get(by, NOBODY) or "")
    return str(row.get("name", NOBODY))


def compare(what: str, expected: Any, got: Any) -> List[str]:
    return [] if expected == got else [f"{what}: expected {expected!r}, got {got!r}"]


def check_order(rows: List[Dict[str, Any]], key: str) -> List[str]:
    times = [row[key]["time"] for row in rows]
    return compare(f"the order by {key}", sorted(times, reverse=True), times)


def check_percent(value: Dict[str, Any], whole: Cost) -> List[str]:
    share = 100 * value["time"] / whole[1] if whole[1] else 0
    return [] if abs(share - value["percent"]) < 1e-9 else [f"{value}: not {share} %"]


def check_list(report: Dict[str, Any], sums: Sums, options: argparse.Namespace) -> List[str]:
    rows = report["rows"]
    flat = report["table"] == "flat"
    wanted = {
        name: (sums.self_.get(name, (0, 0)), total)
        for name, total in sums.total.items()
        if (not flat or name in sums.self_)
        and (not options.function or re.search(options.function, name))
    }
    got = {label(row, options.by): (cost(row["self"]), cost(row["total"])) for row in rows}
    problems = check_order(rows, "self" if flat else "total")
    if len(got) != len(rows):
        problems.append("a row comes twice")
    count = min(options.limit or len(wanted), len(wanted))
    if options.threshold:
        whole, index = sums.all["all"][1], 0 if flat else 1
        count = sum(100 * c[index][1] / whole >= options.threshold for c in wanted.values())
    problems += compare("rows", count, len(rows))
    problems += compare("rows left out", len(wanted) - count, report["left_out"])
    for name, costs in got.items():
        problems += compare(name, wanted.get(name), costs)
    return problems


def check_graph(report: Dict[str, Any], sums: Sums, options: argparse.Namespace) -> List[str]:
    edges = sums.callers if report["table"] == "callers" else sums.callees
    got: Dict[str, Dict[str, Cost]] = {}
    problems = []
    current = ""
    for row in report["rows"]:
        name = label(row, options.by)
        if row["level"]:
            got[current][name] = cost(row["total"])
            continue
        current = name
        got[name] = {}
        problems += compare(name, sums.total[name], cost(row["total"]))
        problems += compare(f"{name}'s self", sums.self_.get(name, (0, 0)), cost(row["self"]))
    wanted = {
        name: dict(edges[name])
        for name in sums.total
        if name != NOBODY and (not options.function or re.search(options.function, name))
    }
    problems += compare(report["table"], wanted, got)
    for name, below in got.items():
        own = (0, 0) if report["table"] == "callers" else sums.self_.get(name, (0, 0))
        for i in range(2):
            whole = own[i] + sum(c[i] for c in below.values())
            problems += compare(f"{name}: the sum below it", sums.total[name][i], whole)
    return problems


def check_tree(report: Dict[str, Any], sums: Sums, options: argparse.Namespace) -> List[str]:
    problems = []
    path: List[str] = []
    got: Dict[Stack, Cost] = {}
    for row in report["rows"]:
        path[row["level"] :] = [label(row, options.by)]
        problems += compare("a row's depth", row["level"] + 1, len(path))
        got[tuple(path)] = cost(row["total"])
        own = sums.tree_self.get(tuple(path), (0, 0))
        problems += compare(f"{path}: self", own, cost(row["self"]))
    wanted = dict(sums.tree)
    whole = sums.all["all"][1]
    if options.threshold:
        wanted = {k: c for k, c in wanted.items() if 100 * c[1] / whole >= options.threshold}
    if options.limit:
        largest = sorted(wanted.values(), reverse=True)[: options.limit]
        problems += compare("the largest", largest, sorted(got.values(), reverse=True))
        wanted = {k: c for k, c in wanted.items() if k in got}
    return problems + compare("the tree", wanted, got)


def check_diff(report: Dict[str, Any], sums: Sums, before: Sums, by: str) -> List[str]:
    none = (0, 0)
    problems = compare("all before", before.all.get("all", none), cost(report["total_before"]))
    names = set()
    changes = []
    key = "self" if report["table"] == "flat" else "total"
    for row in report["rows"]:
        name = label(row, by)
        names.add(name)
        for part, ours, at in (
            ("self", sums.self_, "self"),
            ("total", sums.total, "total"),
            ("self before", before.self_, "self_before"),
            ("total before", before.total, "total_before"),
        ):
            problems += compare(f"{name}: {part}", ours.get(name, none), cost(row[at]))
        changes.append(abs(row[key]["percent"] - row[key + "_before"]["percent"]))
    wanted = set(sums.self_) | set(before.self_)
    if key == "total":
        wanted = set(sums.total) | set(before.total)
    problems += compare("rows", wanted, names)
    return problems + compare("the order", sorted(changes, reverse=True), changes)


def check_folded(path: str, after: List[Sample], before: List[Sample]) -> List[str]:
    wanted: Dict[Stack, List[int]] = defaultdict(lambda: [0, 0])
    got: Dict[Stack, List[int]] = {}
    for which, samples in enumerate((before, after)):
        for s in samples:
            wanted[s.stack][which] += 1
    with open(path, encoding="utf-8") as file:
        for line in file:
            frames, a, b = line.rsplit(" ", 2)
            stack = tuple(re.sub(r" \([^()]*\)$", "", f) for f in frames.split(";"))
            got[stack] = [int(a), int(b)]
    return compare("stacks", dict(wanted), got)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("truth")
    parser.add_argument("output")
    parser.add_argument("--before-case")
    parser.add_argument("--before-truth")
    for name in ("thread", "include", "exclude", "fold"):
        parser.add_argument(f"--{name}", action="append", default=[])
    parser.add_argument("--process", action="append", default=[], type=int)
    for name in ("running", "gil", "python", "native"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--from", dest="start", type=float, default=0)
    parser.add_argument("--to", type=float, default=0)
    parser.add_argument("--table", default="flat")
    parser.add_argument("--by", default="function")
    parser.add_argument("--function")
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--threshold", type=float, default=0)
    return parser.parse_args()


def check_report(options: argparse.Namespace, samples: List[Sample], all_: int) -> List[str]:
    with open(options.output, encoding="utf-8") as file:
        report = json.load(file)
    sums = Sums(options.case, samples, options.by)
    whole = sums.all.get("all", (0, 0))
    problems = compare("all", whole, cost(report["total"]))
    problems += compare("table", (options.table, options.by), (report["table"], report["by"]))
    for row in report["rows"]:
        problems += check_percent(row["total"], whole)
    if options.before_case:
        before = choose(
            options.before_case, read_truth(options.before_case, options.before_truth), options
        )
        return problems + check_diff(
            report, sums, Sums(options.before_case, before, options.by), options.by
        )
    problems += compare("samples before choosing", all_, report["samples_measured"])
    checks = {"callers": check_graph, "callees": check_graph, "tree": check_tree}
    return problems + checks.get(options.table, check_list)(report, sums, options)


def main() -> int:
    options = parse_arguments()
    everything = read_truth(options.case, options.truth)
    samples = choose(options.case, everything, options)
    if options.output.endswith(".folded"):
        before = choose(
            options.before_case, read_truth(options.before_case, options.before_truth), options
        )
        problems = check_folded(options.output, samples, before)
    else:
        problems = check_report(options, samples, len(everything))
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
