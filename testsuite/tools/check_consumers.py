#!/usr/bin/env python3
"""Lets a program that others made read a profile, and compares what it says with what make_profile
put into the recording.

    check_consumers.py CONSUMERS CASE PRINTED CONSUMER FILE

CONSUMERS is the folder that fetch-consumers filled; CONSUMER is speedscope, profiler_cli or inferno.
Status 1 and what differs, if something does.
"""

import html
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Counter, Dict, List

import known_profiles
from known_profiles import MS

TOOLS = os.path.dirname(os.path.abspath(__file__))


class Different(Exception):
    pass


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise Different(what)


def run(command: List[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def speedscope(folder: str, case: str, samples: List[known_profiles.Sample], path: str) -> None:
    """Its schema; check_profile.py does the sums."""
    modules = os.path.join(folder, "npm/speedscope/node_modules")
    done = run(["node", os.path.join(TOOLS, "check_schema.cjs"), path], NODE_PATH=modules)
    expect(done.returncode == 0, "ajv: %s%s" % (done.stdout, done.stderr))


def without_place(name: str) -> str:
    """The function of "function (file.py:12)", the name of "name (tid 12)"."""
    return re.sub(r" \([^()]*\)$", "", name)


def inferno(folder: str, case: str, samples: List[known_profiles.Sample], path: str) -> None:
    """How many samples each function has, by the titles of the flame graph's boxes."""
    flamegraph = os.path.join(folder, "bin/inferno-flamegraph")
    done = run([flamegraph, "--minwidth", "0", path])
    if not samples:
        expect("No stack counts found" in done.stderr, "not empty: %s" % done.stderr)
        return
    expect(done.returncode == 0, "status %d: %s" % (done.returncode, done.stderr))
    expect("gnored" not in done.stderr, done.stderr)
    total = re.search(r'total_samples="([0-9]+)"', done.stdout)
    expect(total is not None, "no total_samples")
    assert total is not None
    expect(int(total.group(1)) == len(samples), "total_samples=%s" % total.group(1))
    found: Counter[str] = Counter()
    for title in re.findall(r"<title>([^<]*)</title>", done.stdout):
        match = re.match(r"(.*) \(([0-9,]+) samples?, [0-9.]+%\)$", html.unescape(title), re.S)
        expect(match is not None, "title %r" % title)
        assert match is not None
        found[without_place(match.group(1))] += int(match.group(2).replace(",", ""))
    if case not in ("usual", "family", "large"):
        return  # names are escaped or cut there
    truth: Counter[str] = Counter({"all": len(samples)})
    for thread, _, stack in samples:
        truth.update(stack)
        truth[without_place(known_profiles.NAMES[case][thread])] += 1
    # Of several processes each has a box; what is within is compared.
    found = Counter({k: n for k, n in found.items() if not k.startswith("process ")})
    for name in set(found) | set(truth):
        counts = found[name], truth[name]
        expect(counts[0] == counts[1], "%r has %d samples, not %d" % (name, *counts))


class Daemon:
    """profiler-cli's: whatever happens, it is stopped."""

    def __init__(self, folder: str, path: str) -> None:
        self.program = os.path.join(folder, "bin/profiler-cli")
        self.sessions = tempfile.TemporaryDirectory()
        self.path = path

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_: object) -> None:
        self.call("stop", "--all")
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)
        self.sessions.cleanup()

    def left(self) -> List[int]:
        """Daemons of ours: one that was slow to start is not known to `stop`."""
        mark = b"PROFILER_CLI_SESSION_DIR=" + os.fsencode(self.sessions.name)
        found = []
        for entry in os.listdir("/proc"):
            try:
                with open("/proc/%s/environ" % entry, "rb") as file:
                    if entry.isdigit() and mark in file.read().split(b"\0"):
                        found.append(int(entry))
            except OSError:
                pass  # gone, or somebody else's
        return found

    def load(self) -> None:
        """It gives its daemon half a second to start, which a busy machine does not have."""
        for _ in range(10):
            done = self.call("load", self.path)
            if "did not become ready" not in done.stderr:
                break
            time.sleep(2)
            self.call("stop", "--all")
        expect(done.returncode == 0, "load: %s%s" % (done.stdout, done.stderr))

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return run([self.program, *arguments], PROFILER_CLI_SESSION_DIR=self.sessions.name)

    def ask(self, *arguments: str) -> Dict[str, Any]:
        done = self.call(*arguments, "--json")
        expect(done.returncode == 0, "%s: %s" % (arguments, done.stdout + done.stderr))
        answer: Dict[str, Any] = json.loads(done.stdout)
        return answer


def check_functions(
    answer: Dict[str, Any], stacks: Counter[known_profiles.Stack], thread: str
) -> None:
    """Own time and all time of each function name, in milliseconds.  Functions of one name are
    several; where one calls the other, the time of both is not that of the name."""
    own: Counter[str] = Counter()
    every: Counter[str] = Counter()
    found_own: Counter[str] = Counter()
    found_every: Counter[str] = Counter()
    for stack, weight in stacks.items():
        if stack:
            own[stack[-1]] += weight
        for name in set(stack):
            every[name] += weight
    for function in answer["functions"]:
        found_own[function["name"]] += round(function["selfSamples"] * MS)
        found_every[function["name"]] = max(
            found_every[function["name"]], round(function["totalSamples"] * MS)
        )
    for what, found, truth in (("own", found_own, own), ("all", found_every, every)):
        for name in set(found) | set(truth):
            expect(
                found[name] == truth[name],
                "thread %r: %s time of %r is %d ns, not %d"
                % (thread, what, name[:80], found[name], truth[name]),
            )


def profiler_cli(folder: str, case: str, samples: List[known_profiles.Sample], path: str) -> None:
    truth = known_profiles.threads(case, samples)
    with Daemon(folder, path) as daemon:
        daemon.load()
        threads = daemon.ask("thread", "list")["threads"]
        names = [thread["name"] for thread in threads]
        if not truth:
            expect(names == ["no samples (tid 0)"], "threads %s" % names)
            return
        hidden = case == "large"  # it lists the busiest
        expect(hidden or sorted(names) == sorted(truth), "threads %s" % names)
        for thread in threads[:3]:
            answer = daemon.ask(
                *("thread", "functions", "--include-idle", "--limit", "0"),
                *("--thread", thread["threadHandle"]),
            )
            check_functions(answer, truth[thread["name"]], thread["name"])


CONSUMERS = {"speedscope": speedscope, "profiler_cli": profiler_cli, "inferno": inferno}


def main() -> int:
    folder, case, printed, consumer, path = sys.argv[1:6]
    samples = known_profiles.samples(case, printed)
    try:
        CONSUMERS[consumer](folder, case, samples, path)
    except (Different, KeyError, subprocess.TimeoutExpired, ValueError) as error:
        print("%s, %s: %s: %s" % (consumer, case, type(error).__name__, str(error)[:500]))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
