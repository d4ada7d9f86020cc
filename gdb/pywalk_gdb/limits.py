"""How much of a value is shown: `set pywalk print-...`, and the same as options of commands."""

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import library, text

if TYPE_CHECKING:
    import pywalk


class _Kind(NamedTuple):
    usual: int  #: as in struct pw_value_limits
    most: int  #: what "unlimited" comes to
    what: str
    more: str


_KINDS: Dict[str, _Kind] = {
    "depth": _Kind(
        4,
        64,
        "how many containers within each other are shown of a Python value",
        "What is deeper is shown as `[... 3 more]`.  More than 64 are never shown.",
    ),
    "items": _Kind(
        20,
        1 << 24,
        "how many items of a Python container are shown",
        "Attributes of an object, too.  How many were left out is said: `[1, 2, ... 995 more]`.",
    ),
    "characters": _Kind(
        200,
        1 << 24,
        "how many characters of a Python string are shown",
        "Digits of an int, too.  A string that was cut says how long it is:\n"
        "`'abc'... (1000000 characters)`.",
    ),
    "bytes": _Kind(
        4096,
        1 << 28,
        "how long the text of one Python value may be",
        "In bytes of UTF-8; a string that is begun is shown as far as print-characters says.",
    ),
    "names": _Kind(
        200,
        1 << 20,
        "how many names py-globals lists",
        "Those that are left out are counted.",
    ),
}

#: Options of commands that show values.
OPTIONS: Sequence[str] = ("--depth", "--items", "--characters", "--bytes")

#: Pieces of memory that are looked at for one value, when more is asked for than usual.
_MANY_READS = 1 << 22


class Shown(NamedTuple):
    """What was asked for; None: what the settings say."""

    depth: Optional[int] = None
    items: Optional[int] = None
    characters: Optional[int] = None
    bytes: Optional[int] = None
    names: Optional[int] = None

    def of(self, kind: str) -> int:
        given: Optional[int] = getattr(self, kind)
        return _setting(kind) if given is None else given

    def limits(self) -> "pywalk.Limits":
        kinds = [option[2:] for option in OPTIONS]
        values = {kind: self.of(kind) for kind in kinds}
        more = any(values[kind] > _KINDS[kind].usual for kind in kinds)
        found: pywalk.Limits = library.load().Limits(reads=_MANY_READS if more else 0, **values)
        return found


class _Limit(gdb.Parameter):
    value: Optional[int]

    def __init__(self, kind: str) -> None:
        about = _KINDS[kind]
        self._what = about.what
        self.set_doc = f"Set {about.what}."
        self.show_doc = f"Show {about.what}."
        self.__doc__ = f'{about.more}\n\n"unlimited" or 0 shows as much as there is, within reason.'
        super().__init__("pywalk print-" + kind, gdb.COMMAND_DATA, gdb.PARAM_UINTEGER)
        self.value = about.usual

    def get_set_string(self) -> str:
        return ""

    def get_show_string(self, svalue: str) -> str:
        return f"{self._what[:1].upper()}{self._what[1:]}: {svalue}."


_settings: Dict[str, Any] = {}


def _setting(kind: str) -> int:
    value: Optional[int] = _settings[kind].value
    return min(value or _KINDS[kind].most, _KINDS[kind].most)


def _number(option: str, word: str) -> int:
    if word == "unlimited":
        return _KINDS[option[2:]].most
    if not word.isdigit() or len(word) > 12:
        raise gdb.GdbError(f'{option} is a number or "unlimited", not {text.printable(word)}.')
    return min(int(word) or _KINDS[option[2:]].most, _KINDS[option[2:]].most)


def parse(
    command: str, argument: str, options: Sequence[str]
) -> "Tuple[Shown, Dict[str, bool], str]":
    """Options that stand at the beginning: limits, flags that are there, and the rest."""
    given: Dict[str, int] = {}
    flags: Dict[str, bool] = {}
    rest = argument.strip()
    while rest.startswith("-") and rest != "-":
        words = rest.split(None, 2)
        option = words[0] if words[0].startswith("--") else "-" + words[0]
        if words[0] == "--":
            rest = rest[2:].lstrip()
            break
        if option not in options:
            raise gdb.GdbError(f"Unrecognized option for {command}: {text.printable(words[0])}")
        if option[2:] in _KINDS:
            if len(words) < 2:
                raise gdb.GdbError(f'{option} needs a number or "unlimited".')
            given[option[2:]] = _number(option, words[1])
            rest = words[2] if len(words) > 2 else ""
        else:
            flags[option] = True
            rest = rest[len(words[0]) :].lstrip()
    return Shown(**given), flags, rest


def completions(line: str, options: Sequence[str]) -> List[str]:
    """What may stand where an option is being typed."""
    words = line.split()
    if words and line[-1].isspace() and words[-1] in options and words[-1][2:] in _KINDS:
        return ["unlimited"]
    return list(options)


def register() -> None:
    for kind in _KINDS:
        _settings[kind] = _Limit(kind)
