"""Values and variables: plain tuples of the package, which is what to import."""

from typing import NamedTuple, Optional


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


class ExceptionInfo(NamedTuple):
    """An exception and what it is chained to: addresses, 0 for none."""

    type: int
    args: int
    cause: int
    context: int
    traceback: int
    suppress_context: bool
