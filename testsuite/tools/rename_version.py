#!/usr/bin/env python3
"""Copies an ELF file of CPython and makes it say that it is another version.

    rename_version.py OLD NEW FROM TO		for example 3.12 3.99 python3.12 python3.99

Both versions must have the same length.  Changed are all strings, and the version as a number (PY_VERSION_HEX,
Include/patchlevel.h) wherever its upper two bytes stand before a plausible micro version: in code that builds
sys.version_info and sys.hexversion, and in Py_Version.
"""

import re
import subprocess
import sys


def main() -> int:
    old, new, source, destination = sys.argv[1:]
    if len(old) != len(new):
        print("versions must have the same length")
        return 2
    with open(source, "rb") as file:
        data = bytearray(file.read())
    data = bytearray(bytes(data).replace(old.encode(), new.encode()))
    (old_major, old_minor), (new_major, new_minor) = (
        [int(n) for n in v.split(".")] for v in (old, new)
    )

    # Py_Version is in the read-only data: little-endian, level and serial, micro, minor, major.
    sections = subprocess.run(
        ["readelf", "-SW", source], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    number = re.compile(b"[\x00-\xff][\x00-\x1f]" + re.escape(bytes([old_minor, old_major])))
    match = re.search(r"\.rodata\s+PROGBITS\s+\S+\s+(\S+)\s+(\S+)", sections)
    if match:
        start, size = (int(n, 16) for n in match.groups())
        for found in number.finditer(bytes(data[start : start + size])):
            if found.start() % 4 == 0 and data[start + found.start()] & 0xF0 == 0xF0:
                data[start + found.start() + 2] = new_minor
                data[start + found.start() + 3] = new_major

    # In code: `mov $0x030cMMf0, %reg` (sys.hexversion) and `mov $12, %edi` right after `mov $3, %edi`'s call
    # (make_version_info in Python/sysmodule.c).
    match = re.search(r"\.text\s+PROGBITS\s+\S+\s+(\S+)\s+(\S+)", sections)
    if match:
        start, size = (int(n, 16) for n in match.groups())
        text = bytes(data[start : start + size])
        for found in re.finditer(
            b"\xf0[\x00-\x1f]" + re.escape(bytes([old_minor, old_major])), text
        ):
            data[start + found.start() + 2] = new_minor
        first = re.escape(b"\xbf" + old_major.to_bytes(4, "little"))
        second = re.escape(b"\xbf" + old_minor.to_bytes(4, "little"))
        for found in re.finditer(first + b"[\x00-\xff]{5,24}?" + second, text):
            at = start + found.end() - 4
            data[at : at + 4] = new_minor.to_bytes(4, "little")
    with open(destination, "wb") as file:
        file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
