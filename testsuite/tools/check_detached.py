#!/usr/bin/env python3
"""Whether nothing is left of a recorder:  check_detached.py PYWALK PID PACE [ENGINE]

PID runs programs/pace.py, PACE is the file that it writes.  Its executable memory must be the same before, during and
after a recording, no thread traced or stopped, its own files the same, no program, map or link of BPF more than
before, and it must be as fast as before (by its own processor time).
"""

import ctypes
import hashlib
import os
import platform
import signal
import struct
import subprocess
import sys
import time
from typing import Dict, List, Set, Tuple

from kill_recorders import wait_until_free
from recorder import engine_options

BPF = {"x86_64": 321, "aarch64": 280}
BPF_NEXT = {"program": 11, "map": 12, "link": 31}
SECONDS = 60
WINDOW = 0.2
AS_FAST = 0.9  # in the best of TRIES
TRIES = 25


def text_of(pid: int) -> Dict[str, str]:
    """A digest of each executable mapping."""
    found = {}
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            place, flags = line.split()[:2]
            if "x" not in flags or "[vsyscall]" in line:
                continue
            start, end = (int(word, 16) for word in place.split("-"))
            memory.seek(start)
            data = memory.read(end - start)
            found[line.strip()] = "%d %s" % (len(data), hashlib.sha256(data).hexdigest())
    return found


def files_of(pid: int) -> Set[Tuple[str, str]]:
    folder = "/proc/%d/fd" % pid
    return {(fd, os.readlink(os.path.join(folder, fd))) for fd in os.listdir(folder)}


def bpf_objects() -> Set[Tuple[str, int]]:
    """None of them when we may not ask."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = set()
    for kind, command in BPF_NEXT.items():
        attributes = (ctypes.c_uint32 * 32)()
        while libc.syscall(BPF[platform.machine()], command, attributes, 12) == 0:
            found.add((kind, attributes[1]))
            attributes[0] = attributes[1]
    return found


def read_pace(path: str) -> Tuple[int, float]:
    while True:
        with open(path, "rb") as file:
            pieces, seconds = struct.unpack("qd", file.read(16))
            file.seek(0)
            if file.read(8) == struct.pack("q", pieces) and pieces % 2 == 0:
                return pieces, seconds


def speed(path: str) -> float:
    """Pieces a second of processor time."""
    begin = read_pace(path)
    while True:
        time.sleep(WINDOW)
        now = read_pace(path)
        if now[1] - begin[1] > WINDOW / 10:
            return (now[0] - begin[0]) / (now[1] - begin[1])


def record(pywalk: str, pid: int, engine: str) -> Tuple[Dict[str, str], str]:
    """(text of the target meanwhile, what is wrong)"""
    command = [pywalk, "record", "-q", "-r", "500", *engine_options(engine)]
    command += ["-p", str(pid), "-F", "collapsed", "-o", "-"]
    recorder = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    time.sleep(1.0)
    text = text_of(pid)
    time.sleep(0.5)
    recorder.send_signal(signal.SIGINT)
    said = recorder.communicate(timeout=120)[1]
    return text, "" if recorder.returncode == 0 else "status %d: %s" % (recorder.returncode, said)


def left_of_bpf(before: Set[Tuple[str, int]]) -> List[str]:
    """What is there now and stays; the kernel takes its time."""
    left = bpf_objects() - before
    end = time.monotonic() + SECONDS
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left &= bpf_objects()
    return ["%s %d of BPF is left" % one for one in sorted(left)]


def differences(before: Dict[str, str], now: Dict[str, str], when: str) -> List[str]:
    return [
        "executable memory %s: %s" % (when, place)
        for place in sorted(set(before) | set(now))
        if before.get(place) != now.get(place)
    ]


def main() -> int:
    pywalk, pid, pace = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    engine = sys.argv[4] if len(sys.argv) > 4 else ""
    text, files, bpf = text_of(pid), files_of(pid), bpf_objects()
    before = sorted(speed(pace) for _ in range(5))[2]
    meanwhile, problem = record(pywalk, pid, engine)
    problems = [problem] if problem else []
    held = wait_until_free(str(pid))
    problems += ["held: %s" % held] if held else []
    if not text:
        problems.append("no executable memory was found")
    problems += differences(text, meanwhile, "while recording")
    problems += differences(text, text_of(pid), "afterwards")
    problems += ["file %s: %s" % one for one in sorted(files_of(pid) ^ files)]
    problems += left_of_bpf(bpf)
    best = 0.0
    for _ in range(TRIES):
        best = max(best, speed(pace))
        if best >= AS_FAST * before:
            break
    else:
        problems.append("%.0f pieces a second at best, %.0f before" % (best, before))
    print("\n".join(problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
