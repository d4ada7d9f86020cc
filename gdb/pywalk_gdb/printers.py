"""Pretty-printers: pointers to Python objects, and what frames are made of, as Python shows them.

One printer serves all object files, also those that are loaded later.  `print obj` is one line;
the parts of an object are there for those who ask for children: MI's variable objects and DAP.
"""

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import gdb
from gdb.printing import PrettyPrinter, SubPrettyPrinter, register_pretty_printer

from . import library, stacks, text

if TYPE_CHECKING:
    import pywalk

_MASK = 0xFFFFFFFFFFFFFFFF

#: Structures that are objects, where debug information says no more than their names.
_OBJECTS = {"_object", "PyObject", "PyVarObject", "_typeobject", "PyTypeObject", "_heaptypeobject"}
#: And how their heads begin; a build with Py_TRACE_REFS has two links before.
_HEAD = {"ob_refcnt", "ob_tid", "_ob_next", "_ob_prev"}
_FRAMES = {"_PyInterpreterFrame"}
_STACKREFS = {"_PyStackRef"}
_DEPTH = 4  #: structures that begin with each other

#: Whether structures of a name, a size and so many fields are objects.
_known: Dict[Tuple[str, int], bool] = {}
_KNOWN_MAX = 4096


def _options() -> Dict[str, Any]:
    """The options of the print that is under way."""
    get = getattr(gdb, "print_options", None)  # GDB 13
    found: Dict[str, Any] = get() if get is not None else {}
    return found


def limits(brief: bool = False) -> "pywalk.Limits":
    """How much `set print elements` and `set print max-depth` let us show.

    `brief`: a piece of a line, as an argument in a backtrace is.
    """
    options = _options()
    whole: pywalk.Limits = library.load().Limits()
    if brief or options.get("summary"):
        return whole._replace(depth=2, items=4, characters=40, bytes=120)
    elements = options.get("max_elements", gdb.parameter("print elements")) or 1 << 24
    depth = options.get("max_depth", gdb.parameter("print max-depth"))
    depth = 64 if depth is None or depth < 0 else min(max(depth, 1), 64)
    room = 4096 if elements <= 200 else min(elements * 64, 1 << 28)
    # A limit of 0 is the default.
    return whole._replace(depth=depth, items=elements, characters=elements, bytes=room)


def _structure(pointer: gdb.Type) -> Optional[gdb.Type]:
    """What a pointer points to, if it is a structure."""
    if pointer.code != gdb.TYPE_CODE_PTR:
        return None
    target = pointer.target().strip_typedefs()
    return target if target.code == gdb.TYPE_CODE_STRUCT else None


def _begins_as_object(structure: gdb.Type, depth: int) -> bool:
    name = structure.name or ""
    if name in _OBJECTS:
        return True
    # An incomplete type has no fields.
    first = next(iter(structure.fields()), None)
    if first is None or first.type is None:
        return False
    if first.name in _HEAD:
        return any(one.name == "ob_type" for one in structure.fields())
    inner = first.type.strip_typedefs()
    if inner.code not in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION) or depth == 0:
        return False
    return _begins_as_object(inner, depth - 1)


def is_object(structure: gdb.Type) -> bool:
    """Whether a structure begins with the head of an object: any extension's own too."""
    name = structure.name
    if name in _OBJECTS:
        return True
    key = name or "", structure.sizeof if name else -1
    found = _known.get(key) if name else None
    if found is None:
        found = _begins_as_object(structure, _DEPTH)
        if len(_known) >= _KNOWN_MAX:
            _known.clear()
        if name:
            _known[key] = found
    return found


class Seen(NamedTuple):
    """What a value of GDB's is to Python."""

    kind: str  #: "object", "frame" or "stackref"
    address: int  #: of a stackref: its bits


def look(value: gdb.Value) -> Optional[Seen]:
    """None: it is nothing of Python's."""
    plain = value.type.strip_typedefs()
    if plain.code == gdb.TYPE_CODE_UNION:
        if plain.name not in _STACKREFS:
            return None
        return Seen("stackref", int(value[plain.fields()[0]]) & _MASK)
    structure = _structure(plain)
    if structure is None:
        return None
    if structure.name in _FRAMES:
        return Seen("frame", int(value) & _MASK)
    return Seen("object", int(value) & _MASK) if is_object(structure) else None


def _session() -> "Optional[pywalk.Session]":
    """None where there is no Python to be seen."""
    try:
        library.load()
    except gdb.GdbError:
        return None
    try:
        return stacks.values(printing=True)
    except (gdb.error, gdb.GdbError, library.error_type()):
        return None


def _object_type(like: Optional[gdb.Type]) -> Optional[gdb.Type]:
    """`PyObject *`; where the program's debug information has none, a type of the same use."""
    try:
        return gdb.lookup_type("PyObject").pointer()
    except gdb.error:
        return like


#: GDB 14: a printer that is one of these may be asked for single children.
_Base: Any = getattr(gdb, "ValuePrinter", object)


class _Line(_Base):  # type: ignore[misc]
    """A value in one line."""

    def __init__(self, line: str) -> None:
        self.__line = line

    def to_string(self) -> str:
        return self.__line


class _Object(_Base):  # type: ignore[misc]
    """An object: its text, and its parts.

    `print` would show both, one behind the other.  It asks for a hint, then for the text, then for
    the parts, of which there are none then.  MI and DAP ask in another order, whatever GDB's version.
    """

    _CHUNK = 64
    _CHUNK_MAX = 1 << 14

    def __init__(self, session: "pywalk.Session", address: int, like: gdb.Type) -> None:
        self._session = session
        self._address = address
        self._like = like
        self._hinted = self._printed = self._expandable = False
        self._total: Optional[int] = None
        self._chunk: Tuple[int, List[Tuple[str, int]]] = (0, [])

    def to_string(self) -> str:
        self._printed, self._hinted = self._hinted, False
        return printable_value(self._session, self._address, limits())

    def __getattr__(self, name: str) -> Any:
        # Only what is not found otherwise comes here.
        self._hinted = self._hinted or name == "display_hint"
        if name not in ("children", "num_children", "child") or not self.__has_parts():
            raise AttributeError(name)
        return {
            "children": self.__children,
            "num_children": self.__count,
            "child": self.__child,
        }[name]

    def __has_parts(self) -> bool:
        if self._printed and not self._expandable:
            return False
        if not self._expandable:
            self._expandable = self.__count() > 0
        return self._expandable

    def __count(self) -> int:
        if self._total is None:
            self._total = self.__read(0, 0)[0]
        return self._total

    def __read(self, start: int, count: int) -> Tuple[int, List[Tuple[str, int]]]:
        try:
            return self._session.children(self._address, start, count)
        except library.error_type():
            return 0, []

    def __value(self, address: int) -> Any:
        wanted = _object_type(self._like)
        return gdb.Value(address).cast(wanted if wanted is not None else self._like)

    def __child(self, number: int) -> Tuple[str, Any]:
        start, kept = self._chunk
        if not start <= number < start + len(kept):
            start, kept = number, self.__read(number, self._CHUNK)[1]
            self._chunk = start, kept
        if not kept:
            raise IndexError(number)
        name, address = kept[number - start]
        return child_name(name), self.__value(address)

    def __children(self) -> Iterator[Tuple[str, Any]]:
        start, size = 0, self._CHUNK
        names: Set[str] = set()
        while True:
            found = self.__read(start, size)[1]
            for name, address in found:
                # GDB wants names that differ; keys may look alike.
                plain = name = child_name(name)
                twin = 1
                while name in names:
                    twin += 1
                    name = f"{plain} #{twin}"
                names.add(name)
                yield name, self.__value(address)
            if len(found) < size:
                return
            start, size = start + size, min(size * 4, self._CHUNK_MAX)


def child_name(name: str) -> str:
    """An attribute without its dot, an item as it is: "name", "[0]", "['key']"."""
    return text.printable(name[1:] if name.startswith(".") else name)


def printable_value(session: "pywalk.Session", address: int, most: "pywalk.Limits") -> str:
    """The text of an object; never an error."""
    try:
        return text.printable(session.value(address, most))
    except library.error_type() as error:
        return f"<object at {address:#x}: {text.printable(str(error))}>"


class _Printer(PrettyPrinter):  # type: ignore[misc]
    """What GDB asks for every value that it prints."""

    def __init__(self) -> None:
        kinds = ("object", "frame", "stackref")
        super().__init__("pywalk", [SubPrettyPrinter(kind) for kind in kinds])

    def __call__(self, value: gdb.Value) -> Any:
        try:
            return self._printer(value)
        except (gdb.error, gdb.GdbError, RuntimeError, ValueError):
            # A printer is no place for errors: GDB shows the pointer.
            return None

    def _printer(self, value: gdb.Value) -> Any:
        # Most values are none of Python's, and GDB asks about each.
        if value.type.strip_typedefs().code not in (gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_UNION):
            return None
        seen = look(value)
        if seen is None or not self._enabled(seen.kind):
            return None
        if seen.address == 0 and seen.kind != "stackref":
            return None
        session = _session()
        if session is None:
            return None
        if seen.kind == "frame":
            return _Line(text.printable(session.frame_text(seen.address, limits())))
        if seen.kind == "object":
            return _Object(session, seen.address, value.type)
        return self._stackref(session, seen.address)

    @staticmethod
    def _stackref(session: "pywalk.Session", bits: int) -> Any:
        address, number = session.stackref(bits)
        if number is not None:
            return _Line(f"<interpreter's int {number}>")
        if not address:
            return _Line("<NULL>")
        like = _object_type(None)
        if like is None:
            return _Line(printable_value(session, address, limits()))
        return _Object(session, address, like)

    def _enabled(self, kind: str) -> bool:
        return any(one.enabled for one in self.subprinters or () if one.name == kind)


def register() -> None:
    register_pretty_printer(None, _Printer(), replace=True)
