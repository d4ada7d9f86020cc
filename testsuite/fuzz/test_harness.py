#!/usr/bin/env python3
"""Expects mutate_cores.py and run_corpus.py to find what is wrong with programs that stand in for pywalk.

test_harness.py MUTATE_CORE
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

# A shell script in pywalk's place, and what has to be found; "" for nothing.
PROGRAMS = {
    "good": ("echo '{}'", ""),
    "refuses": ("echo 'pywalk: cannot open it' >&2; exit 2", ""),
    "crash": ("kill -SEGV $$", "crash: signal 11"),
    "abort": ("kill -ABRT $$", "crash: signal 6"),
    "hang": ("while :; do :; done", "hang"),
    "sanitizer": (
        "echo 'AddressSanitizer: stack-overflow' >&2; exit 99",
        "status 99: AddressSanitizer",
    ),
    "silent": ("exit 1", "status 1, and nothing says why"),
    "no-json": ("echo '{'", "output"),
    "no-utf-8": ("printf '\\377'", "output"),
    "control": ("printf 'pywalk: \\033[2J\\n' >&2; exit 1", "control characters"),
    "memory": ("exec python3 -c 'x = bytearray(400 << 20); y = bytearray(400 << 20)'", "status 1"),
    "said": ("echo 'pywalk: out of memory' >&2; exit 1", "memory: out of 512 MB"),
}


def check_mutate(folder: str, mutate: str, name: str) -> str:
    script, expected = PROGRAMS[name]
    program = os.path.join(folder, name)
    with open(program, "w") as file:
        file.write("#!/bin/sh\n" + script + "\n")
    os.chmod(program, 0o755)
    done = subprocess.run(
        [sys.executable, os.path.join(HERE, "mutate_cores.py"), "--pywalk", program]
        + ["--mutate", mutate, "--cores", os.path.join(folder, "cores"), "--count", "1"]
        + ["--found", os.path.join(folder, "found." + name), "--seconds", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode(errors="replace")
    if (done.returncode != 0) != bool(expected) or expected not in text:
        return "%s: expected %r, status %d: %s" % (name, expected, done.returncode, text)
    return ""


def check_corpus(folder: str) -> str:
    """Targets that fail over one input, over none, for want of inputs, and by their size."""
    script = "#!/bin/sh\nfor i; do case $i in */bad) kill -ABRT $$ ;; */big) %s ;; esac; done\n"
    script %= "exec python3 -c 'x = bytearray(600 << 20)'"
    for name in ("one", "two", "none", "big"):
        program = os.path.join(folder, "fuzz_" + name)
        with open(program, "w") as file:
            file.write(script)
        os.chmod(program, 0o755)
    for path in ("one/good", "one/bad", "two/good", "big/big"):
        os.makedirs(os.path.join(folder, "corpus", os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(folder, "corpus", path), "w"):
            pass
    summary = os.path.join(folder, "sum")
    subprocess.run(
        [sys.executable, os.path.join(HERE, "run_corpus.py"), summary]
        + [os.path.join(folder, "corpus")]
        + [os.path.join(folder, "fuzz_" + name) for name in ("one", "two", "none", "big")]
        + ["--", "right", "true", "--", "wrong", "false"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    with open(summary) as file:
        lines = [line.strip() for line in file]
    expected = ["FAIL: fuzz_one: ", "PASS: fuzz_two: 1 inputs", "FAIL: fuzz_none: no inputs"]
    expected += ["FAIL: fuzz_big: ", "PASS: right", "FAIL: wrong: status 1"]
    good = len(lines) == len(expected) and all(map(str.startswith, lines, expected))
    return "" if good and "/bad: " in lines[0] else "run_corpus.py wrote %s" % lines


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "cores"))
        with open(os.path.join(folder, "cores", "a.core"), "wb") as file:
            file.write(bytes(4096))
        problems = [check_mutate(folder, sys.argv[1], name) for name in PROGRAMS]
        problems.append(check_corpus(folder))
    problems = [problem for problem in problems if problem]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
