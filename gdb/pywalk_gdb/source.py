"""Python source, as this machine has it: `py-list`, and lines of selected frames."""

import io
import os
import re
import stat
import tokenize
import zipfile
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import gdb

from . import base, inferior, selection, text

if TYPE_CHECKING:
    import pywalk

# Bigger files are no source.
_BYTES_MAX = 16 << 20
_LINE_MAX = 1000


class Source(NamedTuple):
    path: str  #: on this machine
    changed: float  #: when, in seconds since 1970
    lines: List[str]  #: without their ends


_kept: Dict[Tuple[str, float, int], Source] = {}
#: Files that the user was told of, of which process.
_told: Set[Tuple[int, str, float]] = set()

_RULE = re.compile(r"^ *[`'](.*)' -> [`'](.*)'\.$", re.MULTILINE)


def substituted(path: str) -> str:
    """The path as `set substitute-path` has it."""
    rules = gdb.execute("show substitute-path", to_string=True) or ""
    for start, to in _RULE.findall(rules):
        rest = path[len(start) :]
        if path.startswith(start) and (not rest or rest[0] == "/" or start.endswith("/")):
            joined: str = to + rest
            return joined
    return path


def _folders() -> List[str]:
    """Where to look for files that are not where the target has them."""
    found = [one for one in (_source_path.value or "").split(":") if one]
    named = str(gdb.parameter("directories") or "").split(":")
    return found + [one for one in named if one and not one.startswith("$")]


def _candidates(path: str) -> Iterator[str]:
    moved = substituted(path)
    if moved != path:
        yield moved
    of = gdb.selected_inferior()
    native = inferior.connection_type(of) == "native"
    if path.startswith("/"):
        root = str(gdb.parameter("sysroot") or "")
        if root and not root.startswith("target:"):
            yield root.rstrip("/") + path
        yield path
    elif native:
        yield f"/proc/{of.pid}/cwd/{path}"
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    for folder in _folders():
        for i in range(len(parts)):
            yield os.path.join(os.path.expanduser(folder), *parts[i:])


def _decoded(data: bytes) -> List[str]:
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        whole = data.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        whole = data.decode("latin-1")
    return [line.rstrip("\r") for line in re.split("\r\n|\r|\n", whole)]


def _keep(path: str, about: os.stat_result, data: bytes) -> Source:
    if len(_kept) > 256:
        _kept.clear()
    found = Source(path, about.st_mtime, _decoded(data))
    _kept[path, about.st_mtime, about.st_size] = found
    return found


def _file(path: str) -> Optional[Source]:
    """A regular file; the target may have named a pipe or a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with open(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _BYTES_MAX:
            return None
        kept = _kept.get((path, about.st_mtime, about.st_size))
        return kept or _keep(path, about, file.read(_BYTES_MAX))


def _member(path: str) -> Optional[Source]:
    """A file in an archive: the import system names it by the archive's path and its own."""
    archive, inner = os.path.dirname(path), os.path.basename(path)
    while archive not in ("", "/") and not os.path.exists(archive):
        archive, inner = os.path.dirname(archive), os.path.basename(archive) + "/" + inner
    try:
        about = os.stat(archive)
        if not stat.S_ISREG(about.st_mode):
            return None
        kept = _kept.get((path, about.st_mtime, about.st_size))
        if kept:
            return kept
        with zipfile.ZipFile(archive) as opened, opened.open(inner) as file:
            data = file.read(_BYTES_MAX + 1)
    except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError, zipfile.BadZipFile):
        return None
    except Exception:  # zlib, lzma and bz2 have errors of their own
        return None
    return None if len(data) > _BYTES_MAX else _keep(path, about, data)


def find(path: Optional[str]) -> Optional[Source]:
    """The source of a file that the target names; None when there is none here."""
    if not path or "\0" in path or (path.startswith("<") and path.endswith(">")):
        return None
    for candidate in _candidates(path):
        found = _file(candidate) or _member(candidate)
        if found is not None:
            return found
    return None


def _started(pid: int) -> Optional[float]:
    """When a process of this machine began, in seconds since 1970."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            ticks = int(file.read().rsplit(")", 1)[1].split()[19])
        with open("/proc/stat", encoding="latin-1") as file:
            boot = next(int(line.split()[1]) for line in file if line.startswith("btime"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None
    # The boot time is cut to a second.
    return boot + 1 + ticks / os.sysconf("SC_CLK_TCK")


def _staleness(found: Source) -> Optional[str]:
    of = gdb.selected_inferior()
    kind = inferior.connection_type(of)
    if kind == "native":
        started = _started(of.pid)
        if started is not None and found.changed > started:
            return "was changed after the process started"
    elif kind == "core":
        core = inferior.core_file(of)
        try:
            if core is not None and found.changed > os.stat(core).st_mtime:
                return "was changed after the core was written"
        except OSError:
            pass
    return None


def warn_if_changed(found: Source) -> None:
    """Says once that the lines may not be those that run."""
    key = gdb.selected_inferior().pid, found.path, found.changed
    if key in _told:
        return
    words = _staleness(found)
    if words is not None:
        _told.add(key)
        base.show([f"warning: {text.printable(found.path)} {words}; its lines may be others."])


def line_text(found: Source, number: int) -> Optional[str]:
    """None: the file is shorter than that."""
    if not 0 < number <= len(found.lines):
        return None
    # Tabs are no danger, and escaped they could not be read.
    line = found.lines[number - 1][:_LINE_MAX].expandtabs()
    return text.printable(line)


class List_(base.Command):
    """List Python source around the selected Python frame.

    Usage: py-list [--json] [LINE | FIRST,LAST]

    Ten lines, those around the line that the frame executes, which is marked; with
    LINE, those around that line of the same file; with FIRST,LAST, those lines.

    The file is looked for as `set substitute-path` says, at its own place below the
    sysroot, then below the folders of `set pywalk source-path` and `directory`,
    and in zip archives.  When it was changed after the process started, that is said.

    Options:
      --json
        Print JSON: the file as the process has it, the path on this machine, the line
        that the frame executes, the lines, and whether the file was changed."""

    name = "py-list"
    category = gdb.COMMAND_FILES
    options = ("--json",)

    @staticmethod
    def _range(argument: str, line: Optional[int]) -> Tuple[int, int]:
        numbers = [one for one in re.split(r"[\s,]+", argument) if one]
        if len(numbers) > 2 or not all(one.isdigit() and len(one) < 10 for one in numbers):
            raise gdb.GdbError(f"Not a line, nor two of them: {argument}")
        if len(numbers) == 2:
            first, last = int(numbers[0]), int(numbers[1])
            if first > last:
                raise gdb.GdbError(f"Line {first} comes behind line {last}.")
            return max(first, 1), last
        around = int(numbers[0]) if numbers else line
        if around is None:
            raise gdb.GdbError("The line of the selected Python frame is not known.")
        first = max(around - 5, 1)
        return first, first + 9

    def run(self, argument: str) -> None:
        words = argument.split()
        frame = selection.current().frame
        first, last = self._range(" ".join(one for one in words if one != "--json"), frame.line)
        found = find(frame.file)
        if found is None:
            raise gdb.GdbError(f"No source: {text.printable(frame.file or '??')}.")
        count = len(found.lines) - (not found.lines[-1])
        if first > count:
            raise gdb.GdbError(
                f"Lines from {first} are out of range; {text.printable(found.path)} has {count} lines."
            )
        numbers = range(first, min(last, count) + 1)
        if "--json" in words:
            self._show_json(frame, found, numbers)
            return
        warn_if_changed(found)
        for number in numbers:
            mark = ">" if number == frame.line else ""
            base.show([f"{mark + str(number):>5}    {line_text(found, number)}".rstrip()])

    @staticmethod
    def _show_json(frame: "pywalk.Frame", found: Source, numbers: range) -> None:
        lines = [{"line": one, "text": found.lines[one - 1]} for one in numbers]
        base.show_json(
            {
                "file": frame.file,
                "path": found.path,
                "current": frame.line,
                "changed": _staleness(found) is not None,
                "lines": lines,
            }
        )


class _SourcePath(gdb.Parameter):
    """Folders where Python source is looked for, separated by colons.

    Below each, the file is looked for by its whole path, then by shorter and shorter
    ends of it.  They come after `set substitute-path`, the place where the target has
    the file, and before `directory`."""

    set_doc = "Set the folders where Python source is looked for."
    show_doc = "Show the folders where Python source is looked for."
    value: Optional[str]

    def __init__(self) -> None:
        super().__init__("pywalk source-path", gdb.COMMAND_FILES, gdb.PARAM_STRING_NOESCAPE)

    def get_set_string(self) -> str:
        return ""

    def get_show_string(self, svalue: str) -> str:
        return "Python source is looked for in: {}.".format(svalue or "no folders of its own")


_source_path: Any = None


def register() -> None:
    global _source_path
    _source_path = _SourcePath()
    List_()
