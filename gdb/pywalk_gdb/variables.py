"""Variables of the selected Python frame: `py-locals`, `py-args`, `py-globals`, `py-print`."""

import re
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Sequence, Tuple

import gdb

from . import attributes, base, inferior, library, limits, paths, scopes, selection, stacks, text

if TYPE_CHECKING:
    import pywalk

_Json = Dict[str, Any]


def selected() -> scopes.Scope:
    """Of the selected Python frame, or gdb.GdbError."""
    stack, placed = selection.find()
    if placed is None:
        raise gdb.GdbError("No Python frame called the selected frame.")
    return scopes.Scope(stack.session, placed)


def session() -> "pywalk.Session":
    """Where there need not be a Python frame."""
    with inferior.selection_kept():
        return stacks.moment().session


def value_json(of: "pywalk.Session", address: int, shown: "pywalk.Limits") -> _Json:
    return {
        "type": text.printable(of.value_type(address)) if address else None,
        "value": text.printable(of.value(address, shown)) if address else None,
        "address": f"{address:#x}" if address else None,
    }


class _Listing(base.Command):
    """A list of names and values."""

    options = ("--json", *limits.OPTIONS)
    key = ""
    nothing = ""

    def candidates(self, line: str) -> Sequence[str]:
        return limits.completions(line, self.options)

    def run(self, argument: str) -> None:
        shown, flags, rest = limits.parse(self.name, argument, self.options)
        try:
            wanted = re.compile(rest)
        except (re.error, RecursionError, OverflowError) as error:
            raise gdb.GdbError(
                f"Not a regular expression: {text.printable(rest)}: {error}."
            ) from None
        scope = selected()
        found, more = self.find(scope, wanted, shown)
        if "--json" in flags:
            self._show_json(scope, found, more, shown.limits())
        else:
            self._show(scope, found, more, shown.limits(), bool(rest))

    def find(
        self, scope: scopes.Scope, wanted: "re.Pattern[str]", shown: limits.Shown
    ) -> "Tuple[List[pywalk.Variable], int]":
        """Variables, and how many more there are."""
        raise NotImplementedError

    def _show_json(
        self,
        scope: scopes.Scope,
        found: "Iterable[pywalk.Variable]",
        more: int,
        shown: "pywalk.Limits",
    ) -> None:
        whole: _Json = selection.as_dict(scope.placed)
        whole[self.key] = [
            {
                "name": text.printable(one.name),
                "kind": one.kind,
                **value_json(scope.session, one.address, shown),
            }
            for one in found
        ]
        whole["more"] = more
        problem = scope.found.problem
        whole["problem"] = None if problem is None else text.printable(problem)
        base.show_json(whole)

    def _show(
        self,
        scope: scopes.Scope,
        found: "List[pywalk.Variable]",
        more: int,
        shown: "pywalk.Limits",
        filtered: bool,
    ) -> None:
        for one in found:
            value = scope.session.value(one.address, shown) if one.address else "<unbound>"
            base.show([f"{scopes.written(one.name, one.kind)} = {text.printable(value)}"])
        if more:
            base.show([f"... {more} more names"])
        elif not found:
            base.show([self.nothing.replace("No ", "No matching ") if filtered else self.nothing])
        if scope.found.problem:
            base.show([f"({text.printable(scope.found.problem)})"])


class Locals(_Listing):
    """Show the variables of the selected Python frame.

    Usage: py-locals [OPTION]... [REGEXP]

    As Python's locals(): arguments in the order of the signature, then local variables,
    those of inner and outer functions that it shares, and the names of a module or class
    body.  With a REGEXP, those whose names match it anywhere.  Nothing is run in the
    process.  While a C frame is selected, the Python frame that called it is meant.

    Options:
      --json
        Print JSON: the frame as `py-frame --json` has it, and "locals": for each its
        name, kind, type, value and address; null is unbound.

      --depth, --items, --characters, --bytes NUMBER|unlimited
        How much of a value is shown, instead of `set pywalk print-depth` and so on."""

    name = "py-locals"
    key = "locals"
    nothing = "No locals."

    def find(
        self, scope: scopes.Scope, wanted: "re.Pattern[str]", shown: limits.Shown
    ) -> "Tuple[List[pywalk.Variable], int]":
        found = [one for one in scope.found.variables if wanted.search(one.name)]
        if not scope.found.more or not wanted.pattern:
            return found, scope.found.more
        # A namespace with so many names that they were not all listed.
        variable = library.load().Variable
        found = [one for one in found if one.kind != "name"]
        left = 0
        for name, address in scope.each(scope.found.names):
            if wanted.search(name) and len(found) < shown.of("names"):
                found.append(variable(name, "name", address, None))
            elif wanted.search(name):
                left += 1
        return found, left


class Args(_Listing):
    """Show the arguments of the selected Python frame.

    Usage: py-args [OPTION]... [REGEXP]

    In the order of the signature, with the values that they have now.  See `help
    py-locals`.

    Options:
      --json
        Print JSON: the frame, and "arguments" as py-locals has them.

      --depth, --items, --characters, --bytes NUMBER|unlimited
        How much of a value is shown, instead of `set pywalk print-depth` and so on."""

    name = "py-args"
    key = "arguments"
    nothing = "No arguments."

    def find(
        self, scope: scopes.Scope, wanted: "re.Pattern[str]", shown: limits.Shown
    ) -> "Tuple[List[pywalk.Variable], int]":
        return [one for one in scope.arguments() if wanted.search(one.name)], 0


class Globals(_Listing):
    """Show the global variables of the selected Python frame's module.

    Usage: py-globals [OPTION]... [REGEXP]

    At most as many as `set pywalk print-names` says; the others are counted.  With a
    REGEXP, those whose names match it anywhere.

    Options:
      --json
        Print JSON: the frame, and "globals" as py-locals has them.

      --names NUMBER|unlimited
        How many names are listed.

      --depth, --items, --characters, --bytes NUMBER|unlimited
        How much of a value is shown, instead of `set pywalk print-depth` and so on."""

    name = "py-globals"
    key = "globals"
    nothing = "No globals."
    options = ("--json", "--names", *limits.OPTIONS)

    def find(
        self, scope: scopes.Scope, wanted: "re.Pattern[str]", shown: limits.Shown
    ) -> "Tuple[List[pywalk.Variable], int]":
        variable = library.load().Variable
        most = shown.of("names")
        found: List[pywalk.Variable] = []
        left = 0
        total, each = scope.globals_()
        for one in each:
            if not wanted.search(one.name):
                continue
            if len(found) == most:
                # All are counted, but only a REGEXP needs to see them.
                if not wanted.pattern:
                    left = max(total - most, 1)
                    break
                left += 1
            else:
                found.append(variable(one.name, "global", one.address, None))
        return found, left


class Print(base.Command):
    """Show the value of a variable, an attribute or an item.

    Usage: py-print [OPTION]... PATH

    PATH is a name, looked up as Python does it in the selected Python frame: locals,
    outer functions, globals, builtins.  Behind it come attributes, items and slices:

        py-print self.queue[0]['name']
        py-print rows[-10:]
        py-print table[key]

    An index or key is a literal, the path of another variable, or GDB's $variable.
    *ADDRESS is the object at an address: a number, $register, $variable, or a variable
    of the selected C frame (*func, *frame->f_globals).  Nothing is run in the process: no call, no property, no
    __getitem__; variables of a suspended generator are its attributes.

    Options:
      --json
        Print JSON: "path", "where" its first name was found, type, value and address.

      --depth, --items, --characters, --bytes NUMBER|unlimited
        How much of the value is shown, instead of `set pywalk print-depth` and so on."""

    name = "py-print"
    category = gdb.COMMAND_DATA
    options = ("--json", *limits.OPTIONS)

    def run(self, argument: str) -> None:
        shown, flags, path = limits.parse(self.name, argument, self.options)
        if not path:
            raise gdb.GdbError("Argument required (a path such as self.queue[0]['name']).")
        followed = Followed(path)
        value = text.printable(followed.shown(shown.limits()))
        if "--json" not in flags:
            base.show([f"{text.printable(path)} = {value}"])
            return
        whole: _Json = {"path": path, "where": followed.where}
        if isinstance(followed.found, paths.Object):
            whole.update(value_json(followed.session, followed.found.address, shown.limits()))
        else:
            whole.update({"type": None, "value": value, "address": None})
        base.show_json(whole)

    def complete(self, line: str, word: Optional[str]) -> List[str]:
        path = re.sub(r"^(\s*--?\w+(\s+(\d+|unlimited)(?=\s))?\s)*\s*", "", line)
        if path.startswith("-") or line.rstrip().endswith(tuple(limits.OPTIONS)):
            return super().complete(line, word)
        skip = len(path) - len(word or "")
        return [one[skip:] for one in _completions(path) if one.startswith(path)]

    def candidates(self, line: str) -> Sequence[str]:
        return limits.completions(line, self.options)


class Followed:
    """A path and where it led; gdb.GdbError when it leads nowhere."""

    def __init__(self, path: str, scope: Optional[scopes.Scope] = None) -> None:
        self._scope = scope
        self.where = "address"
        by_address = path.lstrip().startswith("*")
        if scope is None and not by_address:
            self._scope = selected()
        self.session = self._scope.session if self._scope else session()
        classes = self._scope.classes() if self._scope else ()
        self.found = paths.Path(self.session, self._find, path, classes).follow()

    def _find(self, name: str) -> int:
        if self._scope is None:
            self._scope = selected()
        address, where = self._scope.look_up(name)
        if self.where == "address":
            self.where = where
        return address

    def shown(self, most: "pywalk.Limits") -> str:
        return paths.shown(self.session, self.found, most)


_LAST_STEP = re.compile(r"(\.[^\W\d]?\w*|\[[^\[\]]*)$")


def _closes_quotes() -> bool:
    """Whether GDB itself puts an apostrophe behind what began with one."""
    major = re.match(r"\d+", gdb.VERSION)
    return major is not None and int(major.group()) >= 16


def _completions(path: str) -> List[str]:
    """Paths that begin so, as far as is seen without reading much."""
    error_type = library.error_type()
    try:
        step = _LAST_STEP.search(path)
        if step is None or not path[: step.start()].strip():
            return _names(selected())
        before = path[: step.start()]
        followed = Followed(before)
        if not isinstance(followed.found, paths.Object):
            return []
        start = step.group()
        double = start.startswith('["')
        names = attributes.names(
            followed.session, followed.found.address, "['" + start[2:] if double else start
        )
        if double:
            names = [f'["{one[2:-2]}"]' for one in names if '"' not in one]
        elif start.startswith("['") and _closes_quotes():
            names = [one[:-2] for one in names]
        return [before + one for one in names]
    except (error_type, gdb.GdbError, gdb.error):
        return []


def _names(scope: scopes.Scope) -> List[str]:
    found = [one.name for one in scope.found.variables if one.address]
    _, each = scope.globals_()
    for one, _ in zip(each, range(limits.Shown().of("names"))):
        if one.name not in found:
            found.append(one.name)
    return found


def register() -> None:
    Locals()
    Args()
    Globals()
    Print()
