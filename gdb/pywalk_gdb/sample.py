"""`py-sample`: looks at a process again and again, and adds up what it did."""

import contextlib
import os
import random
import re
import time
from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import base, inferior, library, native, running, sessions, settings

if TYPE_CHECKING:
    from pywalk import Dump, Profile

_COUNT = 100
_INTERVAL = 0.01
_ROWS = 10
_PROGRESS = 0.5  #: seconds
_STDERR = 2

_VALUES = {"--interval": "SECONDS", "--threads": "N,...", "-F": "FORMAT", "-o": "FILE"}
_LONG = {"--format": "-F", "--output": "-o"}


class Arguments(NamedTuple):
    looks: int = _COUNT
    interval: float = _INTERVAL
    threads: Optional[Tuple[gdb.InferiorThread, ...]] = None  #: None: the selected one
    every: bool = False
    native: str = "none"
    lines: bool = True
    format: Optional[str] = None
    output: Optional[str] = None


# ---- arguments ------------------------------------------------------------------------------------


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise gdb.GdbError(f"--interval is a number of seconds above 0, up to 3600: {text}")
    return seconds


def _count(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 10**9:
        raise gdb.GdbError(f"Not a number of looks: {text}")
    return int(text)


def _threads(text: str) -> Tuple[gdb.InferiorThread, ...]:
    """Of a list of GDB's numbers: "1,3-5", "2.1"."""
    of = gdb.selected_inferior()
    known = {thread.num: thread for thread in of.threads()}
    found: Dict[int, gdb.InferiorThread] = {}
    for piece in text.split(","):
        number, dot, rest = piece.rpartition(".")
        first, dash, last = rest.partition("-")
        last = last if dash else first
        if not (first.isdigit() and last.isdigit() and (number.isdigit() or not dot)):
            raise gdb.GdbError(f"--threads is a list of GDB's thread numbers: {text}")
        if dot and int(number) != of.num:
            raise gdb.GdbError(f"Thread {piece} is not of the selected inferior, {of.num}.")
        wanted = [one for one in known if int(first) <= one <= int(last)]
        if not wanted or (not dash and int(first) not in known):
            raise gdb.GdbError(f"No thread {piece}.")
        found.update((one, known[one]) for one in wanted)
    return tuple(found[one] for one in sorted(found))


def _apply(found: Arguments, option: str, value: Optional[str]) -> Arguments:
    """What one option changes.  `value`: given behind a "=", or as the next word."""
    if option == "--interval":
        return found._replace(interval=_interval(value or ""))
    if option == "--threads":
        return found._replace(threads=_threads(value or ""))
    if option == "-F":
        return found._replace(format=value)
    if option == "-o":
        return found._replace(output=value)
    if option == "--native":
        if value not in (None, "all", "folded"):
            raise gdb.GdbError(f"--native is folded or all: {value}")
        return found._replace(native=value or "folded")
    if value is not None:
        raise gdb.GdbError(f"{option} takes no value.")
    if option in ("-a", "--all"):
        return found._replace(every=True)
    return found._replace(lines=option == "--line")


def _parse(argument: str) -> Arguments:
    found = Arguments()
    words = iter(gdb.string_to_argv(argument))
    counted = False
    for word in words:
        option, equals, behind = word.partition("=")
        value: Optional[str] = behind if equals else None
        option = _LONG.get(option, option)
        if option in Sample.options or option in _VALUES:
            if option in _VALUES and value is None:
                value = next(words, None)
                if value is None:
                    raise gdb.GdbError(f"{option} needs {_VALUES[option]}.")
            found = _apply(found, option, value)
        elif word.startswith("-"):
            raise gdb.GdbError(f"Unrecognized option for py-sample: {word}")
        elif counted:
            raise gdb.GdbError(f"Junk after arguments of py-sample: {word}")
        else:
            counted = True
            found = found._replace(looks=_count(word))
    return _with_format(found)


def _with_format(found: Arguments) -> Arguments:
    """The output is known, and may be written, before anything is let go on."""
    pywalk = library.load()
    if found.threads is not None and found.every:
        raise gdb.GdbError("--threads or --all, not both.")
    names = [one.name for one in pywalk.profile_formats()]
    if found.format is not None and found.format not in names:
        raise gdb.GdbError(f"No format \"{found.format}\"; there are {', '.join(names)}.")
    if found.output is None:
        if found.format is not None:
            raise gdb.GdbError("-F needs -o FILE.")
        return found
    path = os.path.expanduser(found.output)
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise gdb.GdbError(f"Cannot write to {path}: it is a folder.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise gdb.GdbError(f"Cannot write to {path}: it is no regular file.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise gdb.GdbError(f"Cannot write to {path}: no such folder, or no permission.")
    chosen = found.format or pywalk.profile_format_of(path)
    if chosen is None:
        raise gdb.GdbError(f"The name {path} tells no format: use -F.")
    return found._replace(output=path, format=chosen)


# ---- looking --------------------------------------------------------------------------------------


class _Looker:
    """Takes the stacks of a process that stands still, into a profile."""

    def __init__(self, arguments: Arguments) -> None:
        made = library.load()
        self._arguments = arguments
        selected = inferior.require_thread()
        chosen = arguments.threads or (selected,)
        self._threads: Tuple[gdb.InferiorThread, ...] = () if arguments.every else chosen
        self._tids = tuple(inferior.thread_id(thread) for thread in self._threads)
        # Who walks the C frames, as for py-mixed-bt; but a process that is to go on waits.
        self._own = settings.unwinder() != "gdb"
        self.looks = 0
        self.time = 0.0  #: while the process ran, seconds
        self.pauses: List[float] = []
        self._cpu = time.process_time()
        self.profile: Profile = made.Profile(
            made.ProfileInfo(
                engine="gdb",
                native=arguments.native != "none",
                lines=arguments.lines,
                rate_wished=1 / arguments.interval,
            )
        )

    def _only(self) -> Optional[gdb.InferiorThread]:
        """The one thread that is wanted, which is selected then."""
        if len(self._threads) != 1 or not self._threads[0].is_valid():
            return None
        self._threads[0].switch()
        return self._threads[0]

    def look(self, seconds: float) -> None:
        """The process has run for so long since the last look."""
        wants_native = self._arguments.native != "none"
        own = wants_native and self._own
        only = self._only()
        if self._threads and not any(thread.is_valid() for thread in self._threads):
            raise gdb.GdbError("No thread that was asked for is left.")
        self.time += seconds
        self.looks += 1
        kept = sessions.current(with_registers=own, only=only)
        with kept.session.capture(
            native_only_threads=wants_native,
            native=self._arguments.native if own else "none",
            only_thread=0 if only is None else inferior.thread_id(only),
        ) as dump:
            if wants_native and not own:
                self._walk(kept, dump)
            self.profile.add(
                dump,
                int(self.time * 1e9),
                int(seconds * 1e9),
                self._tids,
                fold=not own and self._arguments.native == "folded",
            )

    def _walk(self, kept: sessions.Open, dump: "Dump") -> None:
        """Gives the threads that are wanted GDB's C frames."""
        walker = native.Walker(
            kept.reader.mappings, kept.session.needs_registers, self._arguments.lines
        )
        known = {inferior.thread_id(one): one for one in gdb.selected_inferior().threads()}
        for thread in dump.threads:
            if thread.tid in known and (not self._tids or thread.tid in self._tids):
                known[thread.tid].switch()
                thread.merge(walker.walk())

    def summarize(self) -> None:
        median, most, longest = running.median_and_more(self.pauses)
        info = self.profile.info
        self.profile.info = info._replace(
            duration=int(self.time * 1e9),
            rate_reached=self.looks / self.time if self.time else 0.0,
            ticks=self.looks,
            pauses=len(self.pauses),
            pause_median=median,
            pause_p99=most,
            pause_max=longest,
            own_cpu=int((time.process_time() - self._cpu) * 1e9),
            complete=True,
        )


class _Progress:
    """Says how far it is, where somebody sees it."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._shown = time.monotonic()
        self._any = False
        self._wanted = os.isatty(_STDERR)

    def __call__(self, looks: int) -> None:
        if not self._wanted or time.monotonic() - self._shown < _PROGRESS:
            return
        self._shown, self._any = time.monotonic(), True
        self._say(f"\r{looks} of {self._count} looks; Ctrl-C ends it ")

    def end(self) -> None:
        if self._any:
            self._say("\r\033[K")

    @staticmethod
    def _say(words: str) -> None:
        with contextlib.suppress(OSError):
            os.write(_STDERR, words.encode())


def _death(of: gdb.Inferior) -> Optional[running.Ended]:
    """Of a process that something has failed for: it may take a moment to die."""
    for _ in range(20):
        ended = running.bury(of)
        if ended is not None:
            return ended
        time.sleep(0.02)
    return None


def _sample(of: gdb.Inferior, looker: _Looker, arguments: Arguments) -> Optional[running.Ended]:
    """Looks as often as was asked for; why it ended before that, if it did."""
    progress = _Progress(arguments.looks)
    ended: Optional[running.Ended] = None
    try:
        with running.Runner(of) as runner:
            while looker.looks < arguments.looks and ended is None:
                # In time with what the process does, only a part of it would ever be seen.
                stretch = runner.go(arguments.interval * random.uniform(0.5, 1.5))
                ended = stretch.ended
                if ended is None:
                    begin = time.monotonic()
                    looker.look(stretch.seconds)
                    looker.pauses.append(time.monotonic() - begin)
                    progress(looker.looks)
            if ended is None:
                ended = runner.settle()
    except KeyboardInterrupt:
        ended = running.Ended("interrupted", True)
    except (gdb.error, gdb.GdbError, library.error_type()) as error:
        ended = _death(of) or running.Ended(str(error).rstrip("."))
        # Nothing at all was seen: that is an error.
        if not len(looker.profile):
            raise
    finally:
        progress.end()
    return ended


class _End:
    """Why it ended, None: as often as was asked for."""

    ended: Optional[running.Ended] = None


@contextlib.contextmanager
def _selection(of: gdb.Inferior) -> Iterator[_End]:
    """The user's thread stays selected, and a frame that was chosen, while there is one.

    Where something else stopped the process, GDB's choice stays.
    """
    found = _End()
    thread, frame = inferior.require_thread(), gdb.selected_frame()
    newest = frame == gdb.newest_frame()
    try:
        yield found
    finally:
        stopped = found.ended is not None and not found.ended.interrupted
        if not stopped and of.is_valid() and of.pid and thread.is_valid():
            # It may have been killed in this very moment.
            with contextlib.suppress(gdb.error):
                thread.switch()
                if not newest and frame.is_valid():
                    frame.select()


# ---- what is said ---------------------------------------------------------------------------------


def _tables(profile: "Profile") -> List[str]:
    """The largest rows, by what they took themselves and by all that they took."""
    width = int(gdb.parameter("width") or 0)
    flat = profile.to_text("flat", limit=_ROWS, width=width)
    cumulative = profile.to_text("cumulative", limit=_ROWS, width=width)
    # What was measured stands above each; what else it says is of another program's options.
    both = flat + "\n" + cumulative.partition("\n\n")[2]
    return re.sub(r"^(\d+ more); --limit.*$", r"\1", both, flags=re.MULTILINE).splitlines()


def _write(looker: _Looker, arguments: Arguments) -> None:
    profile, path = looker.profile, arguments.output
    if path is None:
        base.show(_tables(profile))
        return
    try:
        profile.save(path, arguments.format)
    except OSError as error:
        base.show(_tables(profile))
        raise gdb.GdbError(f"Cannot write to {path}: {error.strerror}.") from None
    info = profile.info
    base.show(
        [
            f"{len(profile)} samples in {looker.looks} looks, {info.duration / 1e9:.2f} s;"
            f" {info.lost} lost; stopped for {info.pause_median / 1e6:.1f} ms each (median)."
            f"  Written: {path}"
        ]
    )


def _where() -> List[str]:
    """Where GDB's selected frame is, as GDB says it after a stop."""
    try:
        return (gdb.execute("frame", to_string=True) or "").splitlines()
    except gdb.error:
        return []


class Sample(base.Command):
    """Let the process go on, look at it again and again, and show what it did.

    Usage: py-sample [OPTION]... [COUNT]

    Like `continue`, this lets the process run: for a moment, COUNT times (100).
    After each it is stopped and the Python stack of the selected thread is taken.
    Nothing is written to the process and nothing in it is called; signals that
    others send it reach it as they do with `continue`.

    It ends before that, with what there is, by Ctrl-C, and when the process ends,
    hits a breakpoint or gets a signal that GDB stops for: it stands there then.

    Options:
      --interval SECONDS
        Let it run for so long each time (0.01), give or take a half of that by
        chance, so as not to keep step with it.

      --threads N,...
        Take the stacks of these threads, by GDB's numbers: 1,3-5.

      -a, --all
        Take the stacks of all threads, also of those that begin later.

      --native[=all]
        Also C frames.  Those of the interpreter's own machinery are left out,
        unless it is `all`.  pywalk walks them, because that is faster; GDB does
        after `set pywalk unwinder gdb`.

      --function, --line
        Tell functions apart, or their lines too (as it is anyway).

      -o FILE, -F FORMAT
        Write a profile, and no tables.  Its format is that of FORMAT, else the one
        that FILE's suffix names: those of `pywalk report`, which also reads it if
        it is a recording, .pywalk.

    Cores, non-stop mode and locked schedulers are refused.  gdbserver can only
    interrupt process groups by SIGINT: refused where that would not stop the
    process, or would reach its children."""

    name = "py-sample"
    category = gdb.COMMAND_RUNNING
    options: Sequence[str] = (
        *("--interval", "--threads", "--all", "-a", "--native", "--native=all"),
        *("--function", "--line", "-F", "-o"),
    )

    def candidates(self, line: str) -> Sequence[str]:
        words = line.split()
        before = words[-1] if line.endswith(" ") or len(words) < 2 else words[-2]
        if words and before in ("-F", "--format"):
            return [one.name for one in library.load().profile_formats()]
        return self.options

    def run(self, argument: str) -> None:
        arguments = _parse(argument)
        of = running.require(self.name)
        looker = _Looker(arguments)
        base.show(
            [
                f"Process {of.pid} goes on and is looked at {arguments.looks} times, every"
                f" {arguments.interval:g} s; Ctrl-C ends that."
            ]
        )
        with _selection(of) as found:
            found.ended = _sample(of, looker, arguments)
        ended = found.ended
        looker.summarize()
        _write(looker, arguments)
        if ended is not None:
            base.show([f"Ended after {looker.looks} of {arguments.looks} looks: {ended.why}."])
            base.show(_where())


def register() -> None:
    Sample()
