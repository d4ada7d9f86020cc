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

OTHER = "import time\nwhile time.process_time() < 0.3: pass\nprint(time.process_time())"


def spend(seconds):
    while time.thread_time() < seconds:
        sum(range(100))


def in_thread(seconds):
    thread = threading.Thread(target=spend, args=(seconds,))
    thread.start()
    thread.join()


def child(seconds):
    """What it prints, and its pid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        begin = time.process_time()
        in_thread(seconds)
        spend(time.thread_time() + seconds)
        os.write(write, json.dumps(time.process_time() - begin).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        spent = json.load(file)
    os.waitpid(pid, 0)
    return pid, spent


def everywhere(seconds):
    """On each processor a child of its own, all at once."""
    pipes = {}
    for processor in os.sched_getaffinity(0):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.sched_setaffinity(0, [processor])
            begin = time.process_time()
            spend(time.thread_time() + seconds)
            os.write(write, json.dumps(time.process_time() - begin).encode())
            os._exit(0)
        os.close(write)
        pipes[pid] = read
    for pid, read in pipes.items():
        with os.fdopen(read) as file:
            yield pid, json.load(file)
        os.waitpid(pid, 0)


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
    spent = dict([child(0.2)])
    spent.update(everywhere(0.3))
    spent["other"] = other()
    in_thread(0.2)
    spend(time.thread_time() + 0.2)
    spent[os.getpid()] = time.process_time() - begin
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
