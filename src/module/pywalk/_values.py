"""Values and variables: plain tuples of the package, which is what to import."""

from typing import List, NamedTuple, Optional, Sequence


class Fact(NamedTuple):
    """Something that was found out about the target, and from where."""

    group: str  #: "process", "python", "runtime", "layout" or "missing"
    name: str
    value: str
    source: str  #: "" when it goes without saying


class Interpreter(NamedTuple):
    """One interpreter of the process."""

    id: int
    address: int  #: of its PyInterpreterState
    main: bool


class End(NamedTuple):
    """Why a thread's stack ends where it does."""

    reason: str  #: "complete", "unreadable", "cycle", "corrupt" or "limit"
    address: int  #: that it is about, or 0
    message: Optional[str]  #: None when complete


class NativeEnd(NamedTuple):
    """Why a thread's native frames end where they do."""

    #: "complete", "unreadable", "no_cfi", "registers", "corrupt" or "limit"
    reason: str
    address: int  #: that it is about, or 0
    message: Optional[str]  #: None when complete


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


class ObjectHead(NamedTuple):
    """What an object's head says besides its value."""

    type: int  #: address
    refcount: Optional[int]  #: None: unknown
    immortal: bool  #: it is never freed, and `refcount` means nothing (3.12+)


class ThreadException(NamedTuple):
    """An exception that a thread raises or handles: addresses, 0 for none."""

    raised: bool  #: it is on its way to a handler; else it is being handled
    type: int
    #: Of CPython 3.11 and older, what the exception is to be made of, when it was not yet.
    value: int
    traceback: int


class TracebackEntry(NamedTuple):
    name: Optional[str]
    qualname: Optional[str]  #: from CPython 3.11 on
    file: Optional[str]
    line: Optional[int]
    frame: int  #: the address of the frame object
    code: int  #: and of its code object


class Traceback(NamedTuple):
    total: int  #: how many entries there are
    entries: List[TracebackEntry]  #: the oldest call first; the newest, when there are more
    problem: Optional[str]  #: why there are no more


class ExceptionText(NamedTuple):
    """What Python prints below a traceback."""

    type: str  #: "module.Qualified.Name"
    message: str  #: line ends and control characters are in it
    #: False: the class has a __str__ of Python's, and `message` is what it would be without.
    exact: bool


class CodeFound(NamedTuple):
    """A code object that can be reached from the modules and frames of the target."""

    code: int  #: address
    name: str
    qualname: str
    file: str
    firstlineno: int
    function: bool  #: not the body of a module or class


class CodePlace(NamedTuple):
    """An instruction at which a line begins, or the body of a function."""

    address: int  #: its first byte is the opcode
    offset: int  #: in the bytecode
    line: int
    line_starts: bool  #: the instruction before it is of another line
    body: bool  #: it is the first one of a function's body
    again: bool  #: ... to which the function may come back


class NewestFrame(NamedTuple):
    """Addresses; 0: there is none."""

    frame: int
    code: int
    anchor: int  #: in the C frame that runs it; CPython 3.10+
    #: Each instruction is read several times before it is executed (3.10, 3.11).
    traced: bool


class EvalEntry(NamedTuple):
    """How to tell a call at the evaluation function, which each call enters (-3.10)."""

    function: int  #: its address
    argument: int  #: which one is the frame object, from 0
    code_offset: int  #: in the frame object: the code object's address, 8 bytes
    position_offset: int  #: 4 bytes, signed, below 0 when nothing has run yet


class FrameInstruction(NamedTuple):
    """Where a frame is in its code, as it says itself."""

    code: int
    offset: int  #: below 0: not started
    line: Optional[int]
    #: While the next instruction is fetched, this is still the one before it (3.11+), or else
    #: either of them.
    behind: bool
