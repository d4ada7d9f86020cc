"""Damages its own frames the way a wild pointer does, and waits.

    corrupt.py TRUTH MODE

    cycle	the frame of `victim` points back to a newer frame
    code	the frame of `victim` has a code object that is nowhere
    string	the name of `victim` says that it is 2^60 characters long
    filename	the file name of `victim` points nowhere

The truth is written before the damage.  The offsets are those of CPython's headers (frameobject.h,
pycore_frame.h, unicodeobject.h), not of pywalk's layouts.  Nothing ever returns into a damaged frame.
"""
import ctypes
import gc
import sys
import sysconfig

import truth

VERSION = sys.version_info[:2]
NOWHERE = 0x00005DEAD0000000
HEADER = 32 if sysconfig.get_config_var("Py_GIL_DISABLED") else 16


def peek(address):
    return ctypes.c_size_t.from_address(address).value


def poke(address, value):
    ctypes.c_size_t.from_address(address).value = value


def place(frame):
    """(address of what holds `previous`, address of what holds the code, address to point to)."""
    if VERSION < (3, 11):
        return id(frame) + 24, id(frame) + 32, id(frame)
    inner = peek(id(frame) + HEADER + 8)  # PyFrameObject.f_frame
    if VERSION == (3, 11):
        return inner + 48, inner + 32, inner
    return inner + 8, inner, inner


def damage(mode, frame, newer):
    previous, code, _ = place(frame)
    if mode == "cycle":
        poke(previous, place(newer)[2])
    elif mode == "code":
        poke(code, NOWHERE)
    elif mode == "string":
        poke(id(frame.f_code.co_name) + HEADER, 1 << 60)
    elif mode == "filename":
        poke(NAME_SLOT[0], NOWHERE)


NAME_SLOT = [0]


def find_filename(code):
    """The place in the code object that holds co_filename, found by its value."""
    for offset in range(0, 400, 8):
        if peek(id(code) + offset) == id(code.co_filename):
            return id(code) + offset
    raise RuntimeError("no co_filename in the code object")


def last(frames):
    truth.report(sys._getframe()); damage(sys.argv[2], frames[0], frames[1]); truth.block()  # noqa: E702


def newer(frames):
    frames.append(sys._getframe())
    return list(map(last, [frames]))


def victim():
    return newer([sys._getframe()])


def below():
    return victim()


if __name__ == "__main__":
    gc.disable()
    NAME_SLOT[0] = find_filename(victim.__code__)
    below()
