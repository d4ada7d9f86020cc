"""Spends processor time in threads and children that come after a line on stdin, and says how much, 3.7+.

    inherits.py

Prints "ready", and then, as JSON, what each process spent from the line on, in seconds: {"PID": SECONDS, ..., "other": SECONDS}.  The
last is that of a child which runs another program.
"""

import json
import os
import sys
import threading
import time
from functools import partial

OTHER = "import time\nwhile time.process_time() < 0.3: pass\nprint(time.process_time())"


def spend(seconds):
    while time.thread_time() < seconds:
        sum(range(100))


def in_thread(seconds):
    thread = threading.Thread(target=spend, args=(seconds,))
    thread.start()
    thread.join()


def start(work):
    """A child that does it and says how much time it spent: its pid, and the pipe that it says so in."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        begin = time.process_time()
        work()
        os.write(write, json.dumps(time.process_time() - begin).encode())
        os._exit(0)
    os.close(write)
    return pid, read


def end(pid, read):
    with os.fdopen(read) as file:
        spent = json.load(file)
    os.waitpid(pid, 0)
    return pid, spent


def in_both(seconds):
    in_thread(seconds)
    spend(time.thread_time() + seconds)


def on_processor(processor, seconds):
    os.sched_setaffinity(0, [processor])
    spend(time.thread_time() + seconds)


def everywhere(seconds):
    """On each processor a child of its own, all at once."""
    children = [start(partial(on_processor, number, seconds)) for number in os.sched_getaffinity(0)]
    return [end(*child) for child in children]


def other():
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.execv(sys.executable, [sys.executable, "-c", OTHER])
    os.close(write)
    with os.fdopen(read) as file:
        spent = float(file.read())
    os.waitpid(pid, 0)
    return spent


def main():
    print("ready", flush=True)
    sys.stdin.readline()
    begin = time.process_time()
    spent = dict([end(*start(partial(in_both, 0.2)))])
    spent.update(everywhere(0.3))
    spent["other"] = other()
    in_thread(0.2)
    spend(time.thread_time() + 0.2)
    spent[os.getpid()] = time.process_time() - begin
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
