"""Profiles: stacks over time.  Import them from the package."""

import os
import tempfile
import time
from typing import (
    TYPE_CHECKING,
    Callable,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Type,
    TypeVar,
    Union,
)

from . import _pywalk

if TYPE_CHECKING:
    from . import Dump

_P = TypeVar("_P", bound="Profile")
_Path = Union[str, bytes, "os.PathLike[str]"]


class ProfileInfo(NamedTuple):
    """What was measured, and how.  Times are in nanoseconds."""

    engine: str = ""  #: who looked, "ptrace" for one
    clock: str = "wall"  #: what a sample stands for: time of "wall", "cpu" or "gil"
    native: bool = False  #: C frames were asked for
    lines: bool = True  #: frames differ by line, else only by function
    memory: bool = False  #: samples say how much memory was resident
    rate_wished: float = 0.0  #: looks per second
    rate_reached: float = 0.0  #: 0: unknown
    start: int = 0  #: since 1970
    duration: int = 0
    ticks: int = 0  #: how often somebody looked
    missed: int = 0  #: looks that were due while the one before was still going on
    lost: int = 0  #: stacks that could not be read to their end
    torn: int = 0  #: samples whose newest frames were changing
    impossible: int = 0  #: stacks thrown away because they contradicted themselves
    pauses: int = 0  #: how often something was stopped
    pause_median: int = 0
    pause_p99: int = 0
    pause_max: int = 0
    own_cpu: int = 0  #: processor time of who looked
    complete: bool = True  #: it was ended, not cut off


class Added(NamedTuple):
    """What :meth:`Profile.add` did."""

    samples: int
    lost: int  #: stacks that could not be read to their end
    torn: int  #: of the samples


class Sample(NamedTuple):
    """What one thread was doing at one moment."""

    time: int  #: nanoseconds since the profile's start
    weight: int  #: nanoseconds that it stands for
    pid: int
    tid: int
    thread: Optional[str]  #: threading's name
    stack: int  #: for :meth:`Profile.stack`
    gil: bool  #: it held the GIL


class ProfileFrame(NamedTuple):
    """A frame of a profile."""

    kind: str  #: "python", "native" or "gap"
    name: str  #: Python's qualified name, or the C function's
    file: Optional[str]
    line: Optional[int]
    module: Optional[str]  #: native: library or program
    first_line: Optional[int]  #: Python: where the function's definition begins


class Row(NamedTuple):
    """A row of :meth:`Profile.table`.  Times are in nanoseconds."""

    level: int  #: callers, callees: 1 below their function; trees: depth
    name: Optional[str]  #: the function's; all None: samples without a stack
    kind: str  #: of the function
    file: Optional[str]
    module: Optional[str]
    line: Optional[int]  #: by line: that; by function: where it begins
    tid: Optional[int]
    pid: Optional[int]
    self_samples: int
    self_time: int
    total_samples: int
    total_time: int


class Table(NamedTuple):
    """A table of :meth:`Profile.table`."""

    samples: int  #: of the whole profile
    time: int
    left_out: int  #: rows, by limit and threshold
    rows: List[Row]


class ProfileFormat(NamedTuple):
    """A format that profiles are written in."""

    name: str
    suffix: str  #: what a file name is taken for
    description: str


def profile_formats() -> List[ProfileFormat]:
    """All that there are."""
    return [ProfileFormat._make(one) for one in _pywalk.profile_formats()]


def profile_format_of(path: _Path) -> Optional[str]:
    """The name of the format whose suffix a file name has; the longest that fits counts."""
    name = os.fsdecode(path)
    fitting = [
        one
        for one in profile_formats()
        if name.endswith(one.suffix) and len(name) > len(one.suffix)
    ]
    return max(fitting, key=lambda one: len(one.suffix)).name if fitting else None


class Profile:
    """Stacks over time, and what they cost: what `pywalk record` writes.

    Looks at a process ten times, and prints where it was::

        profile = pywalk.Profile(pywalk.ProfileInfo(engine="example", rate_wished=10))
        with pywalk.Session.open_pid(1234) as session:
            for number in range(10):
                with session.capture() as dump:
                    profile.add(dump, number * 10**8, 10**8)
                time.sleep(0.1)
        print(profile.to_text())
        profile.save("example.folded")
    """

    def __init__(self, info: Optional[ProfileInfo] = None) -> None:
        """An empty one.  Without `info.start`, it begins now."""
        given = info or ProfileInfo()
        if not given.start:
            given = given._replace(start=int(time.time() * 1e9))
        self._handle = _pywalk.profile_create(given)

    @classmethod
    def read(cls: Type[_P], path: _Path, warn: Optional[Callable[[str], object]] = None) -> _P:
        """Read a recording, the format "raw".

        One that was cut off is read as far as it goes; `warn` is told where it ends.
        """
        profile = cls.__new__(cls)
        profile._handle, warnings = _pywalk.profile_read(os.fsencode(path))
        for message in warnings if warn else ():
            if warn is not None:
                warn(message)
        return profile

    def __repr__(self) -> str:
        return f"<pywalk.Profile of {len(self)} samples>"

    def __len__(self) -> int:
        """How many samples there are."""
        return self._handle.counts()[2]

    @property
    def thread_count(self) -> int:
        return self._handle.counts()[1]

    @property
    def process_count(self) -> int:
        return self._handle.counts()[0]

    @property
    def info(self) -> ProfileInfo:
        """What was measured.  Assign another to change it."""
        return ProfileInfo._make(self._handle.info())

    @info.setter
    def info(self, info: ProfileInfo) -> None:
        self._handle.set_info(info)

    def add(
        self,
        dump: "Dump",
        time: int,
        weight: int,
        tids: Iterable[int] = (),
        idle: bool = True,
        fold: bool = False,
    ) -> Added:
        """Add a sample of each thread of a dump.

        `time` is when that was, in nanoseconds since the start and not before the last one;
        `weight` the time that each sample stands for.  With `tids`, only those threads; without
        `idle`, none that sleep.  Whether threads count that do not run or do not hold the GIL, is
        said by :attr:`info`'s `clock`, and whether lines are kept by its `lines`.  `fold` leaves
        out C frames of the interpreter's own machinery, where the capture did not.

        Stacks that could not be read to their end are counted in :attr:`info` and left out.
        """
        info = self.info
        return Added._make(
            self._handle.add(
                dump._handle, time, weight, info.clock, idle, info.lines, fold, tuple(tids)
            )
        )

    def samples(self) -> Iterator[Sample]:
        """All of them, in the order of time."""
        for index in range(len(self)):
            yield Sample._make(self._handle.sample(index))

    def stack(self, number: int) -> List[ProfileFrame]:
        """The frames of :attr:`Sample.stack`, innermost first."""
        return [ProfileFrame._make(one) for one in self._handle.stack(number)]

    def table(
        self,
        table: str = "flat",
        by: str = "function",
        function: Optional[str] = None,
        limit: int = 0,
        threshold: float = 0.0,
    ) -> Table:
        """A table as `pywalk report` makes it.

        `table`: "flat", "cumulative", "callers", "callees" or "tree".  `by`: "function", "line",
        "file", "module", "thread" or "process".  `function`: only rows in whose name this regular
        expression is found.  `limit`: so many rows, 0: all.  `threshold`: none of a smaller share,
        in percent.
        """
        samples, total, left, rows = self._handle.rows((table, by, function, limit, threshold))
        return Table(samples, total, left, [Row._make(one) for one in rows])

    def to_text(
        self,
        table: str = "flat",
        by: str = "function",
        function: Optional[str] = None,
        limit: int = 0,
        threshold: float = 0.0,
        width: int = 0,
    ) -> str:
        """The same as `pywalk report` prints it, in lines of `width` columns (0: any)."""
        return self._handle.report((table, by, function, limit, threshold), "text", width)

    def to_bytes(self, format: str) -> bytes:
        """The profile in a format of :func:`profile_formats`."""
        return self._handle.write(format)

    def save(self, path: _Path, format: Optional[str] = None) -> None:
        """Write a file, in the format that its name tells if none is given.

        It is there, or replaced, only when it is complete.
        """
        chosen = format or profile_format_of(path)
        if chosen is None:
            raise _pywalk.UsageError(f"the name {os.fsdecode(path)} tells no format")
        _replace(os.path.realpath(os.fsdecode(path)), self.to_bytes(chosen))


def _replace(path: str, data: bytes) -> None:
    try:
        mode = os.stat(path).st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        mode = 0o666 & ~mask
    handle, temporary = tempfile.mkstemp(
        prefix=os.path.basename(path) + ".", dir=os.path.dirname(path)
    )
    try:
        with open(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
