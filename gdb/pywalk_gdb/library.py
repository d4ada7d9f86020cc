"""Finding and loading the module `pywalk`, when the first command needs it."""

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, List, Optional, Type

import gdb

if TYPE_CHECKING:
    import pywalk

#: The folder of pywalk.py, set when the commands are registered.
home = ""

_module: Optional[ModuleType] = None


def _folders() -> List[str]:
    """Where the package may be, best first."""
    named = os.environ.get("PYWALK_PYTHON")
    if named:
        return [named]
    checkout = os.path.dirname(home)
    # share/pywalk/gdb -> lib/pywalk/python
    prefix = os.path.dirname(os.path.dirname(os.path.dirname(home)))
    found = [os.path.join(checkout, "build", "python")]
    for lib in ("lib", "lib64"):
        found.append(os.path.join(prefix, lib, "pywalk", "python"))
    return found


def _load() -> ModuleType:
    for folder in _folders():
        package = os.path.join(folder, "pywalk")
        path = os.path.join(package, "__init__.py")
        if not os.path.exists(path):
            continue
        spec = importlib.util.spec_from_file_location(
            "pywalk", path, submodule_search_locations=[package]
        )
        if spec is None or spec.loader is None:
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules["pywalk"] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules["pywalk"]
            raise
        return module
    return importlib.import_module("pywalk")


def load() -> ModuleType:
    """The module, or gdb.GdbError in one line."""
    global _module
    if _module is None:
        try:
            _module = _load()
        except ImportError as error:
            raise gdb.GdbError(
                "pywalk's Python module cannot be loaded: {} (looked in {}).".format(
                    error, ", ".join(_folders())
                )
            ) from None
    return _module


def error_type() -> "Type[pywalk.Error]":
    """pywalk.Error."""
    found: Type[pywalk.Error] = load().Error
    return found
