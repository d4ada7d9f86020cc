"""Sourced by gdb: `stop-everywhere READY` goes through the phases of breaks.py and writes READY.stops.

JSON: a list of phases, each {"refused": {location: why}, "kinds": {location: type of breakpoint},
"stops": [[location, name, line]]}.
"""

import json
import os
import re
from typing import Any, Dict, List, Optional

import gdb

Json = Dict[str, Any]


class StopEverywhere(gdb.Command):
    def __init__(self) -> None:
        super().__init__("stop-everywhere", gdb.COMMAND_USER)
        self._event: Any = None
        self._hits: Dict[int, int] = {}
        gdb.events.stop.connect(self._note)

    def _note(self, event: Any) -> None:
        self._event = event

    def _set(self, locations: List[List[str]], phase: Json) -> Dict[int, str]:
        numbers: Dict[int, str] = {}
        for location, _ in locations:
            try:
                text = gdb.execute(f"py-break {location}", to_string=True) or ""
            except gdb.error as error:
                phase["refused"][location] = str(error)
                continue
            for number in re.findall(r"^Python breakpoint (\d+): ", text, re.MULTILINE):
                numbers[int(number)] = location
        for one in gdb.breakpoints():
            phase["kinds"][numbers[one.number]] = one.type == gdb.BP_BREAKPOINT
        return numbers

    def _run(self, numbers: Dict[int, str], phase: Json) -> bool:
        """Until the process is at the end of the phase; False: it is gone."""
        while True:
            self._event = None
            gdb.execute("continue", to_string=True)
            if self._event is None:
                return False
            if isinstance(self._event, gdb.SignalEvent):
                return True
            if not isinstance(self._event, gdb.BreakpointEvent):
                continue
            for one in self._event.breakpoints:
                # At one address, those are named too whose conditions do not hold.
                before, self._hits[one.number] = self._hits.get(one.number, 0), one.hit_count
                if one.hit_count == before:
                    continue
                name = str(gdb.parse_and_eval("$py_function()").string())
                line = int(gdb.parse_and_eval("$py_line()"))
                phase["stops"].append([numbers[one.number], name, line])

    def invoke(self, argument: str, from_tty: bool) -> None:
        path = argument.strip()
        with open(path + ".phases") as file:
            phases = json.load(file)
        gdb.execute("handle SIGUSR1 nostop noprint pass", to_string=True)
        gdb.execute("handle SIGUSR2 stop nopass", to_string=True)
        found: List[Json] = []
        with open(path + ".go", "wb", buffering=0) as go:
            go.write(b"g")
        gdb.execute("continue", to_string=True)
        for locations in phases:
            for one in gdb.breakpoints():
                one.delete()
            phase: Json = {"refused": {}, "kinds": {}, "stops": []}
            found.append(phase)
            if not self._run(self._set(locations, phase), phase):
                break
        for one in gdb.breakpoints():
            one.delete()
        # What is left of the process, it does alone.
        gdb.execute("detach", to_string=True)
        temporary = path + ".tmp"
        with open(temporary, "w") as out:
            json.dump(found, out)
        os.rename(temporary, path + ".stops")


_: Optional[gdb.Command] = StopEverywhere()
