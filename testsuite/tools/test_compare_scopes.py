"""The comparison of variables must be able to fail: good output is changed in many ways, each has to be found.

    test_compare_scopes.py TRUTH COMMANDS TEXT

COMMANDS is what gdb_variables.py wrote, TEXT gdb's own output, in the parts that compare_scopes.py knows.
"""

import copy
import json
import sys
from typing import Any, Callable, Dict, List

from compare_scopes import of_bt, of_commands, of_dap, of_mi_args, of_py_mi

Json = Dict[str, Any]


def frame(document: Json, name: str) -> Json:
    found: Json = next(one for one in document["frames"] if one["name"] == name)
    return found


def variables(document: Json, name: str) -> List[Json]:
    found: List[Json] = frame(document, name)["locals_json"]["locals"]
    return found


def other_value(document: Json) -> None:
    variables(document, "inner")[0]["value"] = "6"


def other_text(document: Json) -> None:
    one = frame(document, "inner")
    one["locals"] = one["locals"].replace("mine = 16", "mine = 17")


def no_variable(document: Json) -> None:
    del variables(document, "closure")[-1]


def no_argument(document: Json) -> None:
    del frame(document, "serve")["args_json"]["arguments"][1]


def other_order(document: Json) -> None:
    frame(document, "serve")["args_json"]["arguments"].reverse()


def bound(document: Json) -> None:
    one = next(one for one in variables(document, "inner") if one["name"] == "never")
    one.update(value="1", address="0x1", type="int")


def unbound(document: Json) -> None:
    variables(document, "produce")[0].update(value=None, address=None, type=None)


def too_much(document: Json) -> None:
    variables(document, "produce").append({**variables(document, "produce")[0], "name": "extra"})


def believed(document: Json) -> None:
    one = next(one for one in variables(document, "broken") if one["name"] == "huge")
    one["value"] = "[1, 2, 3]"


def other_kind(document: Json) -> None:
    variables(document, "serve")[0]["kind"] = "local"


def other_path(document: Json) -> None:
    frame(document, "serve")["paths"]["self.text[1:4]"][0] += " "


def no_path(document: Json) -> None:
    del frame(document, "inner")["paths"]["total"]


def path_of_error(document: Json) -> None:
    frame(document, "inner")["paths"]["total"][1] = "error: No name 'total'."


def no_global(document: Json) -> None:
    del document["globals_json"]["globals"][3]


def unescaped(document: Json) -> None:
    document["globals"] = document["globals"].replace("bad\\x1b[31mname", "bad\x1b[31mname")


def other_level(document: Json) -> None:
    document["levels"][0] = 1


def no_frame(document: Json) -> None:
    del document["frames"][2]


CHANGES: List[Callable[[Json], None]] = [
    *(other_value, other_text, no_variable, no_argument, other_order, bound, unbound, too_much),
    *(believed, other_kind, other_path, no_path, path_of_error, no_global, unescaped, other_level),
    no_frame,
]
# Of gdb's own output: the part, who judges it, what is replaced.
TEXTS = [
    (1, of_bt, "mine = 16", "mine = 17"),
    (1, of_bt, "never = <unbound>", "never = 1"),
    (1, of_bt, "(own=5)", "(own=6)"),
    (1, of_bt, "(own=5)", "()"),
    (1, of_bt, "serve (self=", "serve ("),
    (2, of_mi_args, '{name="own",value="5"}', '{name="own",value="6"}'),
    (2, of_mi_args, '{name="own",value="5"}', ""),
    (3, of_py_mi, 'type="int",value="16"', 'type="int",value="17"'),
    (3, of_py_mi, '{name="never",kind="local"}', '{name="never",kind="local",value="1"}'),
    (3, of_py_mi, 'kind="argument",arg="1"', 'kind="argument"'),
]


DAP = [{"frame": "inner", "scopes": {"Arguments": [["own", "5", []]]}}]
DAP_VARIABLES = [["mine", "16", []], ["never", "<unbound>", []], ["total", "11", []]]
DAP_SHARED = ["shared", "[3, 'x']", [["[0]", "3"], ["[1]", "'x'"]]]
DAP_CHANGES = [
    ('"16"', '"17"'),
    ("<unbound>", "1"),
    ('"own"', '"other"'),
    ('"[0]", "3"', '"[0]", "4"'),
    ('"[1]"', '"[2]"'),
    ('"inner"', '"outer"'),
]


def missed_in_dap() -> List[str]:
    """What a front end shows, made here: that needs the newest gdb."""
    values = {"own": "5", "mine": "16", "total": "11", "shared": "[3, 'x']"}
    scope = {"name": "inner", "arguments": ["own"], "values": values, "patterns": {}}
    truth = {"scopes": [{**scope, "unbound": ["never"]}]}
    document = copy.deepcopy(DAP)
    document[0]["scopes"]["Locals"] = [*DAP_VARIABLES, DAP_SHARED]  # type: ignore[index]
    good = json.dumps(document)
    missed = ["DAP: %s" % one for one in of_dap(truth, good)]
    for old, new in DAP_CHANGES:
        if old not in good or not list(of_dap(truth, good.replace(old, new))):
            missed.append("%r -> %r in DAP" % (old, new))
    return missed


def main() -> int:
    truth_path, commands_path, text_path = sys.argv[1:]
    with open(truth_path, encoding="utf-8") as file:
        truth = json.load(file)
    with open(commands_path, encoding="utf-8") as file:
        good = json.load(file)
    with open(text_path, encoding="utf-8", errors="surrogateescape") as file:
        parts = file.read().split("---\n")
    missed = [str(one) for one in of_commands(truth, json.dumps(good))]
    for change in CHANGES:
        document = copy.deepcopy(good)
        change(document)
        if document == good:
            missed.append("%s changed nothing" % change.__name__)
        if not list(of_commands(truth, json.dumps(document))):
            missed.append(change.__name__)
    for part, judge, old, new in TEXTS:
        if old not in parts[part]:
            missed.append("no %r in part %d" % (old, part))
        if list(judge(truth, parts[part])):
            missed.append("part %d is not good" % part)
        if not list(judge(truth, parts[part].replace(old, new, 1))):
            missed.append("%r -> %r in part %d" % (old, new, part))
    missed += missed_in_dap()
    total = len(CHANGES) + len(TEXTS) + len(DAP_CHANGES)
    print("\n".join(missed) or "%d changes found" % total)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
