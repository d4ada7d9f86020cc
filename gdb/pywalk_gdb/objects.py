"""`py-object`: one object, by its address, whether there is debug information or not."""

from typing import TYPE_CHECKING, Any, Dict, List, Tuple

import gdb

from . import base, printers, stacks, text

if TYPE_CHECKING:
    import pywalk


def _integer(value: gdb.Value, expression: str) -> int:
    try:
        return int(value) & 0xFFFFFFFFFFFFFFFF
    except (gdb.error, ValueError, OverflowError, TypeError):
        raise gdb.GdbError(f"Neither an address nor an object: {expression}") from None


def _address(expression: str, session: "pywalk.Session") -> int:
    """What an expression of GDB's means: a pointer, a number, or a structure itself."""
    try:
        value = gdb.parse_and_eval(expression)
    except gdb.error as error:
        # GDB's own words.
        raise gdb.GdbError(str(error)) from None
    try:
        value = value.referenced_value() if _is_reference(value.type) else value
        kind = value.type.strip_typedefs()
        seen = printers.look(value)
    except gdb.error as error:
        raise gdb.GdbError(f"{expression}: {error}") from None
    if seen is not None and seen.kind == "stackref":
        address, number = session.stackref(seen.address)
        if number is not None:
            raise gdb.GdbError(f"No object but a number of the interpreter's own: {number}")
        return address
    if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
        if value.address is None:
            raise gdb.GdbError(f"It is not in memory: {expression}")
        return _integer(value.address, expression)
    if kind.code == gdb.TYPE_CODE_FLT:
        raise gdb.GdbError(f"Neither an address nor an object: {expression}")
    return _integer(value, expression)


def _is_reference(kind: gdb.Type) -> bool:
    return kind.strip_typedefs().code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF)


def _number_of_parts() -> int:
    return int(gdb.parameter("print elements") or 1 << 24)


def _described(
    session: "pywalk.Session", address: int
) -> Tuple[Dict[str, Any], "pywalk.ObjectHead"]:
    head = session.head(address)
    total, parts = session.children(address, 0, _number_of_parts())
    brief = printers.limits()._replace(depth=2, items=10, characters=100, bytes=400)
    found: Dict[str, Any] = {
        "address": f"{address:#x}",
        "type": session.value_type(address),
        "type_address": f"{head.type:#x}",
        "refcount": None if head.immortal else head.refcount,
        "immortal": head.immortal,
        "value": session.value(address, printers.limits()),
        "part_count": total,
        "parts": [
            {
                "name": printers.child_name(name),
                "address": f"{part:#x}",
                "type": session.value_type(part) if part else None,
                "value": session.value(part, brief),
            }
            for name, part in parts
        ],
    }
    return found, head


def _lines(found: Dict[str, Any], head: "pywalk.ObjectHead") -> List[str]:
    references = "unknown" if head.refcount is None else str(head.refcount)
    lines = [
        found["value"],
        f"Type: {found['type']} at {found['type_address']}",
        f"Address: {found['address']}",
        f"References: {'none are counted, it is immortal' if head.immortal else references}",
    ]
    lines += [f"  {part['name']} = {part['value']}" for part in found["parts"]]
    left = found["part_count"] - len(found["parts"])
    if left > 0:
        lines.append(f"  ... {left} more")
    return [text.printable(line) for line in lines]


class Object(base.Command):
    """Print a Python object by its address.

    Usage: py-object [--json] ADDRESS | EXPRESSION

    EXPRESSION is any of GDB's that gives an address or an object: 0x7ffff7d04a60,
    $rdi, self->dict, args[0].  Prints the object as Python would, its type, how many
    references there are to it, and its parts: items, or attributes.  No debug
    information is needed.

    `set print elements` limits the text and the number of parts, `set print
    max-depth` the depth.

    Options:
      --json
        Print JSON: address, type, type_address, refcount, immortal, value,
        part_count, parts with name, address, type and value."""

    name = "py-object"
    category = gdb.COMMAND_DATA
    options = ("--json",)

    def complete(self, line: str, word: Any) -> Any:
        typed = line.rsplit(None, 1)[-1] if line and not line[-1].isspace() else ""
        if typed.startswith("-"):
            return super().complete(line, word)
        return gdb.COMPLETE_EXPRESSION

    def run(self, argument: str) -> None:
        words = argument.split(None, 1)
        as_json = bool(words) and words[0] == "--json"
        expression = (words[1] if len(words) > 1 else "") if as_json else argument.strip()
        if expression.startswith("--"):
            option = expression.split()[0]
            raise gdb.GdbError(f"Unrecognized option for py-object: {option}")
        if not expression:
            raise gdb.GdbError("Argument required (an address or an expression).")
        session = stacks.values()
        address = _address(expression, session)
        if not address:
            raise gdb.GdbError("No object at 0x0.")
        found, head = _described(session, address)
        if as_json:
            base.show_json(found)
        else:
            base.show(_lines(found, head))


def register() -> None:
    Object()
