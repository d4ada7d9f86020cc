"""What a Python frame can see: its variables, those around it, the globals, the builtins."""

import ast
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional, Tuple

import gdb

from . import stacks, text

if TYPE_CHECKING:
    import pywalk

ARGUMENTS = ("argument", "varargs", "keyword", "varkeywords")
_STARS = {"varargs": "*", "varkeywords": "**"}
_PIECE = 1000


class Global(NamedTuple):
    """Of a module, or a name of a class body."""

    name: str
    address: int


class Scope:
    """Of one frame, at this moment; read when it is asked for."""

    def __init__(self, session: "pywalk.Session", placed: stacks.Placed) -> None:
        self.session = session
        self.placed = placed
        self._found: Optional[pywalk.Scope] = None

    @property
    def found(self) -> "pywalk.Scope":
        if self._found is None:
            self._found = self.session.variables(self.placed.frame)
        return self._found

    def arguments(self) -> "List[pywalk.Variable]":
        return [one for one in self.found.variables if one.kind in ARGUMENTS]

    def others(self) -> "List[pywalk.Variable]":
        return [one for one in self.found.variables if one.kind not in ARGUMENTS]

    def classes(self) -> List[str]:
        """Those that the function is defined in, the innermost first."""
        parts = (self.placed.frame.qualname or "").split(".")[:-1]
        return [part for part in reversed(parts) if part != "<locals>"]

    def find(self, name: str) -> int:
        return self.look_up(name)[0]

    def look_up(self, name: str) -> Tuple[int, str]:
        """As Python would: the object, and whose name it is; gdb.GdbError when there is none."""
        local = self._local(name)
        if local is not None:
            return local
        for where, names in (("global", self.found.globals), ("builtin", self.found.builtins)):
            address = self.session.key(names, name) if names else 0
            if address:
                return address, where
        function = text.printable(self.placed.frame.qualname or self.placed.frame.name or "??")
        message = (
            f"No name '{text.printable(name)}' in {function}: it is none of its variables,"
            " no global and no builtin."
        )
        if self.found.problem:
            message += f"  But not all could be read: {text.printable(self.found.problem)}."
        raise gdb.GdbError(message)

    def _local(self, name: str) -> Optional[Tuple[int, str]]:
        same = [one for one in self.found.variables if one.name == name]
        # While a comprehension runs inlined in a class body, its variables hide the others.
        same.sort(key=lambda one: one.kind != "comprehension")
        if same:
            if not same[0].address:
                raise gdb.GdbError(
                    f"'{text.printable(name)}' is unbound: nothing is assigned to it now."
                )
            return same[0].address, "closure" if same[0].kind == "free" else "local"
        if self.found.more and self.found.names:
            address = self.session.key(self.found.names, name)
            if address:
                return address, "local"
        return None

    def globals_(self) -> Tuple[int, "Iterator[Global]"]:
        """How many there are, and each of them."""
        names = self.found.globals
        if not names:
            return 0, iter(())
        return self.session.children(names, 0, 0)[0], self.each(names)

    def each(self, names: int) -> "Iterator[Global]":
        """What a namespace holds."""
        start = 0
        while True:
            found = self.session.children(names, start, _PIECE)[1]
            for key, address in found:
                yield Global(_bare(key), address)
            if len(found) < _PIECE:
                return
            start += _PIECE


def _bare(key: str) -> str:
    """The name in "['name']"; what is no name is left in its brackets."""
    try:
        name = ast.literal_eval(key[1:-1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return key
    return name if isinstance(name, str) else key


def written(name: str, kind: str) -> str:
    """As in the signature."""
    return _STARS.get(kind, "") + text.printable(name)
