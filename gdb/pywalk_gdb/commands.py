"""The commands."""

import json
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import gdb

from . import base, inferior, native, remote, sessions, text

if TYPE_CHECKING:
    import pywalk


_show = base.show


class Arguments(NamedTuple):
    every: bool  #: -a, --all
    as_json: bool
    frames: Optional[int]  #: N innermost frames, -N outermost ones

    def cut(self, length: int) -> slice:
        if self.frames is None:
            return slice(0, length)
        if self.frames >= 0:
            return slice(0, min(self.frames, length))
        return slice(max(length + self.frames, 0), length)


def _parse(command: str, argument: str, options: Sequence[str], counts: bool) -> Arguments:
    every = as_json = False
    count: Optional[int] = None
    for word in gdb.string_to_argv(argument):
        if word in ("-a", "--all", "-all") and "--all" in options:
            every = True
        elif word in ("--json", "-json"):
            as_json = True
        elif counts and count is None and word.lstrip("-").isdigit() and word.count("-") < 2:
            count = int(word)
        elif word.startswith("-"):
            raise gdb.GdbError(f"Unrecognized option for {command}: {word}")
        elif counts and count is None:
            raise gdb.GdbError(f"Not a number of frames: {word}")
        else:
            raise gdb.GdbError(f"Junk after arguments of {command}: {word}")
    return Arguments(every, as_json, count)


class _Command(base.Command):
    """What these commands share: arguments that are counts and flags."""

    options: Sequence[str] = ("--json",)
    counts = False

    def run(self, argument: str) -> None:
        arguments = _parse(self.name, argument, self.options, self.counts)
        with inferior.selection_kept():
            self.look(arguments)

    def look(self, arguments: Arguments) -> None:
        raise NotImplementedError


def _gdb_threads() -> Dict[int, gdb.InferiorThread]:
    return {inferior.thread_id(thread): thread for thread in gdb.selected_inferior().threads()}


def _selected(dump: "pywalk.Dump") -> "pywalk.Thread":
    selected = inferior.require_thread()
    tid = inferior.thread_id(selected)
    for thread in dump.threads:
        if thread.tid == tid:
            return thread
    raise gdb.GdbError(f"Thread {base.thread_number(selected)} (LWP {tid}) runs no Python code.")


def _report_problems(dump: "pywalk.Dump", but: Tuple[str, ...] = ()) -> None:
    """`but`: those that begin so are of no interest."""
    for problem in dump.problems:
        if not problem.startswith(but):
            _show(["warning: " + text.printable(problem)])


class _Walk:
    """Gives threads GDB's C frames, or pywalk's where GDB could not go on."""

    def __init__(self, source: sessions.Source, arguments: Arguments) -> None:
        mappings = source.reader.mappings if source.reader else ()
        with_registers = source.session.needs_registers
        self._walker = native.Walker(mappings, with_registers, arguments.as_json)
        self._every = arguments.every
        self._second: Optional[Dict[int, pywalk.Thread]] = None
        self.helped = False  #: some frames are pywalk's
        self.cut = False  #: the last walk left older frames out

    def _second_look(self, tid: int) -> "Optional[pywalk.Thread]":
        if self._second is None:
            self._second = {}
            source = sessions.second_source(self._every)
            if source is not None:
                dump = source.session.capture(
                    native_only_threads=True, native="all", only_thread=source.only
                )
                self._second = {thread.tid: thread for thread in dump.threads}
        thread = self._second.get(tid)
        if thread is None or thread.native_end is None or thread.native_end.reason != "complete":
            return None
        return thread

    def thread(
        self, thread: "pywalk.Thread", limit: Optional[int] = None
    ) -> "Tuple[pywalk.Thread, bool]":
        """`thread`, which is selected in GDB, with C frames, and whether they are GDB's."""
        thread.merge(self._walker.walk(limit))
        self.cut = self._walker.cut
        better = self._second_look(thread.tid) if self._walker.broken else None
        if better is None:
            return thread, True
        self.helped = True
        return better, False


class _Backtrace(_Command):
    options = ("--all", "--json", "-a")
    counts = True

    #: Whether native frames are walked and shown.
    mixed = False

    def look(self, arguments: Arguments) -> None:
        if not arguments.every and inferior.require_thread().is_running():
            raise gdb.GdbError("Selected thread is running.")
        source = sessions.source(self.mixed, arguments.every)
        if arguments.every:
            self._run_all(source, arguments)
            return
        # Of a deep stack, the newest frames need not cost what all of them cost.  Some of
        # them are Python frames, nobody knows how many.
        limits = [0]
        count = arguments.frames or 0
        if count > 0 and not source.own and not arguments.as_json:
            limits = [count // 2 + 2, count + 16, 0] if self.mixed else [count + 16, 0]
        for limit in limits:
            if self._run_one(source, arguments, limit):
                return

    def _capture(
        self, source: sessions.Source, limit: int = 0, names: bool = True
    ) -> "pywalk.Dump":
        return source.session.capture(
            native_only_threads=self.mixed,
            max_frames=limit,
            native="all" if self.mixed and source.own else "none",
            only_thread=source.only,
            names=names,
        )

    def _run_one(self, source: sessions.Source, arguments: Arguments, limit: int) -> bool:
        """The selected thread.  False: what was asked for needs more than `limit` frames."""
        # As text, one thread has no head.
        with self._capture(source, limit, arguments.as_json) as dump:
            thread = _selected(dump)
            walk = _Walk(source, arguments)
            with remote.large_reads():
                return self._show_one(walk, dump, thread, arguments, limit, source.own)

    def _show_one(
        self,
        walk: _Walk,
        dump: "pywalk.Dump",
        thread: "pywalk.Thread",
        arguments: Arguments,
        limit: int,
        own: bool,
    ) -> bool:
        walked = False
        more = limit > 0 and thread.end.reason == "limit"
        if self.mixed and not own:
            natives = (arguments.frames or 0) + 16 if limit else None
            thread, walked = walk.thread(thread, natives)
            more = more or walk.cut
        if more and not _is_settled(thread.frames, arguments.frames or 0):
            return False
        if arguments.as_json:
            _show([_json(thread, arguments)])
        else:
            self._print(thread, arguments, walked, more)
            others = [f"thread {one.tid}: " for one in dump.threads if one.tid != thread.tid]
            if more:
                others.append(f"thread {thread.tid}: stack ends early (limit)")
            _report_problems(dump, tuple(others))
        return True

    def _run_all(self, source: sessions.Source, arguments: Arguments) -> None:
        with self._capture(source) as dump:
            self._show_all(source, dump, arguments)

    def _show_all(self, source: sessions.Source, dump: "pywalk.Dump", arguments: Arguments) -> None:
        known = _gdb_threads()
        walk = _Walk(source, arguments)
        first = True
        seen = []
        for thread in dump.threads:
            one = known.get(thread.tid)
            running = one is not None and one.is_running()
            walks = self.mixed and not source.own and one is not None and not running
            if walks and one is not None:
                one.switch()
            with remote.large_reads(walks):
                walked = False
                if walks:
                    thread, walked = walk.thread(thread)
                seen.append(thread)
                if not arguments.as_json:
                    _show([] if first else [""])
                    _show([text.thread_head(base.thread_number(one), thread)])
                    if running:
                        _show(["     (running)"])
                    else:
                        self._print(thread, arguments, walked)
            first = False
        if arguments.as_json and arguments.frames is None and not walk.helped:
            _show([dump.to_json().rstrip("\n")])
        elif arguments.as_json:
            whole = json.loads(dump.to_json())
            whole["threads"] = [json.loads(_json(thread, arguments)) for thread in seen]
            base.show_json(whole)
        else:
            _report_problems(dump)

    def _print(
        self,
        thread: "pywalk.Thread",
        arguments: Arguments,
        walked: bool,
        more: bool = False,
    ) -> None:
        """The frames of `thread`.  GDB has it selected if GDB has `walked` its C frames.

        `more`: there are older native frames.
        """
        frames = thread.frames
        # Native frames keep their order and none is left out: the n-th is GDB's level n.
        levels = _native_levels(frames)
        shown = range(len(frames))[arguments.cut(len(frames))]
        wanted = [levels[i] for i in shown if frames[i].kind == "native"]
        words: Dict[int, str] = {}
        if wanted and walked:
            total = None if more else sum(frame.kind == "native" for frame in frames)
            words = native.wording(wanted[0], wanted[-1], total, remote.is_far())
        for i in shown:
            frame = frames[i]
            if frame.kind == "python":
                _show([text.python_frame(i, frame)])
            elif frame.kind == "gap":
                _show([text.gap(i, frame)])
            else:
                _show([text.native_frame(i, frame, words.get(levels[i]))])
        if len(shown) and (more or shown[-1] + 1 < len(frames)):
            _show(["(More stack frames follow...)"])
            return
        ends = text.native_end(thread.native_end) + text.end(thread.end)
        _show(ends if frames or ends else ["     (no Python frames)"])


def _is_settled(frames: Sequence["pywalk.Frame"], count: int) -> bool:
    """Whether what was left out could not change the newest `count` frames."""
    shown = frames[:count]
    # Which C frame runs the last ones is only known once the C frame is there.
    behind = any(frame.kind == "native" for frame in frames[count:])
    return (
        len(shown) == count
        and (behind or all(frame.kind == "python" for frame in frames))
        and all(
            frame.kind != "python" or frame.proof in ("address", "pointer", None) for frame in shown
        )
    )


def _native_levels(frames: Sequence["pywalk.Frame"]) -> List[int]:
    levels, level = [], 0
    for frame in frames:
        levels.append(level)
        level += frame.kind == "native"
    return levels


def _json(thread: "pywalk.Thread", arguments: Arguments) -> str:
    whole = thread.to_json()
    if arguments.frames is None:
        return whole.rstrip("\n")
    found = json.loads(whole)
    found["frames"] = found["frames"][arguments.cut(len(found["frames"]))]
    return json.dumps(found, ensure_ascii=False)


class MixedBacktrace(_Backtrace):
    """Print the Python and C frames of the selected thread in one stack.

    Usage: py-mixed-bt [OPTION]... [COUNT | -COUNT]

    With a COUNT, print only the innermost COUNT frames; with a negative one,
    the outermost.  A Python frame stands above the C frame that runs it.

    Options:
      -a, --all
        Print the stacks of all threads.  Of a core file, pywalk walks them and
        not GDB, which is faster: see `help set pywalk unwinder`.

      --json
        Print JSON: the thread, or with --all the whole process, in the
        format of `pywalk dump --json`."""

    name = "py-mixed-bt"
    mixed = True


class PythonBacktrace(_Backtrace):
    """Print the Python frames of the selected thread.

    Usage: py-bt [OPTION]... [COUNT | -COUNT]

    With a COUNT, print only the innermost COUNT frames; with a negative one,
    the outermost.

    Options:
      -a, --all
        Print the stacks of all threads.

      --json
        Print JSON: the thread, or with --all the whole process, in the
        format of `pywalk dump --json`."""

    name = "py-bt"


class Threads(_Command):
    """List the threads as Python knows them.

    Usage: py-threads [--json]

    Shows GDB's number and the kernel's, the name that threading gives, the
    interpreter, who holds the GIL, and the newest Python frame."""

    name = "py-threads"
    category = gdb.COMMAND_STATUS

    def look(self, arguments: Arguments) -> None:
        session = sessions.source(mixed=False, every=True).session
        # Of JSON's threads, also the ends of their stacks are told.
        most = 0 if arguments.as_json else 1
        with session.capture(native_only_threads=True, max_frames=most) as dump:
            known = _gdb_threads()
            if arguments.as_json:
                threads = []
                for thread in dump.threads:
                    entry: Dict[str, Any] = json.loads(thread.to_json())
                    entry["frames"] = entry["frames"][:1]
                    one = known.get(thread.tid)
                    entry["gdb_thread"] = base.thread_number(one) if one else None
                    threads.append(entry)
                base.show_json({"threads": threads})
                return
            selected = gdb.selected_thread()
            rows = [_thread_row(thread, known.get(thread.tid), selected) for thread in dump.threads]
            heads = ["", "Id", "LWP", "Name", "Interpreter", "GIL", "Frame"]
            _show(text.table(heads, rows))
            limited = [f"thread {one.tid}: stack ends early (limit)" for one in dump.threads]
            _report_problems(dump, tuple(limited))


_GIL = {True: "yes", False: "no", None: "?"}


def _thread_row(
    thread: "pywalk.Thread",
    one: Optional[gdb.InferiorThread],
    selected: Optional[gdb.InferiorThread],
) -> List[str]:
    newest = next((frame for frame in thread.frames if frame.kind == "python"), None)
    where = "(running)" if thread.state == "running" else "(no Python)"
    if newest is not None:
        # Without the level.
        where = text.python_frame(0, newest).split("[py] ", 1)[1]
    mark = "*" if one is not None and selected is not None and one.ptid == selected.ptid else ""
    return [
        mark,
        base.thread_number(one),
        str(thread.tid or "-"),
        text.printable(thread.name or thread.kernel_name or "-"),
        "-" if thread.interpreter is None else str(thread.interpreter),
        _GIL[thread.holds_gil],
        where,
    ]


class Interpreters(_Command):
    """List the Python interpreters of the process.

    Usage: py-interpreters [--json]"""

    name = "py-interpreters"
    category = gdb.COMMAND_STATUS

    def look(self, arguments: Arguments) -> None:
        session = sessions.source(mixed=False, every=True).session
        with session.capture() as dump:
            if arguments.as_json:
                whole = json.loads(dump.to_json())
                base.show_json({"interpreters": whole["interpreters"]})
                return
            threads = dump.threads
            rows = [
                [
                    str(one.id),
                    f"{one.address:#x}",
                    "yes" if one.main else "no",
                    str(sum(thread.interpreter == one.id for thread in threads)),
                ]
                for one in dump.interpreters
            ]
            _show(text.table(["Id", "Address", "Main", "Threads"], rows))
            _report_problems(dump)


def register() -> None:
    MixedBacktrace()
    PythonBacktrace()
    Threads()
    Interpreters()
