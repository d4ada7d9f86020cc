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


class _Prefix(gdb.Command):
    """Settings of pywalk, the Python stack walker."""

    def __init__(self, verb: str) -> None:
        super().__init__(verb + " pywalk", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


_layouts: Any = None


def register() -> None:
    global _layouts
    _Prefix("set")
    _Prefix("show")
    _layouts = _Folder(
        "layouts",
        "CPython layout files that pywalk uses",
        "Without it, pywalk uses the layouts that are built in.",
    )


def layouts() -> Optional[str]:
    path: Optional[str] = _layouts.path
    return path
