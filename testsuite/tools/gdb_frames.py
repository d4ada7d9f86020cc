"""GDB's own native frames as JSON: what compare_native.py compares pywalk's with.

    gdb -batch -p PID -x gdb_frames.py -ex "native-frames FILE"
    gdb -batch -c CORE EXE -x gdb_frames.py -ex "native-frames FILE"

For each thread its frames, newest first, down to where GDB stops by itself, and why it stopped.  A target that
runs code without CFI can say how large the frames of that code are ("native-frames FILE TRUTH"): GDB's
guesses at such code are no truth.
"""

import json
import os
from typing import Any, Dict, List, Optional, Tuple

import gdb
from gdb.unwinder import Unwinder

TYPES = {
    gdb.NORMAL_FRAME: "normal",
    gdb.INLINE_FRAME: "inline",
    gdb.TAILCALL_FRAME: "tailcall",
    gdb.SIGTRAMP_FRAME: "sigtramp",
}
REASONS = {
    getattr(gdb, name): name[len("FRAME_UNWIND_") :].lower()
    for name in dir(gdb)
    if name.startswith("FRAME_UNWIND_") and isinstance(getattr(gdb, name), int)
}
# Deeper than any test program; a chain that goes on for ever must end.
LIMIT = 100000
SETTINGS = ("backtrace past-main on", "backtrace past-entry on", "backtrace limit unlimited")


def number(value: gdb.Value) -> int:
    return int(value.cast(gdb.lookup_type("unsigned long"))) & (2**64 - 1)


class FixedFrames(Unwinder):
    """Unwinds functions whose frame has one size between their first call and their end."""

    def __init__(self, ranges: List[Dict[str, Any]]) -> None:
        super().__init__("pywalk-test-fixed-frames")
        self.ranges = ranges

    def __call__(self, pending: Any) -> Any:
        pc = number(pending.read_register("pc"))
        for one in self.ranges:
            if one["start"] <= pc < one["start"] + one["size"]:
                sp = number(pending.read_register("sp"))
                return self.caller(pending, pc, sp, one)
        return None

    def caller(self, pending: Any, pc: int, sp: int, one: Dict[str, Any]) -> Any:
        word = gdb.lookup_type("unsigned long")

        def value(number: int) -> gdb.Value:
            return gdb.Value(number).cast(word)

        def load(address: int) -> gdb.Value:
            return gdb.Value(address).cast(word.pointer()).dereference()

        cfa = sp + one["frame"]
        identity = type("FrameId", (), {"sp": value(cfa), "pc": value(one["start"])})()
        caller = pending.create_unwind_info(identity)
        # The registers that the function does not keep have the values that they had in its caller.
        for register in one["unchanged"]:
            caller.add_saved_register(register, pending.read_register(register))
        for register, offset in one["saved"].items():
            caller.add_saved_register(register, load(cfa + offset))
        if "sp" not in one["saved"]:
            caller.add_saved_register("sp", value(cfa))
        return caller


def symbol_at(address: int, cache: Dict[int, Tuple[Optional[str], Optional[int]]]) -> Any:
    """The ELF symbol that covers the address, and where it begins."""
    if address not in cache:
        text = gdb.execute("info symbol 0x%x" % address, to_string=True)
        name = start = None
        if not text.startswith("No symbol matches"):
            name, _, rest = text.splitlines()[0].partition(" in section ")[0].partition(" + ")
            start = address - (int(rest) if rest else 0)
        cache[address] = (name, start)
    return cache[address]


def describe(frame: gdb.Frame, older_is_call: bool, cache: Any) -> Dict[str, Any]:
    pc = int(frame.pc())
    one: Dict[str, Any] = {
        "level": frame.level() if hasattr(frame, "level") else None,
        "type": TYPES.get(frame.type(), "other"),
        "pc": pc,
        "sp": number(frame.read_register("sp")),
        "name": frame.name(),
    }
    function = frame.function()
    if function is not None:
        one["linkage"] = function.linkage_name
    # A return address can be the first one after its function.
    elf, start = symbol_at(pc - older_is_call if pc else pc, cache)
    one["elf"], one["start"] = elf, start
    one["file"] = gdb.solib_name(pc)
    return one


def walk(cache: Any) -> Dict[str, Any]:
    frames: List[Dict[str, Any]] = []
    reason, message = "none", ""
    try:
        frame: Optional[gdb.Frame] = gdb.newest_frame()
        exact = True
        while frame is not None and len(frames) < LIMIT:
            one = describe(frame, not exact, cache)
            frames.append(one)
            if one["type"] != "inline":
                exact = one["type"] == "sigtramp"
            older = frame.older()
            if older is None:
                code = frame.unwind_stop_reason()
                reason = REASONS.get(code, str(code))
                message = gdb.frame_stop_reason_string(code)
            frame = older
    except gdb.error as error:
        reason, message = "error", str(error)
    return {"frames": frames, "end": {"reason": reason, "message": message}}


def collect() -> Dict[str, Any]:
    for setting in SETTINGS:
        gdb.execute("set " + setting)
    cache: Dict[int, Tuple[Optional[str], Optional[int]]] = {}
    threads = []
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        one = walk(cache)
        one["tid"] = thread.ptid[1] or thread.ptid[0]
        threads.append(one)
    space = gdb.current_progspace()
    return {
        "pid": gdb.selected_inferior().pid,
        "program": space.filename if space else None,
        "threads": threads,
    }


def know(path: str) -> None:
    """Unwinds what the target says about its code without CFI."""
    with open(path) as file:
        ranges = json.load(file).get("fixed_frames", [])
    if ranges:
        gdb.unwinder.register_unwinder(None, FixedFrames(ranges), replace=True)
        gdb.invalidate_cached_frames()


class NativeFrames(gdb.Command):
    """Write the native frames of all threads to a file, as JSON.
    Usage: native-frames FILE [TRUTH]"""

    def __init__(self) -> None:
        super().__init__("native-frames", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        arguments = gdb.string_to_argv(argument)
        if len(arguments) > 1:
            know(arguments[1])
        document = collect()
        temporary = arguments[0] + ".tmp"
        with open(temporary, "w") as out:
            json.dump(document, out)
        os.rename(temporary, arguments[0])


NativeFrames()
