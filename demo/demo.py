"""What `make demo` looks at: Python calls C calls Python, again and again, and then it waits.

Each function is called by C code: functools.reduce, sorted, the regular expression engine, the JSON decoder
and, through ctypes, the C library's own qsort.
"""

import ctypes
import functools
import json
import re
import sys
import threading
import time

PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def compare_in_qsort(left, right):
    print("ready", flush=True)
    time.sleep(600)
    return 0


def hook_of_json(value):
    numbers = (ctypes.c_int * 2)(2, 1)
    ctypes.CDLL(None).qsort(numbers, 2, ctypes.sizeof(ctypes.c_int), COMPARE(compare_in_qsort))
    return value


def replace_in_re_sub(match):
    return str(json.loads('{"a": 1}', object_hook=hook_of_json))


def key_of_sorted(item):
    return re.sub("x", replace_in_re_sub, "axb")


class Job:
    def __getattr__(self, name):
        return sorted([name], key=key_of_sorted)

    def step(self, total, item):
        return total + len(self.läuft)


def wait_for_the_end(event):
    event.wait()


def main():
    if sys.platform == "linux":
        # Where Yama is strict, a process may be read by those it lets.
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    threading.Thread(
        target=wait_for_the_end, args=(threading.Event(),), name="idler", daemon=True
    ).start()
    functools.reduce(Job().step, [1, 2], 0)


main()
