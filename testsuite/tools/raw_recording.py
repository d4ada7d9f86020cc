"""Reads a recording as docs/recording.md says, by code that shares nothing with pywalk's: what a killed recorder left."""

import struct
import zlib
from typing import Dict, NamedTuple, Tuple

MAGIC = b"\x89PWREC\r\n"
VERSION = 1
SAMPLE, END, TEXT = 7, 0, 1
# How many numbers a record of each kind has; a text has bytes after its one.
NUMBERS = {0: 0, 1: 1, 2: 5, 3: 5, 4: 5, 5: 2, 6: 2, 7: 6, 8: 17}


class Broken(Exception):
    pass


class Content(NamedTuple):
    blocks: int
    samples: int
    complete: bool
    rest: int  # bytes after the last whole block


def number_at(data: bytes, at: int) -> Tuple[int, int]:
    """(number, where it ends)"""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def count_records(block: bytes, counts: Dict[int, int]) -> None:
    at = 0
    while at < len(block):
        kind, at = number_at(block, at)
        if kind not in NUMBERS:
            raise Broken("a record of kind %d" % kind)
        length = 0
        for _ in range(NUMBERS[kind]):
            length, at = number_at(block, at)
        at += length if kind == TEXT else 0
        counts[kind] = counts.get(kind, 0) + 1
    if at != len(block):
        raise Broken("a record spans two blocks")


def read(path: str) -> Content:
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < len(MAGIC) + 4:
        return Content(0, 0, False, len(data))
    (version,) = struct.unpack_from("<I", data, len(MAGIC))
    if not data.startswith(MAGIC) or version != VERSION:
        raise Broken("no recording of version %d: %r" % (VERSION, data[:12]))
    at, blocks = len(MAGIC) + 4, 0
    counts: Dict[int, int] = {}
    while at + 8 <= len(data):
        length, checksum = struct.unpack_from("<II", data, at)
        block = data[at + 8 : at + 8 + length]
        if len(block) < length:
            break
        if zlib.crc32(block) != checksum:
            raise Broken("the checksum of block %d, at %d" % (blocks, at))
        count_records(block, counts)
        blocks += 1
        at += 8 + length
    return Content(blocks, counts.get(SAMPLE, 0), bool(counts.get(END)), len(data) - at)
