"""Compares what GDB's frames and pywalk's own became: `py-mixed-bt --all --json` with both unwinders.

    compare_unwinders.py GDB.json PYWALK.json

Every thread must be in both, with the same C frames (pc and sp; without what was inlined, and
tail calls, which only GDB finds out), the same Python frames between the same C frames, and a proof that is not
weaker.  Exit status 1 and a line for each difference.
"""

import argparse
import json
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

PROOFS = ["none", "order", "pointer", "address"]
Thread = Dict[str, Any]
Threads = Dict[int, Thread]
# What the merge adds to a Python frame.
MERGED = {"proof", "native_index"}


def load(path: str) -> Threads:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    # GDB may have said something before.
    document = json.loads(text[text.index('{"schema"') :])
    threads = {thread["tid"]: thread for thread in document["threads"]}
    if len(threads) != len(document["threads"]):
        raise SystemExit(f"{path}: the same thread twice")
    return threads


def frames_of(thread: Thread) -> List[Tuple[str, ...]]:
    """What must be the same in both, in order."""
    found: List[Tuple[str, ...]] = []
    for frame in thread["frames"]:
        if frame["kind"] == "native" and not frame.get("inlined"):
            found.append(("native", frame["pc"], frame["sp"]))
        elif frame["kind"] == "python":
            plain = sorted((key, value) for key, value in frame.items() if key not in MERGED)
            found.append(("python", json.dumps(plain)))
        elif frame["kind"] == "gap":
            found.append(("gap", frame["pc"], frame["reason"]))
    return found


def first_difference(
    what: str, one: List[Tuple[str, ...]], other: List[Tuple[str, ...]]
) -> Optional[str]:
    for i, (a, b) in enumerate(zip(one, other)):
        if a != b:
            return f"{what} {i}: gdb {a}, pywalk {b}"
    if len(one) != len(other):
        longer, who = (one, "gdb") if len(one) > len(other) else (other, "pywalk")
        return f"{what} {min(len(one), len(other))}: only {who} has {longer[min(len(one), len(other))]}"
    return None


def weaker_proofs(one: Thread, other: Thread) -> Iterator[str]:
    proofs = [[f["proof"] for f in t["frames"] if f["kind"] == "python"] for t in (one, other)]
    for i, (a, b) in enumerate(zip(*proofs)):
        if PROOFS.index(b) < PROOFS.index(a):
            yield f"Python frame {i}: proof {b}, with gdb's frames {a}"


def compare(one: Threads, other: Threads) -> Iterator[str]:
    for tid in sorted(one.keys() ^ other.keys()):
        yield f"thread {tid}: only with " + ("gdb" if tid in one else "pywalk")
    for tid in sorted(one.keys() & other.keys()):
        found = first_difference("frame", frames_of(one[tid]), frames_of(other[tid]))
        if found:
            yield f"thread {tid}: {found}"
        for weaker in weaker_proofs(one[tid], other[tid]):
            yield f"thread {tid}: {weaker}"
        end = other[tid].get("native_end", {"reason": "not there"})["reason"]
        if end != "complete":
            yield f"thread {tid}: pywalk's C frames end: {end}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("gdb")
    parser.add_argument("pywalk")
    arguments = parser.parse_args()
    one, other = load(arguments.gdb), load(arguments.pywalk)
    natives = sum(f["kind"] == "native" for t in one.values() for f in t["frames"])
    if not natives:
        print("gdb has no C frames: there is nothing to compare")
        return 1
    problems = list(compare(one, other))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
