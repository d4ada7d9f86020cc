#!/usr/bin/env python3
"""Takes JSON of `pywalk dump` apart, so that each dump can be compared with its own target's truth.

    unpack_dumps.py [--inner] SCHEMA OUTPUT FOLDER

OUTPUT is a pywalk-dumps/1 object, checked against SCHEMA, or a pywalk-dump/1 object.  Each dump becomes
FOLDER/N.json, N from 0 on.  With --inner the targets are processes that live in a pid namespace of their own: both
numbers of each process and thread are compared with what /proc says, and in the files only the inner ones are left,
which are those that the targets know.  Prints a line for each dump, "PID PARENT", or "-" for what is not there, then
"error TARGET" for each error.
"""

import argparse
import json
import os
import sys
from typing import Any, Dict, List

Json = Dict[str, Any]


def check_wrapper(document: Json, path: str) -> None:
    import jsonschema  # type: ignore

    folder = os.path.dirname(path)
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    with open(os.path.join(folder, "pywalk-dump.schema.json"), encoding="utf-8") as file:
        one = json.load(file)
    items = schema["properties"]["dumps"]["items"]
    if items != {"$ref": one["$id"]}:
        sys.exit("the schema's dumps are %s instead of %s" % (items, one["$id"]))
    # References across files need a registry, which old jsonschema lacks.
    schema["properties"]["dumps"]["items"] = {}
    jsonschema.validators.validator_for(schema).check_schema(schema)
    jsonschema.validate(document, schema)
    for dump in document["dumps"]:
        jsonschema.validate(dump, one)


def numbers(path: str) -> List[int]:
    """The numbers of a task in its namespaces, the outermost first."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("NSpid:"):
                return [int(word) for word in line.split()[1:]]
    return []


def go_inside(dump: Json) -> None:
    process = dump["process"]
    pid = process["pid"]
    wanted = numbers("/proc/%d/status" % pid)
    if len(wanted) < 2 or process.get("ns_pid") != wanted[-1]:
        sys.exit("process %d: ns_pid %s, NSpid %s" % (pid, process.get("ns_pid"), wanted))
    for thread in dump["threads"]:
        tid = thread["tid"]
        wanted = numbers("/proc/%d/task/%d/status" % (pid, tid))
        if thread.get("ns_tid") != wanted[-1]:
            sys.exit("thread %d: ns_tid %s, NSpid %s" % (tid, thread.get("ns_tid"), wanted))
        thread["tid"] = thread.pop("ns_tid")
    process["pid"] = process.pop("ns_pid")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("schema")
    parser.add_argument("output")
    parser.add_argument("folder")
    options = parser.parse_args()
    with open(options.output, encoding="utf-8", errors="surrogateescape") as file:
        document = json.load(file)
    if document["schema"] == "pywalk-dumps/1":
        check_wrapper(document, options.schema)
    else:
        document = {"dumps": [document], "errors": []}
    for number, dump in enumerate(document["dumps"]):
        process = dump["process"]
        print(process["pid"], process.get("parent_pid", "-"))
        if options.inner:
            go_inside(dump)
        path = os.path.join(options.folder, "%d.json" % number)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump(dump, file)
    for error in document["errors"]:
        print("error", error["target"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
