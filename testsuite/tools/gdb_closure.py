"""In GDB, for a target that runs programs/closure.py:  closure ADDRESS

Stops at each instruction of the closure at ADDRESS, which no call-frame information tells of, and has pywalk unwind
there.  What is right is known one instruction behind it, in libffi, which has some: GDB's frames there, but for the
newest, are those that pywalk must have found.  Prints "closure: N instructions, all right", or what differs.
"""

import json
from typing import List, Optional

import gdb

FRAMES_MIN = 8


def pywalk_frames() -> List[int]:
    dump = json.loads(gdb.execute("py-mixed-bt --json", to_string=True))
    frames = dump["frames"]
    if any(frame["kind"] == "gap" for frame in frames):
        raise gdb.GdbError("closure: a gap: %s" % [f for f in frames if f["kind"] == "gap"])
    return [int(f["pc"], 16) for f in frames if f["kind"] == "native" and not f.get("inlined")]


def gdb_frames() -> List[int]:
    found = []
    frame: Optional[gdb.Frame] = gdb.newest_frame()
    while frame is not None:
        if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
            found.append(int(frame.pc()))
        frame = frame.older()
    return found


class Closure(gdb.Command):
    def __init__(self) -> None:
        super().__init__("closure", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        start = int(argument, 0)
        gdb.execute("set pywalk unwinder pywalk")
        gdb.execute("set backtrace past-main on")
        gdb.execute("hbreak *%#x" % start)
        gdb.execute("continue")
        gdb.execute("delete")
        found = []
        while start <= gdb.newest_frame().pc() < start + 64:
            found.append(pywalk_frames())
            gdb.execute("stepi")
        expected = gdb_frames()
        # libffi's table puts 16 bytes on the stack of which the function that it jumps to says nothing, until it has
        # taken them off again.
        for _ in range(4):
            if len(expected) >= FRAMES_MIN:
                break
            gdb.execute("stepi")
            expected = gdb_frames()
        for number, frames in enumerate(found):
            if frames[1:] != expected[1:]:
                print("closure: instruction %d: %s" % (number, [hex(pc) for pc in frames]))
                print("closure: it should be:   %s" % [hex(pc) for pc in expected])
                return
        if len(found) < 2 or len(expected) < FRAMES_MIN:
            print("closure: only %d instructions, %d frames" % (len(found), len(expected)))
        else:
            print("closure: %d instructions, all right" % len(found))


Closure()
