#!/usr/bin/env python3
"""Kills recorders at random moments:  kill_recorders.py PYWALK PID FILE TIMES [ENGINE]

Each time no thread of the target may be stopped or traced afterwards, and `pywalk report` must read from FILE, which
is a recording, all samples that were written: those in its whole blocks, as tools/raw_recording.py counts them.
"""

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from typing import List, Optional, Tuple

import raw_recording
from recorder import engine_options

SECONDS = 30  # that the kernel may take to let a thread go


def held(pid: str) -> List[str]:
    """Threads that are stopped or traced."""
    found = []
    for tid in os.listdir("/proc/%s/task" % pid):
        try:
            with open("/proc/%s/task/%s/status" % (pid, tid)) as file:
                status = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        except OSError:
            continue
        if status["TracerPid"].strip() != "0" or status["State"][0] in "tTZ":
            found.append(
                "%s: %s, traced by %s" % (tid, status["State"].strip(), status["TracerPid"].strip())
            )
    return found


def wait_until_free(pid: str) -> str:
    end = time.monotonic() + SECONDS
    while True:
        found = held(pid)
        if not found or time.monotonic() > end:
            return ", ".join(found)
        time.sleep(0.01)


def samples_read(pywalk: str, path: str) -> Tuple[int, Optional[str]]:
    """(how many the report has, what is wrong)"""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as output:
        report = subprocess.run(
            [pywalk, "report", "-F", "jsonl", path],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        with open(output.name) as file:
            samples = sum(line.startswith('{"type": "sample"') for line in file)
    if report.returncode != 1 or not re.search("not ended|cut off", report.stderr):
        return samples, "report: status %d: %s" % (report.returncode, report.stderr.strip())
    return samples, None


def kill_one(
    pywalk: str, pid: str, path: str, engine: str, seconds: float
) -> Tuple[int, Optional[str]]:
    command = [pywalk, "record", "-q", "-r", "500", *engine_options(engine), "-p", pid, "-o", path]
    recorder = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    recorder.kill()
    said = recorder.communicate()[1]
    if recorder.returncode != -9:
        return 0, "it ended itself, with status %d: %s" % (recorder.returncode, said)
    stuck = wait_until_free(pid)
    if stuck:
        return 0, "threads are held: %s" % stuck
    if not os.path.exists(path):
        return 0, None
    content = raw_recording.read(path)
    if not content.blocks:
        return 0, None
    samples, problem = samples_read(pywalk, path)
    if not problem and samples != content.samples:
        problem = "%d samples were written, %d are read" % (content.samples, samples)
    return samples, problem


def main() -> int:
    pywalk, pid, path, times = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    engine = sys.argv[5] if len(sys.argv) > 5 else ""
    chance = random.Random(1)
    readable = 0
    for number in range(times):
        if os.path.exists(path):
            os.unlink(path)
        samples, problem = kill_one(pywalk, pid, path, engine, 0.05 + chance.random() * 2.2)
        if problem:
            print("kill %d: %s" % (number, problem))
            return 1
        readable += bool(samples)
    print("%d of %d recordings have samples" % (readable, times))
    return 0 if readable * 5 > times else 1


if __name__ == "__main__":
    sys.exit(main())
