#!/usr/bin/env python3
"""Makes a seed core: some ten kilobytes that pywalk shows as it shows the whole core.

    shrink_core.py --record build/testsuite/fuzz/record_reads [--without-stack] OUT.core PYTHON -E -S -B \
        DIR/seed_target.py

The command is run in a folder of its own, for which DIR stands, until it dies with a core that holds all of its
memory.  The core's symbol tables are cut down to the few names that are looked up; pywalk's reads of it are
recorded, without any file of this machine; only what was read goes into OUT.core.  Then the dumps of both are
compared.  With --without-stack the main thread's C stack is lost, as in a core that was cut, so that its frames are
found on its data stack.
"""

import argparse
import glob
import json
import mmap
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

# What src/python looks up; each name is in some version.
WANTED = [
    b"_PyRuntime",
    b"interp_head",
    b"_PyThreadState_Current",
    b"PyInterpreterState_Head",
    b"_PyEval_EvalFrameDefault",
    b"PyEval_EvalFrameEx",
    b"Py_Version",
    b"PyType_Type",
    b"_Py_NegativeRefcount",
    b"PyUnicodeUCS4_AsUTF8String",
]
KEPT_NOTES = {1, 3, 6, 0x53494749}
NT_FILE = 0x46494C45
PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_GNU_EH_FRAME = 1, 2, 4, 0x6474E550
DT_NULL, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SONAME, DT_DEBUG = 0, 4, 5, 6, 10, 14, 21
DT_GNU_HASH = 0x6FFFFEF5
# A read of that length scans: what it looks for is found in another way, too.
SCAN = 1 << 13
GAP = 64
HOME = (b"/root/", b"/home/")


class Segment(NamedTuple):
    kind: int
    flags: int
    offset: int
    address: int
    size: int


class Core:
    """A core file that can be changed in place."""

    def __init__(self, path: str) -> None:
        with open(path, "r+b") as file:
            self.data = mmap.mmap(file.fileno(), 0)
        (at,) = struct.unpack_from("<Q", self.data, 32)
        (count,) = struct.unpack_from("<H", self.data, 56)
        self.header = self.data[:64]
        self.segments: List[Segment] = []
        for i in range(count):
            kind, flags, offset, address, _, size = struct.unpack_from(
                "<IIQQQQ", self.data, at + 56 * i
            )
            self.segments.append(Segment(kind, flags, offset, address, size))

    def find(self, address: int) -> Optional[Segment]:
        for s in self.segments:
            if s.kind == PT_LOAD and s.address <= address < s.address + s.size:
                return s
        return None

    def at(self, address: int) -> int:
        segment = self.find(address)
        if not segment:
            raise ValueError("%#x is not in the core" % address)
        return segment.offset + address - segment.address

    def read(self, address: int, size: int) -> bytes:
        at = self.at(address)
        return self.data[at : at + size]

    def write(self, address: int, data: bytes) -> None:
        at = self.at(address)
        self.data[at : at + len(data)] = data

    def notes(self) -> Iterator[Tuple[bytes, int, bytes]]:
        for s in self.segments:
            at, end = s.offset, s.offset + s.size
            while s.kind == PT_NOTE and at + 12 <= end:
                name_size, size, kind = struct.unpack_from("<III", self.data, at)
                at += 12
                name = self.data[at : at + name_size]
                at += (name_size + 3) & ~3
                yield name, kind, self.data[at : at + size]
                at += (size + 3) & ~3


class Name(NamedTuple):
    start: int
    end: int
    page: int
    path: bytes


def parse_names(desc: bytes) -> List[Name]:
    count, _ = struct.unpack_from("<QQ", desc)
    paths = desc[16 + 24 * count :].split(b"\0")
    names = []
    for i in range(count):
        start, end, page = struct.unpack_from("<QQQ", desc, 16 + 24 * i)
        names.append(Name(start, end, page, paths[i]))
    return names


def make_names(names: List[Name]) -> bytes:
    desc = struct.pack("<QQ", len(names), 4096)
    for name in names:
        desc += struct.pack("<QQQ", name.start, name.end, name.page)
    return desc + b"".join(name.path.replace(*HOME) + b"\0" for name in names)


def is_kept(name: Name, program: bytes) -> bool:
    base = os.path.basename(name.path)
    return name.path == program or base.startswith((b"libpython", b"libc.so"))


def note(owner: bytes, kind: int, desc: bytes) -> bytes:
    head = struct.pack("<III", len(owner), len(desc), kind)
    return head + owner + b"\0" * (-len(owner) % 4) + desc + b"\0" * (-len(desc) % 4)


# ---- the copy with small symbol tables -------------------------------------------------------------


def part_of(core: Core, start: int, wanted: int) -> Tuple[int, int]:
    """Where a segment of an image is, and the image's bias."""
    head = core.read(start, 64)
    (phoff,) = struct.unpack_from("<Q", head, 32)
    (count,) = struct.unpack_from("<H", head, 56)
    first, found = None, None
    for i in range(count):
        kind, _, _, address = struct.unpack("<IIQQ", core.read(start + phoff + 56 * i, 24))
        if kind == PT_LOAD and first is None:
            first = address & ~4095
        if kind == wanted:
            found = address
    if first is None or found is None:
        raise ValueError("no segment of type %#x at %#x" % (wanted, start))
    return start - first + found, start - first


def cut_symbols(core: Core, start: int) -> None:
    dynamic, bias = part_of(core, start, PT_DYNAMIC)
    tags: Dict[int, Tuple[int, int]] = {}
    for at in range(dynamic, dynamic + (1 << 12), 16):
        tag, value = struct.unpack("<QQ", core.read(at, 16))
        if tag == DT_NULL:
            break
        tags.setdefault(tag, (at, value))

    def address(tag: int) -> int:
        value = tags[tag][1]
        return value if value >= start else value + bias

    symtab, strtab, size = address(DT_SYMTAB), address(DT_STRTAB), tags[DT_STRSZ][1]
    strings = core.read(strtab, size)
    table, names = bytes(24), b"\0"
    for at in range(symtab + 24, strtab, 24):
        symbol = core.read(at, 24)
        (where,) = struct.unpack_from("<I", symbol)
        text = strings[where : strings.find(b"\0", where)]
        if text in WANTED:
            table += struct.pack("<I", len(names)) + symbol[4:]
            names += text + b"\0"
    if DT_SONAME in tags:
        at, where = tags[DT_SONAME]
        core.write(at + 8, struct.pack("<Q", len(names)))
        names += strings[where : strings.find(b"\0", where)] + b"\0"
    core.write(symtab, table)
    core.write(strtab, names)
    core.write(tags[DT_STRSZ][0] + 8, struct.pack("<Q", len(names)))
    for tag in (DT_HASH, DT_GNU_HASH):
        if tag in tags:
            core.write(tags[tag][0], struct.pack("<Q", DT_DEBUG))
    # Any table that is there makes room for a hash table: {buckets, symbols, ...}.
    at, value = tags.get(DT_GNU_HASH) or tags[DT_HASH]
    core.write(at, struct.pack("<Q", DT_HASH))
    core.write(value if value >= start else value + bias, struct.pack("<II", 0, len(table) // 24))


def entries_of(core: Core, at: int) -> Iterator[Tuple[int, bytes]]:
    while True:
        (length,) = struct.unpack("<I", core.read(at, 4))
        if length in (0, 0xFFFFFFFF):
            return
        yield at, core.read(at, 4 + length)
        at += 4 + length


def cut_frames(core: Core, start: int, pcs: List[int]) -> Tuple[int, int]:
    """Leaves the entries for these pcs in .eh_frame, without a table; returns what it takes now."""
    header, _ = part_of(core, start, PT_GNU_EH_FRAME)
    (distance,) = struct.unpack("<i", core.read(header + 4, 4))
    section = header + 4 + distance
    cies: Dict[int, bytes] = {}
    moved: Dict[int, int] = {}
    out = b""
    for at, entry in list(entries_of(core, section)):
        (back,) = struct.unpack_from("<I", entry, 4)
        if not back:
            cies[at] = entry
            continue
        where, length = struct.unpack_from("<ii", entry, 8)  # pcrel sdata4, as every linker writes
        code = at + 8 + where
        if not any(code <= pc < code + length for pc in pcs):
            continue
        cie = at + 4 - back
        if cie not in moved:
            moved[cie] = len(out)
            out += cies[cie]
        here = len(out)
        out += (
            entry[:4]
            + struct.pack("<Ii", here + 4 - moved[cie], code - (section + here + 8))
            + entry[12:]
        )
    core.write(section, out + bytes(4))
    core.write(header + 2, b"\xff\xff")  # DW_EH_PE_omit: neither count nor table
    return section, section + len(out) + 4


# ---- what was read ---------------------------------------------------------------------------------


def run_dump(record: str, core: str, empty: str, reads: str = "") -> Any:
    environment = dict(os.environ, DEBUGINFOD_URLS="")
    if reads:
        environment["PYWALK_READS"] = reads
    dumps = []
    for command in (["info"], ["dump", "--json"], ["dump", "--json", "--native=all"]):
        done = subprocess.run(
            [record] + command + ["--sysroot", empty, "--debug-dir", empty, core],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        if done.returncode not in (0, 1):
            raise SystemExit("%s: %s" % (" ".join(command), done.stderr.decode()))
        dumps.append(done.stdout.replace(*HOME))
    return [json.loads(text) for text in dumps[1:]]


def native_pcs(dump: Any) -> List[int]:
    pcs = []
    for thread in dump["threads"]:
        for frame in thread["frames"]:
            if frame["kind"] == "native":
                pcs += [int(frame["pc"], 16), int(frame["pc"], 16) - 1]
    return pcs


def merge(
    core: Core, reads: str, images: List[int], more: List[Tuple[int, int]]
) -> List[Tuple[int, int]]:
    wanted = list(more)
    with open(reads) as file:
        for line in file:
            address, length = map(int, line.split())
            segment = core.find(address)
            if segment and length >= SCAN:
                length = GAP
            wanted.append((address, address + length))
    # A module without code is none.
    for start in images:
        for s in core.segments:
            if s.kind == PT_LOAD and s.flags & 1 and s.address >= start:
                wanted.append((s.address, s.address + 16))
                break
    merged: List[Tuple[int, int]] = []
    for start, end in sorted(wanted):
        last = merged[-1] if merged else None
        if last and start <= last[1] + GAP and core.find(last[0]) == core.find(start):
            merged[-1] = (last[0], max(end, last[1]))
        else:
            merged.append((start, end))
    return merged


def main_stack(core: Core, dump: Any) -> Segment:
    """Where the main thread's C stack is."""
    thread = next(t for t in dump["threads"] if t["tid"] == dump["process"]["pid"])
    segment = core.find(max(int(f["sp"], 16) for f in thread["frames"] if f["kind"] == "native"))
    if not segment:
        raise SystemExit("the main thread's C stack is not in the core")
    return segment


def lose(core: Core, path: str, segment: Segment) -> None:
    """The segment's bytes are said to stand behind the end of the file."""
    (table,) = struct.unpack_from("<Q", core.data, 32)
    at = table + 56 * core.segments.index(segment) + 8
    core.data[at : at + 8] = struct.pack("<Q", os.path.getsize(path))
    core.data.flush()


def write_core(
    core: Core, ranges: List[Tuple[int, int]], lost: List[Segment], notes: bytes, out: str
) -> None:
    count = 1 + len(ranges) + len(lost)
    at = 64 + 56 * count
    headers = struct.pack("<IIQQQQQQ", PT_NOTE, 0, at, 0, 0, len(notes), 0, 4)
    body = notes
    for start, end in ranges:
        segment = core.find(start)
        if not segment:
            continue
        headers += struct.pack(
            "<IIQQQQQQ",
            PT_LOAD,
            segment.flags,
            at + len(body),
            start,
            0,
            end - start,
            end - start,
            1,
        )
        body += core.read(start, end - start).replace(*HOME)
    for s in lost:
        place = (at + len(body), s.address, 0, s.size, s.size, 1)
        headers += struct.pack("<IIQQQQQQ", PT_LOAD, s.flags, *place)
    header = bytearray(core.header)
    struct.pack_into("<QQ", header, 32, 64, 0)
    struct.pack_into("<HHHHH", header, 54, 56, count, 0, 0, 0)
    with open(out, "wb") as file:
        file.write(bytes(header) + headers + body)


def keep_only_stacks(dumps: Any) -> Any:
    """What must be equal; paths and notes of what is missing differ, and with them the names of symbols."""
    stacks = []
    for dump in dumps:
        for thread in dump["threads"]:
            for frame in thread["frames"]:
                for key in ("symbol", "offset"):
                    frame.pop(key, None)
        stacks.append({"threads": dump["threads"], "interpreters": dump.get("interpreters")})
    return stacks


def make_core(command: List[str], folder: str) -> str:
    def allow() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    subprocess.run(command, cwd=folder, preexec_fn=allow, stderr=subprocess.DEVNULL)
    found = glob.glob(os.path.join(folder, "core*"))
    if len(found) != 1:
        raise SystemExit("the command left no core in its working folder")
    return found[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", required=True)
    parser.add_argument("--without-stack", action="store_true")
    parser.add_argument("out")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        shutil.copy(
            os.path.join(os.path.dirname(__file__), "..", "programs", "seed_target.py"), folder
        )
        path = make_core([word.replace("DIR", folder) for word in arguments.command], folder)
        core = Core(path)
        empty = os.path.join(folder, "empty")
        os.mkdir(empty)
        names: List[Name] = []
        notes = b""
        for owner, kind, desc in core.notes():
            if kind == NT_FILE:
                names = parse_names(desc)
                program = next(n.path for n in names if b"python" in os.path.basename(n.path))
                names = [name for name in names if is_kept(name, program)]
                desc = make_names(names)
            elif kind not in KEPT_NOTES:
                continue
            notes += note(owner, kind, desc)
        images = sorted({name.start for name in names if not name.page})
        images = [start for start in images if core.read(start, 4) == b"\x7fELF"]
        before = run_dump(arguments.record, path, empty)
        frames = []
        for start in images:
            cut_symbols(core, start)
            frames.append(cut_frames(core, start, native_pcs(before[1])))
        core.data.flush()
        lost = [main_stack(core, before[1])] if arguments.without_stack else []
        for segment in lost:
            lose(core, path, segment)
            before = run_dump(arguments.record, path, empty)
        reads = os.path.join(folder, "reads")
        run_dump(arguments.record, path, empty, reads)
        write_core(core, merge(core, reads, images, frames), lost, notes, arguments.out)
        whole = keep_only_stacks(before)
        small = keep_only_stacks(run_dump(arguments.record, arguments.out, empty))
        if whole != small:
            print("whole core:", json.dumps(whole, indent=1))
            print("small core:", json.dumps(small, indent=1))
            return 1
        counts = [sum(len(thread["frames"]) for thread in dump["threads"]) for dump in small]
        ends = {thread["native_end"]["reason"] for thread in small[1]["threads"]}
        print(
            "%s: %d bytes, %d threads, %d Python frames, %d with native ones, which end: %s"
            % (
                arguments.out,
                os.path.getsize(arguments.out),
                len(small[0]["threads"]),
                counts[0],
                counts[1],
                ", ".join(sorted(ends)),
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
