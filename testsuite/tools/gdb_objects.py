"""Sourced by gdb: `look-at-objects READY OUTPUT` asks for the objects of objects.py in all ways that there are.

JSON: {"objects": {name: {"json", "text"}} by py-object, "print", "raw", "hex": {variable: text},
"backtrace": the line of the C function, "visualizer": {variable: [[name, text]]} as DAP asks,
"mi": {variable: text of -var-list-children}, "errors": {expression: what py-object says},
"elements": {variable: text} with `set print elements 4`, "disabled": text}.
"""

import json
from typing import Any, Dict, List, Tuple

import gdb

Json = Dict[str, Any]

VARIABLES = (
    "self",
    "list",
    "text",
    "type",
    "mine",
    "null",
    "garbage",
    "unreadable",
    "other",
    "array",
)
ERRORS = (
    "garbage",
    "unreadable",
    "null",
    "0",
    "3.5",
    "&plain",
    "no_such_thing",
    "--no-such-option",
    "",
)


def execute(command: str) -> str:
    return (gdb.execute(command, to_string=True) or "").rstrip("\n")


def mi(command: str) -> str:
    return execute(f'interpreter-exec mi "{command}"')


def printed(command: str, variable: str) -> str:
    return execute(f"{command} {variable}").split(" = ", 1)[-1]


def visualized(variable: str) -> List[Tuple[str, str]]:
    """In the order in which DAP asks: whether there are children, the text, the children."""
    printer: Any = gdb.default_visualizer(gdb.parse_and_eval(variable))
    if printer is None or not hasattr(printer, "children"):
        return []
    printer.to_string()
    if hasattr(gdb, "ValuePrinter"):
        found = [printer.child(i) for i in range(printer.num_children())]
    else:
        found = list(printer.children())
    return [(name, value.format_string()) for name, value in found]


def error(expression: str) -> str:
    try:
        return "no error: " + execute(f"py-object {expression}")
    except gdb.error as problem:
        return str(problem)


class LookAtObjects(gdb.Command):
    def __init__(self) -> None:
        super().__init__("look-at-objects", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        ready, output = gdb.string_to_argv(argument)
        with open(ready + ".objects") as file:
            objects = json.load(file)
        # Values alone, before anything else has looked at threads.
        found: Json = {"first": execute(f"py-object {next(iter(objects.values()))['address']}")}
        found["objects"] = {
            name: {
                "json": json.loads(execute(f"py-object --json {about['address']}")),
                "text": execute(f"py-object {about['address']}"),
            }
            for name, about in objects.items()
        }
        execute("frame function probe")
        for key, command in (("print", "print"), ("raw", "print/r"), ("hex", "print/x")):
            found[key] = {one: printed(command, one) for one in VARIABLES}
        found["fields"] = printed("print", "*list")
        found["cast"] = printed("print", "(struct holder *) list")
        lines = execute("backtrace -no-filters").split("\n")
        found["backtrace"] = next((line for line in lines if " probe (" in line), "")
        found["visualizer"] = {one: visualized(one) for one in VARIABLES}
        mi("-enable-pretty-printing")
        found["mi"] = {}
        for one in VARIABLES:
            mi(f"-var-create v * {one}")
            found["mi"][one] = mi("-var-list-children --all-values v")
            mi("-var-delete v")
        found["variables"] = mi("-stack-list-variables --all-values")
        found["errors"] = {one: error(one) for one in ERRORS}
        execute("set print elements 2")
        found["elements"] = {one: printed("print", one) for one in ("list", "text")}
        found["parts"] = execute("py-object list")
        execute("set print elements 200")
        execute("set print max-depth 1")
        found["depth"] = error(str(objects["deep"]["address"]))
        execute("set print max-depth 20")
        found["listed"] = execute("info pretty-printer global pywalk")
        execute("disable pretty-printer global pywalk;object")
        found["disabled"] = printed("print", "list")
        with open(output, "w") as out:
            json.dump(found, out)


LookAtObjects()
