"""What programs that try out `pywalk record` share: its engines, interpreters, targets, runs."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Dict, Iterator, List, NamedTuple, Optional

import find_pythons

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "..", "programs")
ENGINES = ["ptrace", "ebpf", "peek"]
READY_SECONDS = 120


class Failed(Exception):
    pass


def engines(pywalk: str) -> List[str]:
    """Those that `pywalk record` can be asked for: $ENGINES, or all; [""] when it has no such option."""
    asked = os.environ.get("ENGINES", "").split()
    if asked:
        return asked
    text = subprocess.run([pywalk, "record", "--help"], stdout=subprocess.PIPE, check=True).stdout
    return ENGINES if b"--engine" in text else [""]


def engine_options(engine: str) -> List[str]:
    return ["--engine", engine] if engine else []


@contextlib.contextmanager
def work_folder() -> Iterator[str]:
    """With all programs in it; below /tmp, because interpreters in another root see it there."""
    folder = tempfile.mkdtemp(prefix="pywalk-check.", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        for name in os.listdir(PROGRAMS):
            if name.endswith(".py"):
                shutil.copy(os.path.join(PROGRAMS, name), folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Target:
    """One of testsuite/programs, on an interpreter, that has written its file READY."""

    count = 0

    def __init__(
        self,
        build: str,
        python: find_pythons.Python,
        work: str,
        program: str,
        arguments: List[str],
        seconds: int = 900,
        environment: Optional[Dict[str, str]] = None,
    ) -> None:
        Target.count += 1
        self.folder = os.path.join(work, "target.%d" % Target.count)
        os.makedirs(self.folder)
        self.ready = os.path.join(self.folder, "truth.json")
        command = [os.path.join(build, "testsuite", "run-target"), "-t", str(seconds)]
        if python.root != "-":
            command += ["-r", python.root]
        self.output = os.path.join(self.folder, "output")
        command += ["-d", self.folder, "-o", self.output, python.program]
        command += [os.path.join(work, program), self.ready, *arguments]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        clean.update(environment or {}, PYTHONDONTWRITEBYTECODE="1")
        self.process = subprocess.Popen(command, env=clean)
        end = time.monotonic() + READY_SECONDS
        while not os.path.exists(self.ready):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise Failed("%s did not get ready: %s" % (program, self.said()))
            time.sleep(0.02)

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        with contextlib.suppress(OSError), open(self.output, errors="replace") as file:
            return file.read()[-500:]
        return ""

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Target":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Run(NamedTuple):
    status: int
    errors: str


def record(pywalk: str, options: List[str], timeout: float) -> Run:
    """`pywalk record`, ended with SIGINT and then SIGKILL when it takes longer."""
    process = subprocess.Popen(
        [pywalk, "record", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            errors = process.communicate(timeout=timeout)[1]
            return Run(process.returncode, errors)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
            timeout = 30
        except BaseException:
            process.kill()
            process.wait()
            raise
    errors = process.communicate()[1]
    return Run(process.returncode, errors)
