"""The C half of the package pywalk.  Use the package."""

from typing import Callable, Iterable, Sequence, final

version: str

class Error(Exception):
    code: str
    address: int

class ClosedError(Error): ...
class UsageError(Error): ...
class NoTargetError(Error): ...
class PermissionDeniedError(Error): ...
class NotPythonError(Error): ...
class FormatError(Error): ...
class UnreadableError(Error): ...
class CorruptError(Error): ...
class LayoutError(Error): ...
class UnsupportedError(Error): ...
class InputOutputError(Error): ...

_Frame = tuple[
    str,  # kind
    str | None,  # name
    str | None,  # qualname
    str | None,  # file
    int | None,  # line
    int | None,  # end_line
    int | None,  # column
    int | None,  # end_column
    str | None,  # proof
    int,  # address
    int,  # code
    int,  # anchor
    int | None,  # interpreter
    int | None,  # native_index
    bool,  # incomplete
    bool,  # entry
    int,  # pc
    str | None,  # symbol
    int,  # offset
    str | None,  # module
    int,  # sp
    bool,  # inlined
    bool,  # signal
    str | None,  # reason
    list[tuple[str, str, int, str | None]] | None,  # variables
    int,  # globals
    int,  # builtins
]
_Limits = tuple[int, int, int, int, int]
_Mapping = tuple[int, int, int, str | None, bool, bool]
_NativeFrame = (
    tuple[int, int, int, str | None, int, str | None, bool, Sequence[int]]
    | tuple[
        int,
        int,
        int,
        str | None,
        int,
        str | None,
        bool,
        Sequence[int],
        bool,
        str | None,
        int,
        str | None,
    ]
)
_ReaderThread = (
    tuple[int, int, int, str | None]
    | tuple[int, int, int, str | None, int, Sequence[int | None]]
    | tuple[int, int, int, str | None, int, Sequence[int | None], bool]
)
_Warn = Callable[[str], object] | None
_Info = tuple[
    str,  # engine
    str,  # clock
    bool,  # native
    bool,  # lines
    bool,  # memory
    float,  # rate_wished
    float,  # rate_reached
    int,  # start
    int,  # duration
    int,  # ticks
    int,  # missed
    int,  # lost
    int,  # torn
    int,  # impossible
    int,  # pauses
    int,  # pause_median
    int,  # pause_p99
    int,  # pause_max
    int,  # own_cpu
    bool,  # complete
]
_Report = tuple[str, str, str | None, int, float]  # table, by, function, limit, threshold
_Row = tuple[
    int,  # level
    str | None,  # name
    str,  # kind
    str | None,  # file
    str | None,  # module
    int | None,  # line
    int | None,  # tid
    int | None,  # pid
    int,  # self_samples
    int,  # self_time
    int,  # total_samples
    int,  # total_time
]

@final
class Thread:
    def info(
        self,
    ) -> tuple[
        int,
        str | None,
        str | None,
        int | None,
        int,
        bool | None,
        str,
        str | None,
        int,
        int,
    ]: ...
    def end(self) -> tuple[str, int, str | None]: ...
    def native_end(self) -> tuple[str, int, str | None] | None: ...
    def frames(self) -> list[_Frame]: ...
    def merge(self, __native_frames: Iterable[_NativeFrame]) -> None: ...
    def write(self, __format: str, __color: bool) -> str: ...

@final
class Dump:
    def close(self) -> None: ...
    def pause(self) -> int: ...
    def problems(self) -> list[str]: ...
    def interpreters(self) -> list[tuple[int, int, bool]]: ...
    def threads(self) -> list[Thread]: ...
    def write(self, __format: str, __color: bool) -> str: ...

@final
class Session:
    def close(self) -> None: ...
    def closed(self) -> bool: ...
    def set_threads(self, __threads: Iterable[_ReaderThread]) -> None: ...
    def set_mappings(self, __mappings: Iterable[_Mapping]) -> bool: ...
    def keep_memory(self, __keep: bool) -> None: ...
    def statistics(self) -> tuple[int, int, int, int, int, int]: ...
    def capture(
        self,
        __native_only_threads: bool,
        __max_frames: int,
        __no_stop: bool,
        __native: str,
        __locals: bool,
        __limits: _Limits,
        __only_thread: int,
        __names: bool,
    ) -> Dump: ...
    def folds(self, __pc: int, __symbol: str | None) -> bool: ...
    def value(self, __address: int, __limits: _Limits) -> str: ...
    def value_type(self, __address: int) -> str: ...
    def variables(
        self, __frame: int, __code: int
    ) -> tuple[list[tuple[str, str, int]], int, int, int, int, str | None]: ...
    def about(self, __address: int) -> tuple[str, int, int | None]: ...
    def attribute(self, __address: int, __name: str) -> int: ...
    def index(self, __address: int, __number: int) -> int: ...
    def key(self, __address: int, __key: object) -> int: ...
    def children(
        self, __address: int, __start: int, __count: int
    ) -> tuple[int, list[tuple[str, int]]]: ...
    def exception(self, __address: int) -> tuple[int, int, int, int, int, bool]: ...
    def head(self, __address: int) -> tuple[int, int | None, bool]: ...
    def string(self, __address: int, __limits: _Limits) -> tuple[str, int] | None: ...
    def frame_text(self, __address: int, __limits: _Limits) -> str: ...
    def stackref(self, __bits: int) -> tuple[int, int | None]: ...
    def thread_exceptions(self, __tstate: int) -> list[tuple[bool, int, int, int]]: ...
    def traceback(
        self, __address: int, __most: int
    ) -> tuple[
        int,
        list[tuple[str | None, str | None, str | None, int | None, int, int]],
        str | None,
    ]: ...
    def codes(self) -> list[tuple[int, str, str, str, int, bool]]: ...
    def code_places(self, __code: int) -> list[tuple[int, int, int, bool, bool, bool]]: ...
    def code_unwatchable(self) -> str | None: ...
    def newest_frame(self, __tstate: int) -> tuple[int, int, int, bool]: ...
    def eval_entry(self) -> tuple[int, int, int, int] | None: ...
    def frame_instruction(self, __frame: int) -> tuple[int, int, int | None, bool]: ...
    def arrive(self, __frame: int, __instruction: int, __offset: int) -> None: ...
    def exception_text(
        self, __type: int, __value: int, __limits: _Limits
    ) -> tuple[str, str, bool]: ...
    def info(self) -> tuple[int, str | None, str | None, list[str], str | None, bool]: ...
    def facts(self) -> list[tuple[str, str, str, str]]: ...

@final
class Profile:
    def info(self) -> _Info: ...
    def set_info(self, __info: _Info) -> None: ...
    def add(
        self,
        __dump: Dump,
        __time: int,
        __weight: int,
        __clock: str,
        __idle: bool,
        __lines: bool,
        __fold: bool,
        __tids: Iterable[int],
    ) -> tuple[int, int, int]: ...
    def counts(self) -> tuple[int, int, int]: ...
    def sample(self, __index: int) -> tuple[int, int, int, int, str | None, int, bool]: ...
    def stack(
        self, __number: int
    ) -> list[tuple[str, str, str | None, int | None, str | None, int | None]]: ...
    def write(self, __format: str) -> bytes: ...
    def rows(self, __what: _Report) -> tuple[int, int, int, list[_Row]]: ...
    def report(self, __what: _Report, __format: str, __width: int) -> str: ...

def profile_create(__info: _Info) -> Profile: ...
def profile_read(__path: bytes) -> tuple[Profile, list[str]]: ...
def profile_formats() -> list[tuple[str, str, str]]: ...
def open_pid(
    __pid: int,
    __executable: bytes | None,
    __sysroot: bytes | None,
    __layouts: bytes | None,
    __debug_dir: bytes | None,
    __warn: _Warn,
) -> Session: ...
def open_core(
    __path: bytes,
    __executable: bytes | None,
    __sysroot: bytes | None,
    __layouts: bytes | None,
    __debug_dir: bytes | None,
    __warn: _Warn,
) -> Session: ...
def open_reader(
    __read: Callable[[int, int], bytes | None],
    __symbol: Callable[[str], int] | None,
    __pid: int,
    __local: bool,
    __mappings: Iterable[_Mapping],
    __unit: int,
    __target_executable: bytes | None,
    __executable: bytes | None,
    __sysroot: bytes | None,
    __layouts: bytes | None,
    __debug_dir: bytes | None,
    __warn: _Warn,
) -> Session: ...
