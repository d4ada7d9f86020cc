"""MI commands, for front ends: -py-list-frames, -py-list-threads, -py-list-variables.

What a frame or thread does not have is left out.  Numbers are decimal, flags "y" or "n".
"""

from typing import Any, Dict, List, Optional, Tuple

import gdb

from . import base, inferior, library, mi_variables, source, stacks, text

_Results = Dict[str, Any]


def frame_results(placed: stacks.Placed, with_file: bool = True) -> _Results:
    """A Python frame, with the names that -stack-list-frames uses where it has the same."""
    frame = placed.frame
    found: _Results = {
        "level": placed.number,
        "func": text.printable(frame.qualname or frame.name or "??"),
    }
    if frame.name:
        found["name"] = text.printable(frame.name)
    if frame.file:
        found["file"] = text.printable(frame.file)
        here = source.find(frame.file) if with_file else None
        if here is not None:
            found["fullname"] = here.path
    for key in ("line", "column"):
        value = getattr(frame, key)
        if value is not None:
            found[key] = value
    if frame.line is not None and frame.end_line is not None:
        found["end-line"] = frame.end_line
    if frame.end_column is not None:
        found["end-column"] = frame.end_column
    found["proof"] = frame.proof or "none"
    if placed.level is not None:
        found["gdb-level"] = placed.level
    return found


def _flag(value: bool) -> str:
    return "y" if value else "n"


class _ListFrames:
    """-py-list-frames [LOW HIGH]: the Python frames of the selected thread, or of --thread."""

    @staticmethod
    def _range(words: List[str]) -> Tuple[int, Optional[int]]:
        if not words:
            return 0, None
        if len(words) != 2 or not all(word.lstrip("-").isdigit() for word in words):
            raise gdb.GdbError("-py-list-frames: Usage: [LOW_FRAME HIGH_FRAME]")
        low, high = int(words[0]), int(words[1])
        return max(low, 0), None if high < 0 else high

    def run(self, words: List[str]) -> _Results:
        low, high = self._range(words)
        found: List[_Results] = []
        with inferior.selection_kept():
            stack = stacks.selected()
            number = low
            placed = stack.python(number)
            while placed is not None and (high is None or number <= high):
                found.append(frame_results(placed))
                number += 1
                placed = stack.python(number)
            results: _Results = {"stack": found}
            if stack.end is not None and placed is None:
                results["end"] = {"reason": stack.end.reason}
                if stack.end.message:
                    results["end"]["message"] = text.printable(stack.end.message)
        return results


class _ListThreads:
    """-py-list-threads: the threads as Python knows them, each with its newest Python frame."""

    @staticmethod
    def _thread(thread: Any, one: Optional[gdb.InferiorThread]) -> _Results:
        found: _Results = {"tid": thread.tid}
        if one is not None:
            # MI counts threads across inferiors.
            found = {"id": one.global_num, **found}
        name = thread.name or thread.kernel_name
        if name:
            found["name"] = text.printable(name)
        if thread.interpreter is not None:
            found["interpreter"] = thread.interpreter
        if thread.holds_gil is not None:
            found["holds-gil"] = _flag(thread.holds_gil)
        frames = [frame for frame in thread.frames if frame.kind == "python"]
        if frames:
            found["frame"] = frame_results(stacks.Placed(0, frames[0], None), False)
            del found["frame"]["proof"]
        return found

    def run(self, words: List[str]) -> _Results:
        if words:
            raise gdb.GdbError("-py-list-threads: Usage: no arguments")
        of = inferior.require_process()
        with inferior.selection_kept():
            dump = stacks.moment().capture(1, native_only_threads=True)
            known = {stacks.thread_id(one): one for one in of.threads()}
            results: _Results = {
                "threads": [self._thread(one, known.get(one.tid)) for one in dump.threads]
            }
            dump.close()
        selected = gdb.selected_thread()
        if selected is not None:
            results["current-thread-id"] = selected.global_num
        return results


#: MI's names.
names = ("-py-list-frames", "-py-list-threads", "-py-list-variables")


def register() -> None:
    parent: Any = getattr(gdb, "MICommand", None)
    if parent is None:
        return  # before GDB 12

    class Command(parent):  # type: ignore[misc]
        def __init__(self, name: str, action: Any) -> None:
            super().__init__(name)
            self._action = action

        def invoke(self, argv: List[str]) -> _Results:
            inferior.require_process()
            error_type = library.error_type()
            try:
                found: _Results = self._action.run(argv)
            except error_type as error:
                raise gdb.GdbError(base.words(error)) from None
            return found

    for name, action in zip(names, (_ListFrames(), _ListThreads(), mi_variables.ListVariables())):
        Command(name, action)
