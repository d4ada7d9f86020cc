#!/usr/bin/env python3
"""Writes the inputs that fuzzing starts from, but for cores (shrink_core.py):  make_seeds.py FOLDER

They are what real programs write: notes of a core, line tables, ELF files of the compiler's making.
The corpus in the tree grew out of them; this program is needed only to begin anew.
"""

import os
import struct
import subprocess
import sys
import tempfile
from typing import Dict

SOURCE = r"""
int needle(int x) { return x + 1; }
static int local(int x) { return needle(x) * 2; }
int table[64] = {1};
int zeros[512];
char runtime[64] __attribute__((section(".PyRuntime"))) = {1};
int main(void) { return local(table[0]) + zeros[0] + runtime[0]; }
"""


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def note(owner: bytes, kind: int, desc: bytes) -> bytes:
    name = owner + b"\0"
    return (
        struct.pack("<III", len(name), len(desc), kind)
        + name
        + b"\0" * (-len(name) % 4)
        + desc
        + b"\0" * (-len(desc) % 4)
    )


def notes() -> Dict[str, bytes]:
    prstatus = struct.pack("<iiihxxQQii", 11, 0, 0, 11, 0, 0, 4242, 1).ljust(112, b"\0")
    prstatus += b"".join(struct.pack("<Q", 0x7F0000000000 + i) for i in range(27)) + b"\0" * 8
    prpsinfo = struct.pack("<bbbbiQiiiiii", 0, 0, 0, 0, 0, 0, 0, 0, 4242, 1, 1, 1)
    prpsinfo = (
        prpsinfo[:40].ljust(40, b"\0")
        + b"python3".ljust(16, b"\0")
        + b"python3 x.py".ljust(80, b"\0")
    )
    siginfo = struct.pack("<iii", 11, 0, 1).ljust(128, b"\0")
    auxv = struct.pack("<QQQQQQ", 9, 0x1040, 31, 0x1000, 0, 0)
    paths = [b"/usr/bin/python3", b"/usr/bin/python3", b"/lib/libc.so.6"]
    files = struct.pack("<QQ", 3, 4096)
    for i in range(3):
        files += struct.pack("<QQQ", 0x1000 * (i + 1), 0x1000 * (i + 2), i)
    files += b"\0".join(paths) + b"\0"
    core = [
        note(b"CORE", 1, prstatus),
        note(b"CORE", 3, prpsinfo),
        note(b"CORE", 0x53494749, siginfo),
    ]
    core += [note(b"CORE", 6, auxv), note(b"CORE", 0x46494C45, files)]
    arm = note(b"CORE", 1, prstatus[:112] + bytes(34 * 8 + 8)) + note(b"LINUX", 0x401, b"\1" * 8)
    return {
        "kernel": b"\x06" + b"".join(core),
        "two-threads": b"\x06"
        + core[0]
        + core[0].replace(b"\x92\x10", b"\x93\x10")
        + b"".join(core[1:]),
        "gcore": b"\x04" + b"".join(reversed(core)),
        "aarch64": b"\x05" + arm + core[4],
    }


def lines() -> Dict[str, bytes]:
    def whole(kind: int, first: int, lasti: int, table: str) -> bytes:
        return struct.pack("<Bii", kind, first, lasti) + bytes.fromhex(table)

    locations = "8000d8090ad8090a88518915f0030109108041f05c09000e0ff200020510"
    return {
        "lnotab-2.7": whole(0, 1, 30, "0001030110ff0d2f0d01030114010b02"),
        "lnotab-3.8": whole(1, 1, 20, "0001020106ff047f007f003008010201"),
        "linetable-3.10": whole(2, 1, 20, "0201060104ff007f007f08300201048002050201"),
        "locations-3.12": whole(3, 1, 28, locations),
        "no-columns": whole(3, 7, 2, "e80240ed02f80001"),
    }


def layouts(folder: str) -> Dict[str, bytes]:
    result = {}
    for name in ("2.7.def", "3.9.def", "3.12.def", "3.13.def"):
        with open(os.path.join(folder, name), "rb") as file:
            text = file.read()
        result[name] = b"\0" + text
    result["small"] = (
        b"\0version 3.12\n[default]\ncode_name 104 # name\nunicode_kind 32:2:3\n"
        b"interp_next 7288 debug=72\nowner_cstack = 3\n[debug+trace-refs]\ncode_name 120\n"
    )
    for number in range(1, 12):
        result["offsets-%d" % number] = bytes([number << 4]) + struct.pack(
            "<120Q", *(8 * i for i in range(120))
        )
    return result


def maps() -> Dict[str, bytes]:
    with open("/proc/self/maps", "rb") as file:
        real = b"".join(file.readlines()[:8])
    with open("/proc/self/stat", "rb") as file:
        stat = file.read()
    with open("/proc/self/status", "rb") as file:
        status = file.read()
    odd = b"7f00-8f00 r-xp 00001000 08:01 77   /tmp/a\\012b (deleted)\n7000-7f00 ---p 0 00:00 0 [vdso]\n"
    return {
        "maps": b"\0" + real,
        "odd": b"\0" + odd,
        "stat": b"\1" + stat,
        "status": b"\1" + status,
        "name": b"\1" + b"7 (a) b (c) S 1 7 7 0 -1 4194560 1\n",
    }


def elf() -> Dict[str, bytes]:
    result = {}
    with tempfile.TemporaryDirectory() as folder:

        def run(*command: str) -> None:
            subprocess.check_call(command, cwd=folder, stderr=subprocess.DEVNULL)

        def keep(name: str, path: str) -> None:
            with open(os.path.join(folder, path), "rb") as file:
                result[name] = file.read()

        write(os.path.join(folder, "a.c"), SOURCE)
        small = ["-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096", "-nostdlib"]
        common = ["gcc", "-O1", "-Wl,--build-id=sha1", "a.c"] + small
        run(*common, "-shared", "-fPIC", "-g", "-o", "lib.so")
        keep("library", "lib.so")
        run("strip", "-o", "stripped.so", "lib.so")
        keep("stripped", "stripped.so")
        run("objcopy", "--only-keep-debug", "lib.so", "lib.debug")
        run("objcopy", "--strip-debug", "lib.so", "mini.debug")
        run("xz", "-k", "mini.debug")
        run("objcopy", "--add-section", ".gnu_debugdata=mini.debug.xz", "stripped.so", "mini.so")
        keep("debugdata", "mini.so")
        run("cp", "lib.so", "link")
        run("objcopy", "--add-gnu-debuglink=link", "stripped.so", "linked.so")
        keep("debuglink", "linked.so")
        # The harness has one file, lib.so: a link to itself, proved by its build-id.
        result["debuglink"] = result["debuglink"].replace(b"link\0\0\0\0", b"lib.so\0\0")
        run(*common, "-shared", "-fPIC", "-Wl,--hash-style=sysv", "-o", "sysv.so")
        keep("sysv-hash", "sysv.so")
        run(*common, "-no-pie", "-Wl,-e,main", "-o", "program")
        keep("executable", "program")
        run("objcopy", "--strip-all", "program", "bare")
        keep("bare", "bare")
    return result


FRAMES = r"""
long leaf(long x) { return x * 3; }
long deep(long n) { char room[n]; room[0] = 1; return leaf(room[n / 2]) + n; }
long many(long a, long b, long c, long d, long e, long f) { return deep(a) * deep(b) + deep(c + d) * deep(e + f) + a; }
"""
ASSEMBLY = r"""
	.text
f:	.cfi_startproc
	.cfi_signal_frame
	.cfi_remember_state
	push %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset 6, -16
	mov %rsp, %rbp
	.cfi_def_cfa_register 6
	.cfi_escape 0x10, 3, 3, 0x76, 8, 6
	.cfi_escape 0x16, 12, 4, 0x76, 8, 0x23, 16
	.cfi_register 13, 0
	.cfi_same_value 14
	.cfi_undefined 15
	.cfi_val_offset 2, 8
	pop %rbp
	.cfi_restore_state
	.cfi_escape 0x0f, 12, 0x77, 8, 0x80, 0, 0x12, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22
	nop
	ret
	.cfi_endproc
	.cfi_startproc
g:	nop
	.cfi_undefined 16
	nop
	.cfi_endproc
"""

# Register numbers that would be an index into gigabytes, and states that would be copies of them.
BOMBS = ASSEMBLY.replace(".cfi_remember_state", ".cfi_escape 0x08, 0xfe, 0xff, 0xff, 0x3f").replace(
    ".cfi_restore_state", ""
)
BOMBS += r"""
	.cfi_startproc
h:	.rept 20000
	.cfi_escape 0x0a
	.endr
	nop
	.cfi_endproc
"""


def frames() -> Dict[str, bytes]:
    """.eh_frame where fuzz_unwind.c puts it, and a stack of words behind the registers."""
    result = {}
    stack = b"".join(
        struct.pack("<Q", 0x1000 + 8 * i if i % 3 else 0x7000 + 8 * i) for i in range(40)
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, suffix, text, flag in (
            ("frames", "c", FRAMES, "-O2"),
            ("frame-pointer", "c", FRAMES, "-fno-omit-frame-pointer"),
            ("assembly", "s", ASSEMBLY, "-O0"),
            ("bombs", "s", BOMBS, "-O0"),
        ):
            source = os.path.join(folder, "a." + suffix)
            write(source, text)
            linked, section = os.path.join(folder, "a.out"), os.path.join(folder, "section")
            subprocess.check_call(
                ["gcc", "-nostdlib", "-static", "-Wl,-e,0", "-Wl,-Ttext=0x1000", "-Wl,-z,norelro"]
                + ["-Wl,--section-start=.eh_frame=0x20000", "-Wl,--build-id=none"]
                + [flag, source, "-o", linked]
            )
            subprocess.check_call(
                ["objcopy", "-O", "binary", "--only-section=.eh_frame", linked, section]
            )
            with open(section, "rb") as file:
                data = file.read()
            for pc in (0, 8, 9, 24):
                head = struct.pack("<HIB", pc, 0xFFFF, 2 * 40)
                result["%s-%d" % (name, pc)] = head + stack + data
    return result


def demangle() -> Dict[str, bytes]:
    names = [
        b"_ZN2ns1fEi",
        b"_ZNSt6vectorIiSaIiEE9push_backEOi",
        b"_ZZN1a3fooEvENKUlvE_clEv",
        b"_ZN4core3fmt5write17h0123456789abcdefE",
        b"_RNvCskwGfYPst2Cb_3foo16example_function",
        b"_RNvMs_NtCs1234_7mycrate3fooNtB4_3Bar3baz",
        b"_RNvNvCs1_1a4u8Kc7_1b.llvm.123",
        b"_ZNKSt8functionIFvPKcS1_EEclES1_S1_",
        b"_ZGVN1a1bE",
        b"PyEval_EvalCode",
    ]
    return {"name-%d" % i: name for i, name in enumerate(names)}


DEBUG = r"""
enum number { FIRST, SECOND = 7 };
typedef struct outer { int a; unsigned bits : 3; union { struct { struct { char leaf; } inner[4]; } middle; }; } outer_t;
static inline __attribute__((always_inline)) int inner(int x) { return x * 7; }
static inline __attribute__((always_inline)) int middle(int x) { return inner(x) + SECOND; }
int needle(outer_t *o, enum number n) { return middle(o->a) + o->bits + o->middle.inner[1].leaf + n; }
"""


def dwarf() -> Dict[str, bytes]:
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        write(os.path.join(folder, "a.c"), DEBUG)
        for version in (4, 5):
            for name, flag in (("", "-g"), ("-columns", "-gno-column-info"), ("-zlib", "-gz=zlib")):
                subprocess.check_call(
                    ["gcc", "-O2", "-shared", "-fPIC", "-nostdlib", "-Wl,--build-id", "a.c"]
                    + ["-gdwarf-%d" % version, "-fdebug-prefix-map=%s=." % folder]
                    + [flag, "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096", "-o", "a.so"],
                    cwd=folder,
                )
                with open(os.path.join(folder, "a.so"), "rb") as file:
                    result["dwarf-%d%s" % (version, name)] = file.read()
    return result


def main() -> int:
    folder = sys.argv[1]
    offsets = os.path.join(os.path.dirname(__file__), "..", "..", "offsets")
    corpora = {
        "notes": notes(),
        "lines": lines(),
        "layout": layouts(offsets),
        "maps": maps(),
        "elf": elf(),
        "unwind": frames(),
        "demangle": demangle(),
        "dwarf": dwarf(),
    }
    for target, seeds in corpora.items():
        os.makedirs(os.path.join(folder, target), exist_ok=True)
        for name, data in seeds.items():
            with open(os.path.join(folder, target, name), "wb") as file:
                file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
