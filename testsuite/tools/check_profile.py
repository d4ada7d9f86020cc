#!/usr/bin/env python3
"""Compares a profile in one of pywalk's formats with what make_profile put into the recording.

    check_profile.py CASE PRINTED FORMAT FILE [SCHEMA]

CASE is make_profile's, PRINTED what it wrote to standard error.  Status 1 and what differs, if
something does.  SCHEMA: of jsonl.
"""

import json
import sys
from decimal import Decimal
from typing import Any, Callable, Counter, Dict, List, Tuple

import known_profiles
from known_profiles import PROCESSES, Stack, Threads


class Different(Exception):
    pass


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise Different(what)


def shorter(stack: Stack) -> str:
    text = ";".join(stack)
    return repr(text if len(text) < 200 else text[:200] + "...")


def compare(found: Threads, truth: Threads) -> None:
    expect(sorted(found) == sorted(truth), "threads %s, not %s" % (sorted(found), sorted(truth)))
    for name, stacks in truth.items():
        for stack in set(stacks) | set(found[name]):
            weights = found[name][stack], stacks[stack]
            expect(
                weights[0] == weights[1],
                "thread %r: %d ns, not %d, of %s" % (name, *weights, shorter(stack)),
            )


def without_process(case: str, name: str) -> str:
    """Thread names begin with the process when there are several."""
    if len(PROCESSES[case]) > 1:
        for pid, what in PROCESSES[case].items():
            start = "process %d (%s): " % (pid, what)
            if name.startswith(start):
                return name[len(start) :]
        raise Different("no process in %r" % name)
    return name


def no_nulls(value: Any, where: str) -> None:
    expect(value is not None, "null in " + where)
    if isinstance(value, dict):
        for key, one in value.items():
            no_nulls(one, where + "/" + key)


def read_speedscope(case: str, text: str, samples: int) -> Threads:
    file = json.loads(text)
    frames = file["shared"]["frames"]
    found: Threads = {}
    no_nulls({**file, "profiles": 0, "shared": 0}, "file")
    for frame in frames:
        no_nulls(frame, "frame")
    count = 0
    for profile in file["profiles"]:
        expect(profile["type"] == "sampled" and profile["unit"] == "nanoseconds", "unit, type")
        expect(len(profile["samples"]) == len(profile["weights"]), "as many weights as samples")
        total = sum(profile["weights"])
        expect(profile["endValue"] - profile["startValue"] == total, "the end is the sum")
        counter = found.setdefault(without_process(case, profile["name"]), Counter())
        cache: Dict[Tuple[int, ...], Stack] = {}
        for indexes, weight in zip(profile["samples"], profile["weights"]):
            key = tuple(indexes)
            if key not in cache:
                expect(all(0 <= i < len(frames) for i in key), "a frame that is not there")
                cache[key] = tuple(frames[i]["name"] for i in key)
            counter[cache[key]] += weight
        count += len(profile["samples"])
    expect(count == samples, "%d samples, not %d" % (count, samples))
    return found


def nanoseconds(number: Any, unit: int) -> int:
    value = Decimal(number) * unit
    expect(value == int(value), "a fraction of a nanosecond: %s" % number)
    return int(value)


def chrome_names(case: str, events: List[Any]) -> Dict[Tuple[int, int], str]:
    names = {}
    processes = {}
    for event in events:
        if event["ph"] == "M" and event["name"] == "thread_name":
            names[event["pid"], event["tid"]] = event["args"]["name"]
        elif event["ph"] == "M" and event["name"] == "process_name":
            processes[event["pid"]] = event["args"]["name"]
    expect(processes == PROCESSES[case], "processes %s" % processes)
    return names


def read_chrome(case: str, text: str, samples: int) -> Threads:
    events = json.loads(text, parse_float=Decimal)["traceEvents"]
    names = chrome_names(case, events)
    found: Threads = {name: Counter() for name in names.values()}
    open_spans: Dict[Tuple[int, int], List[str]] = {}
    last: Dict[Tuple[int, int], int] = {}
    counters = 0
    for event in events:
        if event["ph"] == "C":
            counters += 1
            time = nanoseconds(event["ts"], 1000)
            bytes_now = event["args"]["bytes"]
            expect(bytes_now == 50000000 + time % 4096, "%s bytes at %s" % (bytes_now, time))
        if event["ph"] not in "BE":
            continue
        key = event["pid"], event["tid"]
        stack = open_spans.setdefault(key, [])
        time = nanoseconds(event["ts"], 1000)
        expect(time >= last.get(key, 0), "%s goes back in time" % event)
        if stack and time > last[key]:
            found[names[key]][tuple(stack)] += time - last[key]
        last[key] = time
        if event["ph"] == "B":
            expect(event["cat"] in ("python", "native", "gap"), "category of %s" % event)
            stack.append(event["name"])
        else:
            expect(bool(stack) and stack[-1] == event["name"], "%s ends something else" % event)
            stack.pop()
    expect(not any(open_spans.values()), "spans that do not end")
    expect((counters > 0) == (samples > 0), "%d counters" % counters)
    return found


def check_columns(thread: Any) -> None:
    for name, table in thread.items():
        if isinstance(table, dict):
            for key, column in table.items():
                if isinstance(column, list):
                    expect(len(column) == table["length"], "length of %s/%s" % (name, key))
    stacks, strings = thread["stackTable"], thread["stringArray"]
    for i, prefix in enumerate(stacks["prefix"]):
        expect(prefix is None or 0 <= prefix < i, "stack %d is called by %s" % (i, prefix))
    expect(len(set(strings)) == len(strings), "strings twice")
    expect(all(0 <= i < len(strings) for i in thread["funcTable"]["name"]), "a name's string")


def gecko_stacks(thread: Any) -> List[Stack]:
    stacks, frames, funcs = thread["stackTable"], thread["frameTable"], thread["funcTable"]
    names: List[str] = [
        thread["stringArray"][funcs["name"][frames["func"][i]]] for i in stacks["frame"]
    ]
    used = set(thread["samples"]["stack"]) - {None}
    result: List[Stack] = [()] * stacks["length"]
    for i in used:
        stack = []
        at = i
        while at is not None:
            stack.append(names[at])
            at = stacks["prefix"][at]
        result[i] = tuple(reversed(stack))
    return result


def read_gecko(case: str, text: str, samples: int) -> Threads:
    file = json.loads(text, parse_float=Decimal)
    kinds = [c["name"] for c in file["meta"]["categories"]]
    expect(kinds[:3] == ["Python", "Native", "Gap"], "categories %s" % kinds)
    found: Threads = {}
    count = 0
    for thread in file["threads"]:
        check_columns(thread)
        table = thread["samples"]
        expect(table["weightType"] == "tracing-ms", "type of weight")
        count += table["length"]
        if not samples:
            continue
        stacks = gecko_stacks(thread)
        counter = found.setdefault(thread["name"], Counter())
        what = PROCESSES[case][int(thread["pid"])]
        expect(thread["processName"] == "process %s (%s)" % (thread["pid"], what), "process")
        for stack, weight in zip(table["stack"], table["weight"]):
            counter[() if stack is None else stacks[stack]] += nanoseconds(weight, 1000000)
    expect(len(file["threads"]) > 0, "no thread")
    expect(count == samples, "%d samples, not %d" % (count, samples))
    return found


def check_schema(lines: List[Any]) -> None:
    """Of large ones the beginning and the end."""
    import jsonschema  # type: ignore

    with open(sys.argv[5], encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.Draft202012Validator(schema)
    for line in lines if len(lines) < 3000 else lines[:500] + lines[-500:]:
        for error in validator.iter_errors(line):
            raise Different("schema: %s in %s" % (error.message, str(line)[:200]))


def read_jsonl(case: str, text: str, samples: int) -> Threads:
    expect(text.endswith("\n"), "the last line has no end")
    lines = [json.loads(line) for line in text[:-1].split("\n")]
    check_schema(lines)
    for line in lines:
        no_nulls(line, "line")
    expect(lines[0]["type"] == "profile" and lines[-1]["type"] == "end", "first, last line")
    names: List[str] = []
    frames: List[str] = []
    stacks: List[Tuple[int, int]] = [(0, 0)]
    sums: Counter[Tuple[int, int]] = Counter()
    commands = {}
    for line in lines:
        kind = line["type"]
        if kind == "process":
            commands[line["pid"]] = line.get("command", line.get("executable"))
        elif kind == "thread":
            expect(line["id"] == len(names), "a thread's id")
            name = line.get("name", line.get("kernel_name"))
            names.append("%s (tid %d)" % (name, line["tid"]))
        elif kind == "frame":
            expect(line["id"] == len(frames), "a frame's id")
            frames.append(line["name"])
        elif kind == "stack":
            expect(line["id"] == len(stacks), "a stack's id")
            stacks.append((line.get("caller", 0), line["frame"]))
        elif kind == "sample":
            sums[line["thread"], line.get("stack", 0)] += line["weight_ns"]
    count = sum(line["type"] == "sample" for line in lines)
    expect(count == samples == lines[-1]["samples"], "%d samples, not %d" % (count, samples))
    expect(lines[-1]["weight_ns"] == sum(sums.values()), "sum of the end")
    expect(commands == PROCESSES[case], "processes %s" % commands)
    found: Threads = {name: Counter() for name in names}
    for (thread, at), weight in sums.items():
        stack = []
        while at:
            expect(stacks[at][0] < at, "a stack that calls itself")
            stack.append(frames[stacks[at][1]])
            at = stacks[at][0]
        found[names[thread]][tuple(reversed(stack))] += weight
    return found


READERS: Dict[str, Callable[[str, str, int], Threads]] = {
    "speedscope": read_speedscope,
    "chrome": read_chrome,
    "gecko": read_gecko,
    "jsonl": read_jsonl,
}


def main() -> int:
    case, printed, form, path = sys.argv[1:5]
    samples = known_profiles.samples(case, printed)
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    try:
        found = READERS[form](case, text, len(samples))
        compare(found, known_profiles.threads(case, samples))
    except (Different, KeyError, IndexError, ValueError) as error:
        print("%s of %s: %s: %s" % (form, case, type(error).__name__, error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
