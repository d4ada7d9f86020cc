"""Stops a busy process at random moments and compares GDB's frames with pywalk's, each time.

    gdb -batch -x random_stops.py -ex "random-stops PID COUNT PYWALK FOLDER [ROOT]"

Each time the process gets SIGSTOP, pywalk dumps it, then GDB attaches, looks and detaches, then it gets SIGCONT.  Nothing
of it runs in between.  What differs is kept in FOLDER, whose core is from the last stop; compare it with core.gdb.json.
$PYWALK_SEED makes the moments repeatable as far as they can be.

The last line is "N stops, N threads, N in the vdso, N in the C++ runtime, N judged, N different".
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any, Dict, List, Tuple

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_native
import gdb_frames

Json = Dict[str, Any]
# A stop in the vdso is wanted; more than this many are not tried for it.
PATIENCE = 40


def stopped(pid: int) -> bool:
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/stat" % (pid, tid)) as file:
            if file.read().rpartition(") ")[2][0] != "T":
                return False
    return True


def wait_stopped(pid: int, seconds: float = 60) -> bool:
    """A thread that a tracer lets go is on its way back to where it was stopped for a moment."""
    end = time.monotonic() + seconds
    while not stopped(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def vdso(pid: int) -> Tuple[int, int]:
    with open("/proc/%d/maps" % pid) as file:
        for line in file:
            if line.rstrip().endswith("[vdso]"):
                low, _, high = line.split()[0].partition("-")
                return int(low, 16), int(high, 16)
    return 0, 0


class Stops:
    def __init__(self, pid: int, pywalk: str, folder: str, root: str) -> None:
        self.pid, self.pywalk, self.folder, self.root = pid, pywalk, folder, root
        self.options = compare_native.make_parser().parse_args(["--root", root])
        self.vdso = vdso(pid)
        self.counts = dict.fromkeys(("stops", "threads", "vdso", "runtime", "judged"), 0)
        self.different: List[str] = []

    def count(self, threads: List[Json]) -> bool:
        """Whether a thread is in the vdso."""
        before = self.counts["vdso"]
        self.counts["stops"] += 1
        for thread in threads:
            self.counts["threads"] += 1
            pc = thread["frames"][0]["pc"]
            self.counts["vdso"] += self.vdso[0] <= pc < self.vdso[1]
            files = {os.path.basename(f.get("file") or "") for f in thread["frames"]}
            self.counts["runtime"] += bool(files & {"libgcc_s.so.1", "libstdc++.so.6"})
        return self.counts["vdso"] > before

    def look(self, last: bool) -> Json:
        """What GDB says; the process stays stopped."""
        gdb.execute("attach %d" % self.pid, to_string=True)
        try:
            document = gdb_frames.collect()
            if last:
                self.write("core.gdb.json", document)
                if not self.root:
                    gdb.execute("gcore %s/core" % self.folder, to_string=True)
        finally:
            os.kill(self.pid, signal.SIGSTOP)
            gdb.execute("detach", to_string=True)
        wait_stopped(self.pid)
        if last and self.root:
            self.gcore_in_root()
        return document

    def gcore_in_root(self) -> None:
        """A C library there may have guard pages that only the GDB there can leave out of a core."""
        command = ["chroot", self.root, "gdb", "-nx", "-batch", "-p", str(self.pid)]
        command += ["-ex", "gcore %s/core" % self.folder]
        command += ["-ex", "shell kill -STOP %d" % self.pid]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        wait_stopped(self.pid)

    def write(self, name: str, document: Json) -> None:
        with open(os.path.join(self.folder, name), "w") as out:
            json.dump(document, out)

    def compare(self, seen: Json) -> None:
        number = self.counts["stops"]
        path = os.path.join(self.folder, "stop-%d" % number)
        with open(path + ".pywalk.json", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
        try:
            problems = compare_native.compare(seen, json.loads(text), self.options)[0]
            if problems:
                self.options.judge = path + ".eu-stack"
                with open(self.options.judge, "w") as out:
                    command = ["eu-stack", "-n", "0", "-p", str(self.pid)]
                    subprocess.run(command, stdout=out, stderr=out, check=False)
                problems, verdicts = compare_native.compare(seen, json.loads(text), self.options)
                self.counts["judged"] += len(verdicts)
                for verdict in verdicts:
                    print("judged by eu-stack, gdb is wrong: stop %d: %s" % (number, verdict))
        except ValueError as error:
            problems = ["no JSON from pywalk: %s" % error]
        finally:
            self.options.judge = None
        if problems:
            self.write("stop-%d.gdb.json" % number, seen)
            self.different += ["stop %d: %s" % (number, problem) for problem in problems]
            print("different: " + "\ndifferent: ".join(self.different[-len(problems) :]))
            self.show(seen, problems)
        else:
            os.unlink(path + ".pywalk.json")

    def show(self, seen: Json, problems: List[str]) -> None:
        """GDB's newest frames of what differs, for whom has only the log."""
        for thread in seen["threads"]:
            if not any("thread %d " % thread["tid"] in problem for problem in problems):
                continue
            for frame in compare_native.real(thread)[:16]:
                print("    gdb: %s" % compare_native.text(frame))
            print("    gdb ends: %s" % thread["end"])

    def one(self, last: bool) -> bool:
        os.kill(self.pid, signal.SIGSTOP)
        wait_stopped(self.pid)
        path = os.path.join(self.folder, "stop-%d.pywalk.json" % (self.counts["stops"] + 1))
        with open(path, "w") as out:
            command = [self.pywalk, "dump", "--json", "--native=all", str(self.pid)]
            subprocess.run(command, stdout=out, check=False)
        if not wait_stopped(self.pid):
            self.different.append("pywalk let a stopped process go on")
            print("different: " + self.different[-1])
        seen = self.look(last)
        in_vdso = self.count(seen["threads"])
        self.compare(seen)
        os.kill(self.pid, signal.SIGCONT)
        return in_vdso


class RandomStops(gdb.Command):
    """Compare GDB's frames and pywalk's at random moments.
    Usage: random-stops PID COUNT PYWALK FOLDER [ROOT]"""

    def __init__(self) -> None:
        super().__init__("random-stops", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        pid, count, pywalk, folder, *root = gdb.string_to_argv(argument)
        stops = Stops(int(pid), pywalk, folder, root[0] if root else "")
        chance = random.Random(os.environ.get("PYWALK_SEED"))
        in_vdso = False
        for number in range(1, int(count) + PATIENCE):
            time.sleep(chance.uniform(0.001, 0.03))
            last = number >= int(count)
            in_vdso = stops.one(last)
            # The core is to have a thread in the vdso.
            if last and (in_vdso or not stops.vdso[1] or len(stops.different) > 10):
                break
        print(
            "%(stops)d stops, %(threads)d threads, %(vdso)d in the vdso, %(runtime)d in the C++ "
            "runtime, %(judged)d judged" % stops.counts + ", %d different" % len(stops.different)
        )


RandomStops()
