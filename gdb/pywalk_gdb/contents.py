"""What objects hold, as values of this Python: of numbers and text, from how repr() writes them."""

import ast
import re
from typing import TYPE_CHECKING, Optional, Union

from . import library

if TYPE_CHECKING:
    import pywalk

TEXTS = ("str", "bytes", "bytearray")
#: Longer text is not taken out of the process.
_CHARACTERS_MAX = 1 << 20

Content = Union[None, bool, int, float, str, bytes]

_ARRAY = re.compile(r"\w+\((.*)\)$", re.DOTALL)
_CUT = re.compile(r"\.\.\. \((\d+) (characters|bytes|digits|bits)\)$")


class NoContentError(ValueError):
    """It has none, or too much; the message says what it is: "a list"."""


def is_python2(session: "pywalk.Session") -> bool:
    return (session.version or "").startswith("2.")


def read(session: "pywalk.Session", address: int) -> Content:
    """Of None, a bool, an int, a float or text; NoContentError for others."""
    kind = session.about(address).kind
    limits: pywalk.Limits = library.load().Limits(
        characters=_CHARACTERS_MAX, bytes=8 * _CHARACTERS_MAX
    )
    if kind == "None":
        return None
    if kind not in ("bool", "int", "float", *TEXTS):
        raise NoContentError(_named(session, address))
    words = session.value(address, limits)
    cut = _CUT.search(words)
    # In a string these words are followed by its quote.
    if cut is not None:
        raise NoContentError(f"too long: {cut.group(1)} {cut.group(2)}")
    try:
        return _parsed(kind, words, is_python2(session))
    except (ValueError, SyntaxError, MemoryError):
        # A class with a repr() of its own, or what could not be read.
        raise NoContentError(_named(session, address)) from None


def _named(session: "pywalk.Session", address: int) -> str:
    name = session.value_type(address)
    return ("an " if name[:1].lower() in tuple("aeiou") else "a ") + name


def _parsed(kind: str, words: str, python2: bool) -> Content:
    if kind == "bool":
        return {"True": True, "False": False}[words] if words in ("True", "False") else None
    if kind == "int":
        return int(words.rstrip("L"))
    if kind == "float":
        return float(words)
    if kind == "bytearray":
        match = _ARRAY.match(words)
        words = match.group(1) if match else words
    value = ast.literal_eval(words)
    if python2 and kind != "str" and isinstance(value, str):
        return value.encode("latin-1")
    if not isinstance(value, (str, bytes)):
        raise ValueError(words)
    return value


def shown(
    value: Union[str, bytes, bytearray, int, None], python2: bool, most: Optional[int]
) -> str:
    """As repr() of the process's Python would write it, cut as values are."""
    if value is None or isinstance(value, int):
        return str(value)
    cut = value[: most or len(value)]
    if isinstance(cut, str):
        # Lone surrogates and what only a newer Unicode knows are escaped.
        words = "u" + ascii(cut) if python2 else repr(cut)
    else:
        words = repr(cut)[1:] if python2 and isinstance(cut, bytes) else repr(cut)
    if len(cut) == len(value):
        return words
    return f"{words}... ({len(value)} {'characters' if isinstance(value, str) else 'bytes'})"
