"""What the benchmarks' command lines share: their one argument, how they are ended, where reports go."""

import os
import signal
import sys
from typing import Tuple

from target_process import HERE


def on_signal(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def begin(name: str, doc: str) -> Tuple[str, str]:
    """(the folder that was built in, its folder for benchmarks).  --help and wrong use end the program."""
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(doc.strip())
        raise SystemExit(0)
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.stderr.write("usage: %s BUILD-FOLDER\n" % name)
        raise SystemExit(2)
    build = os.path.abspath(sys.argv[1])
    home = os.path.join(build, "bench")
    os.makedirs(home, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    return build, home


def publish(text: str, home: str, name: str, complete: bool) -> None:
    """Writes a report, also into docs/ when it is of everything."""
    places = [os.path.join(home, name)]
    if complete:
        places.append(os.path.join(HERE, "..", "..", "docs", name))
    for place in places:
        with open(place, "w") as file:
            file.write(text)
        print("written: %s" % os.path.relpath(place))
