# -*- coding: utf-8 -*-
"""Objects broken on purpose, through ctypes, and what must be said of each: a pattern with the default limits.

Runs in CPython 2.7 and 3.6-3.15.
"""
import ctypes
import gc
import re
import struct
import sys

import truth

PY2 = sys.version_info[0] == 2
HEAD = object.__basicsize__
VALUES = []
KEPT = []


def add(label, address, pattern):
    VALUES.append({"label": label, "id": address, "pattern": pattern})


def poke(value, offset, number):
    ctypes.memmove(id(value) + offset, struct.pack("<Q", number), 8)


def keep(value):
    """For ever: what is broken must not be freed."""
    KEPT.append(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    return value


def break_objects():
    at = "0x[0-9a-f]+"
    broken = keep([1, 2, 3])
    address = id(broken)
    poke(broken, HEAD, 2**63 - 1)
    add("a list of huge length", address, "<list at %s: length 9223372036854775807 is not believed>" % at)

    broken = keep([1, 2, 3])
    poke(broken, HEAD, 1000000)
    add("a list longer than its items", id(broken), r"\[1, 2, 3, .*\.\.\. [0-9]+ more\]")

    broken = keep({"a": 1, "b": 2, "c": 3})
    poke(broken, HEAD + 16, 0x123456789ABCDE)
    add("a dict with a broken table", id(broken), r"\{<unreadable at %s>, \.\.\. 3 more\}" % at)

    broken = keep({"a": 1, "b": 2, "c": 3})
    poke(broken, HEAD + 16, id(KEPT))
    add("a dict with another object for a table", id(broken), r"\{.*\}")

    broken = keep((1, 2))
    poke(broken, HEAD - 8, 0x18)
    add("an object whose type is gone", id(broken), "<object at %s: unreadable at %s>" % (at, at))

    broken = keep([4])
    other = keep(bytearray(4096))
    poke(broken, HEAD - 8, id(other))
    add("an object whose type is none", id(broken), "<object at %s: its type at %s is no type>" % (at, at))

    itself = keep([1])
    itself.append(itself)
    itself.append({"me": itself})
    add("a list in itself", id(itself), r"\[1, \[\.\.\.\], \{'me': \[\.\.\.\]\}\]")

    number = keep(10**1000000)
    bits = number.bit_length()
    top = "%x" % (number >> (bits - bits % 4 - 4 * 199))
    add("an int of 10^6 digits", id(number), "0x%s\\.\\.\\. \\(%d bits\\)L?" % (top[:200], bits))

    red = keep(u"\x1b]0;title\x07\x1b[31m\x9b1m\x7f\r\u202e")
    add("terminal escapes", id(red), re.escape(repr(red)))
    if not PY2:
        add("terminal escapes", id(red), r"'\\x1b\]0;title\\x07\\x1b\[31m\\x9b1m\\x7f\\r\\u202e'")

    deep = keep([])
    for _ in range(1000):
        deep = keep([deep])
    add("1000 deep", id(deep), r"\[\[\[\[\[\.\.\. 1 more\]\]\]\]\]")

    wide = keep(list(range(100000)))
    add("100000 items", id(wide), r"\[0, 1, .*, 19, \.\.\. 99980 more\]")
    long_text = keep(u"x" * 1000000)
    add("1000000 characters", id(long_text), r"u?'x{200}'\.\.\. \(1000000 characters\)")


gc.disable()  # it would look into them
break_objects()
truth.report(sys._getframe(), sys.argv[1] + ".frames"), truth.write(sys.argv[1], {"values": VALUES}), truth.block()
