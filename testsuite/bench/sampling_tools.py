"""Samplers that are compared by bench/sampling.py: how each is called, and how one reads what it saw."""

import os
import shutil
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))

import find_pythons  # noqa: E402
from recorder import engine_options, engines  # noqa: E402
from tools import complaint, run_quietly  # noqa: E402

# The last austin that runs with the C library of a Debian 12.
PYPI = [("py-spy", "py-spy", "0.4.3"), ("austin", "austin-dist", "3.7.0")]
BLOCKING = "profiling.sampling --blocking"


class Job(NamedTuple):
    pid: int
    rate: float
    output: str


class Sampler(NamedTuple):
    name: str
    kind: str  # pywalk, py-spy, austin, profiling
    program: List[str]
    options: List[str]
    # Lines of its output are samples, and the number behind each a time.
    times: bool = False
    engine: str = ""

    @property
    def start(self) -> str:
        """Those that start in the same time."""
        return " ".join([self.kind, self.engine, "native" * ("--native" in self.options)])

    def command(self, job: Job) -> List[str]:
        """Until SIGINT."""
        pid, rate = str(job.pid), "%d" % job.rate
        if self.kind == "pywalk":
            arguments = ["-q", "-F", "collapsed", "-r", rate, "-p", pid, "-o", job.output]
        elif self.kind == "py-spy":
            arguments = ["-t", "-i", "-f", "raw", "-r", rate, "-p", pid, "-o", job.output]
        elif self.kind == "austin":
            interval = "%d" % max(1, round(1e6 / job.rate))
            arguments = ["-i", interval, "-o", job.output, "-p", pid]
        else:
            arguments = ["-a", "-r", rate, "--collapsed", "-o", job.output, pid]
        return [*self.program, *self.options, *arguments]


class Samplers:
    """Those that are there, and what is missing."""

    def __init__(self, build: str) -> None:
        self.missing: List[str] = []
        self.versions: Dict[str, str] = {}
        self.pywalk = os.path.join(build, "pywalk")
        self.engines = engines(self.pywalk)
        good, commit = run_quietly(["git", "-C", HERE, "describe", "--always", "--dirty"])
        version = run_quietly([self.pywalk, "--version"])[1].split()
        self.versions["pywalk"] = (version or ["?"])[-1] + (
            " (%s)" % commit.strip() if good else ""
        )
        self.peers = self._from_pypi(os.path.join(build, "bench", "venv"))

    def _from_pypi(self, folder: str) -> Dict[str, str]:
        peers: Dict[str, str] = {}
        pip = os.path.join(folder, "bin", "pip")
        if not os.path.exists(pip):
            good, said = run_quietly([sys.executable, "-m", "venv", folder])
            if not good:
                shutil.rmtree(folder, ignore_errors=True)
                self.missing.append("no virtual environment: %s" % complaint(said))
                return peers
        for name, package, version in PYPI:
            stamp = os.path.join(folder, "%s-%s" % (package, version))
            program = os.path.join(folder, "bin", name)
            wanted = "%s==%s" % (package, version)
            if not os.path.exists(stamp):
                command = [pip, "install", "-q", "--disable-pip-version-check", wanted]
                good, said = run_quietly(command)
                if not good:
                    self.missing.append(
                        "%s: not to be had from PyPI: %s" % (wanted, complaint(said))
                    )
                    continue
                open(stamp, "w").close()
            good, said = run_quietly([program, "--version"])
            if not good:
                self.missing.append("%s: does not run here: %s" % (wanted, complaint(said)))
                continue
            peers[name] = program
            self.versions[name] = version
        return peers

    def ours(self, native: bool = False) -> List[Sampler]:
        found = []
        for engine in self.engines:
            name = " ".join(["pywalk", engine, "--native" * native]).strip().replace("  ", " ")
            options = engine_options(engine) + ["--native"] * native
            found.append(Sampler(name, "pywalk", [self.pywalk, "record"], options, engine=engine))
        return found

    def py_spy(self, *options: str) -> List[Sampler]:
        if "py-spy" not in self.peers:
            return []
        name = " ".join(("py-spy",) + options)
        return [Sampler(name, "py-spy", [self.peers["py-spy"], "record"], list(options))]

    def austin(self) -> List[Sampler]:
        if "austin" not in self.peers:
            return []
        return [Sampler("austin", "austin", [self.peers["austin"]], [], times=True)]

    def profiling(self, python: Optional[find_pythons.Python]) -> List[Sampler]:
        """3.15's own, which wants a target of its own version."""
        if python is None:
            return []
        program = [python.program, "-m", "profiling.sampling", "attach"]
        if python.root != "-":
            program = ["chroot", python.root, *program]
        return [
            Sampler(BLOCKING, "profiling", program, ["--blocking"]),
            Sampler("profiling.sampling", "profiling", program, []),
        ]


def start(command: List[str], said: str) -> "subprocess.Popen[bytes]":
    with open(said, "wb") as file:
        # A group of its own: Ctrl-C is for us alone.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            preexec_fn=os.setpgrp,
        )
