"""One open session for each inferior, kept until the inferior is another.

Cores have two: one that reads through GDB, and one that reads the file.
"""

from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

import gdb

from . import inferior, library, settings, text

if TYPE_CHECKING:
    import pywalk


class Open(NamedTuple):
    session: "pywalk.Session"
    reader: inferior.Reader
    identity: Tuple[object, ...]


class OpenCore(NamedTuple):
    session: "Optional[pywalk.Session]"  #: None: it could not be opened
    identity: Tuple[object, ...]


class Source(NamedTuple):
    """What a command takes its dump from."""

    session: "pywalk.Session"
    reader: Optional[inferior.Reader]  #: None: a core that is read as a file
    own: bool  #: pywalk walks the C frames, not GDB


_open: Dict[int, Open] = {}
_cores: Dict[int, OpenCore] = {}
#: Inferiors that have run since their mappings were read.
_ran: Dict[int, bool] = {}
_connected = False


def _drop_all(*_: Any) -> None:
    # Not closed here: the command that is under way may still use one.
    _open.clear()
    _cores.clear()


def _on_continue(_: Any) -> None:
    for number in _open:
        _ran[number] = True


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
    gdb.events.cont.connect(_on_continue)
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
    if kept.identity != _identity(of):
        return False
    return not _ran.get(of.num) or inferior.mappings(of) == kept.reader.mappings


def current(with_registers: bool = False) -> Open:
    """The session of the selected inferior, with its threads as they are now."""
    of = inferior.require_process()
    pywalk = library.load()
    _connect()
    kept = _open.get(of.num)
    if kept is None or not _still_fits(kept, of):
        _open.pop(of.num, None)
        inferior.adopt_root(of)
        inferior.settle_threads(of)
        reader = inferior.Reader(of)
        session = pywalk.Session.open_reader(
            reader,
            executable=reader.host_executable,
            # Of a process of this machine the library knows the root by itself.
            sysroot=None if reader.local else _sysroot(),
            layouts=settings.layouts(),
            debug_dir=_debug_folder(),
        )
        kept = Open(session, reader, _identity(of))
        _open[of.num] = kept
    _ran[of.num] = False
    with inferior.selection_kept():
        kept.session.set_threads(inferior.threads(of, with_registers))
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


def _own_source(of: gdb.Inferior, mixed: bool) -> Source:
    core = _core(of) if inferior.connection_type(of) == "core" else None
    if core is not None:
        return Source(core, None, True)
    kept = current(mixed)
    return Source(kept.session, kept.reader, True)


def source(mixed: bool, every: bool) -> Source:
    """What to take a dump from, of all threads (`every`) or of one, with C frames or without."""
    of = inferior.require_process()
    unwinder = settings.unwinder()
    if unwinder == "pywalk":
        return _own_source(of, mixed)
    if unwinder == "auto" and every and inferior.connection_type(of) == "core":
        core = None if gdb.parameter("solib-search-path") else _core(of)
        if core is not None:
            return Source(core, None, True)
    kept = current()
    return Source(kept.session, kept.reader, False)


def second_source() -> Optional[Source]:
    """Where to see C frames that GDB could not; None when the user wants GDB's."""
    if settings.unwinder() != "auto":
        return None
    return _own_source(inferior.require_process(), True)
