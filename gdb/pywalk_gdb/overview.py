"""`help pywalk`: everything that there is, in one list."""

from typing import List

import gdb

from . import base, convenience, mi

_HEAD = """Python frames of CPython processes and cores, among GDB's own.

Plain `bt` shows them too.  `help NAME` says more about each."""


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0].rstrip(".")


class Overview(gdb.Command):
    """Replaced by what there is."""

    def __init__(self) -> None:
        # GDB reads it when the command is made.
        type(self).__doc__ = self._text()
        super().__init__("pywalk", gdb.COMMAND_SUPPORT)

    @staticmethod
    def _text() -> str:
        found: List[str] = [_HEAD, "", "Commands:"]
        listed = {one.name: _first_line(one) for one in base.commands}
        found += [f"  {name} -- {listed[name]}" for name in sorted(listed)]
        found += ["", "Functions:"]
        found += [f"  ${one.name} -- {_first_line(one)}" for one in convenience.functions]
        found += ["", "MI commands:"]
        found += [f"  {name}" for name in mi.names if hasattr(gdb, "MICommand")]
        found += ["", "Settings: see `help set pywalk`."]
        return "\n".join(found)

    def invoke(self, argument: str, from_tty: bool) -> None:
        gdb.execute("help pywalk", from_tty)


def register() -> None:
    Overview()
