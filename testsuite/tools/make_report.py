#!/usr/bin/env python3
"""Wraps a core into a crash report as apport writes it: make_report.py CORE PROGRAM REPORT

The core's gzip stream stands in base64 lines, a piece of it each, the header by itself.
"""

import base64
import struct
import sys
import zlib

PIECE = 1 << 20


def main() -> int:
    core, program, report = sys.argv[1:4]
    with open(core, "rb") as source, open(report, "wb") as out:
        out.write(
            b"ProblemType: Crash\nArchitecture: amd64\nExecutablePath: %s\n" % program.encode()
        )
        out.write(b"ProcStatus:\n Name:\tpython\n Umask:\t0022\nSignal: 6\nCoreDump: base64\n ")
        out.write(base64.b64encode(b"\x1f\x8b\x08\x08\0\0\0\0\x02\xffCoreDump\0"))
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        crc = size = 0
        while piece := source.read(PIECE):
            crc = zlib.crc32(piece, crc)
            size += len(piece)
            packed = packer.compress(piece)
            if packed:
                out.write(b"\n " + base64.b64encode(packed))
        tail = packer.flush() + struct.pack("<II", crc, size & 0xFFFFFFFF)
        out.write(b"\n " + base64.b64encode(tail) + b"\nTags: none\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
