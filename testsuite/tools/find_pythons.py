#!/usr/bin/env python3
"""Lists the interpreters that the tests run on, one a line, fields separated by tabs:

    python  NAME  ROOT  PROGRAM  BINARY  LIBPYTHON  PREFIX  VERSION  FLAGS
    missing WHAT

NAME is short and unique (3.12.1-shared, 3.13.15t-static, sid-3.15.2).  ROOT is the folder to chroot to, or "-";
PROGRAM is a path inside it, BINARY and LIBPYTHON are paths outside ("-": no shared library).  FLAGS are words
of: shared static debug free-threaded symbols dwarf.

Looked for, each real binary once: the words of $PYTHONS (and then nothing else), python2.7 and python3.N in
$PATH, pyenv's versions, the cache folder of `make pythons` ($PYWALK_PYTHONS); in its Debian root only for root.
"""

import glob
import os
import re
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

GENERATIONS = ["2.7"] + ["3.%d" % n for n in range(6, 16)]
PROBE = r"""
import sys, sysconfig
print("\t".join([
    "%d.%d.%d" % sys.version_info[:3],
    str(int(bool(sysconfig.get_config_var("Py_GIL_DISABLED")))),
    str(int(hasattr(sys, "gettotalrefcount"))),
    str(int(bool(sysconfig.get_config_var("Py_ENABLE_SHARED")))),
    sys.prefix]))
import ctypes, json, threading
"""


class Python(NamedTuple):
    name: str
    root: str
    program: str
    binary: str
    library: str
    prefix: str
    version: str
    flags: List[str]


def is_elf(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def output(command: List[str]) -> Optional[str]:
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
    environment.pop("PYTHONHOME", None)
    environment.pop("PYTHONPATH", None)
    try:
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.SubprocessError):
        return None


def cache_folder() -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("PYWALK_PYTHONS") or os.path.join(cache, "pywalk-pythons")


def candidates() -> List[Tuple[str, str]]:
    """(root or "-", program inside it)"""
    named = os.environ.get("PYTHONS", "").split()
    if named:
        return [("-", name) for name in named]
    pattern = "python[23].[0-9]*"
    found: List[str] = []
    for folder in os.environ.get("PATH", "").split(":"):
        found += sorted(glob.glob(os.path.join(folder, pattern)))
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found += sorted(glob.glob(os.path.join(pyenv, "versions", "*", "bin", pattern)))
    cache = cache_folder()
    for folder in sorted(glob.glob(os.path.join(cache, "*"))):
        if not os.path.isdir(os.path.join(folder, "usr", "bin")):
            found += sorted(glob.glob(os.path.join(folder, "bin", pattern)))
    result = [("-", path) for path in found]
    roots = sorted(glob.glob(os.path.join(cache, "*", "usr", "bin", pattern)))
    if os.geteuid() == 0:
        for path in roots:
            root = path[: path.rindex("/usr/bin/")]
            if os.path.samefile(root + "/tmp", "/tmp"):
                result.append((root, path[len(root) :]))
            else:  # its targets could not be reached
                print("missing\t%s: /tmp is not shared with it (make pythons)" % path)
    return [
        (root, path)
        for root, path in result
        if re.match(r"python(2\.7|3\.([6-9]|1[0-9]))[td]?$", os.path.basename(path))
    ]


def library_of(root: str, program: str) -> str:
    command = ["ldd", program] if root == "-" else ["chroot", root, "ldd", program]
    match = re.search(r"libpython[^ ]* => (\S+)", output(command) or "")
    if not match:
        return "-"
    path = match.group(1)
    return os.path.realpath(path if root == "-" else root + path)


def sections(path: str) -> str:
    return output(["readelf", "-SW", path]) or ""


def has_symbols(path: str) -> Tuple[bool, bool]:
    """(symbols, DWARF), in the file itself or in the one that belongs to it."""
    text = sections(path)
    places = [path + ".debug"]
    match = re.search(r"Build ID: ([0-9a-f]+)", output(["readelf", "-n", path]) or "")
    if match:
        build_id = match.group(1)
        places.append("/usr/lib/debug/.build-id/%s/%s.debug" % (build_id[:2], build_id[2:]))
    for place in places:
        if os.path.exists(place):
            text += sections(place)
    return " .symtab " in text, " .debug_info " in text


def probe(root: str, program: str) -> Optional[Python]:
    command = [program] if root == "-" else ["chroot", root, program]
    text = output(command + ["-c", PROBE])
    if not text:
        return None
    version, free_threaded, debug, shared, prefix = text.rstrip("\n").split("\t")
    outside = program if root == "-" else os.path.join(root, program.lstrip("/"))
    binary = os.path.realpath(outside)
    library = library_of(root, program)
    name = version + ("t" if free_threaded == "1" else "")
    if root != "-":
        name = os.path.basename(root) + "-" + name
    flags = ["static" if library == "-" else "shared"]
    if debug == "1":
        flags.append("debug")
        name += "-dbg"
    if free_threaded == "1":
        flags.append("free-threaded")
    name += "-" + flags[0]
    symbols, dwarf = has_symbols(binary if library == "-" else library)
    flags += ["symbols"] * symbols + ["dwarf"] * dwarf
    return Python(name, root, program, binary, library, prefix, version, flags)


def find() -> List[Python]:
    seen: Dict[Tuple[int, int], str] = {}
    names: Dict[str, int] = {}
    pythons = []
    for root, program in candidates():
        outside = program if root == "-" else os.path.join(root, program.lstrip("/"))
        if not is_elf(outside):
            continue
        status = os.stat(outside)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen[(status.st_dev, status.st_ino)] = outside
        python = probe(root, program)
        if not python:
            print("missing\t%s: does not run, or lacks ctypes, json or threading" % outside)
            continue
        count = names[python.name] = names.get(python.name, 0) + 1
        pythons.append(
            python if count == 1 else python._replace(name="%s-%d" % (python.name, count))
        )
    return sorted(pythons, key=lambda p: ([int(n) for n in p.version.split(".")], p.name))


def main() -> int:
    pythons = find()
    for python in pythons:
        print("\t".join(("python",) + python[:7] + (" ".join(python.flags),)))
    for generation in GENERATIONS:
        if not any(p.version.startswith(generation + ".") for p in pythons):
            print("missing\tCPython %s" % generation)
    for flag, what in (
        ("debug", "a debug build"),
        ("free-threaded", "a free-threaded build"),
        ("static", "a static build"),
        ("shared", "a shared build"),
    ):
        if not any(flag in p.flags for p in pythons):
            print("missing\t%s of CPython" % what)
    if not any(p.root != "-" for p in pythons):
        print("missing\tCPython in another root")
    return 0


if __name__ == "__main__":
    sys.exit(main())
