#!/usr/bin/env python3
"""Runs fuzz targets over their corpora, then other commands; one line each, as DejaGnu writes it.

    run_corpus.py SUMMARY CORPUS PROGRAM... [-- NAME COMMAND...]...

A PROGRAM is .../fuzz_TARGET; its inputs are CORPUS/TARGET/*.
"""

import os
import subprocess
import sys
import tempfile
import threading
from typing import List

TIMEOUT = 300
MEMORY = 512 << 20
ENVIRONMENT = dict(os.environ, DEBUGINFOD_URLS="")


def run(command: List[str], memory: int = 0) -> str:
    """What went wrong; "" when nothing did."""
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=ENVIRONMENT
            )
        except OSError as error:
            return str(error)
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        _, raw, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.WEXITSTATUS(raw) if os.WIFEXITED(raw) else -os.WTERMSIG(raw)
        output.seek(0)
        text = output.read().decode(errors="replace")
    problem = ""
    if process.returncode:
        problem = "status %d" % process.returncode
    elif memory and usage.ru_maxrss > memory >> 10:
        problem = "%d MB of memory" % (usage.ru_maxrss >> 10)
    if problem:
        sys.stdout.write(text[-4000:])
    return problem


def run_target(program: str, corpus: str) -> str:
    name = os.path.basename(program)
    folder = os.path.join(corpus, name[len("fuzz_") :])
    inputs = (
        [os.path.join(folder, i) for i in sorted(os.listdir(folder))]
        if os.path.isdir(folder)
        else []
    )
    if not inputs:
        return "FAIL: %s: no inputs in %s" % (name, folder)
    if not run([program, *inputs], MEMORY):
        return "PASS: %s: %d inputs" % (name, len(inputs))
    for path in inputs:
        problem = run([program, path], MEMORY)
        if problem:
            return "FAIL: %s: %s: %s" % (name, path, problem)
    return "FAIL: %s: all inputs in one process" % name


def split(words: List[str]) -> List[List[str]]:
    parts: List[List[str]] = [[]]
    for word in words:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def main() -> int:
    (summary, corpus, *programs), *commands = split(sys.argv[1:])
    lines = [run_target(program, corpus) for program in programs]
    for name, *command in commands:
        problem = run(command)
        lines.append("FAIL: %s: %s" % (name, problem) if problem else "PASS: %s" % name)
    os.makedirs(os.path.dirname(summary) or ".", exist_ok=True)
    with open(summary, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    passed = sum(line.startswith("PASS") for line in lines)
    print("fuzz: %d passed, %d failed" % (passed, len(lines) - passed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
