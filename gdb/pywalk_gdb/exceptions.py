"""`py-exc`: the exceptions that threads raise and handle, as Python prints them."""

from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

import gdb

from . import base, inferior, library, sessions, source, stacks, styles, text

if TYPE_CHECKING:
    import pywalk

_CHAIN_MAX = 100  #: exceptions that led to each other
_ENTRIES_MAX = 1000  #: of one traceback
_NOTES_MAX = 100
#: As traceback.TracebackException has them.
_GROUP_WIDTH, _GROUP_DEPTH = 15, 10
_REPEATED = 3

_LINKS = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}


class _One(NamedTuple):
    """An exception, and how the next older one of its chain led to it."""

    address: int  #: 0: it is not made yet
    type: str
    message: str
    exact: bool
    traceback: "Optional[pywalk.Traceback]"
    place: Optional[Tuple[str, int, Optional[str]]]  #: of a SyntaxError: file, line, text
    notes: List[str]
    parts: "Optional[_Group]"  #: of an exception group
    link: Optional[str]  #: "cause" or "context"
    suppressed: bool  #: there is a context that Python does not show


class _Group(NamedTuple):
    chains: List[List[_One]]
    total: int


class _Reading:
    """Reads exceptions of one session."""

    def __init__(self, session: "pywalk.Session") -> None:
        self._session = session
        self._error = library.error_type()
        whole = library.load().Limits()
        self._limits: pywalk.Limits = whole._replace(
            depth=8, items=100, characters=4096, bytes=16384
        )
        self._seen: Set[int] = set()

    def chain(self, found: "pywalk.ThreadException") -> List[_One]:
        """The newest first."""
        self._seen = set()
        return self._chain(found.value, found.type, found.traceback, 0)

    def _chain(self, address: int, kind: int, traceback: int, depth: int) -> List[_One]:
        chain: List[_One] = []
        while len(chain) < _CHAIN_MAX:
            one, older = self._one(address, kind, traceback, depth)
            chain.append(one)
            if not older:
                break
            address, kind, traceback = older, 0, 0
        return chain

    def _one(self, address: int, kind: int, traceback: int, depth: int) -> Tuple[_One, int]:
        """One exception, and the address of the one that led to it."""
        self._seen.add(address)
        about = self._about(address)
        link, older = None, 0
        if about is not None:
            kind, traceback = kind or about.type, traceback or about.traceback
            for name, other, shown in (
                ("cause", about.cause, True),
                ("context", about.context, not about.suppress_context),
            ):
                if not link and shown and self._is_new(other):
                    link, older = name, other
        words = self._session.exception_text(kind, address, self._limits)
        one = _One(
            address=address if about is not None else 0,
            type=words.type,
            message=words.message,
            exact=words.exact,
            traceback=self._session.traceback(traceback, _ENTRIES_MAX) if traceback else None,
            place=self._place(address) if about is not None else None,
            notes=self._notes(address) if about is not None else [],
            parts=self._parts(address, depth) if about is not None else None,
            link=link,
            suppressed=bool(about and about.suppress_context and about.context and not about.cause),
        )
        return one, older

    def _about(self, address: int) -> "Optional[pywalk.ExceptionInfo]":
        """None: it is no exception, or not yet."""
        try:
            return self._session.exception(address) if address else None
        except self._error:
            return None

    def _is_new(self, address: int) -> bool:
        return bool(address) and address not in self._seen and self._about(address) is not None

    def _attribute(self, address: int, name: str) -> int:
        try:
            return self._session.attribute(address, name)
        except self._error:
            return 0

    def _string(self, address: int) -> Optional[str]:
        found = self._session.string(address, self._limits) if address else None
        return None if found is None else found[0]

    def _place(self, address: int) -> Optional[Tuple[str, int, Optional[str]]]:
        """What SyntaxError has, and hardly anything else."""
        names = ("msg", "lineno", "offset", "text", "filename")
        found = {name: self._attribute(address, name) for name in names}
        if not all(found.values()):
            return None
        line = self._session.value(found["lineno"])
        if not line.isdigit():
            return None
        return self._string(found["filename"]) or "<string>", int(line), self._string(found["text"])

    def _notes(self, address: int) -> List[str]:
        notes = self._attribute(address, "__notes__")
        if not notes:
            return []
        try:
            items = self._session.children(notes, 0, _NOTES_MAX)[1]
        except self._error:
            return []
        found = []
        for _, item in items:
            note = self._string(item)
            found.append(self._session.value(item, self._limits) if note is None else note)
        return found

    def _parts(self, address: int, depth: int) -> Optional[_Group]:
        """The exceptions of a group."""
        if not self._attribute(address, "message"):
            return None
        parts = self._attribute(address, "exceptions")
        if not parts or depth > _GROUP_DEPTH:
            return _Group([], 0) if parts else None
        try:
            total, items = self._session.children(parts, 0, _GROUP_WIDTH)
        except self._error:
            return None
        if not items or self._about(items[0][1]) is None:
            return None
        return _Group([self._chain(item, 0, 0, depth + 1) for _, item in items], total)


# ---- text --------------------------------------------------------------------------------------


def _escaped(line: str) -> str:
    """A line of a message: tabs are no danger."""
    return "\t".join(text.printable(piece) for piece in line.split("\t"))


def _entries(traceback: "pywalk.Traceback") -> Iterator[str]:
    older = traceback.total - len(traceback.entries)
    if older > 0:
        yield f"  ({older} older calls are not shown)"
    last: Optional[Tuple[Optional[str], Optional[int], Optional[str]]] = None
    count = 0

    def repeated() -> Iterator[str]:
        more = count - _REPEATED
        if more > 0:
            yield "  [Previous line repeated {} more time{}]".format(more, "s" if more > 1 else "")

    for entry in traceback.entries:
        here = entry.file, entry.line, entry.name
        if here != last:
            yield from repeated()
            last, count = here, 0
        count += 1
        if count > _REPEATED:
            continue
        yield "  " + text.place(entry.file, entry.line, entry.name)
        yield from _source_line(entry.file, entry.line)
    yield from repeated()
    if traceback.problem is not None:
        yield "  (the traceback ends here: " + text.printable(traceback.problem) + ")"


def _source_line(file: Optional[str], line: Optional[int]) -> Iterator[str]:
    found = source.find(file)
    here = source.line_text(found, line) if found is not None and line is not None else None
    if found is None or not here or not here.strip():
        return
    source.warn_if_changed(found)
    yield "    " + here.strip()


def _last_lines(one: _One) -> Iterator[str]:
    if one.place is not None:
        file, line, wrong = one.place
        yield f'  File "{text.printable(file)}", line {line}'
        if wrong is not None and wrong.strip():
            yield "    " + _escaped(wrong.strip())
    kind = one.type[len("__main__.") :] if one.type.startswith("__main__.") else one.type
    first = styles.styled("function", text.printable(kind))
    message = one.message.split("\n")
    if one.message:
        first += ": " + _escaped(message[0])
    lines = [first] + [_escaped(line) for line in message[1:]]
    if not one.exact:
        lines[-1] += " (its __str__ is not called)"
    yield from lines
    for note in one.notes:
        yield from (_escaped(line) for line in note.split("\n"))


class _Lines:
    """Lays a chain out as traceback.TracebackException does."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self._depth = 0
        self._closing = False

    def _indent(self) -> str:
        return " " * (2 * self._depth)

    def _add(self, line: str, margin: str = "|") -> None:
        if self._depth:
            line = (
                (self._indent() + margin + " " + line).rstrip() if line else self._indent() + margin
            )
        self.lines.append(line)

    def chain(self, chain: List[_One]) -> None:
        """`chain`: the newest first."""
        if len(chain) == _CHAIN_MAX and chain[-1].link:
            self._add("(older exceptions of this chain are not shown)")
        for one in reversed(chain):
            if one is not chain[-1] and one.link:
                for line in ("", _LINKS[one.link], ""):
                    self._add(line)
            if one.parts is None:
                self._traceback(one, "Traceback (most recent call last):")
                self._last(one)
            else:
                self._group(one, one.parts)

    def _traceback(self, one: _One, head: str, margin: str = "|") -> None:
        if one.traceback is None:
            return
        self._add(head, margin)
        for line in _entries(one.traceback):
            self._add(line)

    def _last(self, one: _One) -> None:
        for line in _last_lines(one):
            self._add(line)

    def _group(self, one: _One, parts: _Group) -> None:
        if self._depth > _GROUP_DEPTH:
            self._add(f"... (max_group_depth is {_GROUP_DEPTH})")
            return
        top = self._depth == 0
        self._depth += top
        head = "Exception Group Traceback (most recent call last):"
        self._traceback(one, head, "+" if top else "|")
        self._last(one)
        left = parts.total - len(parts.chains)
        self._closing = False
        count = len(parts.chains) + (left > 0)
        for i in range(count):
            last = i == count - 1
            self._closing = self._closing or last
            title = str(i + 1) if i < len(parts.chains) else "..."
            edge = "+-" if i == 0 else "  "
            self.lines.append(f"{self._indent()}{edge}+---------------- {title} ----------------")
            self._depth += 1
            if i < len(parts.chains):
                self.chain(parts.chains[i])
            else:
                self._add("and {} more exception{}".format(left, "s" if left > 1 else ""))
            if last and self._closing:
                self.lines.append(self._indent() + "+------------------------------------")
                self._closing = False
            self._depth -= 1
        self._depth -= top


def _head(found: "pywalk.ThreadException", first: bool) -> str:
    if found.raised:
        return "Being raised:"
    return "Being handled:" if first else "Being handled further out:"


# ---- JSON --------------------------------------------------------------------------------------


def _as_dict(one: _One) -> Dict[str, Any]:
    traceback = one.traceback
    found: Dict[str, Any] = {
        "address": f"{one.address:#x}" if one.address else None,
        "type": one.type,
        "message": one.message,
        "message_is_exact": one.exact,
        "link": one.link,
        "context_is_suppressed": one.suppressed,
        "notes": one.notes,
        "traceback": [
            {key: getattr(entry, key) for key in ("name", "qualname", "file", "line")}
            for entry in (traceback.entries if traceback else ())
        ],
        "traceback_count": traceback.total if traceback else 0,
        "traceback_problem": traceback.problem if traceback else None,
    }
    if one.parts is not None:
        found["exceptions"] = [[_as_dict(part) for part in chain] for chain in one.parts.chains]
        found["exception_count"] = one.parts.total
    return found


# ---- the command -------------------------------------------------------------------------------

_Found = List[Tuple["pywalk.ThreadException", List[_One]]]


class Exceptions(base.Command):
    """Print the exceptions that the selected thread raises and handles.

    Usage: py-exc [OPTION]...

    First the one being raised: it is on its way to a handler.  Then those being
    handled, because of which an except or finally clause runs, the newest first;
    those of CPython before 3.7 only the newest of them.  Each with its traceback
    and the exceptions that led to it, as Python would print it.  A __str__ that is
    written in Python is not called.

    Options:
      -a, --all
        Print those of all threads.

      --json
        Print JSON: tid, name, gdb_thread and "exceptions", each with "state"
        ("raised" or "handled") and "chain", the newest exception first; "link"
        says how the next one led to it, "cause" or "context"."""

    name = "py-exc"
    category = gdb.COMMAND_STACK
    options = ("--all", "--json", "-a")

    def run(self, argument: str) -> None:
        every = as_json = False
        for word in gdb.string_to_argv(argument):
            if word in ("-a", "--all", "-all"):
                every = True
            elif word in ("--json", "-json"):
                as_json = True
            elif word.startswith("-"):
                raise gdb.GdbError(f"Unrecognized option for py-exc: {word}")
            else:
                raise gdb.GdbError(f"Junk after arguments of py-exc: {word}")
        with inferior.selection_kept():
            if every:
                self._all(as_json)
            else:
                self._one(as_json)

    def _one(self, as_json: bool) -> None:
        stacks.selected()  # or why there is none
        selected = inferior.require_thread()
        moment = stacks.moment()
        thread = moment.thread(inferior.thread_id(selected), 1)
        found = _read(moment.session, thread)
        if as_json:
            base.show_json(_thread_dict(thread, selected, found))
        else:
            base.show(_lines(found) or ["No exception."])

    @staticmethod
    def _all(as_json: bool) -> None:
        session = sessions.source(mixed=False, every=True).session
        known = {inferior.thread_id(one): one for one in gdb.selected_inferior().threads()}
        rows: List[Dict[str, Any]] = []
        for number, thread in enumerate(_captured(session)):
            one = known.get(thread.tid)
            found = _read(session, thread)
            if as_json:
                rows.append(_thread_dict(thread, one, found))
                continue
            head = text.thread_head(base.thread_number(one), thread)
            lines = _lines(found) or ["     (no exception)"]
            base.show(([""] if number else []) + [head] + lines)
        if as_json:
            base.show_json({"threads": rows})


def _captured(session: "pywalk.Session") -> "List[pywalk.Thread]":
    return session.capture(max_frames=1).threads


def _read(session: "pywalk.Session", thread: "pywalk.Thread") -> _Found:
    if not thread.state_address:
        return []
    reading = _Reading(session)
    found = session.thread_exceptions(thread.state_address)
    return [(one, reading.chain(one)) for one in found]


def _thread_dict(
    thread: "pywalk.Thread", one: Optional[gdb.InferiorThread], found: _Found
) -> Dict[str, Any]:
    return {
        "tid": thread.tid,
        "name": thread.name,
        "gdb_thread": base.thread_number(one) if one is not None else None,
        "exceptions": [
            {
                "state": "raised" if which.raised else "handled",
                "chain": [_as_dict(each) for each in chain],
            }
            for which, chain in found
        ],
    }


def _lines(found: _Found) -> List[str]:
    lines: List[str] = []
    handled = 0
    for which, chain in found:
        handled += not which.raised
        laid = _Lines()
        laid.chain(chain)
        lines += ([""] if lines else []) + [_head(which, handled == 1), *laid.lines]
    return lines


def register() -> None:
    Exceptions()
