"""Values and variables: plain tuples of the package, which is what to import."""

from typing import NamedTuple, Optional, Sequence


class Limits(NamedTuple):
    """How much of a value is shown; 0: the default in parentheses."""

    depth: int = 0  #: containers within each other (4)
    items: int = 0  #: items of one container, attributes of one object (20)
    characters: int = 0  #: of one string, digits of one int (200)
    bytes: int = 0  #: of text in all (4096)
    reads: int = 0  #: pieces of memory that are looked at (20000)


class Variable(NamedTuple):
    """A variable of a Python frame."""

    name: str
    #: "argument", "varargs", "keyword" (only), "varkeywords", "local", "cell", "free",
    #: "comprehension", or "name" of a module or class body.
    kind: str
    address: int  #: of the value, 0: unbound
    value: Optional[str]  #: as repr() writes it; None: unbound


class About(NamedTuple):
    """What an object is."""

    #: The known type that it is or derives from, "list", "str", ...; else "object".
    kind: str
    type: int  #: the address of its own type
    length: Optional[int]  #: of a container


class Scope(NamedTuple):
    """What a Python frame can see."""

    #: Arguments in their order, then the others; without their text.
    variables: Sequence[Variable]
    more: int  #: how many of a module or class body were left out
    #: Addresses of dictionaries, 0: none.
    names: int  #: those of a module or class body
    globals: int
    builtins: int
    problem: Optional[str]  #: why some could not be read


class ExceptionInfo(NamedTuple):
    """An exception and what it is chained to: addresses, 0 for none."""

    type: int
    args: int
    cause: int
    context: int
    traceback: int
    suppress_context: bool
