#!/usr/bin/env python3
"""Compares a profile in another format with what is known of it.

    compare_profile.py FORMAT FILE (--truth TRUTH | --total SAMPLES NANOSECONDS) [--depth FRAMES]

FORMAT: pprof        FILE is what `go tool pprof -raw` printed
        pprof-top    what `go tool pprof -sample_index=samples -nodefraction=0 -top` printed
        igprof       a dump, which has to follow igprof's grammar to the letter
        igprof-calls what `igprof-analyse -d -v -g -c` printed: callers and callees balance
        otlp         an ExportProfilesServiceRequest; needs the package opentelemetry-proto
TRUTH: make_profile's standard error.  Exit status: 0 equal, 1 not (what differs is printed).
"""

import argparse
import importlib
import re
import sys
from collections import Counter, defaultdict
from typing import Any, Dict, Iterator, List, NoReturn, Optional, Set, Tuple

# Oldest first, without arguments; of which thread, where it is known: its number, from 0.
Stack = Tuple[Optional[int], Tuple[str, ...]]


class Profile:
    """Samples and nanoseconds by stack."""

    def __init__(self) -> None:
        self.samples: Dict[Stack, int] = Counter()
        self.weights: Dict[Stack, int] = Counter()

    def add(self, thread: Optional[int], names: Tuple[str, ...], samples: int, weight: int) -> None:
        self.samples[thread, names] += samples
        self.weights[thread, names] += weight

    def without_threads(self) -> "Profile":
        result = Profile()
        for thread_and_names, samples in self.samples.items():
            weight = self.weights[thread_and_names]
            result.add(None, thread_and_names[1], samples, weight)
        return result

    def depth(self) -> int:
        return max((len(names) for _, names in self.samples), default=0)


def fail(text: str) -> NoReturn:
    print(text)
    sys.exit(1)


def expect(condition: Any, text: str) -> None:
    if not condition:
        fail(text)


def read_text(path: str) -> str:
    # newline: a carriage return is no end of a line.
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def read_truth(path: str) -> Profile:
    profile = Profile()
    for line in read_text(path).splitlines():
        thread, weight, names = line.split(" ", 2)
        profile.add(int(thread), tuple(names.split(";")) if names else (), 1, int(weight))
    return profile


def number_threads(profile: Profile) -> Profile:
    """Thread ids become numbers, as make_profile counts them."""
    ids = sorted({thread for thread, _ in profile.samples if thread is not None})
    result = Profile()
    for (thread, names), samples in profile.samples.items():
        number = None if thread is None else ids.index(thread)
        result.add(number, names, samples, profile.weights[thread, names])
    return result


# ---- pprof ---------------------------------------------------------------------------------------

RAW_LOCATION = re.compile(r"\s*(\d+): 0x0 (M=\d+ )?(.*) (\S*):(\d+):0 s=(\d+)(\(.*\))?")
RAW_SAMPLE = re.compile(r"\s+(\d+) +(\d+): ([\d ]*)")


def read_pprof(path: str) -> Profile:
    head, _, rest = read_text(path).partition("\nSamples:\nsamples/count wall/nanoseconds\n")
    samples, found, tables = rest.partition("Locations\n")
    expect(found, "no samples/count and wall/nanoseconds, or no locations")
    expect("PeriodType: wall nanoseconds\nPeriod: 10000000\n" in head, "another period")
    names: Dict[str, str] = {}
    for line in tables.partition("Mappings\n")[0].splitlines():
        match = RAW_LOCATION.fullmatch(line)
        expect(match, f"no location: {line}")
        names[match[1]] = match[3]  # type: ignore[index]
    profile = Profile()
    pending: Optional["re.Match[str]"] = None
    for line in samples.splitlines():
        match = RAW_SAMPLE.fullmatch(line)
        if match:
            pending = match
            continue
        thread = re.search(r"\btid:\[(\d+)\]", line)
        if thread and pending:
            stack = tuple(names[i] for i in reversed(pending[3].split()))
            profile.add(int(thread[1]), stack, int(pending[1]), int(pending[2]))
            pending = None
    expect(not pending, "a sample without a thread")
    return number_threads(profile)


def check_pprof_top(path: str, truth: Profile) -> None:
    """pprof's own sums, a function at a time."""
    own: Dict[str, int] = Counter()
    total: Dict[str, int] = Counter()
    for (_, names), samples in truth.samples.items():
        own[names[-1]] += samples
        for name in set(names):
            total[name] += samples
    text = read_text(path)
    said = re.search(r"Total samples = (\d+)", text)
    expect(said, "no total")
    everything = sum(truth.samples.values())
    expect(said and int(said[1]) == everything, f"{said and said[1]} samples, not {everything}")
    rows = re.findall(r"^ +(\d+) +\S+% +\S+% +(\d+) +\S+%  (.*)$", text, re.M)
    expect({name for _, _, name in rows} == set(total), f"other functions: {rows}")
    for flat, cumulative, name in rows:
        expect(int(flat) == own[name], f"{name}: {flat} samples of its own, not {own[name]}")
        expect(int(cumulative) == total[name], f"{name}: {cumulative} samples, not {total[name]}")


# ---- igprof --------------------------------------------------------------------------------------

HEADER = re.compile(r"P=\((HEX )?ID=(\d+) N=\(([^)\n]*)\) T=(\d+\.\d+)\)")
NODE = re.compile(
    r"C(?P<depth>\d+) FN(?P<id>\d+)"
    r"(=\(F(?P<file>\d+)(=\((?P<path>[^)\n]*)\))?\+\d+ N=\((?P<name>[^)\n]*)\)\))?\+\d+"
    r"(?P<counter> V0(?P<defined>=\(PERF_TICKS\))?:\((?P<ticks>\d+),(?P<value>\d+),(?P<peak>\d+)\))?"
)


def igprof_name(match: "re.Match[str]", path: str, names: List[str], files: List[str]) -> str:
    """The name of the node's symbol, which is defined at its first use, as its file is."""
    number = int(match["id"])
    if match["name"] is None:
        expect(number < len(names), f"{path}: FN{number} before its definition")
        return names[number]
    expect(number == len(names), f"{path}: FN{number} defined as number {len(names)}")
    file = int(match["file"])
    if match["path"] is None:
        expect(file < len(files), f"{path}: F{file} before its definition")
    else:
        expect(file == len(files), f"{path}: F{file} defined as number {len(files)}")
        files.append(match["path"])
    name = match["name"]
    kind, _, of_file = files[file].partition(":")
    expect(kind in ("python", "native", "gap"), f"{path}: a file {files[file]}")
    if kind == "python" and of_file:
        expect(name.endswith(f" [{of_file}]"), f"{path}: {name} is in {files[file]}")
        name = name[: -len(of_file) - 3]
    names.append(name)
    return name


def read_igprof(path: str) -> Profile:
    text = read_text(path)
    expect(text.endswith("\n"), "the last line has no end")
    expect("\r" not in text, "a carriage return")
    header, *lines = text[:-1].split("\n")
    match = HEADER.fullmatch(header)
    expect(match and not match[1], f"no header: {header}")
    tick = float(match[4])  # type: ignore[index]
    names: List[str] = []
    files: List[str] = []
    stack: List[str] = []
    counters = 0
    profile = Profile()
    expect(lines, "no node at all")
    for number, line in enumerate(lines, 2):
        node = NODE.fullmatch(line)
        if not node:
            fail(f"line {number} is no node: {line[:200]}")
        depth = int(node["depth"])
        expect(1 <= depth <= len(stack) + 1, f"line {number}: depth {depth} below {len(stack)}")
        name = igprof_name(node, f"line {number}", names, files)
        del stack[depth - 1 :]
        stack.append(name)
        if node["counter"]:
            expect(bool(node["defined"]) == (counters == 0), f"line {number}: PERF_TICKS")
            expect(node["value"] == node["peak"], f"line {number}: value and peak")
            counters += 1
            weight = round(int(node["value"]) * tick * 1e9)
            profile.add(None, tuple(stack), int(node["ticks"]), weight)
    expect(counters, "no counter at all")
    return profile


CALLS_MAIN = re.compile(r"\[(\d+)\] +[\d.]+ +([\d.]+) +([\d.]+) / ([\d.]+) +(\d+) +(.*)")
CALLS_ROW = re.compile(r" +[\d.]+  \.+ +([\d.]+) / ([\d.]+) +(\d+) / (\d+) +(.*) \[(\d+)\]")


def check_balance(block: List[str]) -> Tuple[str, float, int]:
    """A function of the call tree, those that call it above it, and below it those that it calls.
    Gives its name, seconds and calls."""
    before: List["re.Match[str]"] = []
    after: List["re.Match[str]"] = []
    main: Optional["re.Match[str]"] = None
    for line in block:
        row, head = CALLS_ROW.fullmatch(line), CALLS_MAIN.fullmatch(line)
        expect(row or (head and not main), f"no row: {line}")
        if row:
            (after if main else before).append(row)
        main = main or head
    if not main:
        fail(f"no function: {block}")
    seconds, own, children, calls = float(main[2]), float(main[3]), float(main[4]), int(main[5])
    name = main[6]
    near = 0.006 * (len(block) + 2)  # two decimals are printed
    called = sum(float(row[1]) for row in before)
    calling = sum(float(row[1]) for row in after)
    expect(abs(own + children - seconds) < near, f"{name}: {own} + {children} is not {seconds}")
    expect(abs(calling - children) < near, f"{name}: those it calls {calling}, not {children}")
    if name != "<spontaneous>":
        expect(abs(called - seconds) < near, f"{name}: its callers {called}, not {seconds}")
        expect(sum(int(row[3]) for row in before) == calls, f"{name}: its callers' calls")
    return name, seconds, calls


def check_igprof_calls(path: str, samples: int, weight: int) -> None:
    text = read_text(path).replace("'000", "000")
    tree = re.sub(r"(\d)'(\d{3})\b", r"\1\2", text.partition("Call tree profile")[2])
    blocks = re.split(r"^(?:- )+-? ?$\n?", tree, flags=re.M)[1:]
    balanced = {}
    for block in blocks:
        lines = [line for line in block.splitlines() if line and not line.startswith("Rank")]
        if lines:
            name, seconds, calls = check_balance(lines)
            balanced[name] = (seconds, calls)
    expect("<spontaneous>" in balanced, f"no <spontaneous> in {list(balanced)}")
    seconds, calls = balanced["<spontaneous>"]
    expect(calls == samples, f"{calls} samples, not {samples}")
    expect(abs(seconds - weight / 1e9) < 0.006, f"{seconds} s, not {weight / 1e9}")


# ---- OTLP ----------------------------------------------------------------------------------------


def check_tables(d: Any) -> None:
    """Zero values first; every index in range."""
    tables = ["mapping", "location", "function", "link", "string", "attribute", "stack"]
    sizes = {name: len(getattr(d, name + "_table")) for name in tables}
    for name in tables:
        expect(sizes[name], f"{name}_table is empty")
        first = getattr(d, name + "_table")[0]
        if name == "link":
            expect(first.trace_id == bytes(16) and first.span_id == bytes(8), "link_table[0]")
        else:
            expect(
                first == (type(first)() if name != "string" else ""), f"{name}_table[0]: {first}"
            )
    expect(len(set(d.string_table)) == sizes["string"], "a string is there twice")
    attributes = [a.SerializeToString() for a in d.attribute_table]
    expect(len(set(attributes)) == len(attributes), "an attribute is there twice")

    def inside(name: str, index: int) -> None:
        expect(0 <= index < sizes[name], f"{name} {index} of {sizes[name]}")

    for mapping in d.mapping_table:
        inside("string", mapping.filename_strindex)
    for function in d.function_table:
        inside("string", function.name_strindex)
        inside("string", function.filename_strindex)
    for function in d.function_table[1:]:
        expect(function.name_strindex, "a function without a name")
    for attribute in d.attribute_table[1:]:
        inside("string", attribute.key_strindex)
        inside("string", attribute.unit_strindex)
        expect(attribute.key_strindex, "an attribute without a key")
        expect(attribute.value.WhichOneof("value"), "an attribute without a value")
    for location in d.location_table[1:]:
        inside("mapping", location.mapping_index)
        expect(len(location.lines) == 1, "a location is one line")
        inside("function", location.lines[0].function_index)
        expect(location.lines[0].function_index, "a line without a function")
        for index in location.attribute_indices:
            inside("attribute", index)
    for stack in d.stack_table:
        for index in stack.location_indices:
            inside("location", index)
            expect(index, "a stack with location 0")


def attributes_of(d: Any, indices: Any) -> Dict[str, Any]:
    result: Dict[str, Any] = {}
    for index in indices:
        expect(0 < index < len(d.attribute_table), f"attribute {index}")
        attribute = d.attribute_table[index]
        key = d.string_table[attribute.key_strindex]
        expect(key not in result, f"{key} twice")
        result[key] = getattr(attribute.value, attribute.value.WhichOneof("value"))
    return result


def otlp_profiles(request: Any) -> Iterator[Tuple[int, Any]]:
    for resource in request.resource_profiles:
        keys = {pair.key: pair.value for pair in resource.resource.attributes}
        expect("process.pid" in keys, f"a process without a pid: {list(keys)}")
        for scope in resource.scope_profiles:
            expect(scope.scope.name == "pywalk", f"the scope is {scope.scope.name}")
            for profile in scope.profiles:
                yield keys["process.pid"].int_value, profile


def read_otlp(path: str) -> Profile:
    # Nothing that is installed where this is checked.
    service = importlib.import_module(
        "opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2"
    )
    request = service.ExportProfilesServiceRequest()
    with open(path, "rb") as file:
        content = file.read()
    expect(request.ParseFromString(content) == len(content), "not all of it is a request")
    d = request.dictionary
    check_tables(d)
    names = [d.string_table[function.name_strindex] for function in d.function_table]
    of_location = [
        names[place.lines[0].function_index] if place.lines else "" for place in d.location_table
    ]
    stacks = [tuple(of_location[i] for i in reversed(s.location_indices)) for s in d.stack_table]
    result = Profile()
    by_process: Dict[int, Set[int]] = defaultdict(set)
    for pid, profile in otlp_profiles(request):
        kind = (profile.sample_type.type_strindex, profile.sample_type.unit_strindex)
        expect([d.string_table[i] for i in kind] == ["wall", "nanoseconds"], f"type {kind}")
        attributes_of(d, profile.attribute_indices)
        end = profile.time_unix_nano + profile.duration_nano
        for sample in profile.samples:
            times = sample.timestamps_unix_nano
            expect(len(times) == len(sample.values) > 0, "times and values")
            expect(all(profile.time_unix_nano <= t < end for t in times), "a time outside")
            expect(0 <= sample.stack_index < len(stacks), f"stack {sample.stack_index}")
            thread = attributes_of(d, sample.attribute_indices)["thread.id"]
            by_process[thread].add(pid)
            result.add(thread, stacks[sample.stack_index], len(times), sum(sample.values))
    expect(all(len(pids) == 1 for pids in by_process.values()), "a thread of two processes")
    return number_threads(result)


# ---- the whole -----------------------------------------------------------------------------------


def differences(found: Profile, truth: Profile) -> Iterator[str]:
    for key in sorted(set(found.samples) | set(truth.samples), key=str):
        if found.samples[key] != truth.samples[key]:
            yield f"{key}: {found.samples[key]} samples, not {truth.samples[key]}"
        elif found.weights[key] != truth.weights[key]:
            yield f"{key}: {found.weights[key]} ns, not {truth.weights[key]}"


READERS = {"pprof": read_pprof, "igprof": read_igprof, "otlp": read_otlp}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("format", choices=[*READERS, "pprof-top", "igprof-calls"])
    parser.add_argument("file")
    parser.add_argument("--truth")
    parser.add_argument("--total", nargs=2, type=int, default=[0, 0])
    parser.add_argument("--depth", type=int)
    arguments = parser.parse_args()
    truth = read_truth(arguments.truth) if arguments.truth else None
    samples, weight = arguments.total
    if truth:
        samples, weight = sum(truth.samples.values()), sum(truth.weights.values())
    if arguments.format == "pprof-top":
        expect(truth, "pprof-top needs the truth")
        check_pprof_top(arguments.file, truth or Profile())
        return
    if arguments.format == "igprof-calls":
        check_igprof_calls(arguments.file, samples, weight)
        return
    found = READERS[arguments.format](arguments.file)
    if truth:
        if arguments.format == "igprof":
            truth = truth.without_threads()
        for text in differences(found, truth):
            fail(text)
    total = (sum(found.samples.values()), sum(found.weights.values()))
    expect(
        total == (samples, weight), f"{total[0]} samples, {total[1]} ns; not {samples}, {weight}"
    )
    if arguments.depth is not None:
        expect(found.depth() == arguments.depth, f"depth {found.depth()}, not {arguments.depth}")


if __name__ == "__main__":
    main()
