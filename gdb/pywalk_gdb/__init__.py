"""GDB's commands for CPython: py-mixed-bt, py-bt, py-threads, py-interpreters.

GDB walks the native stack and reads memory; the module `pywalk` knows CPython
and joins the two.  No layout, no offset and no CPython version is known here.
"""


def register(home: str) -> None:
    """Create the commands and settings.  `home` is the folder of pywalk.py."""
    from . import (
        breaks,
        commands,
        convenience,
        exceptions,
        filters,
        library,
        limits,
        maintenance,
        mi,
        objects,
        overview,
        printers,
        sample,
        selection,
        settings,
        source,
        values,
        variables,
    )

    library.home = home
    settings.register()
    commands.register()
    for part in (
        *(limits, selection, source, variables, values, filters, convenience, mi),
        *(printers, objects, exceptions, breaks, sample, maintenance, overview),
    ):
        part.register()
