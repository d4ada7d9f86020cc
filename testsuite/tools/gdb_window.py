"""For gdb: steps through the first instructions of the function that evaluates Python code.

    step-window TRUTH ENTRIES     of enters.py

While a frame is being entered, the interpreter's own state is inconsistent for a few instructions.  At each
of them py-bt and py-mixed-bt must show the frames of the truth, below the one that is entered or not yet.
"""

import json
from typing import Any, Dict, List, Tuple

import gdb

WINDOW = 0x180
STEPS_MAX = 200000


def start_of_evaluation() -> int:
    for name in ("_PyEval_EvalFrameDefault", "PyEval_EvalFrameEx"):
        try:
            return int(gdb.parse_and_eval("(unsigned long) &" + name))
        except gdb.error:
            pass
    raise gdb.GdbError("no evaluation function")


def place(frame: Dict[str, Any]) -> Tuple[str, int]:
    """Names that are not ASCII are bytes in 2.7, and the truth of them is Latin-1."""
    name = frame["name"]
    return (name if name.isascii() else "?", frame["line"])


def frames(command: str) -> Tuple[List[Tuple[str, int]], str, List[str]]:
    found = json.loads(gdb.execute(command + " --json", to_string=True) or "")
    python = [one for one in found["frames"] if one["kind"] == "python"]
    names = [place(one) for one in python]
    if names and names[0][0] == "entered":
        names = names[1:]
    wrong = [one["name"] for one in python if one.get("proof") == "none"]
    return names, found["end"]["reason"], wrong


class StepWindow(gdb.Command):
    def __init__(self) -> None:
        super().__init__("step-window", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        path, entries = argument.split()
        with open(path) as file:
            truth = [place(one) for one in json.load(file)["threads"][0]["frames"]]
        start = start_of_evaluation()
        checked = steps = wrong = entered = 0
        inside = False
        while entered < int(entries) and steps < STEPS_MAX:
            gdb.execute("stepi", to_string=True)
            steps += 1
            was, inside = inside, start <= int(gdb.selected_frame().pc()) < start + WINDOW
            entered += was and not inside
            if not inside:
                continue
            checked += 1
            for command in ("py-bt", "py-mixed-bt"):
                names, end, unproved = frames(command)
                if names != truth or end != "complete" or unproved:
                    wrong += 1
                    at = int(gdb.selected_frame().pc()) - start
                    print(f"wrong: {command} at +{at:#x}: {len(names)} frames, {end}, {unproved}")
        print(f"{entered} entries, {checked} instructions, {wrong} wrong")


StepWindow()
