#!/usr/bin/env python3
"""Uses pywalk top on a terminal as a person does, and reads its screen.

    top_terminal.py PYWALK RUN-TARGET PYTHON PROGRAMS FOLDER [CASE...]

The terminal is pyte's.  PYTHON runs what is looked at, of the folder PROGRAMS.  A line for each case: "ok: CASE", or
what went wrong.
"""

import fcntl
import glob
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from typing import Any, Callable, ClassVar, Dict, List, Optional

import pyte  # type: ignore[import]

PATIENCE = 60.0 * float(os.environ.get("TIMEOUT_FACTOR", "1"))
PYWALK, RUN_TARGET, PYTHON, PROGRAMS, FOLDER = sys.argv[1:6]
# What xterm is told at the end: the screen that was there before, and the cursor.
LEAVES = b"\x1b[?1049l"
CURSOR = b"\x1b[?25h"


class Screen(pyte.Screen):  # type: ignore[misc]
    """What xterm can do besides, and ncurses makes use of."""

    last = " "

    def draw(self, data: str) -> None:
        self.last = data[-1:] or self.last
        super().draw(data)

    def repeat_last(self, count: int = 1) -> None:
        self.draw(self.last * (count or 1))

    def back_tab(self, count: int = 1) -> None:
        for _ in range(count or 1):
            self.cursor.x = max((stop for stop in self.tabstops if stop < self.cursor.x), default=0)

    def scroll(self, step: Callable[[], None], y: int, count: int) -> None:
        before = self.cursor.y
        self.cursor.y = y
        for _ in range(count or 1):
            step()
        self.cursor.y = before

    def scroll_up(self, count: int = 1) -> None:
        self.scroll(self.index, self.margins.bottom if self.margins else self.lines - 1, count)

    def scroll_down(self, count: int = 1) -> None:
        self.scroll(self.reverse_index, self.margins.top if self.margins else 0, count)


class Stream(pyte.ByteStream):  # type: ignore[misc]
    csi: ClassVar[Dict[str, str]] = {
        **pyte.ByteStream.csi,
        "b": "repeat_last",
        "Z": "back_tab",
        "S": "scroll_up",
        "T": "scroll_down",
    }
    events = pyte.ByteStream.events | {"repeat_last", "back_tab", "scroll_up", "scroll_down"}


class Target:
    """A process that is looked at; ends with the block."""

    def __init__(self, program: str, *arguments: str) -> None:
        self.folder = FOLDER
        self.words = [RUN_TARGET, "-d", FOLDER, "-t", "600", "-o", FOLDER + "/output", PYTHON]
        self.words += [os.path.join(PROGRAMS, program), *arguments]

    def __enter__(self) -> str:
        """Its pid, when it is at work: it has a second thread then."""
        self.process = subprocess.Popen(self.words)
        end = time.monotonic() + PATIENCE
        while len(os.listdir(f"/proc/{self.process.pid}/task")) < 2:
            assert (
                time.monotonic() < end and self.process.poll() is None
            ), "the target does not start"
            time.sleep(0.02)
        return str(self.process.pid)

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.wait()


def shares() -> Target:
    return Target("turns.py", FOLDER + "/shares.json", "500")


class Terminal:
    """pywalk top, or another program, with a terminal of its own."""

    def __init__(
        self, words: List[str], rows: int = 24, columns: int = 80, **environment: str
    ) -> None:
        self.raw = b""
        self.screen = Screen(columns, rows)
        self.stream = Stream(self.screen)
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        values: Dict[str, str] = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}
        values.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            words,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=values,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: Any) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        os.close(self.master)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def pump(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += piece
        self.stream.feed(piece)
        return bool(piece)

    def lines(self) -> List[str]:
        """As pyte's own `display`, which fails where half of a wide character has been written over."""
        found = []
        for y in range(self.screen.lines):
            text, wide = "", False
            for x in range(self.screen.columns):
                data = self.screen.buffer[y][x].data
                text += data or ("" if wide else " ")
                wide = bool(data) and unicodedata.east_asian_width(data[0]) in "WF"
            found.append(text.rstrip())
        return found

    def text(self) -> str:
        return "\n".join(self.lines())

    def until(self, what: str, true: Callable[[], Any]) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: {self.text()!r}")
            self.pump(0.05)

    def see(self, pattern: str) -> None:
        self.until(f"no {pattern!r}", lambda: re.search(pattern, self.text(), re.M))

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def rows(self) -> List[List[str]]:
        """The rows of a table at 80 columns: own, total, gil in percent, two of seconds, the name."""
        return [line.split(None, 5) for line in self.lines()[3:-1] if line.strip()]

    def end(self) -> int:
        """Its status; the terminal must be as it was."""
        self.until("it does not end", lambda: self.process.poll() is not None)
        while self.pump(0.2):
            pass
        after = termios.tcgetattr(self.slave)
        assert after == self.before, f"the terminal is {after} instead of {self.before}"
        return self.process.returncode

    def check_left(self) -> None:
        assert LEAVES in self.raw, "the screen of before is not shown again"
        assert self.raw.rindex(CURSOR) > self.raw.rindex(b"\x1b[?25l"), "the cursor is hidden"


def top(*words: str, rows: int = 24, columns: int = 80, **environment: str) -> Terminal:
    return Terminal([PYWALK, "top", "-d", "0.2", *words], rows, columns, **environment)


def quit_in_order(terminal: Terminal, status: int = 0) -> None:
    terminal.type("q")
    found = terminal.end()
    assert found == status, f"status {found} instead of {status}: {terminal.raw[-300:]!r}"
    terminal.check_left()


def numbers(terminal: Terminal, column: int) -> List[float]:
    try:
        return [float(row[column]) for row in terminal.rows()]
    except (ValueError, IndexError):  # half of a row
        return []


def names(terminal: Terminal) -> List[str]:
    return [row[-1] for row in terminal.rows()]


def columns() -> None:
    with shares() as pid, top(pid) as terminal:
        terminal.see(r"spin \(turns.py:\d+\)$")
        lines = terminal.lines()
        assert lines[0].startswith("pywalk top  last 10 s"), lines[0]
        assert re.match(r"CPU \d+%  GIL \d+%  threads \d", lines[1]), lines[1]
        assert lines[2].split()[:3] == ["*%own", "%total", "%gil"], lines[2]
        assert lines[-1].startswith("q quit  ? help"), lines[-1]
        reversed_rows = [y for y in range(24) if terminal.screen.buffer[y][0].reverse]
        assert reversed_rows == [
            2,
            3,
        ], f"reversed are the lines {reversed_rows}, not the head and the first row"
        quit_in_order(terminal)


def sorting() -> None:
    def falls(column: int) -> bool:
        found = numbers(terminal, column)
        return len(found) > 5 and found == sorted(found, reverse=True) and found[0] > 20

    with shares() as pid, top(pid, "--no-idle") as terminal:
        terminal.see(r"one \(turns.py")
        # Read while it is drawn, a screen is neither the old one nor the new one.
        terminal.until("not sorted by own", lambda: falls(0))
        terminal.type("2")
        terminal.see(r"\*%total")
        terminal.until("not sorted by total", lambda: falls(1))
        assert not falls(0), "own and total have the same order"
        terminal.type("r")
        terminal.see(r"\^%total")
        terminal.until(
            "not the other way round", lambda: numbers(terminal, 1) == sorted(numbers(terminal, 1))
        )
        terminal.type(">>")
        terminal.see(r"\*function")
        terminal.until("not sorted by name", lambda: names(terminal) == sorted(names(terminal)))
        terminal.type("<")
        terminal.see(r"\*%gil")
        quit_in_order(terminal)


def filtering() -> None:
    with shares() as pid, top(pid) as terminal:
        terminal.see(r"six \(turns.py")
        terminal.type("/")
        terminal.see("^/$")
        terminal.type("^s(ix|pin)x\x7f")
        terminal.see(r"^/\^s\(ix\|pin\)$")
        terminal.type("\r")
        terminal.see(r"hides \d+ rows")
        terminal.until(
            "other rows",
            lambda: sorted(n.split(" ")[0] for n in names(terminal)) == ["six", "spin"],
        )
        terminal.type("/\x15(\r")
        terminal.see(r"^/\(  .*[Uu]nmatched|^/\(  .*[Pp]arenth")
        terminal.type("\x1b")
        terminal.see(r"hides \d+ rows")
        terminal.type("\x1b")
        terminal.see("q quit")
        terminal.see("_bootstrap ")
        quit_in_order(terminal)


def views() -> None:
    with shares() as pid, top(pid) as terminal:
        terminal.see(r"spin \(turns.py")
        terminal.type("l")
        terminal.see(r"\sline$")
        terminal.see(r"spin \(turns.py:2\d\)")
        terminal.type("t")
        terminal.see(r"\*%cpu")
        terminal.see(rf"{pid} MainThread  in \S+ \(turns.py")
        terminal.type("f")
        terminal.see(r"\sfunction$")
        terminal.type("w")
        terminal.see("^pywalk top  since the start")
        terminal.type("i")
        terminal.see("i: running only")
        terminal.until(
            "sleeping counts",
            lambda: terminal.rows()
            and not re.search(r"^ *[5-9]\d\.\d.* sleeper|^ *100.* sleeper", terminal.text(), re.M),
        )
        terminal.type("?")
        terminal.see("^Keys")
        terminal.type("x")
        terminal.see(r"\sfunction$")
        quit_in_order(terminal)


def detail() -> None:
    with shares() as pid, top(pid, "--filter", "^(spin|one)") as terminal:
        terminal.see(r"one \(turns.py")
        terminal.type("\r")
        terminal.see("its lines")
        lines = terminal.lines()
        assert lines[2].startswith("spin (turns.py:"), lines[2]
        terminal.see(r"six \(turns.py")
        begin, middle, end = (
            next(i for i, line in enumerate(terminal.lines()) if line.endswith(" " + name))
            for name in ("called by", "its lines", "calls")
        )
        callers = sorted(line.split()[2] for line in terminal.lines()[begin + 1 : middle])
        assert callers == ["six", "three"], callers
        assert all("spin (turns.py:2" in line for line in terminal.lines()[middle + 1 : end])
        terminal.type("\x1b")
        terminal.see(r"\*%own.*function$")
        terminal.type("\x1b[B\x1bOB\x1bOAj\r")
        terminal.see(r"^one \(turns.py")
        quit_in_order(terminal)


def sizes() -> None:
    with shares() as pid, top(pid) as terminal:
        terminal.see(r"spin \(turns.py")
        for rows, columns in (8, 40), (50, 200), (3, 20), (1, 5), (24, 80):
            terminal.resize(rows, columns)
            if columns >= 40:
                terminal.until(
                    "no table",
                    lambda: "pywalk top" in terminal.lines()[0] and "%own" in terminal.lines()[2],
                )
                terminal.until(
                    "keys are not below", lambda: terminal.lines()[-1].startswith("q quit")
                )
                assert ("own s" in terminal.lines()[2]) == (columns >= 60), terminal.lines()[2]
            terminal.see("^q")
        quit_in_order(terminal)


def pausing() -> None:
    def looked() -> List[str]:
        return re.findall(r"\d+:\d\d:\d\d", terminal.lines()[0])

    with shares() as pid, top(pid, "--since-start") as terminal:
        terminal.see(r"spin \(turns.py")
        terminal.until("no time passes", lambda: looked() > ["0:00:01"])
        terminal.type("p")
        terminal.see("^pywalk top  PAUSED")
        before = looked()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            terminal.pump(0.1)
        assert looked() == before, f"{before} became {looked()}"
        terminal.type("p")
        terminal.see("^pywalk top  since")
        terminal.until("it does not go on", lambda: looked() > before)
        terminal.type("z")
        terminal.until("not reset", lambda: looked() < before)
        quit_in_order(terminal)


def signals() -> None:
    with shares() as pid:
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with top(pid) as terminal:
                terminal.see(r"spin \(turns.py")
                terminal.process.send_signal(number)
                assert terminal.end() == 0, number
                terminal.check_left()
        for number in signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT:
            with top(pid) as terminal:
                terminal.see(r"spin \(turns.py")
                terminal.process.send_signal(number)
                assert terminal.end() == -number, number
                terminal.check_left()


def stuck() -> None:
    """Nobody reads the terminal: a second signal ends it all the same."""
    with shares() as pid, top(pid, "-d", "0.01", rows=200, columns=500) as terminal:
        terminal.see(r"spin \(turns.py")
        termios.tcflow(terminal.slave, termios.TCOOFF)
        terminal.type("?")
        end = time.monotonic() + PATIENCE
        while terminal.process.poll() is None and time.monotonic() < end:
            terminal.process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
        termios.tcflow(terminal.slave, termios.TCOON)
        assert terminal.end() in (0, 128 + signal.SIGTERM), terminal.process.returncode


def hangup() -> None:
    """The terminal goes away, and the signal is ignored."""
    words = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", PYWALK, "top"]
    with shares() as pid:
        terminal = Terminal([*words, pid])
        terminal.see(r"spin \(turns.py")
        os.close(terminal.slave)
        os.close(terminal.master)
        terminal.process.wait(PATIENCE)


def death() -> None:
    target = shares()
    with target as pid, top(pid) as terminal:
        terminal.see(r"spin \(turns.py")
        target.process.kill()
        target.process.wait()
        terminal.see("^pywalk top  ENDED")
        terminal.see(rf"process {pid} has (ended|exited)")
        terminal.type("l")
        terminal.see(r"spin \(turns.py:2\d\)")
        quit_in_order(terminal)


def job_control() -> None:
    with shares() as pid, Terminal(
        ["bash", "--norc", "-i"], PS1="prompt> ", HISTFILE="/dev/null"
    ) as terminal:
        terminal.see("^prompt>")
        terminal.type(f"{PYWALK} top {pid}\r")
        terminal.see(r"spin \(turns.py")
        terminal.type("\x1a")
        terminal.see("Stopped")
        terminal.type("stty -a\r")
        terminal.see(r"[^-]icanon.*")
        assert re.search(r"\s(icanon)", terminal.text()) and re.search(
            r"\secho\s", terminal.text()
        ), terminal.text()
        terminal.type("fg\r")
        terminal.see(r"^pywalk top  last")
        terminal.see(r"spin \(turns.py")
        terminal.type("q")
        terminal.see("^prompt> ")
        terminal.type("exit\r")
        terminal.until("bash does not end", lambda: terminal.process.poll() is not None)


def terminals() -> None:
    with shares() as pid:
        for name in "xterm", "screen", "linux", "vt100":
            # In the small one no function of C may take spin's place: what clocks cost is the
            # machine's affair.
            for rows, columns in (24, 80), (8, 40):
                more = ["--native"] if rows == 24 else []
                with top(pid, *more, rows=rows, columns=columns, TERM=name) as terminal:
                    terminal.see(r"spin \(tu")
                    lines = terminal.lines()
                    assert lines[0].startswith("pywalk top"), (name, lines)
                    assert "%own" in lines[2] and lines[-1].startswith("q quit"), (name, lines)
                    terminal.type("q")
                    assert terminal.end() == 0, name
                    if name == "vt100":
                        assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", terminal.raw), "colours"


def not_steered(terminal: Terminal) -> None:
    for bad in (
        b"pwned\x07",
        b"\x1b]",
        b"\x1b[31mc",
        b"\x1b[5m",
        b"\x9b",
        b"\xe2\x80\xae",
        b"\xe2\x81\xa6",
        b"\xcc\x81",
    ):
        assert bad not in terminal.raw.replace("中".encode(), b""), f"{bad!r} reaches the terminal"


def hostile() -> None:
    with Target("hostile_top.py", FOLDER + "/hostile") as pid:
        with top(pid, columns=80) as terminal:
            terminal.see(r"title\\x1b\]0;pwned\\x07")
            terminal.see(r"c1\\x9b31m")
            terminal.see(r"line\\x0afeed\\x0dreturn")
            terminal.see(r"order\\u202eoverride")
            terminal.see(r"combining\\u0301")
            terminal.see(r"(中 ?文 ?){9,}\S*…$")
            terminal.see(r"(long_){7,}\S*…$")
            not_steered(terminal)
            # A wide character takes two columns, and none is cut in half.
            row = next(line for line in terminal.lines() if "中" in line)
            assert 79 <= sum(2 if c in "中文" else 1 for c in row) <= 80, row
            terminal.type("t")
            terminal.see(r"\*%cpu")
            terminal.see(r"title\\x1b\]0;pwned")
            terminal.type("f/title\r")
            terminal.see(r"hides \d+ rows")
            terminal.type("\r")
            terminal.see("its lines")
            terminal.see(r"/tmp/\\x1b\[5mfile\\x9b\\x0a.py")
            not_steered(terminal)
            quit_in_order(terminal)
        with top(pid, LC_ALL="C") as terminal:
            terminal.see(r"\\u4e2d\\u6587")
            terminal.see(r"\.\.\.$")
            assert not re.search(rb"[\x80-\xff]", terminal.raw), "not ASCII"
            quit_in_order(terminal)


def command() -> None:
    truth = FOLDER + "/command.json"
    program = os.path.join(PROGRAMS, "turns.py")
    script = '"$@"; status=$?; echo its last words >&2; exit $status'
    with top("-s", "--", "sh", "-c", script, "sh", PYTHON, program, truth, "1") as terminal:
        terminal.see(r"spin \(turns.py")
        terminal.see("ENDED")
        terminal.see("the command ended with status 5: its last words")
        quit_in_order(terminal, 5)
        assert terminal.raw.endswith(b"its last words\r\n"), terminal.raw[-200:]
    with top("--", PYTHON, program, truth, "500") as terminal:
        terminal.see(r"spin \(turns.py")
        children: List[str] = []
        for path in glob.glob(f"/proc/{terminal.process.pid}/task/*/children"):
            with open(path, encoding="utf-8") as file:
                children += file.read().split()
        assert children, "no child"
        quit_in_order(terminal)
        terminal.until("the command goes on", lambda: not os.path.exists(f"/proc/{children[0]}"))


def odd_terminals() -> None:
    with shares() as pid:
        for environment, said in ({"TERM": "no-such"}, "that TERM names"), ({"TERM": ""}, "TERM"):
            with Terminal([PYWALK, "top", pid], 24, 80, **environment) as terminal:
                assert terminal.end() == 2, terminal.text()
                assert said in terminal.text(), terminal.text()
        # Keys come from the terminal, whatever standard input is.
        words = ["sh", "-c", 'yes | "$@"', "sh", PYWALK, "top", pid]
        with Terminal(words) as terminal:
            terminal.see(r"spin \(turns.py")
            quit_in_order(terminal)


CASES: List[Callable[[], None]] = [
    columns,
    sorting,
    filtering,
    views,
    detail,
    sizes,
    pausing,
    signals,
    stuck,
    hangup,
    death,
    job_control,
    terminals,
    hostile,
    command,
    odd_terminals,
]


def main(wanted: Optional[List[str]]) -> int:
    bad = 0
    for case in CASES:
        if wanted and case.__name__ not in wanted:
            continue
        try:
            case()
            print(f"ok: {case.__name__}", flush=True)
        except Exception as error:  # the others are to run too
            print(
                f"{case.__name__}: {type(error).__name__}: {error}".replace("\n", " "), flush=True
            )
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[6:]))
