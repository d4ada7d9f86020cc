"""Two subinterpreters, one calling into the other, on one thread, below the main interpreter.

    subinterp.py TRUTH capi LIBRARY	through Py_NewInterpreter (runcode.c), every version
    subinterp.py TRUTH module		through CPython's own module, 3.8+ (private, and 3.13+ _interpreters)

Each interpreter can list its own frames only: it hands them, as text, to the one that it calls.
"""
import functools
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

PRELUDE = """
import json, os, sys
sys.path.insert(0, %(here)r)
sys.argv = %(argv)r
import subinterp
OUTER = json.loads(%(outer)r)
"""

CALLING = PRELUDE + """
def first_outer():
    return first_inner()
def first_inner():
    subinterp.call(subinterp.LAST, OUTER)
list(map(lambda n: first_outer(), [1]))
"""

LAST = PRELUDE + """
def second_outer():
    return second_inner()
def second_inner():
    subinterp.tell(subinterp.frames_of(sys._getframe()) + OUTER); os.read(READ, 1)
READ = os.pipe()[0]
list(map(lambda n: second_outer(), [1]))
"""


def frames_of(frame):
    frames = []
    while frame is not None:
        code = frame.f_code
        frames.append({
            "name": code.co_name,
            "qualname": getattr(code, "co_qualname", None),
            "file": code.co_filename,
            "line": frame.f_lineno,
        })
        frame = frame.f_back
    return frames


def tell(frames):
    info = json.loads(os.environ["SUBINTERP_INFO"])
    info["threads"][0]["frames"] = frames
    with open(sys.argv[1] + ".tmp", "w") as out:
        out.write(json.dumps(info))
    os.rename(sys.argv[1] + ".tmp", sys.argv[1])


def fill(source, outer):
    code = source % {"here": HERE, "argv": sys.argv, "outer": json.dumps(outer)}
    return code.encode() if sys.argv[2] == "capi" else code


def runner():
    if sys.argv[2] == "capi":
        import ctypes

        return ctypes.PyDLL(sys.argv[3]).run_in_new_interpreter
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    return functools.partial(interpreters.run_string, interpreters.create())


def call(source, outer):
    run = runner()
    result = run(fill(source, frames_of(sys._getframe()) + outer))
    sys.exit("came back: %r" % (result,))


def main():
    import truth

    truth._note(None, None)
    info = truth.describe()
    thread = list(truth.THREADS.values())[0]
    info["threads"] = [{"tid": thread["tid"], "name": thread["name"], "interpreters": 3}]
    os.environ["SUBINTERP_INFO"] = json.dumps(info)
    call(CALLING, [])


if __name__ == "__main__":
    main()
