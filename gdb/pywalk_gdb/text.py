"""Lines for a terminal.  What came from the target is escaped first."""

import re
from typing import TYPE_CHECKING, List, Match, Optional

from .styles import styled

if TYPE_CHECKING:
    import pywalk

# What steers a terminal: C0, DEL, C1, line separators, bidirectional marks and overrides.
STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _escape(match: Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def printable(text: str) -> str:
    return STEERING.sub(_escape, text)


def _level(number: int) -> str:
    return f"#{number:<2d} "


def python_frame(number: int, frame: "pywalk.Frame") -> str:
    name = frame.qualname or frame.name or "??"
    line = "{}[py] {} at {}:{}".format(
        _level(number),
        styled("function", printable(name)),
        styled("filename", printable(frame.file or "??")),
        frame.line if frame.line is not None else "?",
    )
    if frame.proof == "none":
        line += " (its C frame is not known)"
    return line


def code_place(name: str, file: str, line: int) -> str:
    """A function, and where it is."""
    return "[py] {} at {}:{}".format(
        styled("function", printable(name)), styled("filename", printable(file)), line
    )


def place(file: Optional[str], line: Optional[int], name: Optional[str]) -> str:
    """As a traceback has it."""
    return 'File "{}", line {}, in {}'.format(
        styled("filename", printable(file or "??")),
        "?" if line is None else line,
        styled("function", printable(name or "??")),
    )


def _words(frame: "pywalk.Frame") -> str:
    if frame.signal:
        return "<signal handler called>"
    words = "" if frame.inlined else styled("address", f"{frame.pc:#018x}") + " in "
    words += styled("function", printable(frame.symbol or "??")) + " ()"
    if frame.file:
        words += " at " + styled("filename", printable(frame.file))
        if frame.line is not None:
            words += f":{frame.line}"
    elif frame.module:
        words += " from " + styled("filename", printable(frame.module))
    return words + " (inlined)" if frame.inlined else words


_GDB_WORDS = re.compile(r"(?:(0x[0-9a-f]+) in )?([^\s(][^\s]*)(?= \()")


def _styled_words(words: str) -> str:
    """GDB's own line, which came without styles: its address and function."""
    match = _GDB_WORDS.match(words)
    if match is None:
        return words
    address = styled("address", match.group(1)) + " in " if match.group(1) else ""
    return address + styled("function", match.group(2)) + words[match.end() :]


def native_frame(number: int, frame: "pywalk.Frame", words: Optional[str]) -> str:
    """`words`: GDB's own."""
    return _level(number) + "[c] " + (_words(frame) if words is None else _styled_words(words))


def gap(number: int, frame: "pywalk.Frame") -> str:
    return _level(number) + "[gap] C frames are missing here: " + printable(frame.reason or "??")


def native_end(end: Optional["pywalk.NativeEnd"]) -> List[str]:
    """The line that says why the C frames are not complete; none when they are."""
    if end is None or end.reason == "complete":
        return []
    return ["     (C frames end here: " + printable(end.message or end.reason) + ")"]


_END = {
    "unreadable": "unreadable memory",
    "cycle": "the chain of frames comes back to itself",
    "corrupt": "corrupt data",
    "limit": "limit of frames",
}


def end(end: "pywalk.End") -> List[str]:
    """The line that says why the stack is not complete; none when it is."""
    if end.reason == "complete":
        return []
    line = "     (stack ends here: " + _END.get(end.reason, end.reason)
    if end.address:
        line += f" at {end.address:#x}"
    if end.message:
        line += ": " + printable(end.message)
    return [line + ")"]


def table(heads: List[str], rows: List[List[str]]) -> List[str]:
    """Columns as wide as they must be, as in `info threads`."""
    lines = [heads, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines
    ]


def thread_head(num: str, thread: "pywalk.Thread") -> str:
    """As GDB's `thread apply all bt` has it."""
    head = f"Thread {num} (LWP {thread.tid})"
    if thread.name:
        head += f' "{printable(thread.name)}"'
    elif thread.kernel_name:
        head += f' "{printable(thread.kernel_name)}"'
    if thread.holds_gil:
        head += ", holds the GIL"
    return head + ":"
