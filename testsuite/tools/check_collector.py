#!/usr/bin/env python3
"""Sends profiles to an OpenTelemetry Collector, and compares what arrives with what make_profile put into them.

    check_collector.py COLLECTOR PYWALK FOLDER CASE...

COLLECTOR is the program that fetch-consumers built; FOLDER has CASE.pywalk and CASE.txt, and gets the Collector's
configuration and log.  Prints what differs; status 1 if something does.
"""

import os
import re
import socket
import subprocess
import sys
import time
from typing import Counter, Dict, List, Set

import known_profiles
from check_consumers import Different, expect

READY = "Everything is ready"
SECONDS = 60
CONFIGURATION = """\
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:%d"}}}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {profiles: {receivers: [otlp], exporters: [debug]}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Collector:
    def __init__(self, program: str, folder: str) -> None:
        self.port = free_port()
        self.path = os.path.join(folder, "collector.log")
        configuration = os.path.join(folder, "collector.yaml")
        with open(configuration, "w") as file:
            file.write(CONFIGURATION % self.port)
        command = [program, "--feature-gates", "service.profilesSupport", "--config"]
        with open(self.path, "w") as log:
            self.process = subprocess.Popen([*command, configuration], stdout=log, stderr=log)

    def __enter__(self) -> "Collector":
        self.wait(READY)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, what: str, start: int = 0) -> str:
        """What it wrote behind `start`, as soon as this is in it."""
        text = ""
        for _ in range(SECONDS * 20):
            with open(self.path, encoding="utf-8", errors="replace") as file:
                text = file.read()[start:]
            if what in text:
                return text
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise Different("the Collector did not write %r: %s" % (what, text[-300:]))

    def send(self, pywalk: str, recording: str) -> str:
        """What it says of this recording."""
        start = len(self.wait(READY))
        url = "http://127.0.0.1:%d" % self.port
        done = subprocess.run(
            [pywalk, "report", recording, "-o", url],
            env={**os.environ, "no_proxy": "*"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        expect(
            done.returncode == 0 and not done.stderr,
            "pywalk report: status %d: %s" % (done.returncode, done.stderr),
        )
        # The last thing that the exporter writes of a batch is what it is itself.
        return self.wait('\n\t{"resource"', start)


def weights(said: str) -> Dict[int, int]:
    """Nanoseconds of each thread, by its id."""
    found: Counter[int] = Counter()
    values = 0
    for line in said.splitlines():
        if line.startswith("        Values: ["):
            values = sum(map(int, re.findall(r"\d+", line)))
        tid = re.match(r" +-> thread\.id: Int\((\d+)\)$", line)
        if tid:
            found[int(tid.group(1))] += values
    return dict(found)


def check(said: str, samples: List[known_profiles.Sample], case: str) -> None:
    truth: Counter[int] = Counter()
    names: Set[str] = set()
    for thread, weight, stack in samples:
        tid = re.search(r"\(tid (\d+)\)$", known_profiles.NAMES[case][thread])
        truth[int(tid.group(1)) if tid else 0] += weight
        names.update(stack)
    found = weights(said)
    expect(found == dict(truth), "nanoseconds of threads: %s, not %s" % (found, dict(truth)))
    missing = names - set(re.findall(r"^    (.*)$", said, re.MULTILINE))
    expect(not missing, "no names %s" % sorted(missing)[:5])


def main() -> int:
    program, pywalk, folder = sys.argv[1:4]
    try:
        with Collector(program, folder) as collector:
            for case in sys.argv[4:]:
                path = os.path.join(folder, case)
                samples = known_profiles.samples(case, path + ".txt")
                said = collector.send(pywalk, path + ".pywalk")
                check(said, samples, case)
                try:
                    check(said, samples[1:], case)
                except Different:
                    continue
                raise Different("%s: one sample less is not noticed" % case)
    except (Different, subprocess.TimeoutExpired) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
