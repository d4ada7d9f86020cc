#!/usr/bin/env python3
"""Runs libFuzzer on each target in turn and says what came out.

    run_fuzz.py --programs DIR --corpus DIR --work DIR --found DIR --seconds N TARGET...

The time is shared out by how much there is to find.  New inputs stay in --work, what breaks a target in --found.
"""

import argparse
import os
import re
import subprocess
import sys
from typing import List

TIMEOUT, MEMORY = 5, 512
WEIGHTS = {"core": 6, "unwind": 4, "elf": 4, "notes": 2, "layout": 2}


def fuzz(target: str, seconds: int, arguments: argparse.Namespace) -> bool:
    work = os.path.join(arguments.work, target)
    log = os.path.join(arguments.work, target + ".log")
    os.makedirs(work, exist_ok=True)
    os.makedirs(arguments.found, exist_ok=True)
    command = [
        os.path.join(arguments.programs, "fuzz_" + target),
        "-max_total_time=%d" % seconds,
        "-timeout=%d" % TIMEOUT,
        "-rss_limit_mb=%d" % MEMORY,
        "-print_final_stats=1",
        "-artifact_prefix=%s/%s-" % (arguments.found, target),
        work,
        os.path.join(arguments.corpus, target),
    ]
    environment = dict(os.environ, DEBUGINFOD_URLS="")
    environment.setdefault("ASAN_OPTIONS", "quarantine_size_mb=32")
    with open(log, "wb") as file:
        status = subprocess.call(command, stdout=file, stderr=file, env=environment)
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    stats = dict(re.findall(r"^stat::(\w+): +(\d+)", text, re.MULTILINE))
    coverage = re.findall(r"cov: (\d+)", text) or ["?"]
    print(
        "fuzz_%s: %s inputs in %d s, %s edges (%s at first), slowest %s s, at most %s MB: %s"
        % (
            target,
            stats.get("number_of_executed_units", "?"),
            seconds,
            coverage[-1],
            coverage[0],
            stats.get("slowest_unit_time_sec", "?"),
            stats.get("peak_rss_mb", "?"),
            "nothing found" if status == 0 else "FOUND, see %s" % log,
        ),
        flush=True,
    )
    if status:
        found = re.findall(
            r"^(?:SUMMARY|==\d+==ERROR|.*expected:).*$|Test unit written to .*", text, re.MULTILINE
        )
        print("\n".join("  " + line for line in found))
    return status == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--programs", "--corpus", "--work", "--found"):
        parser.add_argument(option, required=True)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    targets: List[str] = arguments.targets
    total = sum(WEIGHTS.get(target, 1) for target in targets)
    shares = {t: max(1, arguments.seconds * WEIGHTS.get(t, 1) // total) for t in targets}
    good = [fuzz(target, shares[target], arguments) for target in targets]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
