# -*- coding: utf-8 -*-
"""Objects in the hands of a C function, with what Python says of each: the truth of pywalk's printers.

    objects.py READY PROBE.SO

Runs in CPython 2.7 and 3.6-3.15.  READY.objects gets, by name: the object's repr(), address, type, reference count
(or "immortal"), and its parts.
"""
import ctypes
import os
import sys
import sysconfig

import truth


class Plain(object):
    """Shown with its attributes, which are its parts."""

    def __init__(self, **names):
        self.__dict__.update(names)


class Slots(object):
    __slots__ = ("first", "second")


class Quiet(object):
    """It has nothing."""


def instance(value, text):
    return "%s: %s>" % (object.__repr__(value)[:-1], text)


def count_of(address):
    """What the head of the object says; free-threaded builds have two counts."""
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        local = ctypes.c_uint32.from_address(address + 12).value
        shared = ctypes.c_ssize_t.from_address(address + 16).value >> 2
        return "immortal" if local == 0xFFFFFFFF else local + shared
    if sys.version_info < (3, 12):
        return ctypes.c_ssize_t.from_address(address).value
    low = ctypes.c_int32.from_address(address).value
    return "immortal" if low < 0 else low


NESTED = {"a": [1, 2, {"b": (None, True)}]}
CYCLE = []
CYCLE.append(CYCLE)
SLOTS = Slots()
SLOTS.first = 1
SLOTS.second = "two"
PLAIN = Plain(number=7)
QUIET = Quiet()
DEEP = [[[[[[["deep"]]]]]]]
OBJECTS = {
    "self": PLAIN,
    "list": [1, "two", 3.5],
    "text": u"caf\xe9 \x1b[31m\u202e",
    "type": dict,
    "mine": QUIET,
    "dict": {"key": 1},
    "pairs": {1: "one", (2, 3): None},
    "set": set(["only"]),
    "nested": NESTED,
    "cycle": CYCLE,
    "slots": SLOTS,
    "none": None,
    "big": 10 ** 50,
    "long": list(range(300)),
    "words": u"x" * 5000,
    "many": Plain(**dict(("a%03d" % i, i) for i in range(150))),
    "deep": DEEP,
    "bytes": b"\x00\xff",
    "error": ValueError("no"),
    "twins": dict((Plain(), i) for i in range(3)),
}
EXPECTED = {
    "self": instance(PLAIN, "number=7"),
    "slots": instance(SLOTS, "first=1, second='two'"),
    "mine": object.__repr__(QUIET),
}
# By name; of the others, none.
PARTS = {
    "self": {"number": 7},
    "list": {"[0]": 1, "[1]": "two", "[2]": 3.5},
    "dict": {"['key']": 1},
    "pairs": {"[1]": "one", "[(2, 3)]": None},
    "set": {"[0]": "only"},
    "cycle": {"[0]": CYCLE},
    "slots": {"first": 1, "second": "two"},
    "many": dict(("a%03d" % i, i) for i in range(150)),
    "long": dict(("[%d]" % i, i) for i in range(300)),
}


def describe():
    about = {}
    for name, value in OBJECTS.items():
        about[name] = {
            "text": EXPECTED.get(name, repr(value)),
            "address": id(value),
            "type": type(value).__name__,
            "parts": dict((part, repr(one)) for part, one in PARTS.get(name, {}).items()),
        }
        if name in ("cycle", "set"):
            about[name]["parts"] = dict((part, None) for part in about[name]["parts"])
    return about


def main():
    path, library = sys.argv[1:3]
    read, write = os.pipe()
    probe = ctypes.PyDLL(library).probe
    probe.argtypes = [ctypes.py_object] * 5 + [ctypes.c_void_p] * 3 + [ctypes.c_int]
    about = describe()
    handed = ("self", "list", "text", "type", "mine")
    arguments = [OBJECTS[name] for name in handed] + [None, 0x1234568, 8, read]
    # The call counts too.
    addresses = [(name, id(value)) for name, value in OBJECTS.items() if name not in handed]
    value = None
    for name, address in addresses:
        about[name]["count"] = count_of(address)
    truth.write(path + ".objects", about)
    truth.report(sys._getframe()); probe(*arguments)  # noqa: E702


main()
