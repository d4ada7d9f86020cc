"""Sourced by gdb: `variables-all TRUTH FILE` asks pywalk's commands for the variables of all Python frames.

JSON: {"frames": [{"name", "locals", "args": text, "locals_json", "args_json", "paths": {path: [text, JSON]}}],
"globals": text, "globals_json", "levels": [the Python frame that py-locals shows at each of gdb's levels, or null]}.
TRUTH says which paths to ask for (programs/scopes.py).
"""

import json
from typing import Any, Dict, List, Optional

import gdb

Json = Dict[str, Any]
EVERYTHING = ("depth", "items", "characters", "bytes", "names")


def ask(command: str) -> str:
    """What it says; an error of gdb's is the answer too."""
    try:
        return gdb.execute(command, to_string=True).rstrip("\n")
    except gdb.error as error:
        return f"error: {error}"


def ask_json(command: str) -> Any:
    text = ask(command)
    try:
        return json.loads(text)
    except ValueError:
        return text


def frames(truth: Json) -> List[Json]:
    paths: Dict[str, List[str]] = {one["name"]: sorted(one["paths"]) for one in truth["scopes"]}
    found: List[Json] = []
    while True:
        about = ask_json(f"py-frame --json {len(found)}")
        if not isinstance(about, dict):
            return found
        ask(f"py-frame {len(found)}")
        one: Json = {"name": about["name"]}
        for command in ("locals", "args"):
            one[command] = ask(f"py-{command}")
            one[f"{command}_json"] = ask_json(f"py-{command} --json")
        one["paths"] = {
            path: [ask(f"py-print {path}"), ask_json(f"py-print --json {path}")]
            for path in paths.get(about["name"], ())
        }
        found.append(one)


def levels() -> List[Optional[int]]:
    found: List[Optional[int]] = []
    frame: Optional[gdb.Frame] = gdb.newest_frame()
    while frame is not None:
        frame.select()
        about = ask_json("py-locals --json ^$")
        found.append(about["level"] if isinstance(about, dict) else None)
        frame = frame.older()
    return found


class VariablesAll(gdb.Command):
    def __init__(self) -> None:
        super().__init__("variables-all", gdb.COMMAND_USER)

    def invoke(self, argument: str, from_tty: bool) -> None:
        truth_path, path = gdb.string_to_argv(argument)
        with open(truth_path) as file:
            truth = json.load(file)
        for kind in EVERYTHING:
            gdb.execute(f"set pywalk print-{kind} unlimited")
        found: Json = {"frames": frames(truth)}
        found["globals"] = ask("py-globals")
        found["globals_json"] = ask_json("py-globals --json")
        found["levels"] = levels()
        gdb.newest_frame().select()
        with open(path, "w") as file:
            json.dump(found, file)


VariablesAll()
