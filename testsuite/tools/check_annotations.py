#!/usr/bin/env python3
"""Whether what `pywalk watch` printed is what a CI system reads as a problem of a file.

    check_annotations.py SYSTEM FILE SKIP OUT ERR

The annotation is to be of FILE without its first SKIP characters.  Each system's own way of reading is followed:
GitHub's runner (ActionCommand.cs), Azure's agent (Command.cs), TeamCity's service messages.
"""

import re
import sys
from typing import Dict, Tuple

FUNCTIONS = ("deadlock", "first_then_second", "second_then_first")


def replaced(text: str, mapping: Dict[str, str]) -> str:
    for escape, character in mapping.items():
        text = text.replace(escape, character)
    return text


def read_github(line: str) -> Tuple[str, str, str]:
    """file, line and text"""
    assert line.startswith("::error "), line
    head, text = line[2:].split("::", 1)
    properties = dict(p.split("=", 1) for p in head.split(" ", 1)[1].split(","))
    mapping = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    return (
        replaced(properties["file"], mapping),
        properties["line"],
        replaced(text, {"%0D": "\r", "%0A": "\n", "%25": "%"}),
    )


def read_azure(line: str) -> Tuple[str, str, str]:
    assert line.startswith("##vso[task.logissue "), line
    head, text = line[len("##vso[") :].split("]", 1)
    properties = dict(p.split("=", 1) for p in head.split(" ", 1)[1].split(";") if p)
    assert properties["type"] == "error", properties
    mapping = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%AZP25": "%"}
    return (
        replaced(properties["sourcepath"], mapping),
        properties["linenumber"],
        replaced(text, mapping),
    )


def read_teamcity(line: str) -> Tuple[str, str, str]:
    assert line.startswith("##teamcity[message ") and line.endswith("]"), line
    rest = line[len("##teamcity[message ") : -1]
    attributes = {}
    while rest:
        match = re.match(r"(\w+)='((?:[^'|\[\]\r\n]|\|0x[0-9A-F]{4}|\|[nrxlp'|\[\]])*)' ?", rest)
        assert match, rest
        assert match.group(0).isascii(), rest
        attributes[match.group(1)] = match.group(2)
        rest = rest[match.end() :]
    assert attributes["status"] == "ERROR", attributes

    def character(match: "re.Match[str]") -> str:
        code = match.group(1)
        if code.startswith("0x"):
            return chr(int(code, 16))
        return {"n": "\n", "r": "\r"}.get(code, code)

    def plain(text: str) -> str:
        text = re.sub(r"\|(0x....|.)", character, text)
        return text.encode("utf-16", "surrogatepass").decode("utf-16")

    where = plain(attributes["text"]).split(" s: ", 1)[1]
    name, line_number = where.rsplit(":", 1)
    return name, line_number, plain(attributes["errorDetails"])


def check_gitlab(err: str) -> None:
    begin = re.search(
        "^\033\\[0Ksection_start:(\\d+):(\\w+)\\[collapsed=true\\]\r\033\\[0K.+$", err, re.M
    )
    assert begin, err
    end = re.search(f"^\033\\[0Ksection_end:(\\d+):{begin.group(2)}\r\033\\[0K$", err, re.M)
    assert end and begin.end() < end.start(), err
    inside = err[begin.end() : end.start()]
    assert all(f" {name} at " in inside for name in FUNCTIONS), inside


def main() -> None:
    system, path, skip = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(sys.argv[4], encoding="utf-8", newline="") as file:
        out = file.read()
    with open(sys.argv[5], encoding="utf-8", newline="") as file:
        err = file.read()
    if system == "gitlab":
        assert out == "", out
        check_gitlab(err)
        return
    assert out[0] == "\n" and out[-1] == "\n", out
    read = {"github": read_github, "azure": read_azure, "teamcity": read_teamcity}[system]
    found = {}
    for line in out.strip("\n").split("\n"):
        name, number, text = read(line)
        assert name == path[skip:], (name, path[skip:])
        for function in FUNCTIONS:
            for place in re.findall(f": {function} at {re.escape(path)}:(\\d+)$", text, re.M):
                found[function] = place
        assert text.count("\n") and f":{number}" in text, text
    with open(path, encoding="utf-8") as file:
        source = file.read().split("\n")
    assert sorted(found) == sorted(FUNCTIONS), found
    assert "with SECOND:" in source[int(found["first_then_second"]) - 1], found
    assert "with FIRST:" in source[int(found["second_then_first"]) - 1], found
    assert "process.join()" in source[int(found["deadlock"]) - 1], found


if __name__ == "__main__":
    main()
