#!/usr/bin/env python3
"""Checks that compare_native.py finds differences: a comparison that cannot fail proves nothing.

    test_compare_native.py GDB

GDB is written by gdb_frames.py.  From it a document is made as a perfect `pywalk dump --native=all --json` would
print it; each change made to that must be found.  Prints what was not found.
"""

import copy
import json
import sys
import tempfile
from typing import Any, Callable, Dict, List, Tuple

import compare_native

Json = Dict[str, Any]


def perfect(gdb: Json) -> Json:
    threads = []
    for thread in gdb["threads"]:
        frames: List[Json] = []
        for one in thread["frames"]:
            if one["type"] == "tailcall":
                continue
            start = one["start"]
            frame = {
                "kind": "native",
                "pc": "0x%x" % one["pc"],
                "sp": "0x%x" % one["sp"],
                "symbol": one["elf"],
                "offset": None if start is None else one["pc"] - start,
            }
            if one["type"] == "inline":
                frame["inlined"] = True
            if one["type"] == "sigtramp":
                frame["signal"] = True
            frames.append(frame)
            if "EvalFrame" in (one["elf"] or "") and one["type"] == "normal":
                frames.insert(-1, {"kind": "python", "name": "f", "line": 1})
        threads.append(
            {
                "tid": thread["tid"],
                "name": "t",
                "frames": frames,
                "native_end": {"reason": "complete"},
            }
        )
    return {"threads": threads}


def real(thread: Json) -> List[Json]:
    return [f for f in thread["frames"] if f["kind"] == "native" and not f.get("inlined")]


def named(thread: Json) -> Json:
    return next(f for f in real(thread)[1:] if f["symbol"])


def drop(number: int) -> Callable[[Json], None]:
    def change(thread: Json) -> None:
        gone = real(thread)[number]
        thread["frames"] = [f for f in thread["frames"] if f is not gone]

    return change


def swap(thread: Json) -> None:
    one, other = real(thread)[1:3]
    frames = thread["frames"]
    a, b = ([f is which for f in frames].index(True) for which in (one, other))
    frames[a], frames[b] = other, one


def move(key: str, number: int, by: int) -> Callable[[Json], None]:
    def change(thread: Json) -> None:
        frame = real(thread)[number]
        frame[key] = "0x%x" % (int(frame[key], 16) + by)

    return change


def twice(thread: Json) -> None:
    thread["frames"].insert(0, dict(real(thread)[0]))


def extra(thread: Json) -> None:
    thread["frames"].append(dict(real(thread)[-1], sp="0x7fffffffe000"))


def another_name(thread: Json) -> None:
    named(thread)["symbol"] = "malloc"


def no_name(thread: Json) -> None:
    named(thread)["symbol"] = None


def offset(thread: Json) -> None:
    named(thread)["offset"] += 4


def signal(thread: Json) -> None:
    real(thread)[1]["signal"] = True


def inlined(thread: Json) -> None:
    real(thread)[2]["inlined"] = True


def gap(thread: Json) -> None:
    frame = real(thread)[2]
    at = [f is frame for f in thread["frames"]].index(True)
    thread["frames"][at] = {"kind": "gap", "pc": frame["pc"], "reason": "no CFI"}


def end(thread: Json) -> None:
    thread["native_end"] = {"reason": "unreadable"}


def no_end(thread: Json) -> None:
    del thread["native_end"]


CHANGES: List[Tuple[str, Callable[[Json], None]]] = [
    ("the newest frame is missing", drop(0)),
    ("a frame is missing", drop(2)),
    ("the oldest frame is missing", drop(-1)),
    ("two frames in the wrong order", swap),
    ("a frame twice", twice),
    ("a frame too many at the end", extra),
    ("pc of the newest frame", move("pc", 0, 1)),
    ("pc of the oldest frame", move("pc", -1, -1)),
    ("sp of the newest frame", move("sp", 0, 8)),
    ("sp of the oldest frame", move("sp", -1, -8)),
    ("another name", another_name),
    ("no name", no_name),
    ("another offset", offset),
    ("a signal's frame that is none", signal),
    ("a real frame said to be inlined", inlined),
    ("a gap", gap),
    ("the stack is not complete", end),
    ("the stack does not say how it ended", no_end),
]


def differs(gdb: Json, document: Json, *arguments: str) -> bool:
    options = compare_native.make_parser().parse_args(arguments)
    return bool(compare_native.compare(gdb, document, options)[0])


def check_below(gdb: Json, document: Json, place: int, check: Callable[[str, bool], None]) -> None:
    """GDB loses its way after the third frame; it is known what stood there before."""
    lost = copy.deepcopy(gdb)
    thread = lost["threads"][place]
    kept = compare_native.real(thread)[:3]
    garbage = [dict(kept[-1], pc=number, sp=kept[-1]["sp"] + 8 * number) for number in (1, 2)]
    thread["frames"] = kept + garbage
    thread["end"] = {"reason": "inner_id", "message": "previous frame inner to this frame"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(gdb, file)
        file.flush()
        arguments = ("--gaps=gap", "--below=" + file.name)
        check("frames below a gap differ", not differs(lost, document, *arguments))
        check("not found: gdb lost its way", differs(lost, document, "--gaps=gap"))
        for number, key in ((1, "pc"), (2, "sp"), (3, "pc"), (3, "sp"), (-1, "pc")):
            changed = copy.deepcopy(document)
            move(key, number, 8)(changed["threads"][place])
            check(
                "not found: %s of frame %d, by what was below" % (key, number),
                differs(lost, changed, *arguments),
            )
        changed = copy.deepcopy(document)
        drop(-1)(changed["threads"][place])
        check("not found: no last frame, by what was below", differs(lost, changed, *arguments))


def check_judge(gdb: Json, document: Json, place: int, check: Callable[[str, bool], None]) -> None:
    """GDB stops after the third frame; eu-stack goes on, or stops there too."""
    short = copy.deepcopy(gdb)
    thread = short["threads"][place]
    thread["frames"] = compare_native.real(thread)[:3]
    thread["end"] = {"reason": "inner_id", "message": "previous frame inner to this frame"}
    behind = copy.deepcopy(document)
    frames = behind["threads"][place]["frames"]
    third = real(behind["threads"][place])[2]
    frames.insert([f is third for f in frames].index(True) + 1, {"kind": "gap", "reason": "no CFI"})
    renamed = copy.deepcopy(document)
    another_name(renamed["threads"][place])
    moved = copy.deepcopy(document)
    move("pc", 4, 1)(moved["threads"][place])
    pcs = [int(f["pc"], 16) for f in real(document["threads"][place])]
    for known, cases in (
        (pcs, ((short, document, False), (gdb, renamed, True), (short, moved, True))),
        (pcs[:3], ((short, behind, False), (short, document, True), (gdb, behind, True))),
        (pcs[:2], ((short, behind, True), (short, document, True))),
    ):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("TID %d:\n" % thread["tid"])
            file.writelines("#%d  0x%016x x\n" % (i, pc) for i, pc in enumerate(known))
            file.flush()
            for number, (truth, changed, expected) in enumerate(cases):
                check(
                    "case %d with %d frames of eu-stack is judged wrongly" % (number, len(known)),
                    differs(truth, changed, "--judge=" + file.name) == expected,
                )


def main() -> int:
    with open(sys.argv[1]) as file:
        gdb = json.load(file)
    document = perfect(gdb)
    status = 0

    def check(what: str, good: bool) -> None:
        nonlocal status
        if not good:
            print(what)
            status = 1

    check("the unchanged document differs", not differs(gdb, document))
    place = next(i for i, t in enumerate(document["threads"]) if len(real(t)) > 6)
    document["threads"][place]["name"] = "gap"
    check("not found: no gap where one is expected", differs(gdb, document, "--gaps=gap"))
    check("not found: no thread with a gap", differs(gdb, document, "--gaps=other"))
    for what, change in CHANGES:
        changed = copy.deepcopy(document)
        change(changed["threads"][place])
        check("not found: " + what, differs(gdb, changed))
    changed = copy.deepcopy(document)
    gap(changed["threads"][place])
    check("a gap that is expected differs", not differs(gdb, changed, "--gaps=gap"))
    check("not found: a gap in another thread", differs(gdb, changed, "--gaps=other"))
    for number, key in ((2, "sp"), (2, "pc"), (4, "sp"), (4, "pc"), (-1, "sp")):
        again = copy.deepcopy(changed)
        move(key, number, 8)(again["threads"][place])
        check("not found: %s of a frame after a gap" % key, differs(gdb, again, "--gaps=gap"))
    check_below(gdb, changed, place, check)
    check_judge(gdb, document, place, check)
    changed = copy.deepcopy(document)
    del changed["threads"][place]
    check("not found: a thread is missing", differs(gdb, changed))
    changed = copy.deepcopy(document)
    changed["threads"].append(dict(changed["threads"][place], tid=1))
    check("not found: a thread too many", differs(gdb, changed))
    short = copy.deepcopy(gdb)
    short["threads"][place]["frames"] = short["threads"][place]["frames"][:3]
    short["threads"][place]["end"] = {"reason": "inner_id", "message": "previous frame inner"}
    check("not found: gdb stops early", differs(short, perfect(short)))
    return status


if __name__ == "__main__":
    sys.exit(main())
