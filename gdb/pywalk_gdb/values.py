"""Python objects among GDB's values: what `bt`, `bt full`, MI and DAP show of Python frames.

GDB prints what it knows: a string as a string, quoted, cut and, in a plain `bt`, not at
all.  So an object is a pointer of a type that no program has, and a pretty-printer knows
the type.  Nothing is read before GDB prints it.
"""

import re
import sys
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Optional, Tuple

import gdb
import gdb.printing

from . import contents, library, limits, paths, scopes, stacks, text

if TYPE_CHECKING:
    import pywalk

_DEPTH = 3  # pointers to pointers
_CHILDREN_MAX = 1000

#: The attributes of an instance are too much for a line of a backtrace.
_INSTANCE = re.compile(r"(<[^<>:'\"]* object at 0x[0-9a-f]+): .*>$", re.DOTALL)


def _type(frame: gdb.Frame) -> Optional[gdb.Type]:
    """The type of values that are objects; None in a GDB that is too old to make one."""
    integer = getattr(frame.architecture(), "integer_type", None)  # GDB 12
    if integer is None:
        return None
    found: gdb.Type = integer(8).volatile()
    for _ in range(_DEPTH):
        found = found.pointer()
    return found


def _is_ours(kind: gdb.Type) -> bool:
    for _ in range(_DEPTH):
        if kind.code != gdb.TYPE_CODE_PTR:
            return False
        kind = kind.target()
    return kind.code == gdb.TYPE_CODE_INT and kind.sizeof == 1 and str(kind) == "volatile int8_t"


def _encodable(words: str) -> str:
    """GDB converts what printers return, and gives up where it cannot."""
    charset = getattr(gdb, "host_charset", gdb.target_charset)()
    try:
        return words.encode(charset, "backslashreplace").decode(charset)
    except LookupError:
        return words.encode("ascii", "backslashreplace").decode("ascii")


def _is_summary() -> bool:
    """Whether GDB wants one line with all arguments, as in a plain `bt`."""
    options = getattr(gdb, "print_options", None)  # GDB 13
    return bool(options and options().get("summary"))


def text_of(session: "pywalk.Session", address: int, brief: bool) -> str:
    if not address:
        return "<unbound>"
    if not brief:
        return text.printable(session.value(address, limits.Shown().limits()))
    short = library.load().Limits(depth=2, items=8, characters=80, bytes=200, reads=2000)
    return text.printable(_INSTANCE.sub(r"\1>", session.value(address, short)))


def converted(session: "pywalk.Session", found: paths.Result) -> Any:
    """What GDB can calculate with; text where it could not."""
    try:
        content: contents.Content
        if isinstance(found, paths.Object):
            content = contents.read(session, found.address)
        elif isinstance(found, paths.Text):
            content = found.value
        else:
            raise contents.NoContentError("a slice")
        if content is None:
            return gdb.Value(0).cast(gdb.lookup_type("void").pointer())
        if isinstance(content, bytes) and contents.is_python2(session):
            content = content.decode("utf-8", "backslashreplace")
        if isinstance(content, str):
            return _string(content)
        if not isinstance(content, bytes):
            return gdb.Value(content)
    except (contents.NoContentError, OverflowError):
        pass
    return _string(paths.shown(session, found, limits.Shown().limits()))


def _string(words: str) -> Any:
    # GDB ends a string where C does, and makes none of an empty one.
    words = words.replace("\0", "\\x00")
    charset = gdb.target_charset()
    try:
        words = words.encode(charset, "backslashreplace").decode(charset)
    except LookupError:
        words = words.encode("ascii", "backslashreplace").decode("ascii")
    return words or gdb.parse_and_eval('""')


class _Name(str):
    """A variable's name; newer GDBs expect a gdb.Symbol in DAP, although text will do."""

    @property
    def print_name(self) -> str:
        return str(self)


class _Variable:
    """As gdb.FrameDecorator.SymValueWrapper."""

    def __init__(self, name: str, value: Any) -> None:
        self._name = _Name(_encodable(text.printable(name)))
        self._value = value

    def symbol(self) -> str:
        return self._name

    def value(self) -> Any:
        return self._value


#: What GDB asks a decorator for.
Which = Callable[[gdb.Frame], Optional[Iterator[Any]]]


class Variables:
    """Of one Python frame, read when GDB asks for the first of them."""

    def __init__(self, session: "pywalk.Session", placed: stacks.Placed) -> None:
        self._scope = scopes.Scope(session, placed)

    def arguments(self, frame: gdb.Frame) -> Optional[Iterator[Any]]:
        return self._wrapped(frame, self._scope.arguments())

    def others(self, frame: gdb.Frame) -> Optional[Iterator[Any]]:
        found = self._scope.found
        rest = []
        if found.more:
            rest.append(_Variable("...", f"{found.more} more names"))
        if found.problem:
            rest.append(_Variable("(problem)", _encodable(text.printable(found.problem))))
        return self._wrapped(frame, self._scope.others(), rest)

    def _wrapped(
        self, frame: gdb.Frame, found: "List[pywalk.Variable]", rest: Any = ()
    ) -> Optional[Iterator[Any]]:
        kind = _type(frame) if found else None
        wrapped = [_Variable(one.name, self._value(one.address, kind)) for one in found]
        wrapped += rest
        return iter(wrapped) if wrapped else None

    def _value(self, address: int, kind: Optional[gdb.Type]) -> Any:
        if kind is None:
            return _encodable(text_of(self._scope.session, address, False))
        return gdb.Value(address).cast(kind)


_Base: Any = getattr(gdb, "ValuePrinter", object)  # GDB 14


class _Leaf(_Base):  # type: ignore[misc]
    def __init__(self, value: gdb.Value) -> None:
        self._value = value

    def to_string(self) -> str:
        error_type = library.error_type()
        try:
            session = stacks.moment().session
            return _encodable(text_of(session, int(self._value), _is_summary()))
        except (error_type, gdb.GdbError) as error:
            return _encodable(f"<{text.printable(str(error))}>")


class _Node(_Leaf):
    """With children: where a front end opens them.  In a terminal they would come twice."""

    def children(self) -> Iterator[Tuple[str, Any]]:
        session = stacks.moment().session
        total, found = session.children(int(self._value), 0, _CHILDREN_MAX)
        for name, address in found:
            # Not the value's own type: it may have been given another by now.
            name = _encodable(text.printable(name[1:] if name.startswith(".") else name))
            yield name, gdb.Value(address).cast(self._value.type)
        if total > len(found):
            yield "...", f"{total - len(found)} more"


def _has_children(value: gdb.Value) -> bool:
    error_type = library.error_type()
    address = int(value)
    try:
        session = stacks.moment().session
        # An error where its length is not believed.
        return bool(address and session.about(address)) and session.children(address, 0, 0)[0] > 0
    except (error_type, gdb.GdbError):
        return False


class _Lookup(gdb.printing.PrettyPrinter):
    def __init__(self) -> None:
        super().__init__("pywalk-variables")

    def __call__(self, value: gdb.Value) -> Any:
        if not _is_ours(value.type):
            return None
        if "gdb.dap" in sys.modules and _has_children(value):
            return _Node(value)
        return _Leaf(value)


def register() -> None:
    gdb.printing.register_pretty_printer(None, _Lookup(), replace=True)
