"""Compares what gdb_objects.py or dap_objects.py has seen with what objects.py says of its objects.

compare_objects.py gdb|dap READY OUTPUT
"""

import json
import re
import sys
from typing import Any, Dict, List, Sequence

Json = Dict[str, Any]

HANDED = ("self", "list", "text", "type", "mine")
#: What is more than one line of 200 items and 200 characters.
CUT = {
    "long": r"\[0, 1, .*, 199, \.\.\. 100 more\]$",
    "words": r"u?'x{200}'\.\.\. \(5000 characters\)$",
    "many": r"<__main__\.Plain object at 0x[0-9a-f]+: (a\d\d\d=\d+, ){149}a\d\d\d=\d+>$",
}
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


class Wrong(List[str]):
    def check(self, what: str, good: bool, got: object) -> None:
        if not good:
            self.append(f"{what}: {got}")


def is_text(name: str, about: Json, text: str) -> bool:
    if name in CUT:
        return re.match(CUT[name], text) is not None
    return text == str(about["text"])


def compare_parts(wrong: Wrong, what: str, about: Json, parts: Sequence[Sequence[str]]) -> None:
    names = [name for name, _ in parts]
    if about["parts"]:
        wrong.check(f"{what}: parts", sorted(names) == sorted(about["parts"]), names)
    for name, text in parts:
        wanted = about["parts"].get(name)
        wrong.check(f"{what}: part {name}", wanted is None or text == wanted, f"{text}, {wanted}")


def compare_object(wrong: Wrong, name: str, about: Json, got: Json) -> None:
    told = got["json"]
    wrong.check(f"{name}: address", int(told["address"], 16) == about["address"], told["address"])
    wrong.check(f"{name}: type", told["type"].split(".")[-1] == about["type"], told["type"])
    wrong.check(f"{name}: value", is_text(name, about, told["value"]), told["value"])
    parts = [(one["name"], one["value"]) for one in told["parts"]]
    if len(about["parts"]) <= 200:
        wrong.check(f"{name}: part_count", told["part_count"] == len(parts), told["part_count"])
        compare_parts(wrong, name, about, parts)
    else:
        wrong.check(f"{name}: parts", len(parts) == 200 and told["part_count"] == 300, len(parts))
    if about.get("count") == "immortal":
        wrong.check(f"{name}: immortal", told["immortal"] and told["refcount"] is None, told)
    # Everybody counts None.
    elif "count" in about and name != "none":
        good = not told["immortal"] and told["refcount"] == about["count"]
        wrong.check(f"{name}: refcount {told['refcount']}", good, about["count"])
    lines = got["text"].split("\n")
    wrong.check(f"{name}: text", lines[0] == told["value"], lines[0])
    for name_of_part, text in parts:
        line = f"  {name_of_part} = {text}"
        wrong.check(f"{name}: line of {name_of_part}", line in lines, lines)
    wrong.check(f"{name}: escapes", not STEERING.search(got["text"]), got["text"])


def compare_printed(wrong: Wrong, objects: Json, got: Json) -> None:
    for name in HANDED:
        about = objects[name]
        pointer = f"{about['address']:#x}"
        wrong.check(f"print {name}", got["print"][name] == about["text"], got["print"][name])
        raw = re.sub(r" <\w+>$", "", got["raw"][name])
        wrong.check(f"print/r {name}", raw.endswith(pointer), raw)
        wrong.check(f"print/x {name}", got["hex"][name] == pointer, got["hex"][name])
        compare_parts(wrong, f"visualizer of {name}", about, got["visualizer"][name])
        for part in about["parts"]:
            wrong.check(
                f"MI: {part} of {name}", f'exp="{part}"' in got["mi"][name], got["mi"][name]
            )
    for name in ("self", "list"):
        for part, text in objects[name]["parts"].items():
            told = f'exp="{part}",numchild="0",value="{text}"'
            wrong.check(f"MI: value of {part}", told in got["mi"][name], got["mi"][name])
    for name in ("null", "other", "array"):
        good = re.search(r"0x[0-9a-f]+$", got["print"][name]) is not None
        wrong.check(f"print {name}", good and not got["visualizer"][name], got["print"][name])
    for name in ("garbage", "unreadable"):
        good = re.match(r"<object at 0x[0-9a-f]+: .*>$", got["print"][name]) is not None
        wrong.check(f"print {name}", good and not got["visualizer"][name], got["print"][name])
    frame = got["backtrace"]
    for name in ("self", "list", "mine"):
        wrong.check(f"bt: {name}", f"{name}={objects[name]['text']}" in frame, frame)
    wrong.check("bt: one line", "probe.c" in frame and not STEERING.search(frame), frame)
    told = '{name="list",arg="1",value="' + objects["list"]["text"] + '"}'
    wrong.check("-stack-list-variables", told in got["variables"], got["variables"])
    wrong.check("print *list", "ob_item = 0x" in got["fields"], got["fields"])
    wrong.check("print of another structure", got["cast"] == objects["list"]["text"], got["cast"])


def compare_gdb(wrong: Wrong, objects: Json, got: Json) -> None:
    for name, about in objects.items():
        compare_object(wrong, name, about, got["objects"][name])
    compare_printed(wrong, objects, got)
    first = next(iter(objects.values()))
    wrong.check("the first py-object", got["first"].split("\n")[0] == first["text"], got["first"])
    for expression, message in got["errors"].items():
        good = message.startswith(
            ("No object at 0x", "Neither an address", "No symbol", "Unrec", "Argument")
        )
        wrong.check(f"py-object {expression}", good, message)
    shown = got["elements"]["list"]
    wrong.check("set print elements", shown.endswith("... 1 more]"), shown)
    shown = got["elements"]["text"]
    wrong.check("set print elements", shown.endswith("'... (11 characters)"), shown)
    wrong.check("set print elements", got["parts"].endswith("\n  ... 1 more"), got["parts"])
    shown = got["depth"].split("\n")[0]
    wrong.check("set print max-depth", "[[... 1 more]]" in shown and "deep" not in shown, shown)
    wrong.check(
        "info pretty-printer",
        "pywalk" in got["listed"] and "object" in got["listed"],
        got["listed"],
    )
    pointer = f"{objects['list']['address']:#x}"
    wrong.check("disable pretty-printer", got["disabled"].endswith(pointer), got["disabled"])


def compare_dap(wrong: Wrong, objects: Json, got: Json) -> None:
    for name in HANDED:
        about = objects[name]
        told = got.get(name, {"value": "not there", "children": []})
        wrong.check(f"value of {name}", told["value"] == about["text"], told["value"])
        compare_parts(wrong, name, about, told["children"])


def main() -> None:
    form, ready, output = sys.argv[1:4]
    with open(ready + ".objects") as file:
        objects = json.load(file)
    with open(output) as file:
        got = json.load(file)
    wrong = Wrong()
    {"gdb": compare_gdb, "dap": compare_dap}[form](wrong, objects, got)
    if len(objects) < 18:
        wrong.append(f"only {len(objects)} objects")
    if wrong:
        sys.exit(f"{len(wrong)} differences, the first: " + "\n".join(wrong))


if __name__ == "__main__":
    main()
