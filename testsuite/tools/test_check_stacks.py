#!/usr/bin/env python3
"""Whether stack_truth.py finds stacks that cannot have been, in each of the formats that it reads."""

import json
import os
import sys
import tempfile
from typing import Any, Dict, List, Tuple

from stack_truth import Result, Truth, read_collapsed, read_profile

NODES: List[Tuple[int, str, str, int]] = [
    (0, "<module>", "t.py", 9),
    (1, "run_chains", "t.py", 8),
    (2, "a", "t.py", 1),
    (3, "b", "t.py", 2),
    (3, "b", "t.py", 3),
    (2, "c", "t.py", 4),
    (6, "b", "t.py", 2),
]
TRUTH: Dict[str, Any] = {
    "pid": 1,
    "nodes": NODES,
    "threads": {"1": [3, 4, 5], "2": [6, 7]},
    "starting": ["starting", "run_chains"],
}
# What is below run_chains, whether it can be, and of which threads.
STACKS: List[Tuple[List[Tuple[str, int]], bool, List[int]]] = [
    ([("a", 1)], True, [1]),
    ([("a", 1), ("b", 2)], True, [1]),
    ([("a", 1), ("b", 3)], True, [1]),
    ([("c", 4), ("b", 2)], True, [2]),
    ([("c", 4), ("b", 3)], False, []),  # a line from which another one is called
    ([("a", 2)], False, []),  # no such line
    ([("b", 2)], False, []),  # a caller is missing
    ([("a", 1), ("b", 2), ("b", 2)], False, []),
    ([("a", 1), ("c", 4)], False, []),
    ([("a", 1), ("", 0)], False, []),  # a name is missing
]
FORMATS = ("%s (/x/t.py:%d)", "%s (t.py:%d)", "/x/t.py:%s:%d")


def count(truth: Truth, path: str) -> Tuple[int, int]:
    result = Result().judge(truth, read_profile(path))
    return result.samples, result.impossible


def write_collapsed(path: str, frame: str, stack: List[Tuple[str, int]]) -> None:
    names = [("<module>", 9), ("run_chains", 8), *stack]
    with open(path, "w") as file:
        file.write("thread 1;%s 3\n" % ";".join(frame % one for one in names))


def write_jsonl(path: str, tid: int, stack: List[Tuple[str, int]], **more: Any) -> None:
    lines: List[Dict[str, Any]] = [{"type": "profile"}, {"type": "thread", "id": 0, "tid": tid}]
    names = [("<module>", 9), ("run_chains", 8), *stack]
    for i, (name, number) in enumerate(names):
        lines.append(
            {
                "type": "frame",
                "id": i,
                "kind": "python",
                "name": name,
                "file": "/x/t.py",
                "line": number,
            }
        )
        lines.append({"type": "stack", "id": i + 1, "caller": i, "frame": i})
    lines.append({"type": "sample", "thread": 0, "stack": len(names), **more})
    with open(path, "w") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def check(folder: str) -> List[str]:
    problems = []
    truth_path, folded, lines = (
        os.path.join(folder, name) for name in ("t", "p.folded", "p.jsonl")
    )
    with open(truth_path, "w") as file:
        json.dump(TRUTH, file)
    truth = Truth(truth_path)
    for stack, possible, threads in STACKS:
        for form in FORMATS:
            write_collapsed(folded, form, stack)
            if stack[-1][0] and count(truth, folded) != (3, 0 if possible else 3):
                problems.append("%s as %s: %r" % (stack, form, count(truth, folded)))
        for tid in 1, 2:
            write_jsonl(lines, tid, stack)
            if count(truth, lines) != (1, 0 if tid in threads else 1):
                problems.append("%s of thread %d: %r" % (stack, tid, count(truth, lines)))
    write_jsonl(lines, 1, [("a", 1)], torn=True)
    if count(truth, lines) != (1, 0):
        problems.append("the beginning of a stack, torn, was not allowed")
    write_jsonl(lines, 1, [("a", 2)], torn=True)
    if count(truth, lines) != (1, 1):
        problems.append("a torn stack that is no beginning of one was allowed")
    with open(folded, "w") as file:
        file.write("P1;T0:2;t.py:<module>:9;t.py:run_chains:8;t.py:a:1 14208\n")
    if Result().judge(truth, read_collapsed(folded, False)).samples != 1:
        problems.append("a time was taken for a number of samples")
    return problems


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        problems = check(folder)
    print("\n".join(problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
