"""What pywalk's library reads through GDB."""

import os
import re
from typing import Dict, Optional

import gdb

from . import inferior, remote


class Reader:
    """A pywalk.Reader of the inferior that was selected when it was made."""

    def __init__(self, of: gdb.Inferior) -> None:
        self._inferior = of
        #: Bytes that are read at the price of one; 0: no matter.
        self.unit = remote.unit(of)
        self.pid: int = of.pid
        self.local = inferior.connection_type(of) == "native"
        self.mappings = inferior.mappings(of)
        program = inferior.program_file()
        #: Where this machine has the program, None: where the target has it.
        self.host_executable = None if self.local else program
        self.executable = self._mapped(program)
        self._symbols: Dict[str, int] = {}

    def _mapped(self, program: Optional[str]) -> Optional[str]:
        """The program as the mappings name it, if they do."""
        if program is None:
            return None
        paths = {one[3] for one in self.mappings}
        real = os.path.realpath(program)
        return real if program not in paths and real in paths else program

    def read(self, address: int, length: int) -> Optional[bytes]:
        try:
            return bytes(self._inferior.read_memory(address, length))
        except (gdb.error, ValueError, OverflowError):
            return None

    def symbol(self, name: str) -> int:
        found = self._symbols.get(name)
        if found is None:
            # GDB looks at the program's headers for each.
            with remote.large_reads():
                found = self._symbols[name] = _symbol(name)
        return found


def _symbol(name: str) -> int:
    if not re.match(r"[A-Za-z_]\w*$", name):
        return 0
    try:
        value = gdb.parse_and_eval("(unsigned long) &" + name)
        return int(value) & 0xFFFFFFFFFFFFFFFF
    except (gdb.error, ValueError):
        return 0
