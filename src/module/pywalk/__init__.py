"""pywalk: what a CPython process is doing, read from outside.

Open a target, capture it, look at threads and frames::

    import pywalk

    with pywalk.Session.open_pid(1234) as session:
        with session.capture() as dump:
            for thread in dump.threads:
                for frame in thread.frames:
                    print(thread.tid, frame.name, frame.file, frame.line)

A target is a live process (:meth:`Session.open_pid`), a core file
(:meth:`Session.open_core`), or memory that somebody else reads, a debugger
for one (:meth:`Session.open_reader`).  Nothing here writes to the target,
calls into it, or executes its files.

A :class:`Profile` holds what many dumps say: it makes tables of them, and
writes every format that ``pywalk report`` writes.

A session, its dumps and their threads belong to one thread of execution at
a time.  Frames are plain values: they outlive everything.  All failures of
pywalk itself are :class:`Error`.
"""

import os
from typing import (
    Callable,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

from . import _pywalk
from ._objects import ObjectMethods
from ._profile import (
    Added,
    Profile,
    ProfileFormat,
    ProfileFrame,
    ProfileInfo,
    Row,
    Sample,
    Table,
    profile_format_of,
    profile_formats,
)
from ._pywalk import (
    ClosedError,
    CorruptError,
    Error,
    FormatError,
    InputOutputError,
    LayoutError,
    NoTargetError,
    NotPythonError,
    PermissionDeniedError,
    UnreadableError,
    UnsupportedError,
    UsageError,
)
from ._reader import Mapping, MappingTuple, Reader, ReaderThread, Statistics
from ._values import (
    About,
    CodeFound,
    CodePlace,
    End,
    EvalEntry,
    ExceptionInfo,
    ExceptionText,
    Fact,
    FrameInstruction,
    Interpreter,
    Limits,
    NativeEnd,
    NewestFrame,
    ObjectHead,
    Scope,
    ThreadException,
    Traceback,
    TracebackEntry,
    Variable,
)

__all__ = [
    "About",
    "Added",
    "ClosedError",
    "CodeFound",
    "CodePlace",
    "CorruptError",
    "Dump",
    "End",
    "Error",
    "EvalEntry",
    "ExceptionInfo",
    "ExceptionText",
    "Fact",
    "FormatError",
    "Frame",
    "FrameInstruction",
    "InputOutputError",
    "Interpreter",
    "LayoutError",
    "Limits",
    "Mapping",
    "NativeEnd",
    "NativeFrame",
    "NewestFrame",
    "NoTargetError",
    "NotPythonError",
    "ObjectHead",
    "PermissionDeniedError",
    "Profile",
    "ProfileFormat",
    "ProfileFrame",
    "ProfileInfo",
    "Reader",
    "ReaderThread",
    "Row",
    "Sample",
    "Scope",
    "Session",
    "Statistics",
    "Table",
    "Thread",
    "ThreadException",
    "Traceback",
    "TracebackEntry",
    "UnreadableError",
    "UnsupportedError",
    "UsageError",
    "Variable",
    "__version__",
    "profile_format_of",
    "profile_formats",
]

__version__: str = _pywalk.version

_Path = Union[str, bytes, "os.PathLike[str]"]
_NativeFrame = Union[
    Tuple[int, int, int, Optional[str], int, Optional[str], bool, Sequence[int]],
    Tuple[
        int,
        int,
        int,
        Optional[str],
        int,
        Optional[str],
        bool,
        Sequence[int],
        bool,
        Optional[str],
        int,
        Optional[str],
    ],
]
_ReaderThread = Union[
    Tuple[int, int, int, Optional[str]],
    Tuple[int, int, int, Optional[str], int, Sequence[Optional[int]]],
    Tuple[int, int, int, Optional[str], int, Sequence[Optional[int]], bool],
]
_S = TypeVar("_S", bound="Session")


class Frame(NamedTuple):
    """One frame: of Python (``kind == "python"``) or of C (``kind == "native"``).

    ``kind == "gap"`` stands for native frames that could not be unwound; `pc` is where
    that began, and `reason` why.

    What a frame of its kind does not have, or what could not be read, is None
    (0 for addresses).
    """

    kind: str
    name: Optional[str]  #: the code object's co_name
    qualname: Optional[str]  #: its co_qualname, from CPython 3.11 on
    file: Optional[str]  #: of native frames too, where there is debug information
    line: Optional[int]  #: from 1
    end_line: Optional[int]
    column: Optional[int]  #: from 0, in bytes of UTF-8
    end_column: Optional[int]
    #: How it was tied to its C frame: "address", "pointer", "order", "none";
    #: None where no native frames were given.
    proof: Optional[str]
    address: int  #: of the frame object or interpreter frame
    code: int  #: of the code object
    anchor: int  #: the address on the C stack that proves the pairing
    interpreter: Optional[int]
    #: The native frame it was paired with, an index into what was merged.
    native_index: Optional[int]
    incomplete: bool  #: entered, but no instruction of its body was run yet
    entry: bool  #: the oldest Python frame of its C evaluation frame
    pc: int
    symbol: Optional[str]
    offset: int  #: of pc from the symbol's start
    module: Optional[str]
    sp: int  #: the stack pointer, 0: unknown
    inlined: bool  #: a pseudo-frame of a function inlined into the next older native frame
    signal: bool  #: the trampoline between a signal handler and what it interrupted
    reason: Optional[str]  #: of a gap
    #: Of a Python frame, when the capture was asked for locals: arguments in their
    #: order, then the others.
    variables: Optional[Sequence[Variable]]
    globals: int  #: the address of its dictionary, with locals only
    builtins: int


def _frame(values: Tuple[object, ...]) -> Frame:
    frame = Frame._make(values)
    if frame.variables is None:
        return frame
    return frame._replace(variables=[Variable._make(one) for one in frame.variables])


class NativeFrame(NamedTuple):
    """A native frame to merge.  ``[sp, cfa)`` is its part of the stack."""

    pc: int
    sp: int
    cfa: int  #: the caller's stack pointer, 0: unknown
    symbol: Optional[str] = None
    symbol_start: int = 0
    module: Optional[str] = None
    #: A pseudo-frame of a function inlined into the next older frame.
    inlined: bool = False
    #: Callee-saved registers as unwound to this frame, in any order.
    registers: Sequence[int] = ()
    signal: bool = False  #: the trampoline of a signal handler
    file: Optional[str] = None  #: source file
    line: int = 0  #: 0: unknown
    reason: Optional[str] = None  #: not None: no frame but a gap, and why


def _path(path: Optional[_Path]) -> Optional[bytes]:
    return None if path is None else os.fsencode(path)


class Thread:
    """One thread of a dump, as it was when the dump was captured."""

    def __init__(self, dump: "Dump", handle: _pywalk.Thread) -> None:
        """For :attr:`Dump.threads` only."""
        self._dump = dump
        self._handle = handle
        info = handle.info()
        self.tid: int = info[0]  #: the kernel's number, 0: no such OS thread any more
        self.name: Optional[str] = info[1]  #: threading's
        self.kernel_name: Optional[str] = info[2]
        self.interpreter: Optional[int] = info[3]  #: of its newest frame
        self.state_address: int = info[4]  #: of its PyThreadState, 0: none
        self.holds_gil: Optional[bool] = info[5]  #: None: unknown
        #: "running", "sleeping", "disk", "stopped", "zombie", "dead", "gone" or "unknown"
        self.state: str = info[6]
        #: How a thread of a live process was read: "asleep" (nothing was stopped), "stopped",
        #: "running" (its stack may be torn); None: the target is not live.
        self.capture: Optional[str] = info[7]
        self.stopped_us: float = info[8] / 1000  #: how long it was stopped, in microseconds
        self.ns_tid: int = info[9]  #: its number in the process's own pid namespace

    def __repr__(self) -> str:
        return f"<pywalk.Thread tid={self.tid} name={self.name!r}>"

    @property
    def frames(self) -> List[Frame]:
        """The frames, innermost first.  A new list each time."""
        return [_frame(frame) for frame in self._handle.frames()]

    @property
    def end(self) -> End:
        """Why the stack ends where it does."""
        return End._make(self._handle.end())

    @property
    def native_end(self) -> Optional[NativeEnd]:
        """Why the native frames end where they do; None when none were asked for."""
        end = self._handle.native_end()
        return None if end is None else NativeEnd._make(end)

    def merge(self, native_frames: Iterable[_NativeFrame]) -> None:
        """Put native frames (:class:`NativeFrame`, newest first) among the Python frames.

        :attr:`frames`, :meth:`to_json` and :meth:`to_text` give the result from then on.
        """
        self._handle.merge(native_frames)

    def to_json(self) -> str:
        """One object of "threads" in the JSON of a dump."""
        return self._handle.write("json", False)

    def to_text(self, color: bool = False) -> str:
        """The lines that a person reads, with ANSI colours if wanted."""
        return self._handle.write("text", color)


class Dump:
    """What a target was doing at one moment.  A context manager that closes it."""

    def __init__(self, session: "Session", handle: _pywalk.Dump) -> None:
        """For :meth:`Session.capture` only."""
        self._session = session
        self._handle = handle

    def __enter__(self) -> "Dump":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the memory.  The threads are closed with it; frames are not."""
        self._handle.close()

    @property
    def interpreters(self) -> List[Interpreter]:
        """All interpreters of the process."""
        return [Interpreter._make(one) for one in self._handle.interpreters()]

    @property
    def threads(self) -> List[Thread]:
        """All threads, the main one first, then by number."""
        return [Thread(self, handle) for handle in self._handle.threads()]

    @property
    def problems(self) -> List[str]:
        """What could not be shown, a sentence each.  Empty: the dump is complete."""
        return self._handle.problems()

    @property
    def pause_ns(self) -> int:
        """How long a live target stood still, in nanoseconds."""
        return self._handle.pause()

    def to_json(self) -> str:
        """The dump as JSON, schema ``pywalk-dump/1``."""
        return self._handle.write("json", False)

    def to_text(self, color: bool = False) -> str:
        """What ``pywalk dump`` prints, with ANSI colours if wanted."""
        return self._handle.write("text", color)


class Session(ObjectMethods):
    """A target that is open.  A context manager that closes it.

    `executable` is the program a core came from, `sysroot` where the target's
    files are found, `layouts` a folder of layout files to use instead of those
    built in, `debug_dir` a folder of separate debug files.  `warn` is called
    with a sentence for anything that is odd but not fatal.
    """

    def __init__(self, handle: _pywalk.Session) -> None:
        """For the `open_*` methods only."""
        self._handle = handle

    @classmethod
    def open_pid(
        cls: Type[_S],
        pid: int,
        executable: Optional[_Path] = None,
        sysroot: Optional[_Path] = None,
        layouts: Optional[_Path] = None,
        debug_dir: Optional[_Path] = None,
        warn: Optional[Callable[[str], object]] = None,
    ) -> _S:
        """Open a live process.  Needs the right to ptrace it; does not stop it."""
        return cls(
            _pywalk.open_pid(
                pid, _path(executable), _path(sysroot), _path(layouts), _path(debug_dir), warn
            )
        )

    @classmethod
    def open_core(
        cls: Type[_S],
        path: _Path,
        executable: Optional[_Path] = None,
        sysroot: Optional[_Path] = None,
        layouts: Optional[_Path] = None,
        debug_dir: Optional[_Path] = None,
        warn: Optional[Callable[[str], object]] = None,
    ) -> _S:
        """Open a core file, of the kernel's or of gcore's making."""
        return cls(
            _pywalk.open_core(
                os.fsencode(path),
                _path(executable),
                _path(sysroot),
                _path(layouts),
                _path(debug_dir),
                warn,
            )
        )

    @classmethod
    def open_reader(
        cls: Type[_S],
        reader: Reader,
        executable: Optional[_Path] = None,
        sysroot: Optional[_Path] = None,
        layouts: Optional[_Path] = None,
        debug_dir: Optional[_Path] = None,
        warn: Optional[Callable[[str], object]] = None,
    ) -> _S:
        """Open what `reader` reads.  Its attributes are read once, here.

        `executable` is where the program is found on this machine, when that is not
        where the target has it.
        """
        return cls(
            _pywalk.open_reader(
                reader.read,
                reader.symbol,
                reader.pid,
                reader.local,
                reader.mappings,
                getattr(reader, "unit", 0),
                _path(reader.executable),
                _path(executable),
                _path(sysroot),
                _path(layouts),
                _path(debug_dir),
                warn,
            )
        )

    def __enter__(self: _S) -> _S:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the target and every dump taken from it.  Closing twice does nothing."""
        self._handle.close()

    @property
    def closed(self) -> bool:
        return self._handle.closed()

    def set_threads(self, threads: Iterable[_ReaderThread]) -> None:
        """For a session on a reader: its threads (:class:`ReaderThread`) as they are now.

        Everything remembered of the target's memory is forgotten, unless
        :meth:`keep_memory` forbids it.  Call it whenever the target has run.
        """
        self._handle.set_threads(threads)

    def keep_memory(self, keep: bool) -> None:
        """For a session on a reader, which knows whether its target stands still.

        Either way, everything remembered of the target's memory is forgotten.  With
        `keep`, what is read from now on is remembered until the next call, over captures
        and changes of threads; without, as at the beginning, for one capture.
        """
        self._handle.keep_memory(keep)

    def set_mappings(self, mappings: Iterable[MappingTuple]) -> bool:
        """For a session on a reader: its mappings as they are now.

        False, and nothing is changed, when other files are mapped than before, or at
        other places: then only another session will do.
        """
        return self._handle.set_mappings(mappings)

    @property
    def statistics(self) -> Statistics:
        """All zero for a session that has no reader."""
        return Statistics._make(self._handle.statistics())

    def capture(
        self,
        native_only_threads: bool = False,
        max_frames: int = 0,
        no_stop: bool = False,
        native: str = "none",
        locals: bool = False,
        limits: Limits = Limits(),  # noqa: B008
        only_thread: int = 0,
        names: bool = True,
    ) -> Dump:
        """Copy what all threads are doing now, or what `only_thread` (a tid) does.

        A live process is stopped only while it is copied, and not at all with
        `no_stop` (stacks may then be torn).  `native_only_threads` lists threads
        that never ran Python too; `max_frames` bounds the Python frames of a
        thread (0: a million).

        `native` says which C frames are shown: "none", "folded" (without the
        interpreter's own) or "all".  Of a target that a reader reads, the threads must
        have been set with their registers.

        Without `names`, threads are not given the names that threading has for them.

        `locals`: with the variables of each Python frame, each shown up to `limits`.
        """
        return Dump(
            self,
            self._handle.capture(
                *(native_only_threads, max_frames, no_stop, native, locals, limits),
                *(only_thread, names),
            ),
        )

    def value(self, address: int, limits: Limits = Limits()) -> str:  # noqa: B008
        """The object at `address` as it is now, as repr() would write it; nothing is called."""
        return self._handle.value(address, limits)

    def value_type(self, address: int) -> str:
        """The name of its type, "module.Qualified.Name"."""
        return self._handle.value_type(address)

    def variables(self, frame: Frame) -> Scope:
        """The variables of a Python frame of a target that has not run since it was captured."""
        found = self._handle.variables(frame.address, frame.code)
        return Scope([Variable(*one, None) for one in found[0]], *found[1:])

    def about(self, address: int) -> About:
        """What an object is; :class:`CorruptError` when its type is no type."""
        return About._make(self._handle.about(address))

    def attribute(self, address: int, name: str) -> int:
        """The address of an attribute, the object's own or its classes'; 0: none.

        No descriptor is called.
        """
        return self._handle.attribute(address, name)

    def index(self, address: int, number: int) -> int:
        """The address of an item of a list, tuple or deque; 0: none."""
        return self._handle.index(address, number)

    def key(self, address: int, key: object) -> int:
        """The address of a dictionary's value; 0: none.

        `key` is a str, bytes, int, bool, None, or a tuple of these.
        """
        return self._handle.key(address, key)

    def children(
        self, address: int, start: int = 0, count: int = 1000
    ) -> Tuple[int, List[Tuple[str, int]]]:
        """How many parts an object has, and `count` of them from `start` on: (name, address).

        Names are for people: "[0]", "['key']", ".attribute".
        """
        return self._handle.children(address, start, count)

    def exception(self, address: int) -> ExceptionInfo:
        return ExceptionInfo._make(self._handle.exception(address))

    @property
    def pid(self) -> int:
        """The process, 0 when unknown."""
        return self._handle.info()[0]

    @property
    def executable(self) -> Optional[str]:
        return self._handle.info()[1]

    @property
    def version(self) -> Optional[str]:
        """The target's CPython, "3.12.1"."""
        return self._handle.info()[2]

    @property
    def build(self) -> List[str]:
        """Build flags that change layouts: "debug", "trace-refs", "free-threaded"."""
        return self._handle.info()[3]

    @property
    def layout(self) -> Optional[str]:
        """One line that names the layout in use."""
        return self._handle.info()[4]

    @property
    def needs_registers(self) -> bool:
        """Whether native frames need their registers, for the proof by pointer (3.9 and older)."""
        return self._handle.info()[5]

    def folds(self, pc: int, symbol: Optional[str] = None) -> bool:
        """Whether the native frame at `pc` is the interpreter's own machinery.

        That is what `native="folded"` leaves out.  `symbol` names its function.
        """
        return self._handle.folds(pc, symbol)

    @property
    def facts(self) -> List[Fact]:
        """What ``pywalk info`` prints."""
        return [Fact._make(fact) for fact in self._handle.facts()]
