"""Functions for conditions and scripts: `$py_file()`, `$py_line()`, `$py_function()`, `$py_in()`,
`$py_local()`."""

from typing import Any, List, Optional, Tuple

import gdb

from . import inferior, library, scopes, selection, stacks, values, variables

functions: List["_Function"] = []


class _Function(gdb.Function):
    name = ""

    def __init__(self) -> None:
        super().__init__(self.name)
        functions.append(self)


def _find() -> Tuple[Optional[stacks.Stack], Optional[stacks.Placed]]:
    """The selected Python frame; None also where no Python can be found.

    A condition must have a value: an error would stop the process at each breakpoint.
    """
    error_type = library.error_type()
    try:
        return selection.find()
    except (error_type, gdb.GdbError):
        return None, None


def _frame() -> Optional[stacks.Placed]:
    return _find()[1]


def _string(value: Optional[str]) -> Any:
    # GDB makes no string of an empty one.
    return value or gdb.parse_and_eval('""')


class File(_Function):
    """The file of the selected Python frame.

    Usage: $py_file ()

    An empty string where there is no Python frame.  `$_streq ($py_file (), "/a/b.py")`
    compares it."""

    name = "py_file"

    def invoke(self) -> Any:  # type: ignore[override]
        placed = _frame()
        return _string(placed.frame.file if placed else None)


class Line(_Function):
    """The line that the selected Python frame executes.

    Usage: $py_line ()

    0 where there is no Python frame, or its line is not known."""

    name = "py_line"

    def invoke(self) -> int:  # type: ignore[override]
        placed = _frame()
        return (placed.frame.line if placed else None) or 0


class Name(_Function):
    """The qualified name of the selected Python frame's function.

    Usage: $py_function ()

    The plain name for CPython 3.10 and older, which know no other.  An empty string
    where there is no Python frame."""

    name = "py_function"

    def invoke(self) -> Any:  # type: ignore[override]
        placed = _frame()
        return _string(placed.frame.qualname or placed.frame.name if placed else None)


class In(_Function):
    """Whether a Python function is running: the selected Python frame's, or one that called it.

    Usage: $py_in (NAME)

    NAME is a string, a function's name or its qualified name: `break write if
    $py_in ("Handler.save")`.  1 if so, 0 if not or where there is no Python frame."""

    name = "py_in"

    def invoke(self, name: Any) -> int:  # type: ignore[override]
        wanted = name.string("utf-8") if isinstance(name, gdb.Value) else str(name)
        stack, placed = _find()
        if stack is None or placed is None:
            return 0
        with inferior.selection_kept():
            number = placed.number
            while placed is not None:
                if wanted in (placed.frame.name, placed.frame.qualname):
                    return 1
                number += 1
                placed = stack.python(number)
        return 0


class Local(_Function):
    """The value of a variable of the selected Python frame, for conditions and scripts.

    Usage: $py_local (PATH [, DEFAULT])

    PATH is a string as py-print takes it: `break write if $py_local ("count", 0) == 5`,
    `$_streq ($py_local ("self.name", ""), "Ann")`.  An int, a float, a bool and a str are
    GDB's values, None is a null pointer; everything else is its text as a string.

    Where there is no such variable, or no Python frame, it is DEFAULT, or void.  GDB
    cannot compare void with anything: without a DEFAULT, `$_isvoid` asks for it."""

    name = "py_local"

    def invoke(self, *arguments: Any) -> Any:
        try:
            path = arguments[0].string("utf-8")
        except (IndexError, gdb.error):
            path = ""
        if not path or len(arguments) > 2:
            raise gdb.GdbError("Usage: $py_local (PATH [, DEFAULT]), PATH is a string")
        error_type = library.error_type()
        placed = None
        try:
            stack, placed = _find()
            if stack is None or placed is None:
                raise gdb.GdbError("no Python frame")
            scope = scopes.Scope(stack.session, placed)
            return values.converted(scope.session, variables.Followed(path, scope).found)
        except (error_type, gdb.GdbError):
            # What GDB knows as nothing, in every language.
            return arguments[1] if len(arguments) > 1 else gdb.parse_and_eval("$pywalk_no_value")


def register() -> None:
    File()
    Line()
    Name()
    In()
    Local()
