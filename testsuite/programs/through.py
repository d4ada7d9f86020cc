# -*- coding: utf-8 -*-
"""Python code below and above unusual native code: one thread for each function named.

    through.py TRUTH FOLDER LIBRARY:FUNCTION...

Each function, of a library in FOLDER, is called through ctypes with a callback, which blocks.  The function
"code:anonymous" is machine code in an anonymous mapping, "python:..." are handlers made in Python.
The truth says how large the frames of the code without CFI are ("fixed_frames").
"""
import ctypes
import functools
import mmap
import os
import platform
import sys
import threading

import truth

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)
HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
LIBC = ctypes.CDLL(None)

# The same as nocfi.S.
CODE = {
    "x86_64": b"\x55" b"\x31\xed" b"\x48\x83\xec\x30" b"\xff\xd7" b"\x48\x83\xc4\x30" b"\x5d" b"\xc3",
    "aarch64": b"\xfd\x7b\xbc\xa9" b"\xfd\x03\x1f\xaa" b"\x00\x00\x3f\xd6" b"\xfd\x7b\xc4\xa8" b"\xc0\x03\x5f\xd6",
}[platform.machine()]
FRAME = {
    "x86_64": {"frame": 64, "saved": {"rip": -8, "rbp": -16}, "unchanged": ["rbx", "r12", "r13", "r14", "r15"]},
    "aarch64": {"frame": 64, "saved": {"x29": -64, "pc": -56},
                "unchanged": ["x%d" % n for n in range(19, 29)]},
}[platform.machine()]
KEPT = []


def fixed(address):
    one = dict(FRAME)
    one.update(start=address, size=len(CODE))
    truth.EXTRA.setdefault("fixed_frames", []).append(one)


def anonymous():
    mapping = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                        prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    mapping.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    KEPT.append(mapping)
    fixed(address)
    return ctypes.CFUNCTYPE(ctypes.c_int, CALLBACK)(address)


def library(name, function):
    found = getattr(ctypes.CDLL("%s/%s.so" % (sys.argv[2], name)), function)
    if function == "without_cfi":
        fixed(ctypes.cast(found, ctypes.c_void_p).value)
    return found


def kill_with_handler(callback):
    """A C handler that is a Python function, for a signal that comes in the middle of Python's own C code."""
    handler = HANDLER(lambda number: callback() and None)
    KEPT.append(handler)
    LIBC.signal(12, handler)
    number = {"x86_64": 200, "aarch64": 130}[platform.machine()]
    LIBC.syscall(number, truth.native_id(), 12)


def find(which):
    name, _, function = which.partition(":")
    if which == "code:anonymous":
        return anonymous()
    if name == "python":
        return globals()[function]
    return library(name, function)


def innermost():
    truth.ready(sys._getframe()); truth.block()  # noqa: E702
    return 0


def above(callback):
    return [innermost() for _ in range(1)][0]


def below(function):
    def callback():
        return above(callback)

    pointer = CALLBACK(callback)
    KEPT.append(pointer)
    function(pointer)
    os.write(2, b"the callback came back\n")
    os._exit(1)


def outermost(function):
    return list(map(functools.partial(below), [function]))


def main():
    cases = [(which, find(which)) for which in sys.argv[3:]]
    threading.stack_size(1 << 20)
    for which, function in cases:
        thread = threading.Thread(target=outermost, args=(function,), name=which)
        thread.daemon = True
        thread.start()
    truth.wait_for(len(cases))
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    main()
