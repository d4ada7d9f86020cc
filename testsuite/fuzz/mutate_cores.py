#!/usr/bin/env python3
"""Runs pywalk on damaged copies of the seed cores, and reports each crash, hang and breach.

    mutate_cores.py --pywalk PATH --mutate PATH --cores FOLDER [options]

Each copy is made by mutate_core from a seed number, which is printed with whatever is found; `--first N --count 1`
makes it again.  pywalk must end by itself within 5 seconds of processor time and 512 MB, with status 0 to 3; say on
standard error why it is not 0; and write valid JSON, or nothing, and text without control characters.
"""

import argparse
import json
import os
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Dict, List, NamedTuple, Optional

WALL = 60
MEMORY = 512 << 20
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Result(NamedTuple):
    status: int
    seconds: float
    memory: int
    out: bytes
    err: bytes


class Totals:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runs = 0
        self.statuses: Dict[int, int] = {}
        self.seconds = 0.0
        self.memory = 0
        self.shown = 0
        self.found: List[str] = []


def limits(seconds: int, sanitized: bool) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Sanitizers reserve terabytes; theirs is measured only.
    if not sanitized:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def run(
    command: List[str], folder: str, environment: Dict[str, str], seconds: int, sanitized: bool
) -> Result:
    out, err = os.path.join(folder, "out"), os.path.join(folder, "err")
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            preexec_fn=lambda: limits(seconds, sanitized),
        )
        timer = threading.Timer(WALL, process.kill)
        timer.start()
        _, raw, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.WEXITSTATUS(raw) if os.WIFEXITED(raw) else -os.WTERMSIG(raw)
    with open(out, "rb") as file:
        stdout_bytes = file.read()
    with open(err, "rb") as file:
        stderr_bytes = file.read()
    return Result(
        process.returncode,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss << 10,
        stdout_bytes,
        stderr_bytes,
    )


def problem_of(result: Result, is_json: bool) -> str:
    """What is wrong with a run; "" when nothing is."""
    err = result.err.decode(errors="replace")
    if result.status in (-signal.SIGXCPU, -signal.SIGKILL):
        return "hang: status %d after %.1f s" % (result.status, result.seconds)
    if result.status < 0:
        return "crash: signal %d" % -result.status
    if result.status > 3:
        return "status %d: %s" % (result.status, err[:400])
    if result.memory > MEMORY:
        return "memory: %d MB" % (result.memory >> 20)
    if "out of memory" in err or b"out of memory" in result.out:
        return "memory: out of %d MB" % (MEMORY >> 20)
    if result.status and not err.startswith("pywalk: "):
        return "status %d, and nothing says why" % result.status
    if CONTROL.search(err):
        return "control characters on standard error"
    try:
        text = result.out.decode()
        if is_json and text:
            json.loads(text)
        elif CONTROL.search(text):
            return "control characters on standard output"
    except ValueError as error:
        return "output: %s" % error
    return ""


class Runner:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.cores = sorted(
            os.path.join(arguments.cores, name) for name in os.listdir(arguments.cores)
        )
        self.environment = dict(os.environ, LC_ALL="C.UTF-8", DEBUGINFOD_URLS="")
        self.environment.setdefault(
            "ASAN_OPTIONS", "quarantine_size_mb=8:detect_leaks=1:exitcode=99:malloc_context_size=8"
        )
        self.environment.setdefault("UBSAN_OPTIONS", "halt_on_error=1:exitcode=99")
        self.totals = Totals()
        self.work: "queue.Queue[Optional[int]]" = queue.Queue(64)
        self.commands = [["dump", "--json"], ["dump", "--json", "--native=all"]]
        self.commands += [["dump", "--native"], ["info"]]
        self.validator = None
        if arguments.schema:
            import jsonschema  # type: ignore

            with open(arguments.schema, encoding="utf-8") as file:
                schema = json.load(file)
            self.validator = jsonschema.validators.validator_for(schema)(schema)

    def one(self, seed: int, folder: str) -> None:
        core = self.cores[seed % len(self.cores)]
        path, empty = os.path.join(folder, "core"), os.path.join(folder, "empty")
        # Nothing that a core names is looked for on this machine.
        os.makedirs(empty, exist_ok=True)
        options = ["--sysroot", empty, "--debug-dir", empty]
        subprocess.run([self.arguments.mutate, str(seed), core, path], check=True)
        for command in self.commands:
            result = run(
                [self.arguments.pywalk, *command, *options, path],
                folder,
                self.environment,
                self.arguments.seconds,
                self.arguments.sanitized,
            )
            self.note(seed, core, path, command, result)

    def note(self, seed: int, core: str, path: str, command: List[str], result: Result) -> None:
        is_json = "--json" in command
        problem = problem_of(result, is_json)
        # Validation takes longer than everything else.
        if not problem and is_json and result.out and self.validator and seed % 8 == 0:
            errors = self.validator.iter_errors(json.loads(result.out))
            problem = next(("schema: %s" % error.message[:400] for error in errors), "")
        totals = self.totals
        with totals.lock:
            totals.runs += 1
            totals.statuses[result.status] = totals.statuses.get(result.status, 0) + 1
            totals.seconds = max(totals.seconds, result.seconds)
            totals.memory = max(totals.memory, result.memory)
            totals.shown += "--json" in command and b'"kind"' in result.out
            if not problem:
                return
            line = "seed %d of %s: pywalk %s: %s" % (
                seed,
                os.path.basename(core),
                " ".join(command),
                problem,
            )
            totals.found.append(line)
            print(line, flush=True)
            os.makedirs(self.arguments.found, exist_ok=True)
            shutil.copy(path, os.path.join(self.arguments.found, "core-%d" % seed))
            with open(os.path.join(self.arguments.found, "core-%d.txt" % seed), "ab") as file:
                file.write(line.encode() + b"\n" + result.err + b"\n")

    def worker(self) -> None:
        with tempfile.TemporaryDirectory(prefix="pywalk-mutate.") as folder:
            while True:
                seed = self.work.get()
                if seed is None:
                    return
                self.one(seed, folder)

    def run(self) -> None:
        threads = [threading.Thread(target=self.worker) for _ in range(self.arguments.jobs)]
        for thread in threads:
            thread.start()
        for seed in range(self.arguments.first, self.arguments.first + self.arguments.count):
            self.work.put(seed)
        for _ in threads:
            self.work.put(None)
        for thread in threads:
            thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pywalk", required=True)
    parser.add_argument("--mutate", required=True)
    parser.add_argument("--cores", required=True)
    parser.add_argument("--found", default="found", help="folder for what is found")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--seconds", type=int, default=5, help="of processor time, for one run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--schema", help="of the JSON; an eighth of the output is checked")
    parser.add_argument("--sanitized", action="store_true", help="pywalk was built with SANITIZE=1")
    arguments = parser.parse_args()
    start = time.monotonic()
    runner = Runner(arguments)
    runner.run()
    totals = runner.totals
    print(
        "mutate: %d cores from seed %d on, %d runs of pywalk in %.0f s: %d findings"
        % (
            arguments.count,
            arguments.first,
            totals.runs,
            time.monotonic() - start,
            len(totals.found),
        )
    )
    print(
        "mutate: exit statuses %s; %d dumps with frames; at most %.2f s of processor time and %d MB"
        % (
            " ".join("%d:%d" % pair for pair in sorted(totals.statuses.items())),
            totals.shown,
            totals.seconds,
            totals.memory >> 20,
        )
    )
    return 1 if totals.found else 0


if __name__ == "__main__":
    sys.exit(main())
