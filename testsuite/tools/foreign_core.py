"""Writes a small core file of a 32-bit x86 process: foreign_core.py PATH"""

import struct
import sys

STACK = 0xBFFF0000
PAGE = 4096


def note(kind: int, content: bytes) -> bytes:
    name = b"CORE\0"
    return struct.pack("<III", len(name), len(content), kind) + name.ljust(8, b"\0") + content


def status() -> bytes:
    """struct elf_prstatus of i386: 144 bytes, the registers from 72 on."""
    registers = [0] * 17
    registers[12] = STACK + 64  # eip
    registers[15] = STACK + 128  # esp
    head = struct.pack("<iiihHIIiiii", 11, 0, 0, 11, 0, 0, 0, 4242, 1, 4242, 4242)
    return head + b"\0" * 32 + struct.pack("<17I", *registers) + struct.pack("<i", 0)


def main(path: str) -> None:
    notes = note(1, status())
    headers = 52 + 2 * 32
    notes_at, memory_at = headers, PAGE
    ident = b"\x7fELF\x01\x01\x01" + b"\0" * 9
    header = ident + struct.pack("<HHIIIIIHHHHHH", 4, 3, 1, 0, 52, 0, 0, 52, 32, 2, 0, 0, 0)
    segments = struct.pack("<8I", 4, notes_at, 0, 0, len(notes), 0, 0, 4)
    segments += struct.pack("<8I", 1, memory_at, STACK, 0, PAGE, PAGE, 6, PAGE)
    with open(path, "wb") as file:
        file.write((header + segments + notes).ljust(memory_at, b"\0") + b"\x90" * PAGE)


main(sys.argv[1])
