"""One open session for each inferior, kept until the inferior is another."""

from typing import TYPE_CHECKING, Any, Dict, NamedTuple, Optional, Tuple

import gdb

from . import inferior, library, settings

if TYPE_CHECKING:
    import pywalk


class Open(NamedTuple):
    session: "pywalk.Session"
    reader: inferior.Reader
    identity: Tuple[object, ...]


_open: Dict[int, Open] = {}
#: Inferiors that have run since their mappings were read.
_ran: Dict[int, bool] = {}
_connected = False


def _drop_all(*_: Any) -> None:
    # Not closed here: the command that is under way may still use one.
    _open.clear()


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


def current() -> Open:
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
        kept.session.set_threads(inferior.threads(of))
    return kept
