# -*- coding: utf-8 -*-
"""What the target says about itself: the truth that pywalk's output is compared with.

Runs in CPython 2.7 and 3.6-3.15.  A target ends in one line such as

    truth.report(sys._getframe()); truth.block()

so that the line that is reported is the line that blocks.  Threads do the same with truth.ready().
Frames are listed innermost first.  Under 2.7 names are bytes, written as Latin-1 ("bytes": true).
"""
import ctypes
import functools
import json
import os
import platform
import sys
import sysconfig
import threading
import time

THREADS = {}  # ident -> {"tid", "name", "frame"}
MARKS = {}  # name of a function that C code calls -> which C code
EXTRA = {}  # what else a program says about itself


def native_id():
    if hasattr(threading, "get_native_id"):
        return threading.get_native_id()
    number = {"x86_64": 186, "aarch64": 178}[platform.machine()]
    return ctypes.CDLL(None).syscall(number)


def text(value):
    if sys.version_info[0] == 2 and isinstance(value, str):
        return value.decode("latin-1")
    return value


def frames_of(frame, line=None):
    frames = []
    while frame is not None:
        code = frame.f_code
        one = {
            "name": text(code.co_name),
            "qualname": getattr(code, "co_qualname", None),
            "file": text(code.co_filename),
            "line": line or frame.f_lineno,
        }
        mark = MARKS.get(code.co_name)
        if mark:
            one["called_by"] = mark
        frames.append(one)
        line = None
        frame = frame.f_back
    return frames


def _note(frame, line):
    THREADS[threading.current_thread().ident] = {
        "tid": native_id(),
        "name": text(threading.current_thread().name),
        "frame": frame,
        "line": line,
    }


def ready(frame, line=None):
    """Called by a thread on the line on which it blocks."""
    _note(frame, line)


def wait_for(count, timeout=60):
    """Until `count` threads have called ready() and left it."""
    end = time.time() + timeout
    while time.time() < end:
        current = sys._current_frames()
        there = [i for i, t in list(THREADS.items()) if current.get(i) is t["frame"]]
        if len(there) >= count:
            return
        time.sleep(0.02)
    raise RuntimeError("only %d of %d threads are ready" % (len(there), count))


def describe(gil=None):
    about = {
        "pid": os.getpid(),
        "version": "%d.%d.%d" % sys.version_info[:3],
        "debug": hasattr(sys, "gettotalrefcount"),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "bytes": sys.version_info[0] == 2,
        "main": THREADS[threading.current_thread().ident]["tid"],
        "gil": gil,
        "threads": [],
    }
    about.update(EXTRA)
    return about


def write(path, truth):
    temporary = path + ".tmp"
    with open(temporary, "w") as out:
        out.write(json.dumps(truth))
    os.rename(temporary, path)


def report(frame, path=None, line=None, outer=(), gil=None):
    """Writes the truth of all threads.  `outer` are frames of other interpreters below this one's.

    With TRUTH_UNSEEN in the environment, which is for targets of one thread, a child looks at the frames: looking
    leaves frame objects behind (3.11 and later), which frames that nobody has looked at do not have.
    """
    _note(frame, line)
    truth = describe(gil)
    if os.environ.get("TRUTH_UNSEEN"):
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            return
    mine = threading.current_thread().ident
    for ident, thread in sorted(THREADS.items(), key=lambda item: item[1]["tid"]):
        frames = frames_of(thread["frame"], thread["line"])
        if ident == mine:
            frames += list(outer)
        truth["threads"].append({"tid": thread["tid"], "name": thread["name"], "frames": frames})
        thread["frame"] = None
    write(path or sys.argv[1], truth)
    if os.environ.get("TRUTH_UNSEEN"):
        os._exit(0)


# Blocks for ever with the GIL released, and is C all the way: no Python frame is on top of the caller's.
_READ, _WRITE = os.pipe()
block = functools.partial(os.read, _READ, 1)
