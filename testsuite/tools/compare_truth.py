#!/usr/bin/env python3
"""Compares what pywalk printed with what the target said about itself.

    compare_truth.py [OPTIONS] TRUTH OUTPUT

TRUTH is written by testsuite/programs/truth.py.  OUTPUT is from `pywalk dump --json`, or from gdb, where
`py-mixed-bt --json` prints thread objects between other text.  Prints the first difference of each thread
and ends with status 1; prints nothing and ends with 0 when all agrees.
"""

import argparse
import json
import re
import sys
from typing import Any, Dict, List, Optional, Set

Json = Dict[str, Any]

# Which C functions call a Python function that the truth marks as "called_by".  A compiler may inline any of
# them away; one that is there must be in its place.
CALLERS = {
    "getattr": r"slot_tp_getattr_hook",
    "ctypes": r"_CallPythonObject|closure_fcn",
    "del": r"slot_tp_finalize|slot_tp_del",
    "re.sub": r"pattern_subx",
    "reduce": r"_?functools_reduce",
    "map": r"map_next",
    "sorted": r"list_?sort(_impl)?",
    "json": r"_parse_object_(unicode|str)",
    "property": r"property_descr_get",
}
SUFFIX = r"(\.(cold|part|constprop|isra|lto_priv)[.\d]*)*"
EVAL = {
    2: re.compile(r"PyEval_EvalFrameEx" + SUFFIX + "$"),
    3: re.compile(r"(_PyEval_EvalFrameDefault|_TAIL_CALL_\w+)" + SUFFIX + "$"),
}


class Difference(Exception):
    pass


def shown(value: Optional[str], is_bytes: bool) -> Optional[str]:
    """What pywalk must print for a name: what UTF-8 cannot hold, and NUL, as backslash escapes."""
    if value is None:
        return None
    if is_bytes:
        value = value.encode("latin-1").decode("utf-8", "backslashreplace")
    return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def find_documents(text: str) -> List[Any]:
    """All JSON objects and arrays that begin a line, whatever is around them."""
    decoder = json.JSONDecoder()
    found = []
    position = 0
    for match in re.finditer(r"^[\[{]", text, re.MULTILINE):
        if match.start() < position:
            continue
        try:
            document, position = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        if isinstance(document, dict) or (document and isinstance(document[0], dict)):
            found.append(document)
    return found


def find_threads(documents: List[Any]) -> List[Json]:
    threads: List[Json] = []
    for document in documents:
        if isinstance(document, list):
            threads += document
        elif "threads" in document:
            threads += document["threads"]
        elif "frames" in document:
            threads.append(document)
    return threads


def describe(frame: Optional[Json]) -> str:
    if frame is None:
        return "nothing"
    name = frame.get("qualname") or frame.get("name")
    return "%s at %s:%s" % (ascii(name), ascii(frame.get("file")), frame.get("line"))


class Comparison:
    def __init__(self, truth: Json, options: argparse.Namespace) -> None:
        self.truth = truth
        self.options = options
        self.version = tuple(int(n) for n in truth["version"].split("."))
        self.eval = EVAL[min(self.version[0], 3)]

    def thread(self, expected: Json, got: Json) -> None:
        """Raises Difference."""
        if "name" in expected and not self.options.no_names and not self.options.salvaged:
            name = shown(expected["name"], self.truth["bytes"])
            if got.get("name") != name:
                raise Difference("its name is %a instead of %a" % (got.get("name"), name))
        self.frames(expected["frames"], [f for f in got["frames"] if f["kind"] == "python"])
        natives = [f for f in got["frames"] if f["kind"] == "native"]
        if self.options.native:
            if not natives:
                raise Difference("it has no native frame")
            # What DWARF knows to be inlined is no frame of the stack.
            frames = [f for f in got["frames"] if not f.get("inlined")]
            self.proofs(frames)
            self.grouping(frames)
            if self.options.symbols:
                self.symbols(frames)
                self.callers(expected["frames"], frames)
        reason = got["end"]["reason"]
        if self.options.salvaged:
            return
        if reason not in self.options.end.split(","):
            raise Difference(
                "end.reason is %s instead of %s (%s)" % (reason, self.options.end, got["end"])
            )

    def salvaged_frames(self, expected: List[Json], got: List[Json]) -> None:
        """Some of the frames, in their order; what of a frame is lost may be unknown."""
        at = 0
        for have in got:
            while at < len(expected) and not self.may_be(expected[at], have):
                at += 1
            if at == len(expected):
                raise Difference("%s is not a frame of it, or not in its place" % describe(have))
            at += 1

    def may_be(self, want: Json, have: Json) -> bool:
        for key in ("name", "file", "line"):
            value = want[key] if key == "line" else shown(want[key], self.truth["bytes"])
            if have.get(key) is not None and have[key] != value:
                return False
        return True

    def frames(self, expected: List[Json], got: List[Json]) -> None:
        if self.options.salvaged:
            self.salvaged_frames(expected, got)
            return
        is_bytes = self.truth["bytes"]
        for i in range(max(len(expected), len(got))):
            want = expected[i] if i < len(expected) else None
            have = got[i] if i < len(got) else None
            if self.options.down_to and want and want["name"] == self.options.down_to:
                return
            if want is None or have is None:
                raise Difference(
                    "Python frame %d of %d is %s instead of %s"
                    % (i, len(expected), describe(have), describe(want))
                )
            keys = ["name", "file", "line"]
            if want.get("qualname") is not None:
                keys.append("qualname")
            damaged = want["name"] == self.options.damaged
            for key in keys:
                value = want[key]
                if have.get(key) is None and damaged:
                    continue
                if key != "line":
                    value = shown(value, is_bytes)
                if have.get(key) != value:
                    raise Difference(
                        "%s of Python frame %d is %a instead of %a (%s instead of %s)"
                        % (key, i, have.get(key), value, describe(have), describe(want))
                    )

    def proofs(self, frames: List[Json]) -> None:
        allowed = ("address",) if self.version >= (3, 10) else ("pointer", "order")
        if self.options.proved:
            allowed = allowed[:1]
        number = -1
        for frame in frames:
            if frame["kind"] != "python":
                continue
            number += 1
            if frame.get("proof") not in allowed:
                raise Difference(
                    "proof of Python frame %d (%s) is %a instead of %s"
                    % (number, describe(frame), frame.get("proof"), " or ".join(allowed))
                )

    def grouping(self, frames: List[Json]) -> None:
        """Python frames come in groups, each right before a native frame; up to 3.10 they come one by one."""
        for i, frame in enumerate(frames):
            if frame["kind"] != "python":
                continue
            if i + 1 == len(frames):
                raise Difference("the last frame is a Python frame, %s" % describe(frame))
            if self.version < (3, 11) and frames[i + 1]["kind"] == "python":
                raise Difference(
                    "%s and %s share one C frame" % (describe(frame), describe(frames[i + 1]))
                )

    def symbols(self, frames: List[Json]) -> None:
        """A group ends at an evaluation frame, and each evaluation frame ends a group."""
        for i, frame in enumerate(frames):
            if frame["kind"] != "native":
                continue
            is_eval = bool(self.eval.match(frame.get("symbol") or ""))
            after_python = i > 0 and frames[i - 1]["kind"] == "python"
            if after_python and not is_eval:
                raise Difference(
                    "%s stands before %s, which is no evaluation frame"
                    % (describe(frames[i - 1]), frame.get("symbol") or frame.get("pc"))
                )
            if is_eval and not after_python:
                raise Difference("frame %d, %s, has no Python frame" % (i, frame["symbol"]))

    def callers(self, expected: List[Json], frames: List[Json]) -> None:
        """C functions that call Python functions stand right below what they called."""
        if not any("called_by" in frame for frame in expected):
            return
        number = -1
        for frame in frames:
            if frame["kind"] == "python":
                number += 1
                continue
            symbol = re.sub(SUFFIX + "$", "", frame.get("symbol") or "")
            for mark, pattern in CALLERS.items():
                if not re.match("(" + pattern + ")$", symbol):
                    continue
                called = expected[number] if 0 <= number < len(expected) else None
                if called is None or called.get("called_by") != mark:
                    raise Difference(
                        "%s stands below %s, which it did not call" % (symbol, describe(called))
                    )

    def process(self, document: Json) -> None:
        """The parts of a whole dump that are not threads."""
        if document.get("schema") != "pywalk-dump/1":
            raise Difference("schema is %a" % document.get("schema"))
        process = document["process"]
        if process["pid"] != self.truth["pid"] and not (
            self.options.salvaged and process["pid"] is None
        ):
            raise Difference(
                "process.pid is %s instead of %s" % (process["pid"], self.truth["pid"])
            )
        version = process["python"]["version"]
        known = self.truth["version"]
        # The patch level may stand in what is lost.
        cut = self.options.salvaged and version == ".".join(known.split(".")[:2])
        if version != known and not cut:
            raise Difference(
                "python.version is %s instead of %s" % (version, self.truth["version"])
            )
        build = process["python"]["build"]
        for flag, key in (("debug", "debug"), ("free-threaded", "free_threaded")):
            if (flag in build) != self.truth[key] and not self.options.salvaged:
                raise Difference("python.build is %s" % build)
        mains = [i for i in document["interpreters"] if i["main"]]
        if len(mains) != 1 and not self.options.salvaged:
            raise Difference("%d interpreters are the main one" % len(mains))
        count = max([1] + [t.get("interpreters", 1) for t in self.truth["threads"]])
        if len(document["interpreters"]) != count and not self.options.salvaged:
            raise Difference(
                "%d interpreters instead of %d" % (len(document["interpreters"]), count)
            )

    def gil(self, threads: List[Json]) -> None:
        holders = [t["tid"] for t in threads if t.get("holds_gil")]
        wanted = (
            [] if self.truth["gil"] is None or self.truth["free_threaded"] else [self.truth["gil"]]
        )
        if holders != wanted and not (self.truth["gil"] and not holders and self.options.gil_maybe):
            raise Difference("the GIL is held by %s instead of %s" % (holders, wanted))


ADDRESS = re.compile("0x[0-9a-f]+$")


def form(value: Any) -> Any:
    """What is the same for values between which the schema makes no difference: numbers of one sign, addresses."""
    if isinstance(value, str):
        return "0x" if ADDRESS.match(value) else value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return type(value), (value > 0) - (value < 0)
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def without_repeats(thread: Json, seen: Set[Any]) -> Json:
    """The thread with those frames only that are of another form than all before: validating takes its time."""
    frames = []
    for frame in thread["frames"]:
        one = tuple((key, form(value)) for key, value in frame.items())
        if one not in seen:
            seen.add(one)
            frames.append(frame)
    return {**thread, "frames": frames}


def validate(documents: List[Any], path: str) -> None:
    import jsonschema  # type: ignore

    with open(path) as file:
        schema = json.load(file)
    thread_schema = {k: v for k, v in schema.items() if k in ("$schema", "$defs", "definitions")}
    thread_schema.update(schema["properties"]["threads"]["items"])
    seen: Set[Any] = set()
    for document in documents:
        try:
            if isinstance(document, dict) and "schema" in document:
                threads = [without_repeats(one, seen) for one in document["threads"]]
                jsonschema.validate({**document, "threads": threads}, schema)
            else:
                for thread in find_threads([document]):
                    jsonschema.validate(without_repeats(thread, seen), thread_schema)
        except jsonschema.ValidationError as error:
            place = "/".join(str(p) for p in error.absolute_path)
            raise Difference("schema: %s: %s" % (place, error.message)) from None


def compare(options: argparse.Namespace) -> List[str]:
    with open(options.truth) as file:
        truth = json.load(file)
    with open(options.output, encoding="utf-8", errors="surrogateescape") as file:
        documents = find_documents(file.read())
    comparison = Comparison(truth, options)
    got = {t["tid"]: t for t in find_threads(documents) if t["frames"] or not options.native}
    problems = []
    try:
        if not documents:
            raise Difference("no JSON in the output")
        if options.schema:
            validate(documents, options.schema)
        for document in documents:
            if isinstance(document, dict) and "process" in document:
                comparison.process(document)
                if not options.down_to and not options.salvaged:
                    comparison.gil(list(got.values()))
    except Difference as difference:
        problems.append(str(difference))
    compared = 0
    for thread in truth["threads"]:
        tid = thread["tid"]
        if tid not in got:
            if not options.some_threads and not options.salvaged:
                problems.append("thread %d (%a) is missing" % (tid, thread["name"]))
            continue
        compared += 1
        try:
            comparison.thread(thread, got[tid])
        except Difference as difference:
            problems.append("thread %d: %s" % (tid, difference))
    if not compared and not options.salvaged:
        problems.append("no thread of the truth is in the output")
    known = {t["tid"] for t in truth["threads"]}
    for tid, thread in got.items():
        if tid is None and options.salvaged:
            continue  # the core lacks its notes, and the thread's own number too
        if tid not in known and any(f["kind"] == "python" for f in thread["frames"]):
            problems.append("thread %s is not in the truth" % tid)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Compare pywalk's JSON with the target's own truth."
    )
    parser.add_argument("truth")
    parser.add_argument("output")
    parser.add_argument(
        "--native", action="store_true", help="native frames, proofs, interleaving are checked"
    )
    parser.add_argument(
        "--symbols", action="store_true", help="the interpreter has symbols: check with them"
    )
    parser.add_argument(
        "--proved", action="store_true", help="with --native: the order of frames is no proof"
    )
    parser.add_argument("--schema", help="JSON Schema of the output")
    parser.add_argument("--some-threads", action="store_true", help="the output may lack threads")
    parser.add_argument("--no-names", action="store_true", help="do not compare the threads' names")
    parser.add_argument(
        "--end", default="complete", help="accepted end.reason values, comma-separated"
    )
    parser.add_argument(
        "--down-to", metavar="NAME", help="compare only frames newer than the function NAME"
    )
    parser.add_argument(
        "--damaged", metavar="NAME", help="the function NAME may lack names and lines"
    )
    parser.add_argument(
        "--salvaged", action="store_true", help="what is shown must be true, all may be missing"
    )
    parser.add_argument(
        "--gil-maybe", action="store_true", help="nobody may hold the GIL for a moment"
    )
    problems = compare(parser.parse_args())
    for problem in problems[:5]:
        print(problem)
    if len(problems) > 5:
        print("... and %d more" % (len(problems) - 5))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
