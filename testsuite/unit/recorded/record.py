"""Records what a thread of an aarch64 program has in its registers and on its stack, and the frames that
GDB finds there.  Run by GDB; see the script `record` beside it."""

import os
from typing import Dict, Iterator, List

import gdb  # type: ignore[import]


def value(expression: str) -> int:
    return int(gdb.parse_and_eval(f"(unsigned long)({expression})")) & 0xFFFFFFFFFFFFFFFF


def frames() -> Iterator[str]:
    frame = gdb.newest_frame()
    while frame is not None:
        frame.select()
        kind = "signal" if frame.type() == gdb.SIGTRAMP_FRAME else "frame"
        registers = " ".join(f"{value(name):x}" for name in ("$sp", "$x19", "$x20", "$x29"))
        yield f"{kind} {frame.pc():x} {registers}"
        frame = frame.older()
    gdb.newest_frame().select()


def stop(top: int, known: Dict[int, int]) -> Iterator[str]:
    """One moment; of registers and stack, what is not as it was in the one before."""
    yield "stop"
    for n in range(32):
        content = value(f"$x{n}" if n < 31 else "$sp")
        if content != known.get(n):
            known[n] = content
            yield f"register {n} {content:x}"
    yield f"pc {value('$pc'):x}"
    start = value("$sp") & ~7
    memory = gdb.selected_inferior().read_memory(start, top - start).tobytes()
    for at in range(start, top, 8):
        word = int.from_bytes(memory[at - start : at - start + 8], "little")
        if word != known.get(at, 0):
            known[at] = word
            yield f"word {at:x} {word:x}"
    yield from frames()
    yield "end"


def inside(name: str) -> bool:
    function = gdb.newest_frame().name()
    return bool(function == name)


def main() -> None:
    lines: List[str] = []
    known: Dict[int, int] = {}
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("handle SIGUSR1 SIGUSR2 nostop noprint pass")
    # At its first instruction; _start itself has nothing on its stack.
    top = value("$sp")
    lines.append(f"top {top:x}")
    gdb.execute("break *handler")
    gdb.execute("continue")
    gdb.execute("delete")
    while not inside("leaf"):
        lines += stop(top, known)
        gdb.execute("stepi")
    gdb.execute("break here")
    for _ in range(4):
        gdb.execute("continue")
        lines += stop(top, known)
    gdb.execute("delete")
    while not inside("_start_c"):
        gdb.execute("stepi")
        lines += stop(top, known)
    gdb.execute("kill")
    with open(os.environ["RECORD_TO"], "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))


main()
