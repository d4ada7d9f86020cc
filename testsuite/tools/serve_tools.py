#!/usr/bin/env python3
"""Runs other tools of this folder, one after the other, in one Python: starting it takes longer than most of them.

A request is a line: the tool's name and its arguments, separated by U+001F.  The answer is a line with the status and
the number of characters that follow, which are what the tool printed, in ASCII.  What a tool prints to stderr makes
its status 1 at least, as Tcl's exec has it.
"""

import contextlib
import importlib
import io
import os
import sys
import traceback
from typing import List, Tuple


def run(name: str, arguments: List[str]) -> Tuple[int, str]:
    out, errors = io.StringIO(), io.StringIO()
    status: object = 0
    sys.argv = [os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")] + arguments
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        try:
            status = importlib.import_module(name).main()
        except SystemExit as end:
            status = end.code
        except BaseException:
            traceback.print_exc()
    if isinstance(status, str):
        errors.write(status + "\n")
    text = out.getvalue() + errors.getvalue()
    if not isinstance(status, int):
        status = 0
    return status or int(bool(errors.getvalue())), text


def main() -> int:
    for line in sys.stdin:
        name, *arguments = line.rstrip("\n").split("\x1f")
        status, text = run(name, arguments)
        text = text.rstrip("\n").encode("ascii", "backslashreplace").decode()
        sys.stdout.write("%d %d\n%s" % (status, len(text), text))
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
