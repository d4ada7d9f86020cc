#!/usr/bin/env python3
"""Whether a terminal treats a watched command as it treats the same command without watch.

    watch_terminal.py PYWALK [CASE]

A line for each case: "ok: CASE", or what went wrong.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from typing import List, Tuple

PATIENCE = 60.0
WATCH = ""  # the words before a command


class Terminal:
    """A program with a terminal of its own."""

    def __init__(self, arguments: List[str]) -> None:
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1="prompt> ", TERM="dumb", HISTFILE="/dev/null")
            os.execvp(arguments[0], arguments)

    def read(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += piece.decode(errors="replace")
        return bool(piece)

    def expect(self, text: str) -> None:
        """Takes what came up to this text."""
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            if time.monotonic() > end:
                raise AssertionError(f"no {text!r} in {self.text!r}")
            self.read(0.1)
        self.text = self.text.split(text, 1)[1]

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def settle(self) -> None:
        """Until the shell waits for its command, which may be faster than it."""
        sleeping, end = 0, time.monotonic() + PATIENCE
        while sleeping < 5 and time.monotonic() < end:
            time.sleep(0.1)
            with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
                sleeping = sleeping + 1 if ") S " in file.read() else 0

    def end(self) -> Tuple[str, int]:
        """What else it says, and its status."""
        end = time.monotonic() + PATIENCE
        while self.read(max(0.0, end - time.monotonic())):
            pass
        if time.monotonic() >= end:
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return self.text, status


def script(command: str, key: str) -> Tuple[str, int]:
    terminal = Terminal(["bash", "-c", command + "; echo after: $?"])
    # All of it: such a key throws away what the terminal has not shown yet.
    terminal.expect("started\r\n")
    terminal.settle()
    terminal.send(key)
    return terminal.end()


def as_without(command: str, key: str) -> None:
    plain, watched = script(command, key), script(WATCH + command, key)
    # bash says which command, of which number, was killed.
    watched = watched[0].replace(WATCH, ""), watched[1]
    plain, watched = ((re.sub(r"\d{3,}( Quit +)", r"N\1", p[0]), p[1]) for p in (plain, watched))
    assert plain == watched, f"{watched!r} instead of {plain!r}"


def ctrl_c() -> None:
    as_without("sh -c 'echo started; exec sleep 100'", "\003")


def ctrl_c_handled() -> None:
    code = (
        "import signal, sys, time; signal.signal(2, lambda *a: sys.exit(5)); "
        'print("started", flush=True); time.sleep(100)'
    )
    as_without(f"{sys.executable} -c '{code}'", "\003")


def ctrl_c_ignored() -> None:
    as_without("sh -c 'trap \"\" INT; echo started; sleep 3; exit 6'", "\003")


def ctrl_backslash() -> None:
    as_without("sh -c 'ulimit -c 0; echo started; exec sleep 100'", "\034")


def background() -> None:
    """Stopped, in the background, in the foreground again; meanwhile the clock stands still."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.expect("prompt> ")
    terminal.send(f"{WATCH.replace('90', '6')}sh -c 'echo star''ted; exec cat'\n")
    terminal.expect("started")
    terminal.send("one\n")
    terminal.expect("one\r\none\r\n")
    terminal.send("\032")
    terminal.expect("Stopped")
    terminal.expect("prompt> ")
    time.sleep(7)  # longer than the timeout
    terminal.send("fg\n")
    # The shell says what it continues; what is typed before would be echoed before that.
    terminal.expect("fg\r\n")
    terminal.expect("exec cat'\r\n")
    terminal.send("two\n")
    terminal.expect("two\r\ntwo\r\n")
    terminal.send("\004")
    terminal.expect("prompt> ")
    terminal.send("echo status:$?:\n")
    terminal.expect("status:0:")
    terminal.send("exit\n")
    text, _ = terminal.end()
    assert "pywalk" not in text, text


def in_background() -> None:
    """A command in the background that reads is stopped, and gets its line in the foreground."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.expect("prompt> ")
    terminal.send(f"{WATCH}head -n 1 </dev/tty &\n")
    terminal.expect("prompt> ")
    terminal.send("\n")
    end = time.monotonic() + PATIENCE
    while "Stopped" not in terminal.text and time.monotonic() < end:
        terminal.send("jobs\n")
        terminal.read(0.2)
        terminal.read(0.2)
    terminal.expect("Stopped")
    terminal.send("fg\n")
    terminal.expect("fg\r\n")
    terminal.expect("/dev/tty\r\n")
    terminal.send("a line\n")
    terminal.expect("a line\r\na line\r\n")
    terminal.expect("prompt> ")
    terminal.send("exit\n")
    terminal.end()


def reader_in_a_pipeline() -> None:
    """Whoever reads our output may read from the terminal too."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.expect("prompt> ")
    terminal.send(
        f"{WATCH}sh -c 'echo x; sleep 100' | (read a; echo got:$a; head -n 1 </dev/tty; kill 0)\n"
    )
    terminal.expect("got:x")
    terminal.send("typed\n")
    terminal.expect("typed\r\ntyped\r\n")
    terminal.expect("prompt> ")
    terminal.send("exit\n")
    terminal.end()


def hang() -> None:
    """A hang is ended as without a terminal, and the terminal is left in good order."""
    terminal = Terminal(["bash", "--norc", "-i"])
    terminal.expect("prompt> ")
    terminal.send(f"{WATCH.replace('90', '0.5')}sh -c 'setsid sleep 100; sleep 100'\n")
    terminal.expect("2 processes")
    terminal.expect("prompt> ")
    terminal.send("echo status:$?:\n")
    terminal.expect("status:124:")
    terminal.send("exit\n")
    terminal.end()


CASES = [
    ctrl_c,
    ctrl_c_handled,
    ctrl_c_ignored,
    ctrl_backslash,
    background,
    in_background,
    reader_in_a_pipeline,
    hang,
]


def one(name: str) -> int:
    global WATCH
    WATCH = f"{sys.argv[1]} watch --annotate none -t 90 -- "
    try:
        next(case for case in CASES if case.__name__ == name)()
    except AssertionError as error:
        print(f"{name}: {error}".replace("\n", " "), flush=True)
        return 1
    print(f"ok: {name}", flush=True)
    return 0


def main() -> int:
    if len(sys.argv) > 2:
        return one(sys.argv[2])
    # Each mostly waits, and has a terminal of its own: all at once.
    runs = [
        subprocess.Popen([sys.executable, *sys.argv[:2], case.__name__], stdout=subprocess.PIPE)
        for case in CASES
    ]
    for run in runs:
        sys.stdout.write(run.communicate()[0].decode(errors="replace"))
    return max(run.returncode != 0 for run in runs)


if __name__ == "__main__":
    sys.exit(main())
