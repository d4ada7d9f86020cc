#!/usr/bin/env python3
"""Sums up DejaGnu's .sum files: what failed and what was skipped by name, and one last line.

    summarize.py FILE...

Status 0 only when something passed and nothing failed.  A file that is missing is a failure.
"""

import sys
from typing import Dict, List

KINDS = {
    "PASS": "passed",
    "FAIL": "failed",
    "XPASS": "failed",
    "KPASS": "failed",
    "UNRESOLVED": "failed",
    "ERROR": "failed",
    "UNSUPPORTED": "skipped",
    "UNTESTED": "skipped",
    "XFAIL": "skipped",
    "KFAIL": "skipped",
}


def main() -> int:
    results: Dict[str, List[str]] = {"passed": [], "failed": [], "skipped": []}
    for path in sys.argv[1:]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    kind, colon, _ = line.partition(":")
                    if colon and kind in KINDS:
                        results[KINDS[kind]].append(line.rstrip("\n"))
        except OSError as error:
            results["failed"].append("FAIL: %s" % error)
    skipped = list(dict.fromkeys(results["skipped"]))
    for line in skipped + results["failed"]:
        print(line)
    text = "%d passed, %d failed" % (len(results["passed"]), len(results["failed"]))
    if skipped:
        text += ", %d skipped" % len(skipped)
    print(text)
    return 1 if results["failed"] or not results["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
