"""What is compared inside of gdb: its commands, pywalk's, and those of CPython's own libpython.py."""

import glob
import os
import re
import sys
from typing import Dict, List, NamedTuple, Optional

from tools import C_FRAMES, GDB_THREAD, HERE, PYTHON_THREAD, Tool, run_quietly

PYTHON = "py-bt --all"
MIXED = "py-mixed-bt --all"
LIBPYTHON = "libpython.py: thread apply all py-bt"
GDB_BT = "thread apply all bt"


class Interpreter(NamedTuple):
    binary: str
    version: str
    libpython: Optional[str]  # where libpython.py of that version is


def _libpython(binary: str, library: str) -> Optional[str]:
    """libpython.py as distributions install it for gdb to load."""
    named = os.environ.get("LIBPYTHON")
    if named:
        return named
    for path in (binary, library):
        found = glob.glob("/usr/share/gdb/auto-load" + path + "*-gdb.py") if path != "-" else []
        if found:
            return found[0]
    return None


def find_interpreter() -> Optional[Interpreter]:
    """One that libpython.py can read: with debug information, and libpython.py itself; else any.

    Release builds first, as people run them.
    """
    finder = os.path.join(HERE, "..", "tools", "find_pythons.py")
    best: Optional[Interpreter] = None
    rank = -1
    for line in run_quietly([sys.executable, finder])[1].splitlines():
        fields = line.split("\t")
        if fields[0] != "python" or fields[2] != "-" or fields[7].startswith("2."):
            continue
        binary, library, version, flags = fields[4], fields[5], fields[7], fields[8].split()
        script = _libpython(binary, library)
        worth = 4 * (script is not None) + 2 * ("dwarf" in flags) + ("debug" not in flags)
        if worth > rank:
            best, rank = Interpreter(binary, version, script), worth
    return best


class GdbTools:
    def __init__(self, build: str, gdb: str) -> None:
        self.gdb = gdb
        self.environment: Dict[str, str] = {"PYWALK_PYTHON": os.path.join(build, "python")}

    def _tool(self, name: str, script: Optional[str], arguments: List[str], base: str) -> Tool:
        command = ["env", *("%s=%s" % pair for pair in self.environment.items()), self.gdb, "-nx"]
        command += ["-batch", "-iex", "set auto-load python-scripts off", "-iex", "set width 0"]
        command += ["-iex", "set height 0", *arguments, "-x", os.path.join(HERE, "gdb_time.py")]
        if script:
            command += ["-x", script]
        native = name in (MIXED, GDB_BT)
        command += ["-ex", "bench-time " + name.rpartition(": ")[2]]
        frames = C_FRAMES["pywalk" if name == MIXED else "gdb"]
        thread = GDB_THREAD if name == GDB_BT else PYTHON_THREAD
        return Tool(name, native, command, thread, frames, base, True)

    def _pywalk(self, name: str, arguments: List[str]) -> Tool:
        script = os.path.join(HERE, "..", "..", "gdb", "pywalk.py")
        return self._tool(name, script, arguments, name)

    def live(self, pid: str, python: Interpreter) -> List[Tool]:
        attach = ["-p", pid]
        theirs = self._tool(LIBPYTHON, python.libpython, attach, PYTHON)
        if python.libpython is None:
            theirs = theirs._replace(
                missing="libpython.py of CPython %s (%s) is not installed"
                % (python.version, python.binary)
            )
        return [
            self._pywalk(PYTHON, attach),
            theirs,
            self._pywalk(MIXED, attach),
            self._tool(GDB_BT, None, attach, MIXED),
        ]

    def core(self, core: str, program: str) -> List[Tool]:
        files = [program, core]
        return [
            self._pywalk(PYTHON, files),
            self._pywalk(MIXED, files),
            self._tool(GDB_BT, None, files, MIXED),
        ]


def times(said: str) -> Optional[List[float]]:
    """Seconds on the wall and of the processor."""
    found = re.search(r"^bench-time: (\S+) (\S+)$", said, re.MULTILINE)
    return [float(word) for word in found.groups()] if found else None
