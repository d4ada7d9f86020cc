"""Changes good output in many ways and expects compare_frames.py to find each change."""

import json
import sys
from typing import Any, Callable, Dict, List

import compare_frames as it

TRUTH: Dict[str, Any] = {"version": "3.12.1", "bytes": False}
FRAMES = [("inner", "/a/b.py", 3), ("<module>", "<string>", 7), ("outer", "/a/c.py", 90)]
EXPECTED = [it.One(*frame) for frame in FRAMES]

BT = """#0  0x00007f in read (fd=1) at ../read.c:26
    #1  0x00007f in call () at Objects/call.c:3
#2  0x00007f in inner (a=1, b=') at /x.py:9') at /a/b.py:3
0x00007f in <module> () at <string>:7
    0x00007f in _PyEval_EvalFrameDefault () at Python/ceval.c:9
#3  outer () at /a/c.py:90
#4  0x00007f in main () at ./Programs/python.c:15
"""
MI = '^done,stack=[frame={level="0",func="read",file="../read.c",line="26"},' + ",".join(
    f'frame={{level="{i}",func="{name}",file="{file}",line="{line}"}}'
    for i, (name, file, line) in enumerate(FRAMES)
)
PY_MI = MI.replace('frame={level="0",func="read",file="../read.c",line="26"},', "")
DAP = json.dumps(
    [{"name": "read", "source": None, "line": 0}]
    + [{"name": n, "source": {"path": f}, "line": line} for n, f, line in FRAMES]
)
SELECT = json.dumps(
    {"frames": [{"line": f"#{i}  [py] {n} at {f}:{k}"} for i, (n, f, k) in enumerate(FRAMES)]}
)
GOOD = {"bt": BT, "mi": MI, "py-mi": PY_MI, "dap": DAP, "select": SELECT}
CHANGES: List[Callable[[str], str]] = [
    lambda text: text.replace("inner", "other"),
    lambda text: text.replace("/a/b.py", "/a/d.py"),
    lambda text: text.replace("90", "91"),
    lambda text: text.replace("outer", "inner"),
    lambda text: text.replace("<module>", "<lambda>"),
]


def differs(form: str, text: str) -> bool:
    try:
        it.compare(EXPECTED, it.FORMS[form](text))
    except it.Difference:
        return True
    return False


def main() -> int:
    problems = [f"{form}: good output is refused" for form in GOOD if differs(form, GOOD[form])]
    for form, text in GOOD.items():
        for number, change in enumerate(CHANGES):
            if change(text) == text or not differs(form, change(text)):
                problems.append(f"{form}: change {number} is not found")
    lines = BT.splitlines(True)
    for left_out in (2, 3, 5):
        if not differs("bt", "".join(lines[:left_out] + lines[left_out + 1 :])):
            problems.append(f"bt: without line {left_out} it is accepted")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
