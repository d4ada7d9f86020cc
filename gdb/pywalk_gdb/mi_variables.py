"""-py-list-variables, for front ends."""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

import gdb

from . import inferior, limits, scopes, stacks, text, variables

if TYPE_CHECKING:
    import pywalk

_Results = Dict[str, Any]

#: What -stack-list-variables calls simple: neither containers nor instances.
_SIMPLE = ("None", "NotImplemented", "Ellipsis", "bool", "int", "float", "complex", "str", "bytes")
_HOW = {"0": "no", "--no-values": "no", "1": "all", "--all-values": "all"}
_HOW.update({"2": "simple", "--simple-values": "simple"})


class ListVariables:
    """-py-list-variables [PRINT-VALUES] [LEVEL]: the variables of a Python frame.

    LEVEL as in -py-list-frames; without it, the selected Python frame, or that of --frame.
    """

    @staticmethod
    def _parse(words: List[str]) -> Tuple[str, Optional[int]]:
        how = "all"
        words = list(words)
        if (words and words[0].startswith("--") and words[0] in _HOW) or (
            len(words) == 2 and words[0] in _HOW
        ):
            how = _HOW[words.pop(0)]
        if len(words) > 1 or not all(word.isdigit() and len(word) < 10 for word in words):
            raise gdb.GdbError("-py-list-variables: Usage: [PRINT_VALUES] [LEVEL]")
        return how, int(words[0]) if words else None

    @staticmethod
    def _scope(number: Optional[int]) -> scopes.Scope:
        if number is None:
            return variables.selected()
        with inferior.selection_kept():
            stack = stacks.selected()
            placed = stack.python(number)
        if placed is None:
            raise gdb.GdbError(f"-py-list-variables: No Python frame {number}.")
        return scopes.Scope(stack.session, placed)

    @staticmethod
    def _one(session: "pywalk.Session", one: "pywalk.Variable", how: str) -> _Results:
        found: _Results = {"name": text.printable(one.name), "kind": one.kind}
        if one.kind in scopes.ARGUMENTS:
            found["arg"] = "1"
        if not one.address:
            return found
        found["address"] = f"{one.address:#x}"
        if how != "no":
            found["type"] = text.printable(session.value_type(one.address))
        if how == "all" or (how == "simple" and _is_simple(session, one.address)):
            value = session.value(one.address, limits.Shown().limits())
            found["value"] = text.printable(value)
        return found

    def run(self, words: List[str]) -> _Results:
        how, number = self._parse(words)
        scope = self._scope(number)
        found = scope.found
        results: _Results = {
            "level": scope.placed.number,
            "variables": [self._one(scope.session, one, how) for one in found.variables],
        }
        if found.more:
            results["more"] = found.more
        if found.problem:
            results["problem"] = text.printable(found.problem)
        return results


def _is_simple(session: "pywalk.Session", address: int) -> bool:
    from . import library

    try:
        return session.about(address).kind in _SIMPLE
    except library.error_type():
        # What is said of it is short.
        return True
