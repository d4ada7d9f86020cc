"""Python frames in GDB's own backtraces: `bt`, MI, DAP.

One of GDB's frames yields a decorator for each Python frame that it runs, and then
its own.  The interpreter's machinery is folded: it becomes the children of the frame
before it, which `bt -hide` leaves out.
"""

from typing import Any, Iterator, List, Optional

import gdb
from gdb.FrameDecorator import FrameDecorator

from . import inferior, library, source, stacks, text, values


class PythonFrame(FrameDecorator):
    """A Python frame in the guise of the C frame that runs it."""

    def __init__(self, base: Any, stack: stacks.Stack, placed: stacks.Placed) -> None:
        super().__init__(base)
        self._placed = placed
        self._variables = values.Variables(stack.session, placed)
        self._children: List[Any] = []

    @property
    def placed(self) -> stacks.Placed:
        return self._placed

    def fold(self, child: Any) -> None:
        self._children.append(child)

    def elided(self) -> Optional[Iterator[Any]]:
        return iter(self._children) if self._children else None

    def function(self) -> str:
        frame = self._placed.frame
        name = text.printable(frame.qualname or frame.name or "??")
        return name if frame.proof != "none" else name + " [its C frame is not known]"

    def filename(self) -> Optional[str]:
        file = self._placed.frame.file
        return None if file is None else text.printable(source.substituted(file))

    def line(self) -> Optional[int]:
        return self._placed.frame.line

    # The base's are the C frame's.
    def frame_args(self) -> Optional[Iterator[Any]]:
        return self._of(self._variables.arguments)

    def frame_locals(self) -> Optional[Iterator[Any]]:
        return self._of(self._variables.others)

    def _of(self, which: values.Which) -> Optional[Iterator[Any]]:
        error_type = library.error_type()
        try:
            return which(self.inferior_frame())
        except (error_type, gdb.error):
            return None  # a frame without its variables is better than no backtrace


class CFrame(FrameDecorator):
    """A C frame, with the machinery by which it was called."""

    def __init__(self, base: Any) -> None:
        super().__init__(base)
        self._children: List[Any] = []

    def fold(self, child: Any) -> None:
        self._children.append(child)

    def elided(self) -> Optional[Iterator[Any]]:
        of_base = super().elided()
        return iter([*(of_base or ()), *self._children]) if self._children else of_base


def _warn(message: str) -> None:
    gdb.write(f"warning: {text.printable(message)}\n", gdb.STDERR)


class _Levels:
    """GDB's levels of frames that come in order, some left out."""

    def __init__(self) -> None:
        self._frame: Optional[gdb.Frame] = gdb.newest_frame()
        self._level = 0

    def of(self, frame: gdb.Frame) -> Optional[int]:
        """None: it does not come behind the last one."""
        start, level = self._frame, self._level
        while self._frame is not None and self._frame != frame:
            self._frame, self._level = self._frame.older(), self._level + 1
        if self._frame is None:
            self._frame, self._level = start, level
            return None
        return self._level


class Filter:
    """What GDB asks for the frames of a backtrace."""

    def __init__(self) -> None:
        self.name = "pywalk"
        self.priority = 100
        self._on = True
        self._warned = False

    @property
    def enabled(self) -> bool:
        """Only where there is something to say: without filters, `bt` is GDB's own."""
        return self._on and frames() != "native" and self._stack() is not None

    @enabled.setter
    def enabled(self, on: bool) -> None:
        self._on = on

    def _stack(self) -> Optional[stacks.Stack]:
        try:
            library.load()
        except gdb.GdbError as error:
            self._say(error)
            return None
        try:
            with inferior.selection_kept():
                return stacks.selected()
        except gdb.GdbError:
            return None
        except Exception as error:
            if _is_news(error):
                self._say(error)
            return None

    def _say(self, error: Exception) -> None:
        """Once for all: a backtrace is no place for the same sentence again and again."""
        if not self._warned:
            self._warned = True
            _warn(f"pywalk: no Python frames in backtraces: {error}")

    def filter(self, decorators: Iterator[Any]) -> Iterator[Any]:
        stack = self._stack()
        if stack is None:
            return decorators
        return _folded(self._mixed(stack, decorators), frames() == "python")

    def _mixed(self, stack: stacks.Stack, decorators: Iterator[Any]) -> "Iterator[_Entry]":
        """The frames in order, nothing folded yet."""
        levels = _Levels()
        base: Any = None
        for base in decorators:
            here: Optional[stacks.Level] = None
            try:
                number = levels.of(base.inferior_frame())
                with inferior.selection_kept():
                    here = stack.level(number) if number is not None else None
            except Exception as error:
                self._say(error)
                yield _Entry(CFrame(base), False)
                # The others as GDB has them.
                for other in decorators:
                    yield _Entry(CFrame(other), False)
                return
            for placed in here.frames if here else ():
                yield _Entry(PythonFrame(base, stack, placed), False)
            yield _Entry(CFrame(base), bool(here and here.folds))
        # GDB could not go on, or was told not to.
        for placed in stack.rest if base is not None else ():
            yield _Entry(PythonFrame(base, stack, placed), False)


class _Entry:
    def __init__(self, decorator: Any, folds: bool) -> None:
        self.decorator = decorator
        self.folds = folds


def _folded(entries: "Iterator[_Entry]", python_only: bool) -> Iterator[Any]:
    parent: Any = None
    for entry in entries:
        if python_only and not isinstance(entry.decorator, PythonFrame):
            continue
        # The newest frame is where the thread is: always shown.
        if entry.folds and parent is not None:
            parent.fold(entry.decorator)
            continue
        if parent is not None:
            yield parent
        parent = entry.decorator
    if parent is not None:
        yield parent


def _is_news(error: Exception) -> bool:
    """Whether the user expected Python frames."""
    return getattr(error, "code", None) not in ("not-python", "no-target")


class _Frames(gdb.Parameter):
    """What GDB's own backtraces show of a thread that runs Python.

    mixed   The default: Python frames, each above the C frame that runs it; the
            interpreter's own C frames as their children, which `bt -hide` leaves out.
    python  Python frames only.
    native  C frames only, as if there were no pywalk.

    That is `bt`, MI's -stack-list-frames, and what editors show over DAP.  Threads that
    run no Python are shown as always."""

    set_doc = "Set what GDB's backtraces show of threads that run Python."
    show_doc = "Show what GDB's backtraces show of threads that run Python."
    value: str

    def __init__(self) -> None:
        super().__init__(
            "pywalk frames", gdb.COMMAND_STACK, gdb.PARAM_ENUM, ["mixed", "python", "native"]
        )
        self.value = "mixed"

    def get_set_string(self) -> str:
        return ""

    def get_show_string(self, svalue: str) -> str:
        return f"GDB's backtraces show these frames of Python threads: {svalue}."


_frames: Any = None


def frames() -> str:
    """ "mixed", "python" or "native"."""
    chosen: str = _frames.value
    return chosen


def register() -> None:
    global _frames
    _frames = _Frames()
    gdb.frame_filters["pywalk"] = Filter()  # type: ignore[attr-defined]
