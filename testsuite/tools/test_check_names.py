#!/usr/bin/env python3
"""Whether check_names.py finds names that stand in the wrong place."""

import json
import os
import sys
import tempfile
from typing import Any, Dict, List, Tuple

from check_names import Checker, Profile

SOURCE = "def first():\n    pass\n\n\ndef second():\n    pass\n"
# (name, file, line) of stacks, oldest first, and whether it can be.
STACKS: List[Tuple[List[Tuple[str, str, int]], bool]] = [
    ([("f_9", "soak_9.py", 11), ("g_9", "soak_9.py", 13)], True),
    ([("m_9", "soak_mod_4.py", 11), ("h_9", "soak_mod_4.py", 15)], True),
    ([("first", "soak.py", 2)], True),
    ([("f_9", "soak_8.py", 11)], False),
    ([("f_9", "soak_9.py", 12)], False),
    ([("g_9", "soak_9.py", 13)], False),
    ([("f_8", "soak_8.py", 10), ("g_9", "soak_9.py", 13)], False),
    ([("m_9", "soak_mod_3.py", 11)], False),
    ([("first", "soak.py", 5)], False),
    ([("third", "soak.py", 5)], False),
    ([("first", "", 2)], False),
    ([("", "soak.py", 2)], False),
]


def write(path: str, stack: List[Tuple[str, str, int]]) -> None:
    lines: List[Dict[str, Any]] = [{"type": "profile"}]
    for i, (name, source, line) in enumerate(stack):
        lines.append(
            {"type": "frame", "id": i, "kind": "python", "name": name, "file": source, "line": line}
        )
    lines += [{"type": "stack", "id": i + 1, "caller": i, "frame": i} for i in range(len(stack))]
    with open(path, "w") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def main() -> int:
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "soak.py"), "w") as file:
            file.write(SOURCE)
        path = os.path.join(folder, "p.jsonl")
        for stack, right in STACKS:
            write(path, stack)
            found = Checker(Profile(path), folder).problems()
            if bool(found) == right:
                print("%s: %s" % (stack, "; ".join(found) or "nothing was found"))
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
