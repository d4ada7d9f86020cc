"""Compares pywalk's text of objects with what the target itself wrote (programs/values.py, values_hostile.py).

usage: compare_values.py LIBPYWALK TRUTH PID|CORE [--sysroot DIR] [--least N]

Prints a line for each difference; the exit status is 1 when there is any.
"""

import argparse
import ctypes
import json
import re
import sys
from typing import ClassVar


class Limits(ctypes.Structure):
    _fields_: ClassVar = [
        (name, ctypes.c_uint) for name in ("depth", "items", "characters", "bytes", "reads")
    ]


class Options(ctypes.Structure):
    _fields_: ClassVar = [
        ("size", ctypes.c_size_t),
        ("executable", ctypes.c_char_p),
        ("sysroot", ctypes.c_char_p),
        ("layouts", ctypes.c_char_p),
        ("debug_dir", ctypes.c_char_p),
        ("warn", ctypes.c_void_p),
        ("warn_data", ctypes.c_void_p),
    ]


USUAL = Limits()
EVERYTHING = Limits(64, 1 << 24, 1 << 24, 1 << 28, 1 << 28)


class Session:
    def __init__(self, library: str, target: str, sysroot: str) -> None:
        self.lib = ctypes.CDLL(library)
        self.libc = ctypes.CDLL(None)
        self.handle = ctypes.c_void_p()
        options = Options(size=ctypes.sizeof(Options), sysroot=sysroot.encode() or None)
        self.lib.pw_error_message.restype = ctypes.c_char_p
        for name in ("pw_session_open_pid", "pw_session_open_core"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        if target.isdigit():
            error = self.lib.pw_session_open_pid(
                int(target), ctypes.byref(options), ctypes.byref(self.handle)
            )
        else:
            error = self.lib.pw_session_open_core(
                target.encode(), ctypes.byref(options), ctypes.byref(self.handle)
            )
        if error:
            sys.exit(self.lib.pw_error_message(ctypes.c_void_p(error)).decode())
        self.lib.pw_session_value.restype = ctypes.c_void_p

    def text(self, address: int, limits: Limits = EVERYTHING) -> str:
        found = self.lib.pw_session_value(
            self.handle, ctypes.c_uint64(address), ctypes.byref(limits)
        )
        result = ctypes.string_at(found).decode("utf-8")
        self.libc.free(ctypes.c_void_p(found))
        return result


def shorten(text: str) -> str:
    return text if len(text) <= 300 else "%s ...%d... %s" % (text[:200], len(text), text[-60:])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("truth")
    parser.add_argument("target")
    parser.add_argument("--sysroot", default="")
    parser.add_argument("--least", type=int, default=10, help="how many values there have to be")
    args = parser.parse_args()
    with open(args.truth, encoding="utf-8") as file:
        rows = json.load(file)["values"]
    session = Session(args.library, args.target, args.sysroot)
    different = 0
    for row in rows:
        if "pattern" in row:
            found, expected = session.text(row["id"], USUAL), row["pattern"]
            same = (
                re.fullmatch(expected, found) is not None
                and found.isprintable()
                and len(found) < 10000
            )
        else:
            found, expected = session.text(row["id"]), row["text"]
            same = found == expected
        if not same:
            different += 1
            print(
                "%s: expected %s, found %s"
                % (row["label"], ascii(shorten(expected)), ascii(shorten(found)))
            )
    if len(rows) < args.least:
        print("only %d values in %s" % (len(rows), args.truth))
        different += 1
    if not different:
        print("%d values" % len(rows))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
