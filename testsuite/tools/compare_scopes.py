"""Compares variables as gdb shows them with what the target's own frames say (programs/scopes.py).

    compare_scopes.py FORM TRUTH OUTPUT [--part NUMBER]

FORM is how OUTPUT has them: commands (what gdb_variables.py writes), bt (bt -full of Python frames with all arguments),
mi-args (-stack-list-arguments 1 of Python frames), py-mi (a line of -py-list-variables for each frame), dap (what
dap_client.py writes).  Prints a line for each difference and ends with status 1; prints nothing and ends with 0 when
all agrees.
"""

import argparse
import ast
import json
import re
import sys
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from compare_frames import MI_RESULT, mi_text

Json = Dict[str, Any]
Pairs = List[Tuple[str, Optional[str]]]

# What the form of an instance that pywalk does not know adds to repr() is compared without it.
ATTRIBUTES = re.compile(r"( object at 0x[0-9a-f]+): .*>$", re.DOTALL)
# As text.printable() of pywalk's commands.
STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
UNBOUND = "<unbound>"
ARGUMENTS = ("argument", "varargs", "keyword", "varkeywords")


def escaped(name: str) -> str:
    return STEERING.sub(
        lambda m: "\\x%02x" % ord(m.group())
        if ord(m.group()) < 256
        else "\\u%04x" % ord(m.group()),
        name,
    )


def same(expected: str, value: Optional[str]) -> bool:
    return value is not None and (
        value == expected or ATTRIBUTES.sub(r"\1>", value) == ATTRIBUTES.sub(r"\1>", expected)
    )


def wrong_value(scope: Json, name: str, value: Optional[str]) -> Optional[str]:
    """What is wrong with the text that a variable has; None: nothing.  None as text is unbound."""
    names = {escaped(one): one for one in (*scope["values"], *scope["patterns"])}
    if name in names and names[name] in scope["values"]:
        expected = scope["values"][names[name]]
        if same(expected, value):
            return None
    elif name in names:
        expected = scope["patterns"][names[name]]
        if re.fullmatch(expected, value or ""):
            return None
    elif name in scope["unbound"]:
        if value in (None, UNBOUND):
            return None
        expected = UNBOUND
    else:
        return "%a is too much: %a" % (name, value)
    return "%a: expected %.200a, found %.200a" % (name, expected, value)


def compare_pairs(scope: Json, pairs: Pairs, arguments: Optional[bool]) -> Iterator[str]:
    """`arguments`: only them (True), all but them (False), or all (None)."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        yield "a name is there twice: %a" % names
    for name, value in pairs:
        wrong = wrong_value(scope, name, value)
        if wrong:
            yield wrong
    known = [escaped(one) for one in (*scope["values"], *scope["patterns"], *scope["unbound"])]
    order = scope["arguments"]
    if arguments is None:
        missing = set(known) - set(names)
        if names[: len(order)] != order:
            yield "arguments do not come first: %s instead of %s" % (names, order)
    elif arguments:
        missing = set()
        if names != order:
            yield "arguments %s instead of %s" % (names, order)
    else:
        missing = set(known) - set(order) - set(names)
        if set(names) & set(order):
            yield "arguments among the others: %s" % names
    if missing:
        yield "missing: %s" % sorted(missing)


def from_text(text: str, nothing: str) -> Pairs:
    if text == nothing:
        return []
    pairs: Pairs = []
    for line in text.split("\n"):
        name, found, value = line.partition(" = ")
        pairs.append((name.lstrip("*"), value if found else "no value in this line"))
    return pairs


def from_json(variables: List[Json]) -> Pairs:
    return [(one["name"], one["value"]) for one in variables]


# ---- commands -------------------------------------------------------------------------------------


def compare_kinds(scope: Json, variables: List[Json]) -> Iterator[str]:
    arguments = [one["name"] for one in variables if one["kind"] in ARGUMENTS]
    if arguments != scope["arguments"]:
        yield "kinds: %s are arguments instead of %s" % (arguments, scope["arguments"])
    for one in variables:
        if (one["address"] is None) != (one["value"] is None) or (not one["value"] and one["type"]):
            yield "%a has address, type and value of different objects" % one


def compare_paths(scope: Json, paths: Json) -> Iterator[str]:
    if set(paths) != set(scope["paths"]):
        yield "paths %s instead of %s" % (sorted(paths), sorted(scope["paths"]))
    for path, (text, about) in paths.items():
        expected = scope["paths"].get(path, "")
        start = path + " = "
        if not text.startswith(start) or not same(expected, text[len(start) :]):
            yield "py-print %s: expected %.200a, found %.200a" % (path, expected, text)
        if not isinstance(about, dict) or not same(expected, about["value"]):
            yield "py-print --json %s: expected %.200a, found %.200a" % (path, expected, about)


def of_commands(truth: Json, text: str) -> Iterator[str]:
    document = json.loads(text)
    frames = document["frames"][1:]  # without leaf, which wrote the truth
    names = [one["name"] for one in frames]
    if names != [scope["name"] for scope in truth["scopes"]]:
        yield "frames: expected %s, found %s" % ([s["name"] for s in truth["scopes"]], names)
        return
    for scope, frame in zip(truth["scopes"], frames):
        found: List[str] = []
        if not isinstance(frame["locals_json"], dict) or not isinstance(frame["args_json"], dict):
            yield "%s: no JSON: %.300s" % (scope["name"], frame["locals_json"])
            continue
        found += compare_pairs(scope, from_json(frame["locals_json"]["locals"]), None)
        found += compare_pairs(scope, from_text(frame["locals"], "No locals."), None)
        found += compare_pairs(scope, from_json(frame["args_json"]["arguments"]), True)
        found += compare_pairs(scope, from_text(frame["args"], "No arguments."), True)
        found += compare_kinds(scope, frame["locals_json"]["locals"])
        found += compare_paths(scope, frame["paths"])
        yield from ("%s: %s" % (scope["name"], one) for one in found)
    scope = {"values": truth["globals"], "patterns": {}, "unbound": [], "arguments": []}
    for pairs in (
        from_text(document["globals"], "No globals."),
        from_json(document["globals_json"]["globals"]),
    ):
        yield from ("globals: " + one for one in compare_pairs(scope, pairs, None))
    yield from compare_levels(document)


def compare_levels(document: Json) -> Iterator[str]:
    """At a C frame, the newest Python frame that it runs, or the one that called it."""
    at = [one["locals_json"]["gdb_level"] for one in document["frames"]]
    for level, number in enumerate(document["levels"]):
        wanted = next((i for i, one in enumerate(at) if one is not None and one >= level), None)
        if number != wanted:
            yield "at gdb's level %d, py-locals is of frame %s instead of %s" % (
                level,
                number,
                wanted,
            )
    if None not in document["levels"]:
        yield "no C frame without a Python frame above it was looked at"


# ---- gdb's own ------------------------------------------------------------------------------------

BT_LINE = re.compile(r"^(?:#\d+ +)?(?:0x[0-9a-f]+ in )?(\S+) \((.*)\) at \S+\.py:\d+$")


def of_bt(truth: Json, text: str) -> Iterator[str]:
    found: List[Tuple[str, str, Pairs]] = []
    for line in text.split("\n"):
        match = BT_LINE.match(line)
        if match:
            found.append((match.group(1).rsplit(".", 1)[-1], match.group(2), []))
        elif line.startswith("        ") and found:
            name, _, value = line.strip().partition(" = ")
            found[-1][2].append((name, value))
    if [one[0] for one in found[1:]] != [scope["name"] for scope in truth["scopes"]]:
        yield "frames: %s" % [one[0] for one in found]
        return
    for scope, (name, arguments, pairs) in zip(truth["scopes"], found[1:]):
        for one in compare_pairs(scope, pairs, False):
            yield "%s: %s" % (name, one)
        # A value may contain what looks like the next one: each is cut off where it must end.
        rest = arguments
        for i, argument in enumerate(scope["arguments"]):
            start = ", " * (i > 0) + argument + "="
            expected = scope["values"][argument]
            end = (
                rest.find(", %s=" % scope["arguments"][i + 1])
                if i + 1 < len(scope["arguments"])
                else len(rest)
            )
            if not rest.startswith(start) or not same(expected, rest[len(start) : end]):
                yield "%s: arguments %.200a: %s should be %.200a" % (name, rest, argument, expected)
                break
            rest = rest[end:]
        if not scope["arguments"] and arguments:
            yield "%s has no arguments, not %a" % (name, arguments)


MI_VARIABLE = re.compile(r'\{((?:[\w-]+="(?:[^"\\]|\\.)*",?)+)\}')


def mi_variables(text: str) -> List[Dict[str, str]]:
    return [
        {key: mi_text(value) for key, value in MI_RESULT.findall(one)}
        for one in MI_VARIABLE.findall(text)
    ]


def mi_lines(text: str) -> List[str]:
    return [line for line in text.split("\n") if line.startswith("^done,")]


def of_mi_args(truth: Json, text: str) -> Iterator[str]:
    lines = mi_lines(text)
    if len(lines) != 1:
        yield "not one line: %.300s" % text
        return
    frames = lines[0].split("frame={")[2:]
    if len(frames) != len(truth["scopes"]):
        yield "%d frames" % len(frames)
    for scope, frame in zip(truth["scopes"], frames):
        pairs: Pairs = [(one["name"], one["value"]) for one in mi_variables(frame)]
        for one in compare_pairs(scope, pairs, True):
            yield "%s: %s" % (scope["name"], one)


def of_py_mi(truth: Json, text: str) -> Iterator[str]:
    lines = mi_lines(text)[1:]
    if len(lines) != len(truth["scopes"]):
        yield "%d frames: %.300s" % (len(lines), text)
    for i, (scope, line) in enumerate(zip(truth["scopes"], lines)):
        if not line.startswith('^done,level="%d"' % (i + 1)):
            yield "level: %.100s" % line
        variables = mi_variables(line)
        pairs: Pairs = [(one["name"], one.get("value")) for one in variables]
        found = list(compare_pairs(scope, pairs, None))
        arguments = [one["name"] for one in variables if one.get("arg") == "1"]
        if arguments != scope["arguments"]:
            found.append('arg="1" of %s' % arguments)
        yield from ("%s: %s" % (scope["name"], one) for one in found)


def wrong_children(value: str, children: Pairs) -> bool:
    """Of a list, tuple or dict whose text can be read back."""
    if "[...]" in value:
        return False
    try:
        parsed = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return False
    if isinstance(parsed, dict):
        expected = [["[%r]" % (key,), repr(one)] for key, one in parsed.items()]
    elif isinstance(parsed, (list, tuple)):
        expected = [["[%d]" % i, repr(one)] for i, one in enumerate(parsed)]
    else:
        expected = []
    return [list(one) for one in children] != expected


def of_dap(truth: Json, text: str) -> Iterator[str]:
    by_name = {one["frame"].rsplit(".", 1)[-1]: one["scopes"] for one in json.loads(text)}
    for scope in truth["scopes"]:
        name = scope["name"]
        scopes = by_name.get(name)
        if scopes is None:
            yield "%s is missing: %s" % (name, sorted(by_name))
            continue
        for key, arguments in (("Arguments", True), ("Locals", False)):
            pairs: Pairs = [(one[0], one[1]) for one in scopes.get(key, [])]
            for one in compare_pairs(scope, pairs, arguments):
                yield "%s: %s: %s" % (name, key, one)
            for variable, value, children in scopes.get(key, []):
                if wrong_children(value, children):
                    yield "%s: %s: children of %s: %.300a" % (name, key, variable, children)


FORMS: Dict[str, Callable[[Json, str], Iterator[str]]] = {
    "commands": of_commands,
    "bt": of_bt,
    "mi-args": of_mi_args,
    "py-mi": of_py_mi,
    "dap": of_dap,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare variables with the target's truth.")
    parser.add_argument("form", choices=sorted(FORMS))
    parser.add_argument("truth")
    parser.add_argument("output")
    parser.add_argument("--part", type=int, help="of OUTPUT, which lines of --- separate")
    options = parser.parse_args()
    with open(options.truth, encoding="utf-8") as file:
        truth = json.load(file)
    with open(options.output, encoding="utf-8", errors="surrogateescape") as file:
        text = file.read()
    if options.part is not None:
        text = text.split("---\n")[options.part]
    try:
        problems = list(FORMS[options.form](truth, text))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        problems = ["not what was expected: %r: %.300s" % (error, text)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
