"""Targets that are far away: few, large reads.

GDB reads the stack of a remote target in pieces of 64 bytes, and what its own wording of
a frame needs (strings, say) word by word.  While frames are walked and worded, it is told
to keep what it reads, and to read a page at a time.  pywalk's own reads are as large as one
packet carries, and kept longer.
"""

import contextlib
import re
from typing import Iterator

import gdb

from . import inferior

_PAGE = 4096
_NO_REGIONS = re.compile(r"provided by the target\.\s*\n.*\bno memory regions defined")
_PACKET = re.compile(r"(?:limited to|fixed at) (\d+) bytes")

_inside = False


def is_remote(of: gdb.Inferior) -> bool:
    return inferior.connection_type(of) in ("remote", "extended-remote")


def is_far() -> bool:
    """Whether the selected inferior is far away."""
    return is_remote(gdb.selected_inferior())


def _answer(command: str) -> str:
    try:
        return gdb.execute(command, to_string=True) or ""
    except gdb.error:
        return ""


def unit(of: gdb.Inferior) -> int:
    """How many bytes one packet brings; 0: the target is not far away, or does not say."""
    if not is_remote(of):
        return 0
    found = _PACKET.search(_answer("show remote memory-read-packet-size"))
    # Each byte is two digits.
    return int(found.group(1)) // 2 if found else 0


@contextlib.contextmanager
def large_reads(wanted: bool = True) -> Iterator[None]:
    """GDB keeps what it reads, and reads large pieces, if the target is far away and `wanted`.

    What the user has set stays as it is, and is as it was afterwards.
    """
    global _inside
    far = wanted and not _inside and is_far()
    # The user's own regions of memory, and the target's, are not touched.
    if not far or not _NO_REGIONS.search(_answer("info mem")):
        yield
        return
    line = int(gdb.parameter("dcache line-size") or _PAGE)
    _inside = True
    try:
        gdb.execute("mem 0 0 rw cache", to_string=True)
        if line < _PAGE:
            gdb.execute(f"set dcache line-size {_PAGE}", to_string=True)
        yield
    finally:
        _inside = False
        gdb.execute("mem auto", to_string=True)
        if line < _PAGE:
            gdb.execute(f"set dcache line-size {line}", to_string=True)
