#!/usr/bin/env python3
"""Dumps of pywalk, py-spy and pystack, compared in the same run:  bench.py BUILD-FOLDER

A live process with 1, 100 and 500 threads, and the kernel's core of the one with 500: wall time, the longest gap
that a busy thread of the target saw, peak memory.  Rounds are interleaved, so that what else the machine does hits
all alike; medians are printed, and the peers' ratios to pywalk.  py-spy and pystack come from PyPI, into a virtual
environment below BUILD-FOLDER.  A tool that fails at a task is shown as such.

    ROUNDS=N         rounds (7)
    BENCH_PYTHON=P   the interpreter of the target (this one)
"""

import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
PYTHON = os.path.realpath(os.environ.get("BENCH_PYTHON", sys.executable))
PEERS = ["py-spy==0.4.3", "pystack==1.7.2"]
TIMEOUT = 120


class Result(NamedTuple):
    wall: float  # seconds
    memory: int  # KiB
    gap: Optional[float]  # seconds


def peers(build: str) -> str:
    folder = os.path.join(build, "bench-venv")
    if not os.path.exists(os.path.join(folder, "bin", "pip")):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    for peer in PEERS:
        done = subprocess.run(
            [
                os.path.join(folder, "bin", "pip"),
                "install",
                "-q",
                "--disable-pip-version-check",
                peer,
            ],
            check=False,
        )
        if done.returncode:
            print("%s: cannot be had from PyPI" % peer)
    return os.path.join(folder, "bin")


def measure(program: str, command: List[str]) -> Tuple[Optional[float], int]:
    """(wall time or None when it failed, peak memory of it and its children)"""
    text = subprocess.run(
        [program, str(TIMEOUT), *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    status, nanoseconds, memory = (int(word) for word in text.split())
    return (nanoseconds / 1e9 if status == 0 else None), memory


class Target:
    """gaps.py on PYTHON, with this many sleeping threads."""

    def __init__(self, folder: str, threads: int) -> None:
        self.folder = os.path.join(folder, str(threads))
        os.mkdir(self.folder)
        self.gaps = os.path.join(self.folder, "gaps")
        self.process = subprocess.Popen(
            [PYTHON, os.path.join(HERE, "gaps.py"), self.gaps, str(threads)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            preexec_fn=self._unlimited_core,
        )
        while not os.path.exists(self.gaps) and self.process.poll() is None:
            time.sleep(0.05)

    @staticmethod
    def _unlimited_core() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    @property
    def pid(self) -> str:
        return str(self.process.pid)

    def longest_gap(self) -> float:
        """Since the last call: the target writes and forgets it when asked."""
        before = os.stat(self.gaps).st_mtime_ns
        self.process.send_signal(signal.SIGUSR1)
        for _ in range(500):
            if os.stat(self.gaps).st_mtime_ns != before:
                with open(self.gaps) as file:
                    return float(file.read())
            time.sleep(0.01)
        raise RuntimeError("the target does not answer")

    def core(self) -> Optional[str]:
        self.process.send_signal(signal.SIGABRT)
        self.process.wait()
        found = [name for name in os.listdir(self.folder) if name.startswith("core")]
        return os.path.join(self.folder, found[0]) if found else None

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def run(
    program: str, commands: Dict[str, List[str]], target: Optional[Target]
) -> Dict[str, List[Result]]:
    results: Dict[str, List[Result]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            if target:
                target.longest_gap()
            wall, memory = measure(program, command)
            gap = target.longest_gap() if target else None
            if wall is not None:
                results[name].append(Result(wall, memory, gap))
    return results


def show(title: str, results: Dict[str, List[Result]]) -> None:
    print("\n%s (median of %d rounds)" % (title, ROUNDS))
    base: Optional[Result] = None
    for name, rounds in results.items():
        if not rounds:
            print("  %-16s fails" % name)
            continue
        gaps = [r.gap for r in rounds if r.gap is not None]
        one = Result(
            statistics.median(r.wall for r in rounds),
            int(statistics.median(r.memory for r in rounds)),
            statistics.median(gaps) if gaps else None,
        )
        base = base or one
        line = "  %-16s %8.1f ms (x%5.1f)  %7.1f MB (x%5.1f)" % (
            name,
            1000 * one.wall,
            one.wall / base.wall,
            one.memory / 1024,
            one.memory / base.memory,
        )
        if one.gap is not None and base.gap is not None:
            line += "  longest gap %7.2f ms (x%5.1f)" % (1000 * one.gap, one.gap / base.gap)
        print(line, flush=True)


def main() -> int:
    build = os.path.abspath(sys.argv[1])
    programs = peers(build)
    pywalk = os.path.join(build, "pywalk")
    program = os.path.join(build, "testsuite", "measure")
    py_spy, pystack = os.path.join(programs, "py-spy"), os.path.join(programs, "pystack")
    print(
        "target: %s"
        % subprocess.run([PYTHON, "-VV"], stdout=subprocess.PIPE, check=True)
        .stdout.decode()
        .strip()
    )
    folder = tempfile.mkdtemp(prefix="pywalk-bench.")
    try:
        for threads in (1, 100, 500):
            target = Target(folder, threads)
            try:
                show(
                    "live, %d threads" % threads,
                    run(
                        program,
                        {
                            "pywalk": [pywalk, "dump", target.pid],
                            "(no dump)": ["sleep", "0.02"],
                            "py-spy": [py_spy, "dump", "-p", target.pid],
                            "pystack": [pystack, "remote", target.pid],
                        },
                        target,
                    ),
                )
                if threads != 500:
                    continue
                core = target.core()
                if core is None:
                    print("\ncore: the kernel wrote none (core_pattern)")
                    continue
                show(
                    "kernel core, %d threads" % threads,
                    run(
                        program,
                        {
                            "pywalk": [pywalk, "dump", core, PYTHON],
                            "py-spy": [py_spy, "dump", "-c", core],
                            "pystack": [pystack, "core", core, PYTHON],
                        },
                        None,
                    ),
                )
            finally:
                target.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
