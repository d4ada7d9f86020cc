"""What pywalk reads of GDB's inferior: memory, mappings, symbols, threads.

Nothing here writes to the inferior or calls into it.
"""

import bisect
import contextlib
import os
import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

import gdb

Mapping = Tuple[int, int, int, Optional[str], bool, bool]


class Registers(NamedTuple):
    """The registers that an architecture names."""

    stack_pointer: str
    thread_pointer: str
    callee_saved: Tuple[str, ...]
    dwarf: Tuple[str, ...]  #: by DWARF number
    arguments: Tuple[str, ...]  #: the first ones of a function that was just entered


_X86_64 = Registers(
    "rsp",
    "fs_base",
    ("rbx", "rbp", "r12", "r13", "r14", "r15"),
    (
        *("rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"),
        *(f"r{n}" for n in range(8, 16)),
        "rip",
    ),
    ("rdi", "rsi"),
)
_AARCH64 = Registers(
    "sp",
    "tpidr",
    tuple(f"x{n}" for n in range(19, 30)),
    (*(f"x{n}" for n in range(31)), "sp"),
    ("x0", "x1"),
)
_ARCHITECTURES = {
    "i386:x86-64": _X86_64,
    "i386:x86-64:intel": _X86_64,
    "aarch64": _AARCH64,
}


def _registers_of(architecture: gdb.Architecture) -> Registers:
    name = architecture.name()
    found = _ARCHITECTURES.get(name)
    if found is None:
        raise gdb.GdbError(f"Python stacks of architecture {name} are not supported.")
    return found


def registers(frame: gdb.Frame) -> Registers:
    return _registers_of(frame.architecture())


def require_architecture(inferior: gdb.Inferior) -> None:
    """gdb.GdbError, unless it is this machine's, which the library is made for."""
    architecture = inferior.architecture()
    ours = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(os.uname().machine)
    if _registers_of(architecture) is not ours:
        raise gdb.GdbError(
            f"Python stacks of architecture {architecture.name()} are not supported on this"
            f" {os.uname().machine} machine."
        )


def register(frame: gdb.Frame, name: str) -> int:
    """A register as unwound to `frame`, 0 when it has no value."""
    try:
        return int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF
    except (gdb.error, ValueError):
        return 0


def _known_register(frame: gdb.Frame, name: str) -> Optional[int]:
    try:
        return int(frame.read_register(name)) & 0xFFFFFFFFFFFFFFFF
    except (gdb.error, ValueError):
        return None


@contextlib.contextmanager
def selection_kept() -> Iterator[None]:
    """Puts the selected thread and frame back, whatever happens."""
    thread = gdb.selected_thread()
    try:
        frame: Optional[gdb.Frame] = gdb.selected_frame()
    except gdb.error:
        frame = None
    try:
        yield
    finally:
        if thread is not None and thread.is_valid():
            now = gdb.selected_thread()
            if now is None or now.ptid != thread.ptid:
                thread.switch()
        if frame is not None and frame.is_valid():
            frame.select()


@contextlib.contextmanager
def setting(name: str, value: str, was: str) -> Iterator[None]:
    """`set NAME VALUE` for a while, `set NAME WAS` afterwards."""
    gdb.execute(f"set {name} {value}", to_string=True)
    try:
        yield
    finally:
        gdb.execute(f"set {name} {was}", to_string=True)


@contextlib.contextmanager
def unlimited_width() -> Iterator[None]:
    """GDB folds no lines."""
    width = gdb.parameter("width")
    with setting("width", "0", str(width) if width else "0"):
        yield


def require_process() -> gdb.Inferior:
    """The selected inferior, or gdb.GdbError."""
    inferior = gdb.selected_inferior()
    if not inferior.pid or not inferior.threads():
        raise gdb.GdbError("No process.")
    return inferior


def require_thread() -> gdb.InferiorThread:
    """The selected thread, or gdb.GdbError."""
    thread = gdb.selected_thread()
    if thread is None:
        raise gdb.GdbError("No thread selected.")
    return thread


def thread_id(thread: gdb.InferiorThread) -> int:
    """The kernel's number of it."""
    return int(thread.ptid[1] or thread.ptid[0])


def stands_still(inferior: gdb.Inferior) -> bool:
    """Whether nothing changes in it without an event that tells.

    Recordings and traces move between moments without one.
    """
    if any(thread.is_valid() and thread.is_running() for thread in inferior.threads()):
        return False
    frame = gdb.convenience_variable("trace_frame")
    return gdb.current_recording() is None and (frame is None or int(frame) < 0)


def target_file(path: Optional[str]) -> Optional[str]:
    """A file name without the prefix that says that the target has it."""
    return path[len("target:") :] if path and path.startswith("target:") else path


def program_file() -> Optional[str]:
    """The program that is debugged."""
    space = gdb.current_progspace()
    return target_file(space.filename) if space is not None else None


def connection_type(inferior: gdb.Inferior) -> str:
    """ "native", "core", "remote", ...; "" when GDB does not say."""
    connection = getattr(inferior, "connection", None)
    if connection is not None:
        return str(connection.type)
    try:
        stack = gdb.execute("maint print target-stack", to_string=True) or ""
    except gdb.error:
        return ""
    found = re.search(r"\((native|core|remote|extended-remote)\b", stack)
    return found.group(1) if found else ""


def other_root(inferior: gdb.Inferior) -> Optional[str]:
    """The root folder of a process that has one of its own, which GDB does not look at."""
    if connection_type(inferior) != "native":
        return None
    if str(gdb.parameter("sysroot") or "") not in ("", "target:"):
        return None
    root = f"/proc/{inferior.pid}/root"
    try:
        theirs, ours = os.stat(root + "/"), os.stat("/")
    except OSError:
        return None
    same = (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)
    return None if same else root


def adopt_root(inferior: gdb.Inferior) -> None:
    """Makes GDB look for libraries where a process with another root has them.

    GDB 13 does so for containers, not after chroot(2): it would take the files of the same name that
    this machine has, and unwind by the wrong rules.
    """
    root = other_root(inferior)
    if root is None:
        return
    gdb.execute(f"set sysroot {root}", to_string=True)
    gdb.write(
        f"Process {inferior.pid} has a root folder of its own: sysroot is now {root}.\n",
        gdb.STDERR,
    )


_PROC_LINE = re.compile(
    r"\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+)"
    r"(?:\s+([r-][w-][x-][ps-]))?(?:\s+(\S.*?))?\s*$"
)
_TEXT_LINE = re.compile(r"\s*(0x[0-9a-f]+) - 0x[0-9a-f]+ is \.text\b")
_SECTION_LINE = re.compile(
    r"\s*\[\d+\]\s+(0x[0-9a-f]+)->(0x[0-9a-f]+) at 0x[0-9a-f]+: load\d+\w* (.*)$"
)


def _proc_mappings() -> List[Mapping]:
    """`info proc mappings`: of live processes all mappings, of cores those of files."""
    try:
        text = gdb.execute("info proc mappings", to_string=True) or ""
    except gdb.error:
        return []
    found: List[Mapping] = []
    for line in text.splitlines():
        match = _PROC_LINE.match(line)
        if match:
            start, end, offset = (int(match.group(i), 16) for i in (1, 2, 3))
            perms, path = match.group(4) or "", match.group(5)
            if path and path.startswith("["):
                path = None
            found.append((start, end, offset, path, "w" in perms, "x" in perms))
    return found


def _core_segments() -> List[Tuple[int, int, bool, bool]]:
    """The memory segments of a core: start, end, writable, executable."""
    try:
        text = gdb.execute("maint info sections", to_string=True) or ""
    except gdb.error:
        return []
    found = []
    for line in text.splitlines():
        match = _SECTION_LINE.match(line)
        if match:
            flags = match.group(3).split()
            found.append(
                (
                    int(match.group(1), 16),
                    int(match.group(2), 16),
                    "READONLY" not in flags,
                    "CODE" in flags,
                )
            )
    return found


def _code_addresses() -> List[int]:
    """Where the code of the files begins that GDB has loaded, ascending."""
    try:
        text = gdb.execute("info files", to_string=True) or ""
    except gdb.error:
        return []
    return sorted(
        int(match.group(1), 16) for match in map(_TEXT_LINE.match, text.splitlines()) if match
    )


def _mark_code(found: List[Mapping]) -> List[Mapping]:
    """Where nobody told permissions: what GDB knows to be code is executable."""
    code = _code_addresses()
    return [
        one[:5] + (one[5] or bisect.bisect_left(code, one[0]) < bisect.bisect_left(code, one[1]),)
        for one in found
    ]


def _join(files: List[Mapping], segments: List[Tuple[int, int, bool, bool]]) -> List[Mapping]:
    """File mappings without permissions, and segments without files, cut into one list."""
    edges = sorted(
        {edge for one in files for edge in one[:2]} | {edge for one in segments for edge in one[:2]}
    )
    found: List[Mapping] = []
    files, segments = sorted(files), sorted(segments)
    f = s = 0
    for start, end in zip(edges, edges[1:]):
        while f < len(files) and files[f][1] <= start:
            f += 1
        while s < len(segments) and segments[s][1] <= start:
            s += 1
        file = files[f] if f < len(files) and files[f][0] <= start else None
        segment = segments[s] if s < len(segments) and segments[s][0] <= start else None
        if file is None and segment is None:
            continue
        offset = file[2] + start - file[0] if file else 0
        path = file[3] if file else None
        writable, executable = segment[2:] if segment else (False, False)
        found.append((start, end, offset, path, writable, executable))
    return found


_VDSO_LINE = re.compile(r"\d+\s+AT_SYSINFO_EHDR\s.*\s(0x[0-9a-f]+)\s*$", re.MULTILINE)


def _name_vdso(found: List[Mapping]) -> List[Mapping]:
    """The kernel's own code in the process has no file, but call-frame information."""
    try:
        line = _VDSO_LINE.search(gdb.execute("info auxv", to_string=True) or "")
    except gdb.error:
        return found
    start = int(line.group(1), 16) if line else 0
    return [
        (*one[:3], "[vdso]", *one[4:]) if one[0] == start and one[3] is None else one
        for one in found
    ]


_MAPS_LINE = re.compile(
    r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ \d+ *(?:([^\s].*))?$", re.MULTILINE
)


def _own_mappings(pid: int) -> Optional[List[Mapping]]:
    """Of a process of this machine.

    GDB's commands say the same, but after each of them GDB sees to the commands of the breakpoint
    that it has stopped at, also while it is still printing where that was.
    """
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return None
    found: List[Mapping] = []
    for match in _MAPS_LINE.finditer(text):
        start, end, offset = (int(match.group(i), 16) for i in (1, 2, 4))
        perms, path = match.group(3), match.group(5)
        if path and path.startswith("[") and path != "[vdso]":
            path = None
        found.append((start, end, offset, path, "w" in perms, "x" in perms))
    return found or None


def mappings(inferior: gdb.Inferior) -> List[Mapping]:
    own = _own_mappings(inferior.pid) if connection_type(inferior) == "native" else None
    if own is not None:
        return own
    found = _proc_mappings()
    if connection_type(inferior) == "core":
        # gcore leaves code out, and so does not tell where it was.
        found = _mark_code(_join(found, _core_segments()))
    elif not any(one[5] for one in found):
        found = _mark_code(found)
    found.sort(key=lambda one: one[0])
    return _name_vdso(found)


def _unknown_libraries(inferior: gdb.Inferior, found: List[Mapping]) -> bool:
    if connection_type(inferior) == "core" or not gdb.parameter("auto-solib-add"):
        return False
    mapped = {os.path.basename(one[3]) for one in found if one[5] and one[3]}
    known = {os.path.basename(one.filename or "") for one in gdb.objfiles()}
    return bool(mapped - known - {"[vdso]"})


def is_settled(inferior: gdb.Inferior, found: List[Mapping]) -> bool:
    """Whether GDB knows what adopt_root() and settle_...() would tell it."""
    if connection_type(inferior) == "core" or other_root(inferior) is not None:
        return False
    return not _unknown_libraries(inferior, found)


def settle_libraries(inferior: gdb.Inferior, found: List[Mapping]) -> None:
    """Lets GDB know of the libraries that were loaded without its knowing.

    It learns of them by a breakpoint, which it may not be allowed to set.
    """
    if _unknown_libraries(inferior, found):
        with contextlib.suppress(gdb.error):
            gdb.execute("sharedlibrary", to_string=True)


_CORE_FILE = re.compile(r"^Local core dump file:\n\s*[`'](.*)', file type \S+\.$", re.MULTILINE)


def core_file(inferior: gdb.Inferior) -> Optional[str]:
    """The file of the core that is debugged, None when GDB does not say."""
    core = getattr(inferior, "corefile", None)  # GDB 18
    if core is not None:
        path: Optional[str] = core.filename
        return path
    try:
        match = _CORE_FILE.search(gdb.execute("info files", to_string=True) or "")
    except gdb.error:
        return None
    return match.group(1) if match else None


def settle_threads(inferior: gdb.Inferior) -> None:
    """Lets GDB read all registers of a core, and drops what it has to say about them.

    It warns when it sees a thread for the first time, which would be in the midst of our output.
    """
    if connection_type(inferior) == "core":
        gdb.execute("thread apply all -q -s print $pc", to_string=True)


def same_numbers(inferior: gdb.Inferior) -> bool:
    """Whether a process of this machine knows its threads by the numbers that GDB knows."""
    if connection_type(inferior) != "native":
        return False
    try:
        with open(f"/proc/{inferior.pid}/status") as file:
            numbers = next(line for line in file if line.startswith("NSpid:")).split()
    except (OSError, StopIteration):
        return False
    return len(numbers) == 2


#: As pywalk.ReaderThread has them.
Thread = Tuple[int, int, int, Optional[str], int, List[Optional[int]], bool]


class Wanted(NamedTuple):
    """What is to be known of threads."""

    pointers: bool  #: of its stack and of its own data
    registers: bool  #: all of them


def _thread(thread: gdb.InferiorThread, wanted: Wanted, running: bool) -> Thread:
    """Switches to it."""
    pointer = stack = pc = 0
    values: List[Optional[int]] = []
    # GDB may read much debug information for its newest frame.
    if not running and (wanted.pointers or wanted.registers):
        thread.switch()
        frame = gdb.newest_frame()
        names = registers(frame)
        pointer = register(frame, names.thread_pointer)
        stack = register(frame, names.stack_pointer)
        if wanted.registers:
            pc = int(frame.pc()) & 0xFFFFFFFFFFFFFFFF
            values = [_known_register(frame, one) for one in names.dwarf]
    name = thread.name
    if name is not None:
        name = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return thread_id(thread), pointer, stack, name, pc, values, running


def threads(
    inferior: gdb.Inferior,
    wanted: Wanted,
    only: Optional[gdb.InferiorThread] = None,
    halted: bool = False,
) -> List[Thread]:
    """All threads, or only that one.  Switches threads.

    `halted`: it stands still, whatever GDB says.
    """
    if only is not None:
        return [_thread(only, wanted, only.is_running() and not halted)]
    found: List[Thread] = []
    for thread in sorted(inferior.threads(), key=lambda thread: thread.num):
        if thread.is_valid() and not thread.is_exited():
            found.append(_thread(thread, wanted, thread.is_running()))
    return found
