"""Sourced by gdb: `select-all FILE` goes through all Python frames by pywalk's commands and writes what gdb then says.

JSON: {"frames": [{"line", "level", "symbol"}] by py-frame, "up": [...] by py-up, "down": [...] by py-down,
"too_far": {...} errors, "raw": names of gdb's own frames, "lines": $py_line() at each of them,
"inside": $py_in() of the names}.
"""

import json
from typing import Any, Dict, Iterable, List, Optional, Tuple

import gdb

Json = Dict[str, Any]

COUNT = 100000


def level() -> int:
    number = 0
    frame: Optional[gdb.Frame] = gdb.selected_frame().newer()
    while frame is not None:
        number, frame = number + 1, frame.newer()
    return number


def step(command: str) -> Tuple[Optional[Json], Optional[str]]:
    """What the command prints first, and where it leads; None when it says no."""
    try:
        text = gdb.execute(command, to_string=True)
    except gdb.error as error:
        return None, str(error)
    return {
        "line": text.splitlines()[0],
        "level": level(),
        "symbol": gdb.selected_frame().name(),
    }, None


def walk(commands: Iterable[str]) -> Tuple[List[Json], Optional[str]]:
    found: List[Json] = []
    for command in commands:
        one, error = step(command)
        if one is None:
            return found, error
        found.append(one)
    return found, None


class SelectAll(gdb.Command):
    def __init__(self) -> None:
        super().__init__("select-all", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        path, *names = gdb.string_to_argv(argument)
        found: Json = {"too_far": {}}
        found["frames"], found["too_far"]["frame"] = walk(f"py-frame {n}" for n in range(COUNT))
        gdb.execute("py-frame 0", to_string=True)
        found["up"], found["too_far"]["up"] = walk("py-up" for _ in range(COUNT))
        found["down"], found["too_far"]["down"] = walk("py-down" for _ in range(COUNT))
        found["raw"], found["lines"] = [], []
        frame: Optional[gdb.Frame] = gdb.newest_frame()
        while frame is not None:
            frame.select()
            found["raw"].append(frame.name())
            found["lines"].append(int(gdb.parse_and_eval("$py_line()")))
            frame = frame.older()
        gdb.newest_frame().select()
        found["inside"] = {n: int(gdb.parse_and_eval(f'$py_in("{n}")')) for n in names}
        with open(path, "w") as file:
            json.dump(found, file)


SelectAll()
