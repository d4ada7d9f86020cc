"""The native stack of the selected thread, as GDB unwinds it and as GDB words it."""

import bisect
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
    signal: bool
    file: Optional[str]
    line: int
    reason: Optional[str]  #: not None: no frame, but where GDB could not go on, and why


#: What `info symbol` says of an address: (name, start), or (None, 0).
_Symbol = Tuple[Optional[str], int]

#: The bottom was reached, or as far as GDB was told to go.
_GOOD_ENDS = (gdb.FRAME_UNWIND_NO_REASON, gdb.FRAME_UNWIND_OUTERMOST)

#: (file, line), or (None, 0).
_Place = Tuple[Optional[str], int]

#: Frames that GDB shows and that have no piece of stack of their own.
_PSEUDO = (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME)

_INFO_SYMBOL = re.compile(r"(.+?)(?: \+ (\d+))? in section ")


def _minimal_symbol(address: int) -> _Symbol:
    text = gdb.execute(f"info symbol {address:#x}", to_string=True) or ""
    match = _INFO_SYMBOL.match(text)
    if not match:
        return None, 0
    return match.group(1), address - int(match.group(2) or 0)


def _function_start(frame: gdb.Frame) -> int:
    function = frame.function()
    if function is None:
        return 0
    try:
        return int(function.value().address or 0) & 0xFFFFFFFFFFFFFFFF
    except gdb.error:
        return 0


class Walker:
    """Walks stacks of one inferior; what it has found out is kept for the next stack."""

    def __init__(
        self, mappings: Sequence[inferior.Mapping], with_registers: bool, with_lines: bool
    ) -> None:
        #: Evaluation frames need their registers, to be found by what they hold.
        self._with_registers = with_registers
        #: Of the source; GDB's own words have them anyway.
        self._with_lines = with_lines
        self._mappings = mappings
        self._starts = [one[0] for one in mappings]
        self._symbols: Dict[int, _Symbol] = {}
        self._places: Dict[Tuple[int, bool, int], _Place] = {}
        #: Of the last walk: older frames were left out; GDB could not go on.
        self.cut = self.broken = False

    def _symbol(self, frame: gdb.Frame, lookup: int) -> _Symbol:
        name = frame.name()
        if name is None:
            return None, 0
        found = self._symbols.get(lookup)
        if found is not None and found[0] == name:
            return found
        start = 0
        # Where an inlined copy starts is of no use to anyone.
        if frame.type() != gdb.INLINE_FRAME:
            start = _function_start(frame)
            # Newer GDBs name the part of a split function that is not meant.
            if not 0 < start <= lookup:
                start = _minimal_symbol(lookup)[1]
            self._symbols[lookup] = name, start
        return name, start

    def _place(self, frame: gdb.Frame, pc: int, exact: bool, depth: int) -> _Place:
        """The frame's source line.  `depth`: how many were inlined into it so far."""
        if not self._with_lines:
            return None, 0
        found = self._places.get((pc, exact, depth))
        if found is None:
            try:
                line = frame.find_sal()
                found = (line.symtab.filename, line.line) if line.symtab else (None, 0)
            except gdb.error:
                found = None, 0
            # Of the newest frame, GDB may hide functions that are just being entered.
            if not exact:
                self._places[pc, exact, depth] = found
        return found

    @staticmethod
    def _stop(frame: gdb.Frame) -> List[Native]:
        """What to show behind the oldest frame, when GDB found none although there must be one."""
        reason = frame.unwind_stop_reason()
        pc = int(frame.pc()) & 0xFFFFFFFFFFFFFFFF
        if reason not in _GOOD_ENDS:
            words = gdb.frame_stop_reason_string(reason)
        elif pc == 0:
            words = "it came to address 0"
        else:
            return []
        words = "GDB stopped: " + words
        return [Native(pc, 0, 0, None, 0, None, False, (), False, None, 0, words)]

    def _module(self, pc: int) -> Optional[str]:
        i = bisect.bisect_right(self._starts, pc) - 1
        if i >= 0 and pc < self._mappings[i][1] and self._mappings[i][3]:
            return self._mappings[i][3]
        return inferior.target_file(gdb.solib_name(pc))

    def walk(self, limit: Optional[int] = None) -> List[Native]:
        """The frames of the selected thread, newest first; a gap where GDB could not go on.

        With `limit`, the functions that hold the newest `limit` frames.
        """
        self.cut = self.broken = False
        frame: Optional[gdb.Frame] = gdb.newest_frame()
        names = inferior.registers(gdb.newest_frame())
        found: List[Native] = []
        group = 0  # where the frames of the function begin that `frame` belongs to
        exact = True  # the frame stands at its pc, not behind a call
        before: Optional[int] = None
        while frame is not None:
            kind = frame.type()
            pc = int(frame.pc()) & 0xFFFFFFFFFFFFFFFF
            sp = inferior.register(frame, names.stack_pointer)
            # Functions inlined into a function come before it and share its piece of stack.
            if before is not None and before != gdb.INLINE_FRAME:
                for i in range(group, len(found)):
                    found[i] = found[i]._replace(cfa=sp)
                group = len(found)
                if limit is not None and group >= limit:
                    self.cut = True
                    break
                exact = gdb.SIGTRAMP_FRAME in (before, kind)
            # A call may be the last instruction of its function.
            symbol, start = self._symbol(frame, pc if exact else pc - 1)
            saved: Sequence[int] = ()
            if self._with_registers and (symbol is None or "EvalFrame" in symbol):
                saved = [inferior.register(frame, name) for name in names.callee_saved]
            pseudo, signal = kind in _PSEUDO, kind == gdb.SIGTRAMP_FRAME
            file, line = self._place(frame, pc, exact, len(found) - group)
            module = self._module(pc)
            found.append(
                Native(pc, sp, 0, symbol, start, module, pseudo, saved, signal, file, line, None)
            )
            before = kind
            older = frame.older()
            if older is None:
                end = self._stop(frame)
                self.broken = bool(end)
                found += end
            frame = older
        return found


_LEVEL = re.compile(r"#(\d+)\s+(.*)$")
_TRAILER = re.compile(r"\(More stack frames follow|Backtrace stopped:|\(More frames")


def wording(first: int, last: int, total: Optional[int], raw: bool) -> Dict[int, str]:
    """GDB's own lines, without their numbers, for levels of the selected thread.

    Besides `first` to `last` it may hold others.  `total` is how many levels there are.
    `raw`: arguments are not looked into: what a pretty-printer shows has to be read.
    """
    count = str(last + 1)
    if total is not None and total - first < last + 1:
        count = f"-{total - first}"
    with inferior.unlimited_width():
        option = " -raw-frame-arguments" if raw else ""
        text = gdb.execute(f"backtrace -no-filters{option} -- {count}", to_string=True) or ""
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
