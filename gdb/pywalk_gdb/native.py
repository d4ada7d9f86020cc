"""The native stack of the selected thread, as GDB unwinds it and as GDB words it."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import inferior


class Native(NamedTuple):
    """A native frame in the order that pywalk.NativeFrame has."""

    pc: int
    sp: int
    cfa: int
    symbol: Optional[str]
    symbol_start: int
    module: Optional[str]
    inlined: bool
    registers: Sequence[int]


#: What `info symbol` says of an address: (name, start), or (None, 0).
_Symbol = Tuple[Optional[str], int]

_INFO_SYMBOL = re.compile(r"(.+?)(?: \+ (\d+))? in section ")


def _minimal_symbol(address: int) -> _Symbol:
    text = gdb.execute("info symbol {:#x}".format(address), to_string=True) or ""
    match = _INFO_SYMBOL.match(text)
    if not match:
        return None, 0
    return match.group(1), address - int(match.group(2) or 0)


class Walker:
    """Walks stacks of one inferior; what it has found about addresses is kept for the next stack."""

    def __init__(self, with_registers: bool) -> None:
        #: Evaluation frames need their registers, to be found by what they hold.
        self._with_registers = with_registers
        self._symbols: Dict[int, _Symbol] = {}
        self._modules: Dict[int, Optional[str]] = {}
        self._program = gdb.current_progspace().filename

    def _symbol(self, frame: gdb.Frame, lookup: int) -> _Symbol:
        name = frame.name()
        if name is None:
            return None, 0
        found = self._symbols.get(lookup)
        if found is not None and found[0] == name:
            return found
        function = frame.function()
        start = 0
        if function is not None:
            try:
                start = int(function.value().address or 0)
            except gdb.error:
                start = 0
        if not start:
            start = _minimal_symbol(lookup)[1]
        found = name, start
        self._symbols[lookup] = found
        return found

    def _module(self, pc: int) -> Optional[str]:
        if pc not in self._modules:
            name = gdb.solib_name(pc)
            if name is None and gdb.current_progspace().block_for_pc(pc) is not None:
                name = self._program
            if name is None and _minimal_symbol(pc)[0] is not None:
                name = self._program
            if name is not None and name.startswith("target:"):
                name = name[len("target:") :]
            self._modules[pc] = name
        return self._modules[pc]

    def walk(self) -> List[Native]:
        """The frames of the selected thread, newest first."""
        frame: Optional[gdb.Frame] = gdb.newest_frame()
        names = inferior.registers(gdb.newest_frame())
        found: List[Native] = []
        #: Frames that wait for the caller's stack pointer.
        waiting = 0
        newest = True
        while frame is not None:
            kind = frame.type()
            pc = frame.pc() & 0xFFFFFFFFFFFFFFFF
            sp = inferior.register(frame, names.stack_pointer)
            # A call may be the last instruction of its function.
            symbol, start = self._symbol(frame, pc if newest else pc - 1)
            saved: Sequence[int] = ()
            if self._with_registers and (symbol is None or "EvalFrame" in symbol):
                saved = [inferior.register(frame, name) for name in names.callee_saved]
            if kind not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                self._close(found, waiting, sp)
                waiting = len(found)
            elif kind == gdb.TAILCALL_FRAME:
                self._close(found, waiting, sp)
            inlined = kind == gdb.INLINE_FRAME
            found.append(Native(pc, sp, 0, symbol, start, self._module(pc), inlined, saved))
            newest = kind == gdb.INLINE_FRAME and newest or kind == gdb.SIGTRAMP_FRAME
            frame = frame.older()
        return found

    @staticmethod
    def _close(found: List[Native], waiting: int, cfa: int) -> None:
        for i in range(waiting, len(found)):
            found[i] = found[i]._replace(cfa=cfa)


_LEVEL = re.compile(r"#(\d+)\s+(.*)$")
_TRAILER = re.compile(r"\(More stack frames follow|Backtrace stopped:|\(More frames")


def wording(first: int, last: int) -> Dict[int, str]:
    """GDB's own lines for the levels `first` to `last` of the selected thread, without their numbers."""
    if last < first:
        return {}
    with inferior.unlimited_width():
        text = gdb.execute("backtrace -no-filters {}".format(last + 1), to_string=True) or ""
    found: Dict[int, str] = {}
    level = -1
    for line in text.splitlines():
        match = _LEVEL.match(line)
        if match:
            level = int(match.group(1))
            found[level] = match.group(2)
        elif _TRAILER.match(line):
            level = -1
        elif level >= 0:
            found[level] += "\n" + line
    return found
