"""`py-break`: breakpoints on Python functions and lines that stop each time, and only there.

Up to CPython 3.10 each call of a function enters the evaluation function: a breakpoint there, with
a condition in C, stops at the calls of one.

For lines, and from 3.11 on for functions too, the processor watches one byte of bytecode: the
interpreter reads the opcode of an instruction to execute it.  That costs the process nothing,
writes nothing into it, and needs no debug information.  Not each read is an execution: adaptive
instructions are read again, the interpreter looks ahead, tools read bytecode.  So each is checked:
the thread's newest Python frame runs this code, in the C frame that reads, and comes from elsewhere.
"""

import re
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import base, inferior, library, selection, sessions, source, stacks, text

if TYPE_CHECKING:
    import pywalk

#: Debug registers of x86-64; ARM has as many for watchpoints, or more.
_REGISTERS = 4
_LISTED = 10
_LOOKS = 5  #: at a process whose other threads run

_HARDWARE = (
    *(gdb.BP_HARDWARE_WATCHPOINT, gdb.BP_READ_WATCHPOINT, gdb.BP_ACCESS_WATCHPOINT),
    gdb.BP_HARDWARE_BREAKPOINT,
)


class _Location(NamedTuple):
    """A place in a code object."""

    code: "pywalk.CodeFound"
    place: "pywalk.CodePlace"
    entry: bool  #: of a function's body, once for each call

    def words(self) -> str:
        return text.printable(f"{self.code.qualname} at {self.code.file}:{self.place.line}")


def _announce(number: int, location: _Location, line: int, with_source: bool) -> None:
    head = f"Python breakpoint {number}, "
    if len(gdb.selected_inferior().threads()) > 1:
        head = f"Thread {base.thread_number(gdb.selected_thread())} hit " + head
    base.show(["", head + text.code_place(location.code.qualname, location.code.file, line)])
    found = source.find(location.code.file) if with_source else None
    words = source.line_text(found, line) if found is not None else None
    if found is not None and words is not None:
        source.warn_if_changed(found)
        base.show([f"{line}\t{words}"])


def _warn(message: str) -> None:
    gdb.write(f"warning: {text.printable(message)}\n", gdb.STDERR)


# ---- bytecode that the processor watches ----------------------------------------------------------


class _Where(NamedTuple):
    """The newest Python frame of the thread that reads bytecode."""

    frame: int
    at: "pywalk.FrameInstruction"
    runs: bool  #: the C frame that reads is the one that runs it
    traced: bool


#: Thread states by inferior, the kernel's number of the thread, and its thread pointer.
_states: Dict[Tuple[int, int, int], int] = {}


def _newest(pointer: int, code: int) -> Any:
    """The newest Python frame of the selected thread, a pywalk.NewestFrame; None: it has none.

    Other threads may run meanwhile: what the list of threads says is asked for again, when it
    does not lead to `code`.
    """
    thread = inferior.require_thread()
    tid = inferior.thread_id(thread)
    key = gdb.selected_inferior().num, tid, pointer
    for look in range(_LOOKS):
        session = sessions.for_values()
        if look or key not in _states:
            sessions.current(only=thread, halted=True)
            with session.capture(max_frames=1, only_thread=tid) as dump:
                threads = [one for one in dump.threads if one.state_address]
            if not threads:
                continue
            _states[key] = threads[0].state_address
        found = session.newest_frame(_states[key])
        if found.code == code or look:
            return found
    return None


_PENDING = re.compile(r"test\w*\s+%?(\w+),\s*%?\1$")


def _looks_ahead(frame: gdb.Frame) -> bool:
    """Whether opcode was read only to see whether it is SETUP_FINALLY (122).

    CPython up to 3.10 does so when a signal or another thread waits, before it looks after them;
    then it reads anew.
    """
    pc = int(frame.pc())
    if frame.architecture().name() not in ("i386:x86-64", "i386:x86-64:intel"):
        return False
    # 2.7 compares it where it is.
    if bytes(gdb.selected_inferior().read_memory(pc - 1, 1)) == b"\x7a":
        return True
    for one in frame.architecture().disassemble(pc, count=8):
        words = str(one["asm"]).split("#")[0].strip()
        tested = _PENDING.match(words)
        if tested is not None and inferior.register(frame, tested.group(1)) == 0:
            return False  # nobody waits
        if re.match(r"cmp\w*\s.*\b0x7a\b", words):
            return True
        if re.match(r"(jmp|call|ret)", words):
            return False
    return False


def _plain(words: str) -> str:
    """For a string of C's that GDB parses."""
    words = text.printable(words).encode("ascii", "replace").decode()
    return words.replace('"', "'").replace("\\", "/")


class _Watch(gdb.Breakpoint):
    """Watches one instruction."""

    def __init__(self, location: _Location, condition: Optional[str], temporary: bool) -> None:
        self._at = location
        self._if = condition
        self._inferior = gdb.selected_inferior().num
        #: Who was stopped last, while somebody traced.
        self._last: Optional[Tuple[int, int, int]] = None
        self.ends = temporary
        self.siblings: List[_Watch] = []
        # The words are for `info breakpoints`: GDB shows the expression that it was given.
        words = location.words() + (f" if {condition}" if condition else "")
        words = _plain(words + (", once" if temporary else ""))
        spec = f'*(unsigned char *) ("{words}", {location.place.address:#x})'
        with inferior.setting("language", "c", str(gdb.parameter("language"))):
            super().__init__(spec, gdb.BP_WATCHPOINT, gdb.WP_ACCESS)
        self.silent = True

    def words(self) -> str:
        return self._at.words()

    def belongs_to(self, number: int) -> bool:
        return self._inferior == number

    def stop(self) -> bool:
        try:
            stops = self._stops()
        except (gdb.error, gdb.GdbError, library.error_type()) as error:
            # Rather once too often than once too rarely.
            _warn(f"Python breakpoint {self.number}: it is not known where the thread is: {error}")
            return True
        if not stops and self.ignore_count:
            # GDB is about to count this one too.
            gdb.execute(f"ignore {self.number} {self.ignore_count + 1}", to_string=True)
        return stops

    def _where(self) -> Optional[_Where]:
        """None: the thread runs no Python code."""
        newest = gdb.newest_frame()
        names = inferior.registers(newest)
        stack = inferior.register(newest, names.stack_pointer)
        pointer = inferior.register(newest, names.thread_pointer)
        found = _newest(pointer, self._at.code.code)
        if found is None or not found.frame:
            return None
        if found.anchor:
            older = newest.older()
            end = inferior.register(older, names.stack_pointer) if older is not None else 0
            runs = stack <= found.anchor < end
        else:
            # Up to 3.9; a piece of the function may have no name of its own.
            name = newest.name()
            runs = name is None or "EvalFrame" in name
        sessions.leave(found.frame)
        at = sessions.for_values().frame_instruction(found.frame)
        return _Where(found.frame, at, runs, found.traced)

    def _executes(self, where: _Where) -> bool:
        place = self._at.place
        at = where.at
        if at.code != self._at.code.code or not where.runs:
            return False
        if not at.behind:
            return not _looks_ahead(gdb.newest_frame())
        if self._at.entry:
            return at.offset < place.offset
        return at.offset != place.offset and (at.line != place.line or at.offset > place.offset)

    def _is_again(self, where: _Where) -> bool:
        """While somebody traces, an instruction is read, then read again, then executed."""
        if not where.traced:
            self._last = None
            return False
        here = inferior.thread_id(inferior.require_thread()), where.frame, where.at.offset
        if where.at.offset == self._at.place.offset:
            again, self._last = self._last is not None and self._last[:2] == here[:2], None
            return again
        again, self._last = here == self._last, here
        return again

    def _stops(self) -> bool:
        if gdb.selected_inferior().num != self._inferior:
            return False
        where = self._where()
        if where is None or not where.runs or where.at.code != self._at.code.code:
            return False
        again = self._is_again(where)
        if again or not self._executes(where):
            return False
        place = self._at.place
        sessions.arrive(where.frame, place.address, place.offset)
        holds = self._condition_holds()
        # What is to be ignored is GDB's to count.
        if not holds or self.ignore_count:
            sessions.leave(where.frame)
            return holds
        _announce(self.number, self._at, place.line, True)
        return True

    def _condition_holds(self) -> bool:
        if self._if is None:
            return True
        try:
            return bool(gdb.parse_and_eval(self._if))
        except gdb.error as error:
            _warn(f"Error in testing condition of Python breakpoint {self.number}: {error}")
            return True


# ---- calls, where they enter the interpreter -------------------------------------------------------


class _Entry(NamedTuple):
    breakpoint: gdb.Breakpoint
    location: _Location
    register: str  #: that holds the frame object
    inferior: int


def _enter(
    entry: "pywalk.EvalEntry", location: _Location, condition: Optional[str], temporary: bool
) -> _Entry:
    register = inferior.registers(gdb.newest_frame()).arguments[entry.argument]
    # At a call, nothing of the frame has run; a generator that goes on has.
    words = (
        f"*(unsigned long *) (${register} + {entry.code_offset}) == {location.code.code:#x}"
        f" && *(int *) (${register} + {entry.position_offset}) < 0"
    )
    if condition is not None:
        words += f" && ({condition})"
    with inferior.setting("language", "c", str(gdb.parameter("language"))):
        made = gdb.Breakpoint(f"*{entry.function:#x}", gdb.BP_BREAKPOINT, temporary=temporary)
        try:
            made.condition = words
        except gdb.error as error:
            made.delete()
            raise gdb.GdbError(str(error)) from None
    return _Entry(made, location, register, gdb.selected_inferior().num)


_watches: List[_Watch] = []
_entries: Dict[int, _Entry] = {}
_hits: Dict[int, int] = {}  #: by number, how often one had stopped the process at the last stop
_connected = False


def _on_stop(event: Any) -> None:
    if not isinstance(event, gdb.BreakpointEvent):
        return
    # Of breakpoints at one address, the event names those too whose conditions do not hold.
    for one in event.breakpoints:
        entry = _entries.get(one.number)
        hit = one.hit_count > _hits.get(one.number, 0)
        _hits[one.number] = one.hit_count
        if entry is not None and entry.breakpoint is one and hit:
            # The interpreter has not linked the frame to its caller's yet.
            frame = inferior.register(gdb.newest_frame(), entry.register)
            sessions.arrive(frame, 0, -1, told=True)
            # Looking for the source asks GDB, which would run the breakpoint's commands now.
            _announce(one.number, entry.location, entry.location.code.firstlineno, False)
        elif isinstance(one, _Watch) and one.ends and hit:
            for each in (one, *one.siblings):
                if each.is_valid():
                    each.delete()


def _on_exit(event: Any) -> None:
    """The addresses mean nothing in another process."""
    global _watches
    number = event.inferior.num
    for watch in _watches:
        if watch.is_valid() and watch.belongs_to(number):
            watch.delete()
    for entry in _entries.values():
        if entry.breakpoint.is_valid() and entry.inferior == number:
            entry.breakpoint.delete()
    _watches = [one for one in _watches if one.is_valid()]
    for key in [key for key, one in _entries.items() if not one.breakpoint.is_valid()]:
        del _entries[key]
    _states.clear()


def _connect() -> None:
    global _connected
    if not _connected:
        _connected = True
        gdb.events.stop.connect(_on_stop)
        gdb.events.exited.connect(_on_exit)


# ---- finding --------------------------------------------------------------------------------------


def _functions(session: "pywalk.Session", name: str) -> List[_Location]:
    """Where the functions begin that a name means."""
    functions = [one for one in session.codes() if one.function]
    found = [one for one in functions if one.qualname == name]
    found = found or [one for one in functions if one.name == name]
    found = found or [one for one in functions if one.qualname.endswith("." + name)]
    if not found:
        name = text.printable(name)
        raise gdb.GdbError(f"No Python function {name} in the modules that are loaded now.")
    places = [(one, session.code_places(one.code)) for one in found]
    return [_Location(one, place, True) for one, each in places for place in each if place.body]


def _is_file(file: str, wanted: str) -> bool:
    wanted = wanted[2:] if wanted.startswith("./") else wanted
    return file == wanted or file.endswith("/" + wanted) or source.substituted(file) == wanted


#: What runs with the line that it is written in; from 3.12 on, most have no code of their own.
_INNER = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


class _Line:
    """What a line of a file means."""

    def __init__(self, line: int) -> None:
        self._line = line
        self._heads: List[_Location] = []  #: functions whose `def` it is
        self._begins: List[_Location] = []
        self._inner: List[_Location] = []
        self.later: List[int] = []  #: lines behind it that have code

    def add(self, code: "pywalk.CodeFound", places: "List[pywalk.CodePlace]") -> None:
        line = self._line
        body = next((one for one in places if one.body), None)
        self.later += [one.line for one in places if one.line_starts and one.line > line]
        if code.function and body is not None and code.firstlineno <= line:
            entry = _Location(code, body, True)
            if code.name in _INNER and line == code.firstlineno:
                self._inner.append(entry)
                return
            if code.name == "<lambda>" and line == code.firstlineno:
                self._begins.append(entry)
                return
            # What decorates it, `def` itself, and its arguments; the body may be on the same line.
            if line < body.line or line == code.firstlineno:
                self._heads.append(entry)
                return
        for place in places:
            if place.line_starts and place.line == line:
                self._begins.append(_Location(code, place, False))

    def found(self) -> List[_Location]:
        # Where a function is defined is not what its line means.
        lambdas = [one for one in self._begins if one.entry]
        inside = [one for one in self._begins if one.code.function]
        return self._heads + lambdas if self._heads else inside or self._begins or self._inner


def _lines(session: "pywalk.Session", file: str, line: int) -> List[_Location]:
    codes = [one for one in session.codes() if _is_file(one.file, file)]
    codes = [one for one in codes if one.file == file] or codes
    if not codes:
        raise gdb.GdbError(
            f"No Python code of {text.printable(file)} in the modules that are loaded now."
        )
    files = sorted({text.printable(one.file) for one in codes})
    if len(files) > 1:
        raise gdb.GdbError(f"{text.printable(file)} is not one file: {', '.join(files)}.")
    meant = _Line(line)
    for code in codes:
        meant.add(code, session.code_places(code.code))
    found = meant.found()
    if not found:
        hint = f"; the next line with code is {min(meant.later)}." if meant.later else "."
        raise gdb.GdbError(f"No code at line {line} of {files[0]}{hint}")
    return found


def _resolve(session: "pywalk.Session", location: str) -> List[_Location]:
    match = re.match(r"(?:(.*):)?(\d+)$", location)
    if match is None:
        return _functions(session, location)
    if len(match.group(2)) > 9:
        raise gdb.GdbError(f"Not a line: {match.group(2)}")
    file = match.group(1)
    if file is None:
        file = selection.current().frame.file or ""
    return _lines(session, file, int(match.group(2)))


# ---- the command ----------------------------------------------------------------------------------


def _registers_left() -> int:
    return _REGISTERS - sum(one.type in _HARDWARE and one.enabled for one in gdb.breakpoints())


def _why_not(session: "pywalk.Session", watched: Sequence[_Location]) -> Optional[str]:
    """Why bytecode cannot be watched."""
    why = session.code_unwatchable()
    if why is None and not gdb.parameter("can-use-hw-watchpoints"):
        why = "the processor is to watch bytecode, and `set can-use-hw-watchpoints` is 0"
    left = max(_registers_left(), 0)
    if why is None and len(watched) > left:
        names = ", ".join(one.words() for one in watched[:_LISTED])
        more = len(watched) - _LISTED
        names += f", and {more} more" if more > 0 else ""
        why = (
            f"the processor can watch {left} more place{'' if left == 1 else 's'}, and there"
            f" {'is 1' if len(watched) == 1 else f'are {len(watched)}'}: {names}"
        )
    return why


def _make(
    session: "pywalk.Session",
    found: Sequence[_Location],
    condition: Optional[str],
    temporary: bool,
) -> None:
    entry = session.eval_entry()
    entered = [one for one in found if one.entry] if entry is not None else []
    watched = [one for one in found if one not in entered]
    why = _why_not(session, watched) if watched else None
    if why is not None:
        raise gdb.GdbError(
            f"No exact Python breakpoint: {why}. A C function that is called there can be stopped"
            ' at: break FUNCTION if $py_in ("NAME").'
        )
    _connect()
    for location in entered:
        if entry is not None:
            made = _enter(entry, location, condition, temporary)
            _entries[made.breakpoint.number] = made
            _hits.pop(made.breakpoint.number, None)
            base.show([f"Python breakpoint {made.breakpoint.number}: {location.words()}"])
    watches = [_Watch(one, condition, temporary) for one in watched]
    for one in watches:
        one.siblings = [each for each in watches if each is not one]
        base.show([f"Python breakpoint {one.number}: {one.words()}"])
    _watches.extend(watches)


class Break(base.Command):
    """Stop the process where a Python function or a line begins.

    Usage: py-break [-t] FUNCTION | FILE:LINE | LINE [if CONDITION]

    FUNCTION is a function's name or its qualified name (Class.method), of a module
    that is loaded now; it stops at each call, when the arguments are bound and
    nothing of the body has run.  Generators begin when they are asked for their
    first value.  With FILE:LINE, or LINE of the selected frame's file, it stops each
    time that the line begins; the line of a `def` means that function.  The head of
    a `for` loop begins once, not anew with each turn.

    CONDITION is an expression of GDB's, such as $py_in ("main"); the C frame is that
    of the interpreter.

    For functions of CPython up to 3.10, it is a breakpoint on the function that
    evaluates Python code, with a condition: each call of anything costs the time of a
    trap.  For lines, and for functions from 3.11 on, the processor watches the
    bytecode: nothing is written to the process and nothing slows it down, but there
    are four such registers.  Where neither is exact, py-break says why and does
    nothing: compiled code of the JIT, free-threaded CPython from 3.14 on.

    `info breakpoints`, `delete`, `disable`, `ignore` and `commands` work as on any
    other breakpoint.

    Options:
      -t, --temporary
        Delete the breakpoint when it stops the process."""

    name = "py-break"
    category = gdb.COMMAND_BREAKPOINTS
    options = ("-t", "--temporary")

    def candidates(self, line: str) -> Sequence[str]:
        try:
            inferior.require_process()
            names = {one.qualname for one in stacks.values().codes() if one.function}
        except Exception:  # completion is no place for errors
            return self.options
        return [*self.options, *sorted(text.printable(name) for name in names if " " not in name)]

    def _parse(self, argument: str) -> Tuple[str, Optional[str], bool]:
        temporary = False
        rest = argument.strip()
        while rest.startswith("-"):
            option, _, rest = rest.partition(" ")
            if option not in self.options:
                raise gdb.GdbError(f"Unrecognized option for py-break: {option}")
            temporary, rest = True, rest.strip()
        words = re.split(r"(?:^|\s+)if(?:\s+|(?=\()|$)", rest, maxsplit=1)
        if not words[0].strip():
            raise gdb.GdbError("Argument required (a function, or FILE:LINE).")
        if len(words) == 1:
            return words[0].strip(), None, temporary
        if not words[1].strip():
            raise gdb.GdbError("Argument required (a condition behind `if').")
        return words[0].strip(), words[1].strip(), temporary

    def run(self, argument: str) -> None:
        location, condition, temporary = self._parse(argument)
        if inferior.connection_type(gdb.selected_inferior()) == "core":
            raise gdb.GdbError("A core file does not run.")
        if not gdb.parameter("may-insert-breakpoints"):
            raise gdb.GdbError(
                "`set may-insert-breakpoints` is off: py-break inserts a breakpoint."
            )
        session = stacks.values()
        found = _resolve(session, location)
        if not found:
            raise gdb.GdbError(f"No code in {text.printable(location)}.")
        _make(session, found, condition, temporary)


def register() -> None:
    Break()
