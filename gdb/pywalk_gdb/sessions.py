"""One open session for each inferior, kept until the inferior is another.

Cores have two: one that reads through GDB, and one that reads the file.
"""

from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Set, Tuple

import gdb

from . import inferior, library, settings, text
from .reader import Reader

if TYPE_CHECKING:
    import pywalk


class Open:
    """The session of an inferior, and how far what it knows is true."""

    def __init__(
        self,
        session: "pywalk.Session",
        reader: Reader,
        identity: Tuple[object, ...],
    ) -> None:
        self.session = session
        self.reader = reader
        self.identity = identity
        self.fresh = True  #: nothing has run since its mappings were read
        self.settled = True  #: GDB knows of it what it can know
        #: There was no interpreter yet that its layout could be checked on.
        self.provisional = any(
            one.name == "validated" and one.value != "yes" for one in session.facts
        )
        #: What its threads were read for; None: they have changed since.
        self.threads: Optional[Tuple[object, ...]] = None


class OpenCore(NamedTuple):
    session: "Optional[pywalk.Session]"  #: None: it could not be opened
    identity: Tuple[object, ...]


class Source(NamedTuple):
    """What a command takes its dump from."""

    session: "pywalk.Session"
    reader: Optional[Reader]  #: None: a core that is read as a file
    own: bool  #: pywalk walks the C frames, not GDB
    only: int  #: the thread that is wanted, the kernel's number; 0: all


_open: Dict[int, Open] = {}
_cores: Dict[int, OpenCore] = {}
#: Frames that are about to execute an instruction and do not say so yet.
_arrived: Dict[int, Tuple[int, int, int]] = {}
#: Inferiors that are known to stand there.
_told: Set[int] = set()
_connected = False


def arrive(frame: int, instruction: int, offset: int, told: bool = False) -> None:
    """Until the inferior runs on, a frame is where a breakpoint stopped it.

    `told`: GDB has said already that it stands.
    """
    of = gdb.selected_inferior()
    _connect()
    _arrived[of.num] = frame, instruction, offset
    _told.discard(of.num)
    if told:
        _told.add(of.num)
    kept = _open.get(of.num)
    if kept is not None:
        kept.session.arrive(frame, instruction, offset)


def opened() -> Dict[int, Open]:
    """Those that read through GDB, by the numbers of their inferiors."""
    return dict(_open)


def leave(frame: int) -> None:
    """That frame has gone on: what was told of it is not so any more."""
    of = gdb.selected_inferior()
    if _arrived.get(of.num, (0,))[0] != frame:
        return
    del _arrived[of.num]
    kept = _open.get(of.num)
    if kept is not None:
        kept.session.arrive(0, 0, 0)


def _drop_all(*_: Any) -> None:
    # Not closed here: the command that is under way may still use one.
    _open.clear()
    _cores.clear()


def _on_continue(_: Any) -> None:
    # The others may share memory with the one that runs.
    for kept in _open.values():
        kept.fresh = False


def _on_resume(_: Any) -> None:
    # New threads run on before a stop is told.
    for number in _told:
        _arrived.pop(number, None)
    _told.clear()


def _on_stop(_: Any) -> None:
    _told.update(_arrived)


def _connect() -> None:
    global _connected
    if _connected:
        return
    _connected = True
    # Not all of them exist in every GDB.
    for name in ("exited", "new_objfile", "clear_objfiles", "free_objfile", "inferior_deleted"):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(_drop_all)
    for name in ("cont", "memory_changed", "register_changed", "new_thread", "inferior_call"):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(_on_continue)
    gdb.events.cont.connect(_on_resume)
    gdb.events.stop.connect(_on_stop)
    settings.changed.append(_drop_all)


def _debug_folder() -> Optional[str]:
    folders = str(gdb.parameter("debug-file-directory") or "").split(":")
    return folders[0] or None


def _sysroot() -> Optional[str]:
    root = str(gdb.parameter("sysroot") or "")
    return None if not root or root.startswith("target:") else root


def _identity(of: gdb.Inferior) -> Tuple[object, ...]:
    return of.pid, inferior.connection_type(of), inferior.program_file()


def _still_fits(kept: Open, of: gdb.Inferior) -> bool:
    """Whether the session is that of the inferior; it knows its mappings then."""
    if kept.identity != _identity(of):
        return False
    if kept.fresh:
        return True
    if kept.provisional:
        return False
    now = inferior.mappings(of)
    if now != kept.reader.mappings:
        if not kept.session.set_mappings(now):
            return False
        kept.reader.mappings = now
    return True


def _new(of: gdb.Inferior, printing: bool) -> Open:
    pywalk = library.load()
    inferior.require_architecture(of)
    if not printing:
        inferior.adopt_root(of)
        inferior.settle_threads(of)
    reader = Reader(of)
    if not printing:
        inferior.settle_libraries(of, reader.mappings)
    session = pywalk.Session.open_reader(
        reader,
        executable=reader.host_executable,
        # Of a process of this machine the library knows the root by itself.
        sysroot=None if reader.local else _sysroot(),
        layouts=settings.layouts(),
        debug_dir=_debug_folder(),
    )
    made = Open(session, reader, _identity(of))
    made.settled = not printing or inferior.is_settled(of, reader.mappings)
    return made


def _set_threads(
    kept: Open,
    of: gdb.Inferior,
    with_registers: bool,
    only: Optional[gdb.InferiorThread],
    halted: bool,
) -> None:
    key = (None if only is None else only.ptid,)
    # `return` and the like change registers, and no event tells.
    if kept.threads == key and not with_registers:
        return
    # From 3.11 on, threads know their numbers; before, they are known by their pointers.
    pointers = kept.session.needs_registers or not inferior.same_numbers(of)
    kept.threads = None
    with inferior.selection_kept():
        wanted = inferior.Wanted(pointers, with_registers)
        kept.session.set_threads(inferior.threads(of, wanted, only, halted))
    kept.threads = key


def _session(of: gdb.Inferior, printing: bool = False) -> Open:
    """Its session; opens it if need be, and looks at no threads."""
    _connect()
    kept = _open.get(of.num)
    if kept is None or not (kept.settled or printing) or not _still_fits(kept, of):
        _open.pop(of.num, None)
        kept = _open[of.num] = _new(of, printing)
        kept.fresh = False
    if not kept.fresh:
        still = inferior.stands_still(of)
        kept.session.keep_memory(still)
        kept.threads = None
        kept.fresh = still
    kept.session.arrive(*_arrived.get(of.num, (0, 0, 0)))
    return kept


def for_values(printing: bool = False) -> "pywalk.Session":
    """A session to read values with; its threads may be any.

    `printing`: GDB is in the midst of printing a frame.  No other is selected, no symbols are read
    anew, and no command of GDB's may be run: it would run those of breakpoints too.
    """
    of = inferior.require_process()
    asks = inferior.connection_type(of) != "native"
    if printing and asks and any(one.commands for one in gdb.breakpoints()):
        kept = _open.get(of.num)
        if kept is None or kept.identity != _identity(of):
            raise gdb.GdbError("The process is not known yet.")
        kept.session.keep_memory(False)
        return kept.session
    if printing and inferior.other_root(of) is not None:
        raise gdb.GdbError("The process has a root folder of its own.")
    return _session(of, printing).session


def current(
    with_registers: bool = False,
    only: Optional[gdb.InferiorThread] = None,
    halted: bool = False,
) -> Open:
    """The session of the selected inferior, with its threads as they are now.

    `only`: the one thread that is of interest.  The others need not be looked at.
    `halted`: that one stands still, whatever GDB says.
    """
    of = inferior.require_process()
    kept = _session(of)
    _set_threads(kept, of, with_registers, only, halted)
    return kept


def _warn(message: str) -> None:
    gdb.write("warning: " + text.printable(message) + "\n", gdb.STDERR)


def _core(of: gdb.Inferior) -> "Optional[pywalk.Session]":
    """The core that is debugged, read as a file; None when that cannot be done."""
    path = inferior.core_file(of)
    if path is None:
        return None
    pywalk = library.load()
    _connect()
    identity = (*_identity(of), path)
    kept = _cores.get(of.num)
    if kept is None or kept.identity != identity:
        inferior.require_architecture(of)
        session = None
        try:
            session = pywalk.Session.open_core(
                path,
                executable=inferior.program_file(),
                sysroot=_sysroot(),
                layouts=settings.layouts(),
                debug_dir=_debug_folder(),
                warn=_warn,
            )
        except library.error_type():
            # Through GDB there may be more to see; if not, that says why.
            pass
        kept = _cores[of.num] = OpenCore(session, identity)
    return kept.session


def _own_source(
    of: gdb.Inferior, with_registers: bool, only: Optional[gdb.InferiorThread]
) -> Source:
    number = 0 if only is None else inferior.thread_id(only)
    core = _core(of) if inferior.connection_type(of) == "core" else None
    if core is not None:
        return Source(core, None, True, number)
    kept = current(with_registers, only)
    return Source(kept.session, kept.reader, True, number)


def source(mixed: bool, every: bool) -> Source:
    """What to take a dump from, of all threads (`every`) or of the selected one, with C frames
    or without."""
    of = inferior.require_process()
    only = None if every else inferior.require_thread()
    unwinder = settings.unwinder()
    if unwinder == "pywalk":
        return _own_source(of, mixed, only)
    if unwinder == "auto" and every and inferior.connection_type(of) == "core":
        core = None if gdb.parameter("solib-search-path") else _core(of)
        if core is not None:
            return Source(core, None, True, 0)
    kept = current(only=only)
    return Source(kept.session, kept.reader, False, 0 if only is None else inferior.thread_id(only))


def second_source(every: bool) -> Optional[Source]:
    """Where to see C frames that GDB could not; None when the user wants GDB's."""
    if settings.unwinder() != "auto":
        return None
    only = None if every else inferior.require_thread()
    return _own_source(inferior.require_process(), True, only)
