"""What a reader has to give, and what it was asked for: import it from the package."""

from typing import NamedTuple, Optional, Sequence, Tuple

#: A :class:`Mapping` as a plain tuple.
MappingTuple = Tuple[int, int, int, Optional[str], bool, bool]


class Mapping(NamedTuple):
    """One mapping of a target that a reader reads: ``[start, end)``."""

    start: int
    end: int
    offset: int = 0  #: in the file
    path: Optional[str] = None  #: as the target sees it, None for anonymous memory
    writable: bool = False
    executable: bool = False


class ReaderThread(NamedTuple):
    """One thread of a target that a reader reads."""

    tid: int  #: the kernel's number
    thread_pointer: int = 0  #: fs_base on x86-64, tpidr_el0 on aarch64; 0: unknown
    stack_pointer: int = 0  #: of the newest frame; 0: unknown
    name: Optional[str] = None
    #: For :meth:`Session.capture` with native frames; 0: unknown.
    pc: int = 0
    #: By DWARF number, None where unknown: all that are known, `pc` and `stack_pointer` too.
    registers: Sequence[Optional[int]] = ()
    running: bool = False  #: it does not stand still: its frames are not read


class Statistics(NamedTuple):
    """What a session on a reader has read since it was opened."""

    reads: int  #: that were needed
    bytes: int  #: in them
    kept: int  #: reads that cost no call
    calls: int  #: of :meth:`Reader.read`
    fetched: int  #: bytes that they brought
    failed: int  #: calls that brought nothing


class Reader:
    """Reads a target that stands still.  Derive from it and fill it in.

    What :meth:`read` and :meth:`symbol` raise ends the call that needed
    them, and comes out of it.
    """

    pid: int = 0  #: 0: unknown
    local: bool = False  #: pid is a process of this machine
    executable: Optional[str] = None  #: as the target sees it
    mappings: Sequence[MappingTuple] = ()  #: ascending
    unit: int = 0  #: bytes that one call of read() brings at the price of one; 0: 16384

    def read(self, address: int, length: int) -> Optional[bytes]:
        """Exactly `length` bytes at `address`, or None when they cannot be read."""
        raise NotImplementedError

    def symbol(self, name: str) -> int:
        """The address of a symbol of the target, 0 when unknown."""
        return 0
