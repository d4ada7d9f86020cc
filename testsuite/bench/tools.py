"""What is compared: each tool, how it is called, and how one sees how many threads it showed."""

import os
import re
import shutil
import subprocess
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

HERE = os.path.dirname(os.path.abspath(__file__))
PYPI = [("py-spy", "0.4.3"), ("pystack", "1.7.2")]
# Names that stand once on the stack of every thread of the target; gdb's C frames have none of them.
PYTHON_THREAD = re.compile(rb"\bbench_(?:sleeper|busy)\b")
GDB_THREAD = re.compile(rb"^Thread \d+ \(", re.MULTILINE)
# One line of C frames each: `#0  [c] 0x1 in read ()`, `    read (libc.so.6)`, `(C) File "..."`, `#0  read ()`.
C_FRAMES = {
    "pywalk": re.compile(rb"^#\d+ +\[c\]", re.MULTILINE),
    "py-spy": re.compile(rb"^ +\S.* \((?![^()\n]*\.py:\d+\))[^()\n]*\)$", re.MULTILINE),
    "pystack": re.compile(rb"^ +\(C\) File ", re.MULTILINE),
    "gdb": re.compile(rb"^#\d+ ", re.MULTILINE),
}
NO_DUMP = "(no dump)"


class Tool(NamedTuple):
    name: str
    native: bool
    command: List[str]
    thread: "re.Pattern[bytes]"
    c_frame: "re.Pattern[bytes]"
    base: str  # the one that its ratio is to
    inside: bool = False  # the time is that of a command in gdb, by gdb_time.py
    missing: str = ""  # why it cannot be run


class Tools:
    def __init__(self, build: str) -> None:
        self.pywalk = os.path.join(build, "pywalk")
        self.gdb = shutil.which("gdb")
        self.missing: List[str] = [] if self.gdb else ["gdb: not installed"]
        self.versions: Dict[str, str] = {}
        self._from_pypi(os.path.join(build, "bench", "venv"))
        self._ask("pywalk", [self.pywalk, "--version"])
        good, commit = run_quietly(["git", "-C", HERE, "describe", "--always", "--dirty"])
        if good:
            self.versions["pywalk"] += " (%s)" % commit.strip()
        if self.gdb:
            self._ask("gdb", [self.gdb, "-nx", "--version"])

    def _ask(self, name: str, command: List[str]) -> None:
        text = run_quietly(command)[1].splitlines()
        words = text[0].split() if text else ["?"]
        self.versions[name] = words[-1]

    def _from_pypi(self, folder: str) -> None:
        self.peers: Dict[str, str] = {}
        pip = os.path.join(folder, "bin", "pip")
        if not os.path.exists(pip):
            good, said = run_quietly([sys.executable, "-m", "venv", folder])
            if not good:
                shutil.rmtree(folder, ignore_errors=True)
                self.missing += [
                    "%s: no virtual environment: %s" % (p, complaint(said)) for p, _ in PYPI
                ]
                return
        for name, version in PYPI:
            stamp = os.path.join(folder, "%s-%s" % (name, version))
            program = os.path.join(folder, "bin", name)
            if not os.path.exists(stamp):
                wanted = "%s==%s" % (name, version)
                good, said = run_quietly(
                    [pip, "install", "-q", "--disable-pip-version-check", wanted]
                )
                if not good:
                    self.missing.append(
                        "%s: not to be had from PyPI: %s" % (wanted, complaint(said))
                    )
                    continue
                open(stamp, "w").close()
            self.peers[name] = program
            self.versions[name] = version

    def live(self, pid: str) -> List[Tool]:
        tools = [
            self._pywalk([pid], False),
            Tool(NO_DUMP, False, ["sleep", "0.05"], PYTHON_THREAD, C_FRAMES["gdb"], "pywalk dump"),
        ]
        if "py-spy" in self.peers:
            tools.append(self._peer("py-spy", "dump", ["-p", pid]))
        if "pystack" in self.peers:
            tools.append(self._peer("pystack", "remote", [pid]))
        tools.append(self._pywalk([pid], True))
        if "py-spy" in self.peers:
            tools.append(self._peer("py-spy", "dump", ["--native", "-p", pid]))
        if "pystack" in self.peers:
            tools.append(self._peer("pystack", "remote", ["--native", pid]))
        return tools + self._gdb(["-p", pid])

    def core(self, core: str, program: str) -> List[Tool]:
        tools = [self._pywalk([core, program], False)]
        if "py-spy" in self.peers:
            tools.append(self._peer("py-spy", "dump", ["--core", core]))
        if "pystack" in self.peers:
            tools.append(self._peer("pystack", "core", [core, program]))
        tools.append(self._pywalk([core, program], True))
        if "pystack" in self.peers:
            tools.append(self._peer("pystack", "core", ["--native", core, program]))
        return tools + self._gdb([program, core])

    def _pywalk(self, arguments: List[str], native: bool) -> Tool:
        name = "pywalk dump" + " --native" * native
        options = ["--native"] * native
        command = [self.pywalk, "dump", *options, *arguments]
        return Tool(name, native, command, PYTHON_THREAD, C_FRAMES["pywalk"], name)

    def _peer(self, name: str, command: str, arguments: List[str]) -> Tool:
        native = "--native" in arguments
        shown = "%s %s%s" % (name, command, " --native" * native)
        base = "pywalk dump" + " --native" * native
        line = [self.peers[name], command, *arguments]
        return Tool(shown, native, line, PYTHON_THREAD, C_FRAMES[name], base)

    def _gdb(self, arguments: List[str]) -> List[Tool]:
        if not self.gdb:
            return []
        # As it comes: no user's settings, and no scripts that would add Python frames.
        command = [self.gdb, "-nx", "-iex", "set auto-load python-scripts off", "-batch"]
        command += ["-ex", "thread apply all bt", *arguments]
        return [Tool("gdb bt", True, command, GDB_THREAD, C_FRAMES["gdb"], "pywalk dump --native")]


def complaint(text: str) -> str:
    """What a tool said went wrong: the line that says "error", or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines[-1:] or ["no message"])[0]


def run_quietly(command: List[str]) -> Tuple[bool, str]:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        return False, str(error)
    return done.returncode == 0, done.stdout.decode(errors="replace")


def real_python(name: str) -> str:
    """The program behind a name, a link or a wrapper."""
    good, said = run_quietly([name, "-c", "import sys; print(sys.executable)"])
    if not good:
        raise SystemExit("%s does not run: %s" % (name, complaint(said)))
    return os.path.realpath(said.strip())


def find_python() -> Optional[str]:
    """The newest 3.12 or 3.11 with a shared library, which every peer can read; otherwise any of the two."""
    finder = os.path.join(HERE, "..", "tools", "find_pythons.py")
    best: Optional[Tuple[bool, List[int], str]] = None
    for line in run_quietly([sys.executable, finder])[1].splitlines():
        fields = line.split("\t")
        if fields[0] != "python" or fields[2] != "-":
            continue
        binary, version, flags = fields[4], fields[7], fields[8].split()
        numbers = [int(number) for number in version.split(".")]
        if numbers[:2] not in ([3, 11], [3, 12]) or "debug" in flags:
            continue
        candidate = ("shared" in flags, numbers, binary)
        best = candidate if best is None else max(best, candidate)
    return best[2] if best else None
