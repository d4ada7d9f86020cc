"""Checks JSON that comes on stdin; prints what is wrong with it, nothing when all is well.

    check_json.py [--schema FILE [--definition NAME]] [--expect EXPRESSION] [--define NAME=INTEGER]...

NAME is the part of the schema that is meant.  The expression is Python, with `found` for what was read, and must be true.
"""

import argparse
import json
import sys
from typing import Any, Dict, List

import jsonschema  # type: ignore[import]


def problems(options: argparse.Namespace, text: str) -> List[str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        return [f"no JSON: {error}: {text[:500]}"]
    wrong: List[str] = []
    if options.schema:
        with open(options.schema) as file:
            schema = json.load(file)
        if options.definition:
            # A name that is not there would let everything pass.
            schema["definitions"][options.definition]
            schema["$ref"] = "#/definitions/" + options.definition
        jsonschema.Draft7Validator.check_schema(schema)
        checker = jsonschema.Draft7Validator(schema)
        wrong += [f"{list(one.path)}: {one.message}" for one in checker.iter_errors(found)]
    names: Dict[str, Any] = {"found": found}
    for definition in options.define:
        name, value = definition.split("=")
        names[name] = int(value)
    if options.expect and not eval(options.expect, names):
        wrong.append(f"not so: {options.expect}: {text[:2000]}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schema")
    parser.add_argument("--definition")
    parser.add_argument("--expect")
    parser.add_argument("--define", action="append", default=[])
    print("\n".join(problems(parser.parse_args(), sys.stdin.read())))


if __name__ == "__main__":
    main()
