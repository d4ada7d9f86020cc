"""Styles of text, as `set style` has them, for what goes to a terminal."""

import os
from typing import Any, Optional

import gdb

_COLORS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_INTENSITIES = {"bold": "1", "dim": "2"}
_RESET = "\x1b[m"


def _speaks_mi() -> bool:
    """Whether GDB was started for a front end, which may well use a terminal to talk to it."""
    try:
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return False
    for word, following in zip(words, words[1:] + [""]):
        if word in ("--args", "-args"):
            break
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in ("i", "interpreter", "ui"):
            return (value if equals else following) not in ("console", "tui", "")
    return False


_for_people: Optional[bool] = None


def _wanted() -> bool:
    global _for_people
    if not gdb.parameter("style enabled"):
        return False
    # So it is where output goes into a string, a pipe or a file: GDB says no more of that.
    if gdb.parameter("height") is None and gdb.parameter("width") is None:
        return False
    if _for_people is None:
        _for_people = os.isatty(1) and not _speaks_mi()
    return _for_people


def _start(kind: str) -> str:
    """What switches a style on, for a GDB that has no gdb.Style yet (17)."""
    codes = []
    for what, base in (("foreground", 30), ("background", 40)):
        color = gdb.parameter(f"style {kind} {what}")
        if color in _COLORS:
            codes.append(str(base + _COLORS.index(str(color))))
    intensity = gdb.parameter(f"style {kind} intensity")
    codes += [_INTENSITIES[str(intensity)]] if str(intensity) in _INTENSITIES else []
    return "\x1b[" + ";".join(codes) + "m" if codes else ""


def styled(kind: str, words: str) -> str:
    """`kind`: "function", "filename", "variable" or "address"; as it is where GDB would not style."""
    if not words or not _wanted():
        return words
    get: Any = getattr(gdb, "Style", None)
    if get is not None:
        found: str = get(kind).apply(words)
        return found
    start = _start(kind)
    return start + words + _RESET if start else words
