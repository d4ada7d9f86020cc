#!/usr/bin/env python3
"""Runs cmocka programs and writes one line a test, as DejaGnu does:  run_unit.py SUMMARY PROGRAM..."""

import os
import re
import subprocess
import sys
from typing import List

TIMEOUT = 300


def run(program: str) -> List[str]:
    name = os.path.basename(program)
    environment = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        done = subprocess.run(
            [program],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            timeout=TIMEOUT,
        )
        text, status = done.stdout.decode(errors="replace"), str(done.returncode)
    except subprocess.TimeoutExpired:
        text, status = "", "%d seconds without an end" % TIMEOUT
    except OSError as error:
        text, status = "", str(error)
    lines = []
    for match in re.finditer(r"^(not ok|ok) \d+ (?:- )?(.*)$", text, re.MULTILINE):
        if "# SKIP" in match.group(2):
            lines.append("UNTESTED: %s: %s" % (name, match.group(2)))
        else:
            lines.append(
                "%s: %s: %s" % ("PASS" if match.group(1) == "ok" else "FAIL", name, match.group(2))
            )
    failed = any(line.startswith("FAIL") for line in lines)
    if not lines or (status != "0" and not failed):
        lines.append("FAIL: %s: ended with status %s" % (name, status))
        failed = True
    if failed:
        sys.stdout.write(text)
    return lines


def main() -> int:
    lines = []
    for program in sys.argv[2:]:
        lines += run(program)
    with open(sys.argv[1], "w") as file:
        file.write("".join(line + "\n" for line in lines))
    print(
        "unit: %d passed, %d failed"
        % (
            sum(line.startswith("PASS") for line in lines),
            sum(line.startswith("FAIL") for line in lines),
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
