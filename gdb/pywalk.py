"""Load pywalk's commands into GDB: ``gdb -x gdb/pywalk.py``, or from a gdbinit.

Works where it lies: in a checkout with the module of ../build/python, installed
with the module of the same prefix.  ``PYWALK_PYTHON`` names another folder that
holds the package.  Loading is cheap; the module itself is loaded by the first
command that needs it.
"""

import importlib.util
import os
import sys


def _load() -> None:
    # Not __file__: when one script sources another, GDB leaves that at the first one's.
    here = os.path.dirname(os.path.realpath(_load.__code__.co_filename))
    # By file and not by sys.path: this file has the name of the package that the commands use.
    folder = os.path.join(here, "pywalk_gdb")
    spec = importlib.util.spec_from_file_location(
        "pywalk_gdb", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError("no " + folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "pywalk_gdb"]:
        del sys.modules[name]  # sourced again: take what is there now
    package = importlib.util.module_from_spec(spec)
    sys.modules["pywalk_gdb"] = package
    spec.loader.exec_module(package)
    package.register(here)


_load()
