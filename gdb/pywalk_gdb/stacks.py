"""Which Python frames each of GDB's levels runs, found out as far as it is asked for.

A thread that stands still is looked at once, however many commands ask about it.
"""

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

import gdb

from . import inferior, library, native, remote, sessions, settings

if TYPE_CHECKING:
    import pywalk

# Of a deep stack, the newest frames need not cost what all of them cost.
_FIRST_LOOK = 48
_GROWTH = 8
_MOST = 100000


class Level(NamedTuple):
    """What one of GDB's levels is to Python."""

    frames: Tuple["Placed", ...]  #: the Python frames that it runs, newest first
    folds: bool  #: it is the interpreter's machinery


class Placed(NamedTuple):
    """A Python frame and where it stands."""

    number: int  #: among the thread's Python frames, the newest is 0
    frame: "pywalk.Frame"
    level: Optional[int]  #: GDB's, None: there is no C frame at all below it

    @property
    def proved(self) -> bool:
        return self.frame.proof in ("address", "pointer")


def _grown(count: int) -> int:
    """More of them; 0: all."""
    return count * _GROWTH if 0 < count * _GROWTH < _MOST else 0


class Stack:
    """The selected thread's frames, at this moment."""

    def __init__(self, moment: "Moment", tid: int) -> None:
        self._moment = moment
        self._tid = tid
        self._natives = self._pythons = _FIRST_LOOK
        self._levels: List[Level] = []
        self._placed: List[Placed] = []
        self._complete = False
        self.end: Optional[pywalk.End] = None  #: why there are no older Python frames, once known
        #: Those behind GDB's oldest level, once all is known.
        self.rest: List[Placed] = []

    @property
    def session(self) -> "pywalk.Session":
        return self._moment.session

    def _look(self) -> None:
        """Looks further than before."""
        while not self._try_to_look():
            pass

    def _try_to_look(self) -> bool:
        walker = self._moment.walker
        with remote.large_reads():
            walked = walker.walk(self._natives or None)
        more = walker.cut
        while True:
            thread = self._moment.thread(self._tid, self._pythons)
            thread.merge(walked)
            frames = thread.frames
            cut = self._pythons != 0 and thread.end.reason == "limit"
            last = max((i for i, one in enumerate(frames) if one.kind == "native"), default=-1)
            # What could change when more is known.
            open_ended = any(
                one.kind == "python" and one.proof not in ("address", "pointer")
                for one in frames[: last + 1]
            )
            # Only the oldest Python frame of a C frame says which one that is, and of the
            # last one that was looked at nobody knows whether it is that.
            behind = any(one.entry for one in frames[last + 1 : -1])
            if not cut or (more and not open_ended and behind):
                break
            self._pythons = _grown(self._pythons)
        if more:
            self._natives = _grown(self._natives)
            if open_ended:
                return False
        self._fill(frames if not more else frames[: last + 1], walked)
        self._complete = not more
        self.end = None if more else thread.end
        return True

    def _fill(self, frames: "List[pywalk.Frame]", walked: List[native.Native]) -> None:
        folds = self._folds(walked)
        self._levels, self._placed, self.rest = [], [], []
        waiting: List[Placed] = []
        oldest = sum(one.reason is None for one in walked) - 1
        for frame in frames:
            if frame.kind == "python":
                level = len(self._levels)
                waiting.append(Placed(len(self._placed), frame, min(level, oldest)))
                self._placed.append(waiting[-1])
            elif frame.kind == "native":
                self._levels.append(Level(tuple(waiting), folds[len(self._levels)]))
                waiting = []
        self.rest = waiting

    def _folds(self, walked: List[native.Native]) -> List[bool]:
        """For each level.  What was inlined into a function goes with it."""
        session = self._moment.session
        found: List[bool] = []
        folds = False
        for one in reversed(walked):
            if not one.inlined or not found:
                folds = not one.signal and session.folds(one.pc, one.symbol)
            found.append(folds)
        return found[::-1]

    def level(self, number: int) -> Optional[Level]:
        """None: there is none as old as that."""
        while number >= len(self._levels) and not self._complete:
            self._look()
        return self._levels[number] if number < len(self._levels) else None

    def python(self, number: int) -> Optional[Placed]:
        """The Python frame of that number; None: there is none."""
        while number >= len(self._placed) and not self._complete:
            self._look()
        return self._placed[number] if 0 <= number < len(self._placed) else None

    def pythons(self) -> List[Placed]:
        """All of them."""
        while not self._complete:
            self._look()
        return self._placed

    def next_python(self, level: int) -> Optional[Placed]:
        """The newest Python frame at that level or an older one."""
        while True:
            one = self.level(level)
            if one is None:
                return self.rest[0] if self.rest else None
            if one.frames:
                return one.frames[0]
            level += 1


def gdb_frame(level: int) -> gdb.Frame:
    """GDB's frame of that level in the selected thread."""
    frame = gdb.newest_frame()
    for _ in range(level):
        older = frame.older()
        if older is None:
            raise gdb.GdbError(f"No frame at level {level}.")
        frame = older
    return frame


class Moment:
    """An inferior while nothing in it changes."""

    def __init__(self, alone: Optional[gdb.InferiorThread] = None) -> None:
        """`alone`: the thread that hit a breakpoint whose condition is being evaluated.

        GDB calls it running then, like all others.
        """
        self._alone = alone
        self._inferior = gdb.selected_inferior()
        self._open: Optional[sessions.Open] = None
        self._adopt(sessions.current(only=inferior.require_thread(), halted=alone is not None))
        self._dumps: Dict[int, pywalk.Dump] = {}
        self._threads: Dict[Tuple[int, int], Optional[pywalk.Thread]] = {}
        self._stacks: Dict[int, Tuple[Tuple[int, int], Stack]] = {}

    def _adopt(self, kept: sessions.Open) -> None:
        """The session may be another than before, where GDB has learned of libraries since."""
        if self._open is not kept:
            self._open = kept
            self.session = kept.session
            mappings, with_registers = kept.reader.mappings, kept.session.needs_registers
            self.walker = native.Walker(mappings, with_registers, False)

    def capture(self, most: int = 0, native_only_threads: bool = False) -> "pywalk.Dump":
        """Of all threads, with at most so many Python frames each; 0: all."""
        self._adopt(sessions.current())
        return self.session.capture(native_only_threads, most)

    def dump(self, most: int = 0) -> "pywalk.Dump":
        """The same, taken once for all."""
        found = self._dumps.get(most)
        # Threads that run come and go.
        if found is None or not inferior.stands_still(self._inferior):
            found = self._dumps[most] = self.capture(most)
        return found

    def _look_for(self, tid: int, most: int) -> "Optional[pywalk.Thread]":
        """The selected thread, which must have that number; None: it runs no Python."""
        key = tid, most
        if key not in self._threads:
            halted = self._alone is not None
            self._adopt(sessions.current(only=inferior.require_thread(), halted=halted))
            dump = self.session.capture(max_frames=most, only_thread=tid, names=False)
            self._threads[key] = next(iter(dump.threads), None)
        return self._threads[key]

    def thread(self, tid: int, most: int) -> "pywalk.Thread":
        """The selected thread, which must have that number."""
        found = self._look_for(tid, most)
        if found is None:
            raise gdb.GdbError(f"LWP {tid} runs no Python code.")
        return found

    def threads(self) -> "List[pywalk.Thread]":
        """Those that run Python, each with its newest frame."""
        return self.dump(1).threads

    def name(self, tid: int) -> Optional[str]:
        """What threading calls the selected thread, which must have that number."""
        if self._look_for(tid, _FIRST_LOOK) is None:
            return None
        with self.session.capture(max_frames=1, only_thread=tid) as dump:
            return next((one.name for one in dump.threads), None)

    def runs_python(self, tid: int) -> bool:
        """Whether the selected thread, which must have that number, does."""
        return self._look_for(tid, _FIRST_LOOK) is not None

    def stack(self, tid: int) -> Stack:
        newest = gdb.newest_frame()
        # `return` and the like pop frames, and no event tells.
        place = (
            int(newest.pc()),
            inferior.register(newest, inferior.registers(newest).stack_pointer),
        )
        kept = self._stacks.get(tid)
        if kept is None or kept[0] != place:
            kept = self._stacks[tid] = place, Stack(self, tid)
        return kept[1]


_moments: Dict[Tuple[object, ...], Moment] = {}
#: Why there is none.
_failures: Dict[Tuple[object, ...], Exception] = {}
_connected = False


def _forget(*_: Any) -> None:
    _moments.clear()
    _failures.clear()


def _connect() -> None:
    global _connected
    if _connected:
        return
    _connected = True
    for name in (
        *("cont", "stop", "exited", "new_objfile", "clear_objfiles", "free_objfile"),
        *("inferior_deleted", "memory_changed", "register_changed", "thread_exited"),
    ):
        registry = getattr(gdb.events, name, None)
        if registry is not None:
            registry.connect(_forget)
    settings.changed.append(_forget)


def _key(of: gdb.Inferior) -> Tuple[object, ...]:
    """What moments depend on, besides events."""
    names = ("backtrace past-main", "backtrace past-entry", "backtrace limit", "sysroot")
    return (of.num, of.pid, inferior.program_file(), *(gdb.parameter(name) for name in names))


def moment() -> Moment:
    """Of the selected inferior; gdb.GdbError or pywalk.Error when there is no Python in it.

    Its session knows the selected thread: for others, ask the moment.
    """
    of = inferior.require_process()
    _connect()
    key = _key(of)
    # What runs may have become Python since, and no event tells.
    if key in _failures and inferior.stands_still(of):
        raise _failures[key]
    found = _moments.get(key)
    if found is None:
        try:
            found = Moment()
        except library.error_type() as error:
            _failures[_key(of)] = error
            raise
        _forget()
        # Only now: what GDB said about itself while it was looked at is no change.
        _moments[_key(of)] = found
    return found


def values(printing: bool = False) -> "pywalk.Session":
    """A session that reads values as they are now; gdb.GdbError or pywalk.Error.

    It may be asked for while GDB is `printing` a frame: threads are not looked at for its sake.
    """
    of = inferior.require_process()
    _connect()
    key = _key(of)
    if key in _failures and inferior.stands_still(of):
        raise _failures[key]
    try:
        return sessions.for_values(printing)
    except library.error_type() as error:
        _failures[key] = error
        raise


#: The kernel's number of a thread.
thread_id = inferior.thread_id


def selected() -> Stack:
    """The stack of the selected thread; gdb.GdbError or pywalk.Error when there is none."""
    inferior.require_process()
    thread = inferior.require_thread()
    if thread.is_running():
        try:
            gdb.newest_frame()
        except gdb.error:
            raise gdb.GdbError("Selected thread is running.") from None
        # No event tells that it ran since the last time.
        now = Moment(alone=thread)
    else:
        now = moment()
    tid = thread_id(thread)
    if not now.runs_python(tid):
        raise gdb.GdbError(f"Thread {thread.num} (LWP {tid}) runs no Python code.")
    return now.stack(tid)
