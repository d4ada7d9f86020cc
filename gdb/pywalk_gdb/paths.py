"""Paths such as `self.queue[0]['name']`, followed in the process: nothing in it is run.

A path is a name, or `*` and an address; then attributes, items and slices.
"""

import ast
import re
import warnings
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Sequence, Tuple, Union

import gdb

from . import attributes, base, contents, library, text

if TYPE_CHECKING:
    import pywalk

_NAME = re.compile(r"[^\W\d]\w*")
#: The argument of comprehensions has a name that nobody can write.
_FIRST_NAME = re.compile(r"[^\W\d]\w*|\.\d+")
#: Of names, what can only be read: GDB would also call and assign.
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+|\d+|\$?[A-Za-z_]\w*(->[A-Za-z_]\w*)*")
_OPENING, _CLOSING = "([{", ")]}"


class Object(NamedTuple):
    address: int


class Part(NamedTuple):
    """What a slice leaves of a list, tuple or deque."""

    address: int
    kind: str
    of: range


class Text(NamedTuple):
    """A piece of text, or what is kept as no object of the process."""

    value: Union[str, bytes, bytearray, int, None]
    python2: bool  #: written as CPython 2.7 does


Result = Union[Object, Part, Text]
#: The object that a name stands for; raises gdb.GdbError when there is none.
Find = Callable[[str], int]


def _quoted(path: str) -> str:
    return f"'{text.printable(path)}'"


def _with_article(words: str) -> str:
    return ("an " if words[:1].lower() in tuple("aeiou") else "a ") + words


def _skip_string(path: str, at: int) -> int:
    """Where the string ends that begins at `at`; the end of the path when it does not end."""
    quote = path[at]
    at += 1
    while at < len(path) and path[at] != quote:
        at += 2 if path[at] == "\\" else 1
    return min(at + 1, len(path))


def _split(path: str, start: int) -> "Tuple[List[str], int]":
    """What stands behind the bracket at `start`, separated by colons, and where it ends."""
    pieces: List[str] = []
    depth, begin, at = 1, start + 1, start + 1
    while at < len(path):
        if path[at] in "'\"":
            at = _skip_string(path, at)
            continue
        if path[at] in _OPENING:
            depth += 1
        elif path[at] in _CLOSING:
            depth -= 1
            if not depth and path[at] == "]":
                return [*pieces, path[begin:at].strip()], at + 1
        elif path[at] == ":" and depth == 1:
            pieces.append(path[begin:at].strip())
            begin = at + 1
        at += 1
    raise gdb.GdbError(f"{_quoted(path)}: the bracket after {_quoted(path[:start])} is not closed.")


def _literal(piece: str) -> Any:
    """Raises ValueError when it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.literal_eval(piece)
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _is_key(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_key(one) for one in value)
    return value is None or isinstance(value, (str, bytes, int))


class Path:
    """Follows a path, once."""

    def __init__(
        self, session: "pywalk.Session", find: Find, path: str, classes: Sequence[str] = ()
    ) -> None:
        """`classes`: those whose methods the code is in, for names such as `self.__x`."""
        self._session = session
        self._find = find
        self._path = path
        self._classes = classes
        self._at = 0

    def _done(self) -> str:
        return self._path[: self._at].strip()

    def _skip_blanks(self) -> str:
        """The next character, "" at the end."""
        while self._at < len(self._path) and self._path[self._at].isspace():
            self._at += 1
        return self._path[self._at : self._at + 1]

    def follow(self) -> Result:
        """gdb.GdbError names the part of the path where it goes no further."""
        error_type = library.error_type()
        found = self._first()
        while True:
            done = self._done()
            character = self._skip_blanks()
            if not character:
                return found
            try:
                found = self._step(found, done, character)
            except error_type as error:
                raise gdb.GdbError(f"{_quoted(done)}: {base.words(error)}") from None

    def _first(self) -> Result:
        character = self._skip_blanks()
        if character == "*":
            self._at += 1
            return self._dereferenced()
        match = _FIRST_NAME.match(self._path, self._at)
        if match is None:
            raise gdb.GdbError(
                f"Not a path: {_quoted(self._path)}."
                "  It begins with a name, or with * and an address."
            )
        self._at = match.end()
        return Object(self._find(match.group()))

    def _dereferenced(self) -> Result:
        self._skip_blanks()
        match = _ADDRESS.match(self._path, self._at)
        if match is None:
            raise gdb.GdbError(
                f"Not an address: {_quoted(self._path[self._at :])}.  It is a number, a register or"
                " convenience variable ($NAME), or a variable of the C frame."
            )
        self._at = match.end()
        word = match.group()
        if word[0].isdigit():
            address = int(word, 0) if word[1:2] in "xX" and len(word) > 1 else int(word)
        else:
            try:
                address = int(gdb.parse_and_eval(word)) & 0xFFFFFFFFFFFFFFFF
            except (gdb.error, OverflowError, ValueError) as error:
                raise gdb.GdbError(f"Not an address: {_quoted(word)}: {error}") from None
        if not 0 < address < 1 << 64:
            raise gdb.GdbError(f"{_quoted(self._done())}: there is no object at {address:#x}.")
        return Object(address)

    def _step(self, found: Result, done: str, character: str) -> Result:
        if character == ".":
            self._at += 1
            self._skip_blanks()
            match = _NAME.match(self._path, self._at)
            if match is None:
                raise gdb.GdbError(f"No name of an attribute after {_quoted(done)}.")
            self._at = match.end()
            return self._attribute(found, done, match.group())
        if character == "[":
            pieces, self._at = _split(self._path, self._at)
            if len(pieces) == 1:
                return self._item(found, done, self._key(pieces[0], done))
            if len(pieces) > 3:
                raise gdb.GdbError(f"{_quoted(self._done())}: a slice has at most two colons.")
            return self._slice(found, done, [self._bound(one, done) for one in pieces])
        if character == "(":
            raise gdb.GdbError(
                f"{_quoted(done)} is not called: nothing is run in the process."
                "  A path has attributes, [items] and [from:to]."
            )
        raise gdb.GdbError(
            f"Junk after {_quoted(done)}: {text.printable(self._path[self._at :])}."
            "  A path has attributes, [items] and [from:to]."
        )

    # ---- what stands in brackets ----

    def _key(self, piece: str, done: str) -> Any:
        if not piece:
            raise gdb.GdbError(f"No index or key between the brackets after {_quoted(done)}.")
        try:
            key = _literal(piece)
        except ValueError:
            key = self._variable(piece)
        if not _is_key(key):
            raise gdb.GdbError(
                f"Key {text.printable(piece)}: only str, bytes, int, bool, None and tuples of these"
                " can be looked up."
            )
        return key

    def _variable(self, piece: str) -> Any:
        """The value of one of the frame's variables, or of GDB's."""
        if re.match(r"\$\w+$", piece):
            value = gdb.parse_and_eval(piece)
            if value.type.strip_typedefs().code in (gdb.TYPE_CODE_ARRAY, gdb.TYPE_CODE_PTR):
                return value.string("utf-8")
            return int(value)
        if not (_FIRST_NAME.match(piece) or piece.startswith("*")):
            raise gdb.GdbError(f"Not an index or key: {text.printable(piece)}.")
        found = Path(self._session, self._find, piece, self._classes).follow()
        if isinstance(found, Text):
            return found.value
        try:
            if isinstance(found, Part):
                raise contents.NoContentError("a slice")
            return contents.read(self._session, found.address)
        except contents.NoContentError as error:
            raise gdb.GdbError(f"{_quoted(piece)} cannot be looked up: it is {error}.") from None

    def _bound(self, piece: str, done: str) -> Any:
        if not piece:
            return None
        key = self._key(piece, done)
        if key is not None and not isinstance(key, int):
            raise gdb.GdbError(f"{_quoted(done)}: {text.printable(piece)} is no bound of a slice.")
        return key

    # ---- steps ----

    def describe(self, found: Result) -> str:
        """ "a list of 3 items"."""
        if isinstance(found, Part):
            return _with_article(f"{found.kind} of {len(found.of)} items")
        if isinstance(found, Text):
            if found.value is None or isinstance(found.value, int):
                return "None" if found.value is None else "an int"
            kind = "str" if isinstance(found.value, str) else "bytes"
            return f"a {kind} of {len(found.value)} characters"
        about = self._session.about(found.address)
        if about.kind == "None":
            return "None"
        words = _with_article(text.printable(self._session.value_type(found.address)))
        if about.length is not None:
            words += f" of {about.length} item" + ("" if about.length == 1 else "s")
        return words

    def _attribute(self, found: Result, done: str, name: str) -> Result:
        if isinstance(found, Object):
            address = attributes.find(self._session, found.address, name, self._classes)
            if address:
                return Object(address)
            computed = attributes.computed(self._session, found.address, name)
            if computed:
                raise gdb.GdbError(
                    f"{_quoted(done)} is {self.describe(found)}: '{name}' is {computed}."
                )
            if attributes.is_unset(self._session, found.address, name):
                return Text(None, False)
        message = f"{_quoted(done)} is {self.describe(found)}: no attribute '{name}'"
        if isinstance(found, Object) and attributes.is_hidden(self._session, found.address):
            message += "; those of built-in types cannot be seen in this CPython"
        raise gdb.GdbError(message + ".")

    def _item(self, found: Result, done: str, key: Any) -> Result:
        if isinstance(found, Object):
            kind = self._session.about(found.address).kind
            if kind in ("dict", "mappingproxy"):
                return self._of_mapping(found, done, key)
            if kind in contents.TEXTS:
                found = self._content(found, kind, done)
        if isinstance(found, Object) and kind not in ("list", "tuple", "deque"):
            raise gdb.GdbError(
                f"{_quoted(done)} is {self.describe(found)}: {self._no_items(found)}."
            )
        if not isinstance(key, int):
            raise gdb.GdbError(
                f"{_quoted(done)} is {self.describe(found)}: its items have numbers,"
                f" {text.printable(repr(key))} is none."
            )
        return self._of_row(found, done, key)

    def _of_mapping(self, found: Object, done: str, key: Any) -> Result:
        try:
            address = self._session.key(found.address, key)
        except (OverflowError, TypeError, UnicodeEncodeError) as error:
            raise gdb.GdbError(f"{_quoted(done)}: this key cannot be looked up: {error}.") from None
        if not address:
            raise gdb.GdbError(
                f"{_quoted(done)} is {self.describe(found)}: no key {text.printable(repr(key))}."
            )
        return Object(address)

    def _of_row(self, found: Result, done: str, number: int) -> Result:
        try:
            if isinstance(found, Object):
                address = self._session.index(found.address, number)
            elif isinstance(found, Part):
                address = self._session.index(found.address, found.of[number])
            elif found.value is None or isinstance(found.value, int):
                raise gdb.GdbError(f"{_quoted(done)} is {self.describe(found)}: it has no items.")
            else:
                one: Union[str, bytes, int] = found.value[number]
                if found.python2 and isinstance(one, int) and isinstance(found.value, bytes):
                    one = bytes([one])
                return found._replace(value=one)
        except (IndexError, OverflowError):
            address = 0
        if not address:
            raise gdb.GdbError(f"{_quoted(done)} is {self.describe(found)}: no index {number}.")
        return Object(address)

    def _slice(self, found: Result, done: str, bounds: List[Any]) -> Result:
        part = slice(*bounds)
        if part.step == 0:
            raise gdb.GdbError(f"{_quoted(self._done())}: the step of a slice is not 0.")
        if isinstance(found, Object):
            about = self._session.about(found.address)
            if about.kind in ("list", "tuple", "deque"):
                return Part(found.address, about.kind, range(about.length or 0)[part])
            if about.kind in contents.TEXTS:
                found = self._content(found, about.kind, done)
        if isinstance(found, Part):
            return found._replace(of=found.of[part])
        if isinstance(found, Text) and isinstance(found.value, (str, bytes, bytearray)):
            return found._replace(value=found.value[part])
        raise gdb.GdbError(
            f"{_quoted(done)} is {self.describe(found)}: slices are of lists, tuples, deques and text."
        )

    def _content(self, found: Object, kind: str, done: str) -> Result:
        try:
            value = contents.read(self._session, found.address)
        except contents.NoContentError as error:
            raise gdb.GdbError(f"{_quoted(done)}: its text cannot be had: it is {error}.") from None
        assert isinstance(value, (str, bytes))
        python2 = contents.is_python2(self._session)
        if kind == "bytearray" and isinstance(value, bytes):
            return Text(bytearray(value), python2)
        return Text(value, python2)

    def _no_items(self, found: Object) -> str:
        if self._session.attribute(found.address, "__getitem__"):
            return "its items cannot be had without running its code"
        about = self._session.about(found.address)
        if about.length is not None:
            return "its items have no numbers"
        return "it has no items"


def shown(session: "pywalk.Session", found: Result, limits: "pywalk.Limits") -> str:
    """Its text."""
    if isinstance(found, Object):
        return session.value(found.address, limits)
    if isinstance(found, Text):
        return contents.shown(found.value, found.python2, limits.characters)
    items: List[str] = []
    length = 0
    for number in found.of[: limits.items]:
        if length >= limits.bytes:
            break
        items.append(session.value(session.index(found.address, number), limits))
        length += len(items[-1]) + 2
    left = len(found.of) - len(items)
    if left:
        items.append(f"... {left} more")
    inside = ", ".join(items)
    if found.kind == "tuple":
        return f"({inside},)" if len(found.of) == 1 else f"({inside})"
    return f"deque([{inside}])" if found.kind == "deque" else f"[{inside}]"
