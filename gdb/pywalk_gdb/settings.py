"""``set pywalk ...`` and ``show pywalk ...``."""

from typing import Any, Callable, List, Optional

import gdb

#: Called after a setting that sessions depend on has changed.
changed: List[Callable[[], None]] = []


class _Folder(gdb.Parameter):
    """A setting that names a folder; unset when empty."""

    value: Optional[str]

    def __init__(self, name: str, what: str, doc: str) -> None:
        self.set_doc = "Set the folder of " + what + "."
        self.show_doc = "Show the folder of " + what + "."
        self.__doc__ = doc
        self._what = what
        super().__init__("pywalk " + name, gdb.COMMAND_FILES, gdb.PARAM_OPTIONAL_FILENAME)

    def get_set_string(self) -> str:
        for call in changed:
            call()
        return ""

    def get_show_string(self, svalue: str) -> str:
        return "The folder of {} is {}.".format(self._what, svalue or "not set")

    @property
    def path(self) -> Optional[str]:
        return self.value or None


class _Unwinder(gdb.Parameter):
    """Who walks the C frames that py-mixed-bt shows.

    gdb     GDB, with all that it knows of the program: function arguments, other
            architectures' rules, unwinders of its own.
    pywalk  pywalk, by the call-frame information alone.  Much faster where there are
            many threads.  Where that information is missing, it goes on at the next frame
            that evaluates Python code, and says that C frames are missing in between.
    auto    The default: pywalk for all threads of a core file, which is then read as a
            file and not through GDB; GDB for everything else, and pywalk again where GDB
            cannot go on.  With a solib-search-path, GDB first in any case: pywalk does
            not look there.

    The other commands walk no C frames; with `gdb`, they too read a core through GDB.
    The frames are the same, their wording is not; GDB leaves out those that called
    main(), unless `backtrace past-main` is on."""

    set_doc = "Set who walks the C frames that pywalk's commands show."
    show_doc = "Show who walks the C frames that pywalk's commands show."
    value: str

    def __init__(self) -> None:
        super().__init__(
            "pywalk unwinder", gdb.COMMAND_STACK, gdb.PARAM_ENUM, ["auto", "gdb", "pywalk"]
        )
        self.value = "auto"

    def get_set_string(self) -> str:
        return ""

    def get_show_string(self, svalue: str) -> str:
        return f"C frames are walked by: {svalue}."


class _Prefix(gdb.Command):
    """Settings of pywalk, the Python stack walker."""

    def __init__(self, verb: str) -> None:
        super().__init__(verb + " pywalk", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


_layouts: Any = None
_unwinder: Any = None


def register() -> None:
    global _layouts, _unwinder
    _Prefix("set")
    _Prefix("show")
    _layouts = _Folder(
        "layouts",
        "CPython layout files that pywalk uses",
        "Without it, pywalk uses the layouts that are built in.",
    )
    _unwinder = _Unwinder()


def layouts() -> Optional[str]:
    path: Optional[str] = _layouts.path
    return path


def unwinder() -> str:
    """ "auto", "gdb" or "pywalk"."""
    chosen: str = _unwinder.value
    return chosen
