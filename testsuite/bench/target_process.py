"""The target as a process: started, settled, asked for the longest gap, made into a core."""

import ctypes
import glob
import mmap
import os
import resource
import shutil
import signal
import subprocess
import time
from typing import Dict, Optional, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
SETTLE_SECONDS = 60.0
CORE_SECONDS = 300.0


class Failed(Exception):
    pass


class Target:
    """target.py with so many threads; `busy` is its main thread."""

    def __init__(
        self, python: str, library: str, folder: str, threads: int, mebibytes: int = 0
    ) -> None:
        self.threads = threads
        self.folder = folder
        os.makedirs(folder)
        page = os.path.join(folder, "page")
        with open(page, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        with open(page, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.words = (ctypes.c_uint64 * 3).from_buffer(self.page)  # request, done, longest
        command = [python, os.path.join(HERE, "target.py"), library, page]
        command += [str(os.getpid()), str(threads), str(mebibytes)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            preexec_fn=self._unlimited_core,
        )
        try:
            self.longest_gap()
            self.settle()
        except BaseException:
            self.stop()
            raise

    @staticmethod
    def _unlimited_core() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    @property
    def pid(self) -> str:
        return str(self.process.pid)

    def longest_gap(self) -> float:
        """Seconds, since the last call."""
        self.words[0] += 1
        end = time.monotonic() + SETTLE_SECONDS
        while self.words[1] != self.words[0]:
            if self.process.poll() is not None:
                raise Failed("the target ended with status %d" % self.process.returncode)
            if time.monotonic() > end:
                raise Failed("the target's busy thread does not answer")
            time.sleep(0.001)
        return self.words[2] / 1e9

    def _asleep(self) -> Optional[Dict[str, str]]:
        """The scheduler's counters of every thread but the busy one; None when one of them runs or is missing."""
        tasks = "/proc/%s/task" % self.pid
        result = {}
        for tid in os.listdir(tasks):
            if tid == self.pid:
                continue
            with open(os.path.join(tasks, tid, "stat")) as file:
                if file.read().rpartition(")")[2].split()[0] != "S":
                    return None
            with open(os.path.join(tasks, tid, "schedstat")) as file:
                result[tid] = file.read()
        return result if len(result) == self.threads - 1 else None

    def settle(self) -> None:
        """Returns when every sleeper sleeps, and slept all the time between two looks."""
        end = time.monotonic() + SETTLE_SECONDS
        before = None
        while True:
            try:
                now = self._asleep()
            except OSError:  # a thread ended between being listed and being read
                now = None
            if now is not None and now == before:
                return
            before = now
            if time.monotonic() > end:
                raise Failed("the target's threads do not settle")
            time.sleep(0.1)

    def core(self) -> Tuple[str, str]:
        """(the kernel's core of it or, when there is none, gcore's; which of the two); the process is gone."""
        gcore = shutil.which("gcore")
        with open("/proc/sys/kernel/core_pattern") as file:
            pattern = file.read().strip()
        limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
        here = not pattern.startswith(("|", "/", "@")) and limit != 0
        if not here and gcore:
            subprocess.run(
                [gcore, "-o", os.path.join(self.folder, "core"), self.pid],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=CORE_SECONDS,
                check=False,
            )
        self.process.send_signal(signal.SIGABRT if here else signal.SIGKILL)
        self.process.wait(timeout=CORE_SECONDS)
        known = os.path.join(self.folder, "page")
        found = [p for p in glob.glob(os.path.join(self.folder, "*")) if p != known]
        if not found:
            raise Failed('no core (core_pattern is "%s", core limit, or no gcore)' % pattern)
        return found[0], "kernel's core" if here else "gcore's core"

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
