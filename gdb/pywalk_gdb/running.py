"""Lets a process go on for a while and stops it again, as `continue` and Ctrl-C would.

A process of this machine is stopped by SIGSTOP, which no program can block, catch or wait for, and
which never reaches it: GDB takes it away.  gdbserver is asked to interrupt, which is a SIGINT to the
process group.  Nothing is written to the process and nothing in it is called; GDB puts its own
breakpoints in and out as for any `continue`.
"""

import contextlib
import ctypes
import glob
import os
import re
import signal
import tempfile
import threading
import time
from typing import IO, Any, Callable, Iterator, List, NamedTuple, Optional

import gdb

from . import inferior, remote

#: When nothing has stopped, the signal is sent again after so many seconds.
_AGAIN = 1.0
#: Signals that GDB itself needs in its main thread.
_OF_GDB = (signal.SIGCHLD, signal.SIGINT, signal.SIGALRM, signal.SIGWINCH)


class Ended(NamedTuple):
    """A process that stopped or ended by itself."""

    why: str
    interrupted: bool = False  #: by Ctrl-C


class Stretch(NamedTuple):
    """The time between two stops."""

    seconds: float
    ended: Optional[Ended]  #: None: it was stopped here


# ---- what stands in the way -----------------------------------------------------------------------


def _children_of(pid: int) -> Optional[str]:
    """Of a process that gdbserver has; None: it does not tell."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "children")
        try:
            gdb.execute(f"remote get /proc/{pid}/task/{pid}/children {path}", to_string=True)
            with open(path) as file:
                return file.read().strip()
        except (gdb.error, OSError):
            return None


def _remote_problem(pid: int) -> Optional[str]:
    try:
        text = gdb.execute("info proc stat", to_string=True) or ""
    except gdb.error:
        return None
    group = re.search(r"^Process group: (\d+)$", text, re.MULTILINE)
    if group is None:
        return None
    if int(group.group(1)) != pid:
        return (
            f"gdbserver can only interrupt whole process groups, and process {pid} does not lead"
            f" its group, {group.group(1)}"
        )
    if _children_of(pid):
        return (
            f"gdbserver can only interrupt whole process groups, and process {pid} has children"
            " that would get the SIGINT too"
        )
    return None


def _problem(of: gdb.Inferior) -> Optional[str]:
    """Why the process cannot go on and be stopped again; None: it can."""
    connection = inferior.connection_type(of)
    if connection == "core":
        return "a core file cannot go on: it needs a live process"
    if connection == "native" and _is_dead(of.pid):
        return f"process {of.pid} has ended"
    if gdb.parameter("non-stop"):
        return "it does not work in non-stop mode"
    if any(one.is_valid() and one.is_running() for one in of.threads()):
        return "the process is running; stop it first, by `interrupt`"
    if gdb.parameter("scheduler-locking") in ("on", "step"):
        return "scheduler-locking holds threads back; `set scheduler-locking replay` lets all go on"
    if gdb.parameter("may-interrupt") is False:
        return "`set may-interrupt` is off, and the process could not be stopped again"
    if not inferior.stands_still(of):
        return "it does not work in recordings and traces"
    if connection == "native":
        try:
            os.kill(of.pid, 0)
        except OSError as error:
            return f"process {of.pid} cannot be stopped again: {os.strerror(error.errno or 0)}"
        return None
    return _remote_problem(of.pid) if remote.is_remote(of) else None


def require(command: str) -> gdb.Inferior:
    """The selected inferior, or gdb.GdbError that says why it cannot go on."""
    of = inferior.require_process()
    problem = _problem(of)
    if problem is not None:
        raise gdb.GdbError(f"{command}: {problem}.")
    return of


# ---- settings -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _switched(name: str, on: bool) -> Iterator[None]:
    """A setting that is on or off; one that this GDB does not have stays as it is."""
    try:
        was = gdb.parameter(name)
    except RuntimeError:
        yield
        return
    words = {True: "on", False: "off"}
    with inferior.setting(name, words[on], words[bool(was)]):
        yield


def _handling(name: str) -> str:
    """What GDB does with a signal, as words for `handle`."""
    text = gdb.execute(f"info signals {name}", to_string=True) or ""
    found = re.search(rf"^{name}\s+(Yes|No)\s+(Yes|No)\s+(Yes|No)\b", text, re.MULTILINE)
    answers = found.groups() if found else ("Yes", "Yes", "Yes")
    # "nostop" and "print" are told in an order in which neither changes the other.
    return " ".join(
        word if answer == "Yes" else "no" + word
        for word, answer in zip(("stop", "print", "pass"), answers)
    )


def _handle(name: str, words: str) -> None:
    # Of those that it uses itself, GDB would ask.
    with _switched("confirm", False):
        gdb.execute(f"handle {name} {words}", to_string=True)


def _quiet_until_stop(name: str, words: str) -> None:
    """A signal may still be under way: the process is not to see it, nor the user."""
    _handle(name, "nostop noprint nopass")

    def restore(*_: Any) -> None:
        gdb.events.stop.disconnect(restore)
        gdb.events.exited.disconnect(restore)
        _handle(name, words)

    gdb.events.stop.connect(restore)
    gdb.events.exited.connect(restore)


# ---- GDB's output ---------------------------------------------------------------------------------


def _is_console() -> bool:
    """Whether GDB's output is lines for people, not a protocol or a screen."""
    try:
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    if any(re.match(rb"--?i(nterpreter)?(=|$)", word) for word in words):
        return False
    try:
        screen = gdb.execute("info win", to_string=True) or ""
    except gdb.error:
        return True
    return "not active" in screen


class _Output:
    """What GDB prints meanwhile, without what it says of our stops.

    It tells of every signal that stops the process, whatever it was told to do with the output of
    the command that let it go on.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file if _is_console() else None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        if self._file is None:
            yield
            return
        gdb.flush()
        before = os.dup(1)
        os.dup2(self._file.fileno(), 1)
        try:
            yield
        finally:
            gdb.flush()
            os.dup2(before, 1)
            os.close(before)

    def show(self, own: Optional[str]) -> None:
        """`own`: the signal by which we stopped it."""
        if self._file is None:
            return
        self._file.seek(0)
        text = self._file.read().decode("utf-8", "replace")
        self._file.seek(0)
        self._file.truncate()
        if own is not None:
            text = re.sub(rf"\n?[^\n]* received signal {own}\b.*", "", text, flags=re.DOTALL)
        if text:
            gdb.write(text)


# ---- time -----------------------------------------------------------------------------------------


class _Alarm(threading.Thread):
    """Calls a function when it is time to, and again until it is off."""

    def __init__(self, ring: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._ring = ring
        self._changed = threading.Condition()
        self._due: Optional[float] = None
        self._over = False
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_GDB)
        try:
            self.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def run(self) -> None:
        with self._changed:
            while not self._over:
                left = None if self._due is None else self._due - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                else:
                    self._due = time.monotonic() + _AGAIN
                    self._ring()

    def set(self, seconds: Optional[float]) -> None:
        """None: off."""
        with self._changed:
            self._due = None if seconds is None else time.monotonic() + seconds
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self.join()


# ---- Ctrl-C ---------------------------------------------------------------------------------------


class _CtrlC:
    """Remembers Ctrl-C, wherever it comes.

    GDB passes it on as an exception to whatever Python runs next; in a handler of an event, nobody
    would get it.
    """

    def __init__(self) -> None:
        self.pressed = False

    def _on_signal(self, *_: object) -> None:
        self.pressed = True

    @contextlib.contextmanager
    def remembered(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGINT) or signal.default_int_handler
        library = ctypes.CDLL(None)
        # GDB's own handler stays: only what Python does when GDB tells it is to change.
        action = ctypes.create_string_buffer(1024)

        def handle(handler: Any) -> None:
            library.sigaction(signal.SIGINT, None, action)
            signal.signal(signal.SIGINT, handler)
            library.sigaction(signal.SIGINT, action, None)

        handle(self._on_signal)
        try:
            yield
        finally:
            handle(before)


# ---- going on and stopping ------------------------------------------------------------------------


def _is_pending(pid: int, number: int) -> bool:
    """Whether a process of this machine has a signal before it that no thread has taken."""
    try:
        with open(f"/proc/{pid}/status") as file:
            line = next(line for line in file if line.startswith("ShdPnd:"))
    except (OSError, StopIteration):
        return False
    return bool(int(line.split()[1], 16) >> (number - 1) & 1)


def _is_over(path: str) -> bool:
    try:
        with open(path, errors="replace") as file:
            return re.match(r".*\) [ZX] ", file.read(), re.DOTALL) is not None
    except OSError:
        return True


def _is_dead(pid: int) -> bool:
    """Whether no thread of a process of this machine is left; GDB may not know yet."""
    return all(map(_is_over, glob.glob(f"/proc/{pid}/task/*/stat")))


def bury(of: gdb.Inferior) -> Optional[Ended]:
    """What to say of a process that was killed while it stood still; None: it is alive.

    GDB does not find that out, and may crash when it lets go of it: it is told.
    """
    pid: int = of.pid
    if not pid or inferior.connection_type(of) != "native" or not _is_dead(pid):
        return None
    commands = ["set confirm off", "kill"] + ["set confirm on"] * bool(gdb.parameter("confirm"))
    for command in commands:
        # Each may complain about registers that are gone, after it has done its work.
        with contextlib.suppress(gdb.error):
            gdb.execute(command, to_string=True)
    return Ended(f"process {pid} has ended")


def _sender() -> Optional[int]:
    """Who sent the signal that a thread has just received; 0: the kernel; None: unknown."""
    try:
        info = gdb.parse_and_eval("$_siginfo")
        if int(info["si_code"]) > 0:
            return 0
        return int(info["_sifields"]["_kill"]["si_pid"])
    except (gdb.error, gdb.MemoryError):
        return None


def _stopped_at() -> str:
    """GDB's words for why the process stopped, other than by a signal."""
    try:
        text = gdb.execute("info program", to_string=True) or ""
    except gdb.error:
        text = ""
    found = re.search(r"^It stopped at (.*?)\.$", text, re.MULTILINE)
    return f"the process stopped at {found.group(1)}" if found else "the process stopped"


class Runner:
    """Lets the selected inferior go on, again and again.  A context manager."""

    def __init__(self, of: gdb.Inferior) -> None:
        self._inferior = of
        self._pid: int = of.pid
        self._native = inferior.connection_type(of) == "native"
        self._signal = "SIGSTOP" if self._native else "SIGINT"
        self._handling = _handling(self._signal)
        self._late = False
        self._event: Any = None
        self._stopped = 0.0
        self._settings = contextlib.ExitStack()
        self._alarm: Optional[_Alarm] = None
        self._lock = threading.Lock()  #: of what follows, which the alarm's thread changes
        self._armed = self._sent = False
        self._ctrl_c = _CtrlC()

    def __enter__(self) -> "Runner":
        with contextlib.ExitStack() as stack:
            # Nor do frames have to be worded, where GDB can leave that.
            for name, on in (("pagination", False), ("suppress-cli-notifications", True)):
                stack.enter_context(_switched(name, on))
            self._output = _Output(stack.enter_context(tempfile.TemporaryFile()))
            stack.callback(self._restore)
            _handle(self._signal, "stop print nopass")
            gdb.events.stop.connect(self._on_event)
            stack.callback(gdb.events.stop.disconnect, self._on_event)
            gdb.events.exited.connect(self._on_event)
            stack.callback(gdb.events.exited.disconnect, self._on_event)
            stack.enter_context(self._ctrl_c.remembered())
            self._alarm = _Alarm(self._ring)
            stack.callback(self._alarm.end)
            self._settings = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._settings.close()

    def _restore(self) -> None:
        if self._late:
            _quiet_until_stop(self._signal, self._handling)
        else:
            _handle(self._signal, self._handling)

    def _on_event(self, event: Any) -> None:
        with self._lock:
            self._armed = False
        self._event = event
        self._stopped = time.monotonic()

    def _ring(self) -> None:
        """In a thread of its own, in which nothing of GDB's may be used."""
        if not self._native:
            # GDB 13 crashes when it ends before it has looked after this: not for what can be
            # done without.
            gdb.post_event(self._interrupt)
            return
        with self._lock:
            # Whatever stops it meanwhile is faster.
            if self._armed and not (self._sent and _is_pending(self._pid, signal.SIGSTOP)):
                self._sent = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGSTOP)

    def _interrupt(self) -> None:
        if self._armed:
            self._sent = True
            gdb.execute("interrupt", to_string=True)

    def _continue(self, seconds: float) -> None:
        assert self._alarm is not None
        self._event = None
        self._sent = False
        self._armed = True
        self._alarm.set(seconds)
        try:
            with self._output.kept():
                gdb.execute("continue")
        except gdb.error:
            # Killed while it stood still; GDB does not find out.
            if not self._native or not _is_dead(self._pid):
                raise
        finally:
            with self._lock:
                self._armed = False
            self._alarm.set(None)

    def _exited(self) -> Ended:
        code = getattr(self._event, "exit_code", None)
        if code is not None:
            return Ended(f"process {self._pid} exited with status {code}")
        number = gdb.convenience_variable("_exitsignal")
        if number is None:
            return Ended(f"process {self._pid} has ended")
        return Ended(f"process {self._pid} was ended by signal {int(number)}")

    def _ended(self) -> Optional[Ended]:
        """What stopped the process, None: it was we."""
        event = self._event
        if isinstance(event, gdb.ExitedEvent) or not self._inferior.pid:
            return self._exited()
        dead = bury(self._inferior)
        if dead is not None:
            return dead
        name = getattr(event, "stop_signal", None)
        if name is None:
            return Ended(_stopped_at())
        if name == self._signal and (self._sent if not self._native else self._is_ours()):
            # It is not to be sent on, whatever is done with this signal later.
            gdb.execute("queue-signal 0", to_string=True)
            return None
        if name == "SIGINT":
            return Ended("interrupted", True)
        return Ended(f"the process received {name}")

    def _is_ours(self) -> bool:
        sender = _sender()
        # The kernel sends the one by which GDB attached, which may come late.  From inside a
        # pid namespace, GDB is nobody.
        return sender in (0, os.getpid()) or (self._sent and sender is None)

    def _clean_up(self, ended: Optional[Ended]) -> None:
        """A signal of ours that has stopped nothing must not stop the process for good later."""
        if not self._native or not self._sent or ended is None:
            return
        self._late = True
        if _is_pending(self._pid, signal.SIGSTOP):
            # Takes it away, and is of no consequence itself.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGCONT)
            _quiet_until_stop("SIGCONT", _handling("SIGCONT"))

    def go(self, seconds: float) -> Stretch:
        """Lets it go on for so long, or until it stops by itself.

        Afterwards the thread is selected that GDB selects.
        """
        begin = time.monotonic()
        end = begin + seconds
        while True:
            self._continue(max(end - time.monotonic(), 0.0))
            sent = self._sent
            ended = self._ended()
            self._output.show(self._signal if ended is None else None)
            if ended is not None or sent:
                break
        if self._stopped < begin:
            self._stopped = time.monotonic()
        self._clean_up(ended)
        if ended is None and self._ctrl_c.pressed:
            ended = Ended("interrupted", True)
        return Stretch(max(self._stopped - begin, 0.0), ended)

    def settle(self) -> Optional[Ended]:
        """Sees to it that no signal of ours is left behind."""
        for _ in range(3):
            if not self._native or not _is_pending(self._pid, signal.SIGSTOP):
                break
            self._continue(_AGAIN)
            ended = self._ended()
            self._output.show(self._signal if ended is None else None)
            if ended is not None:
                return ended
        return None


def median_and_more(pauses: List[float]) -> List[int]:
    """Median, 99th percentile and maximum, in nanoseconds."""
    if not pauses:
        return [0, 0, 0]
    ordered = sorted(pauses)
    chosen = ordered[len(ordered) // 2], ordered[len(ordered) - 1 - len(ordered) // 100]
    return [int(one * 1e9) for one in (*chosen, ordered[-1])]
