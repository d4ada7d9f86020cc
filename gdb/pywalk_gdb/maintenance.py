"""`maint pywalk ...`: how pywalk goes about it."""

import json
from typing import List

import gdb

from . import base, sessions, text


class _Prefix(gdb.Command):
    """Commands for looking at pywalk itself."""

    def __init__(self) -> None:
        super().__init__("maintenance pywalk", gdb.COMMAND_MAINTENANCE, gdb.COMPLETE_NONE, True)


class Statistics(gdb.Command):
    """Show what pywalk has read of each inferior through GDB.

    Usage: maintenance pywalk statistics [--json]

    Reads are what pywalk needed, calls what it asked GDB for: the rest was kept from earlier
    calls, while the inferior stood still.  A call brings as many bytes as one packet carries
    where the target is remote.  What is read of a core as a file is not counted.  The numbers
    begin again when files are mapped or unmapped."""

    name = "maintenance pywalk statistics"

    def __init__(self) -> None:
        super().__init__(self.name, gdb.COMMAND_MAINTENANCE)

    def complete(self, line: str, word: str) -> List[str]:
        return base.complete(line, word, ("--json",))

    def invoke(self, argument: str, from_tty: bool) -> None:
        self.dont_repeat()
        words = gdb.string_to_argv(argument)
        wrong = [word for word in words if word != "--json"]
        if wrong:
            raise gdb.GdbError(f"Junk after arguments of {self.name}: {wrong[0]}")
        heads = ["Inferior", "Reads", "Bytes", "Kept", "Calls", "Fetched", "Failed", "Unit"]
        rows = [
            [str(number), *map(str, kept.session.statistics), str(kept.reader.unit or "-")]
            for number, kept in sorted(sessions.opened().items())
        ]
        if words:
            keys = [head.lower() for head in heads]
            listed = [
                {key: None if cell == "-" else int(cell) for key, cell in zip(keys, row)}
                for row in rows
            ]
            base.show([json.dumps({"statistics": listed})])
        elif rows:
            base.show(text.table(heads, rows))
        else:
            base.show(["Nothing has been read."])


def register() -> None:
    _Prefix()
    Statistics()
