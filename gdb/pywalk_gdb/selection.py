"""The selected Python frame: `py-frame`, `py-up`, `py-down`, `py-thread`.

A Python frame is selected together with the C frame that runs it.  When another C frame
is selected since, by whatever means, it is that frame's Python frame: the newest one that
it runs, or else the one that called it.
"""

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import base, inferior, source, stacks, text


class _Selected(NamedTuple):
    stack: stacks.Stack
    level: Optional[int]  #: of the C frame
    number: int


_selected: Optional[_Selected] = None


def _level(frame: gdb.Frame) -> int:
    get = getattr(frame, "level", None)  # GDB 11
    if get is not None:
        return int(get())
    level = 0
    newer = frame.newer()
    while newer is not None:
        level, newer = level + 1, newer.newer()
    return level


def find() -> Tuple[stacks.Stack, Optional[stacks.Placed]]:
    """The selected Python frame; None when the selected C frame belongs to none."""
    with inferior.selection_kept():
        stack = stacks.selected()
    level = _level(gdb.selected_frame())
    if _selected is not None and _selected.stack is stack and _selected.level == level:
        return stack, stack.python(_selected.number)
    with inferior.selection_kept():
        return stack, stack.next_python(level)


def current() -> stacks.Placed:
    """The selected Python frame, or gdb.GdbError."""
    found = find()[1]
    if found is None:
        raise gdb.GdbError("No Python frame called the selected frame.")
    return found


def select(stack: stacks.Stack, placed: stacks.Placed) -> None:
    global _selected
    if placed.level is not None:
        stacks.gdb_frame(placed.level).select()
    _selected = _Selected(stack, placed.level, placed.number)


def _show(placed: stacks.Placed, as_json: bool = False) -> None:
    frame = placed.frame
    if as_json:
        base.show_json(as_dict(placed))
        return
    base.show([text.python_frame(placed.number, frame)])
    if frame.line is None:
        return
    found = source.find(frame.file)
    line = source.line_text(found, frame.line) if found else None
    if found is None or line is None:
        base.show([f"{frame.line}\tin {text.printable(frame.file or '??')}"])
        return
    source.warn_if_changed(found)
    base.show([f"{frame.line}\t{line}"])


def as_dict(placed: stacks.Placed) -> Dict[str, object]:
    """A Python frame as `py-frame --json` and MI have it."""
    frame = placed.frame
    found: Dict[str, object] = {"level": placed.number, "kind": "python"}
    for key in ("name", "qualname", "file", "line", "end_line", "column", "end_column", "proof"):
        found[key] = getattr(frame, key)
    found["gdb_level"] = placed.level
    return found


def _without_json(argument: str) -> Tuple[bool, str]:
    """Whether there is an option --json at its beginning, and the rest."""
    first, _, rest = argument.strip().partition(" ")
    return (True, rest.strip()) if first == "--json" else (False, argument.strip())


class Frame(base.Command):
    """Select a Python frame, and the C frame that runs it.

    Usage: py-frame [--json] [NUMBER]

    NUMBER is that of py-bt: 0 is the newest Python frame.  Without one, print the
    selected Python frame.  From CPython 3.11 on, one C frame runs many Python frames:
    each of them can be selected.

    Options:
      --json
        Print JSON: the frame, its file and line, and GDB's level of the C frame."""

    name = "py-frame"
    options = ("--json",)

    def run(self, argument: str) -> None:
        words = gdb.string_to_argv(argument)
        as_json = "--json" in words
        numbers = [word for word in words if word != "--json"]
        if len(numbers) > 1:
            raise gdb.GdbError(f"Junk after the number of a Python frame: {numbers[1]}")
        if not numbers:
            _show(current(), as_json)
            return
        if not numbers[0].isdigit() or len(numbers[0]) > 9:
            raise gdb.GdbError(f"Not the number of a Python frame: {numbers[0]}")
        with inferior.selection_kept():
            stack = stacks.selected()
            placed = stack.python(int(numbers[0]))
        if placed is None:
            raise gdb.GdbError(f"No Python frame {numbers[0]}.")
        select(stack, placed)
        _show(placed, as_json)


class _Step(base.Command):
    repeats = True
    options = ("--json",)
    direction = 0

    def run(self, argument: str) -> None:
        as_json, number = _without_json(argument)
        count = int(gdb.parse_and_eval(number)) if number else 1
        with inferior.selection_kept():
            stack = stacks.selected()
        at = current()
        wanted = max(at.number + self.direction * count, 0)
        with inferior.selection_kept():
            placed = stack.python(wanted) or stack.pythons()[-1]
        if placed.number == at.number and count:
            raise gdb.GdbError(self.ends()[(self.direction * count) > 0])
        select(stack, placed)
        _show(placed, as_json)

    @staticmethod
    def ends() -> Sequence[str]:
        return (
            "Newest Python frame selected; you cannot go down.",
            "Oldest Python frame selected; you cannot go up.",
        )


class Up(_Step):
    """Select the Python frame that called the selected one.

    Usage: py-up [--json] [COUNT]

    With a COUNT, that many frames up.  See `help py-frame`.

    Options:
      --json
        Print JSON, as `py-frame --json` does."""

    name = "py-up"
    direction = 1


class Down(_Step):
    """Select the Python frame that the selected one called.

    Usage: py-down [--json] [COUNT]

    With a COUNT, that many frames down.  See `help py-frame`.

    Options:
      --json
        Print JSON, as `py-frame --json` does."""

    name = "py-down"
    direction = -1


class Thread(base.Command):
    """Select a thread, and its newest Python frame.

    Usage: py-thread [--json] [ID | NAME]

    ID is GDB's number of the thread; NAME is its name as py-threads shows it, if no
    other thread has the same.  Without either, print the selected thread.

    Options:
      --json
        Print JSON: GDB's number and the kernel's, the name, and the frame as `py-frame
        --json` has it."""

    name = "py-thread"
    options = ("--json",)

    def candidates(self, line: str) -> Sequence[str]:
        try:
            inferior.require_process()
            names = _names()
        except Exception:  # completion is no place for errors
            return self.options
        numbers = [str(one.num) for one in gdb.selected_inferior().threads()]
        return (*self.options, *numbers, *sorted(one for one in names.values() if " " not in one))

    def run(self, argument: str) -> None:
        as_json, wanted = _without_json(argument)
        if wanted:
            thread = _thread(wanted)
            if thread.is_running():
                raise gdb.GdbError(f"Thread {thread.num} is running.")
            thread.switch()
            gdb.newest_frame().select()
        thread = inferior.require_thread()
        tid = stacks.thread_id(thread)
        with inferior.selection_kept():
            name = stacks.moment().name(tid)
        if not as_json:
            head = f"Thread {thread.num} (LWP {tid})"
            base.show([head + (f' "{text.printable(name)}"' if name else "")])
        placed = self._frame(bool(wanted))
        if as_json:
            number = base.thread_number(thread)
            frame = as_dict(placed) if placed else None
            base.show_json({"gdb_thread": number, "tid": tid, "name": name, "frame": frame})
        elif placed is None:
            base.show(["     (no Python frames)"])
        else:
            _show(placed)

    @staticmethod
    def _frame(newest: bool) -> Optional[stacks.Placed]:
        """The one that is selected, or the newest, which is selected then."""
        if not newest:
            return current()
        with inferior.selection_kept():
            stack = stacks.selected()
            placed = stack.python(0)
        if placed is not None:
            select(stack, placed)
        return placed


def _names() -> Dict[int, str]:
    """The names of the threads that run Python, by the kernel's number."""
    with inferior.selection_kept():
        threads = stacks.moment().threads()
    return {one.tid: one.name for one in threads if one.name}


def _thread(wanted: str) -> gdb.InferiorThread:
    of = gdb.selected_inferior()
    number = wanted
    if number.startswith(f"{of.num}."):
        number = number[len(str(of.num)) + 1 :]
    threads = {one.num: one for one in of.threads()}
    if number.isdigit() and int(number) in threads:
        return threads[int(number)]
    named = {tid for tid, name in _names().items() if name == wanted}
    found: List[gdb.InferiorThread] = [
        one for one in of.threads() if stacks.thread_id(one) in named
    ]
    if len(found) > 1:
        numbers = ", ".join(str(one.num) for one in sorted(found, key=lambda one: one.num))
        raise gdb.GdbError(f"{len(found)} threads have that name: {numbers}.")
    if not found:
        raise gdb.GdbError(f"No thread {text.printable(wanted)}.")
    return found[0]


def register() -> None:
    Frame()
    Up()
    Down()
    Thread()
