# -*- coding: utf-8 -*-
"""Threads that handle exceptions, each another one: the truth of py-exc is what traceback says of them.

    exceptions.py READY [raise]

Runs in CPython 2.7 and 3.6-3.15.  READY.exceptions gets, by the thread's number, the text of each exception that it
handles, the newest first.  With `raise`, the main thread goes on raising one for ever, and the others are not there.
"""
import ctypes
import os
import sys
import threading
import time
import traceback

import truth

FOUND = {}  # number of the thread: texts


def note(*others):
    """What the calling thread handles."""
    here = sys.exc_info()
    # 2.7 does not say so in a finally clause, and says it of what was handled in the same function before.
    texts = ["".join(traceback.format_exception(*here))] if here[0] else []
    FOUND[truth.native_id()] = texts + list(others)


def block():
    truth.ready(sys._getframe(), 0); truth.block()  # noqa: E702


class Failure(Exception):
    """Its message is BaseException's."""


class Speaking(Exception):
    def __str__(self):
        return "spoken"


def fail(error):
    raise error


def handled(*errors):
    """Each while the one before is handled."""
    try:
        fail(errors[0])
    except BaseException:
        if len(errors) > 1:
            handled(*errors[1:])
        note()
        block()


def deep(n):
    if n:
        deep(n - 1)
    raise RuntimeError("at the bottom")


def recursive():
    try:
        deep(40 if sys.version_info[0] > 2 else 2)  # 2.7 counts no repeated lines
    except RuntimeError:
        note()
        block()


def in_finally():
    try:
        try:
            fail(Failure("on the way out"))
        finally:
            note()
            block()
    except Failure:
        pass


class Manager(object):
    def __enter__(self):
        return self

    def __exit__(self, *what):
        note()
        block()


def in_exit():
    with Manager():
        fail(Failure("through a with statement"))


def operation(call):
    def run():
        try:
            call()
        except Exception:
            note()
            block()

    return run


def generator():
    """It handles one, and the one who called it another."""
    try:
        fail(Failure("of the caller"))
    except Failure:
        outer = "".join(traceback.format_exception(*sys.exc_info()))
        steps = gen(outer)
        next(steps)


def gen(outer):
    try:
        fail(Failure("of the generator"))
    except Failure:
        # Before 3.7 only the newest is known.
        note(*([outer] if sys.version_info >= (3, 7) else []))
        block()
        yield


def broken():
    """Its traceback comes back to itself: traceback itself would not end."""
    try:
        fail(Failure("broken"))
    except Failure:
        FOUND[truth.native_id()] = ["broken"]
        last = sys.exc_info()[2].tb_next
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(last))
        ctypes.c_void_p.from_address(id(last) + object.__basicsize__).value = id(last)
        del last
        block()


def nothing():
    FOUND[truth.native_id()] = []
    block()


def quiet():
    """One was handled, and is not any more."""
    try:
        fail(Failure("over"))
    except Failure:
        pass
    note()
    block()


CASES = {
    "plain": lambda: handled(ValueError("plain")),
    "context": lambda: handled(ValueError("first"), TypeError("second"), Failure("third")),
    "empty": lambda: handled(Failure()),
    "two": lambda: handled(Failure("a", 1, None)),
    "lines": lambda: handled(Failure("one\ntwo\n  three")),
    "none": lambda: handled(Failure(None)),
    "number": lambda: handled(Failure(-12345678901234567890)),
    "nested": lambda: handled(Failure(ValueError("within", 2))),
    "words": lambda: handled(Failure(u"caf\xe9 \u20ac" if sys.version_info[0] > 2 else "cafe")),
    "key": operation(lambda: {}["no \n such"]),
    "index": operation(lambda: [][3]),
    "attribute": operation(lambda: None.nothing),
    "name": operation(lambda: nowhere),  # noqa: F821
    "zero": operation(lambda: 1 // 0),
    "file": operation(lambda: open("/nonexistent/\n")),
    "rename": operation(lambda: os.rename("/nonexistent/a", "/nonexistent/b")),
    "decode": operation(lambda: b"ab\xffcd".decode("ascii")),
    "decode2": operation(lambda: b"ab\xe9".decode("utf-8")),
    "encode": operation(lambda: u"ab\u20ac".encode("latin-1")),
    "encode2": operation(lambda: u"\u20ac\u20ac".encode("ascii")),
    "import": operation(lambda: __import__("no_such_module")),
    "syntax": operation(lambda: compile("x = = 1\n", "<made up>", "exec")),
    "stop": operation(lambda: next(iter([]))),
    "exit": lambda: handled(SystemExit(3)),
    "recursive": recursive,
    "finally": in_finally,
    "with": in_exit,
    "generator": generator,
    "broken": broken,
    "nothing": nothing,
    "quiet": quiet,
    "speaking": lambda: handled(Speaking("silent")),
}
INEXACT = {"speaking"}

if sys.version_info[0] > 2:
    exec(
        """
def cause():
    try:
        try:
            fail(KeyError("root"))
        except KeyError as error:
            raise Failure("caused") from error
    except Failure:
        note()
        block()

def bare():
    try:
        raise Failure("caused") from ValueError("without a traceback")
    except Failure:
        note()
        block()

def suppressed():
    try:
        try:
            fail(KeyError("hidden"))
        except KeyError:
            raise Failure("shown") from None
    except Failure:
        note()
        block()

def circle():
    one, two = Failure("one"), Failure("two")
    one.__cause__, two.__cause__ = two, one
    handled(one)

CASES.update(cause=cause, bare=bare, suppressed=suppressed, circle=circle)
"""
    )
if sys.version_info >= (3, 11):
    exec(
        """
def group(many=3):
    try:
        inner = ExceptionGroup("inner", [Failure("deep"), KeyError("deeper")])
        try:
            fail(ValueError("with a traceback"))
        except ValueError as error:
            with_traceback = error
        raise ExceptionGroup("outer", [with_traceback, inner] + [Failure(str(i)) for i in range(many)])
    except ExceptionGroup:
        note()
        block()

def wide():
    group(40)

def noted():
    error = Failure("noted")
    error.add_note("first\\nof two lines")
    error.add_note("second")
    handled(error)

CASES.update(group=group, wide=wide, noted=noted)
"""
    )


def raise_for_ever():
    truth.report(sys._getframe())
    while True:
        try:
            fail(Failure("raised", 7))
        except Failure:
            pass
        time.sleep(0.02)


def main():
    if "raise" in sys.argv:
        raise_for_ever()
    for name in sorted(CASES):
        thread = threading.Thread(target=CASES[name], name=name)
        thread.daemon = True
        thread.start()
    end = time.time() + 60
    while len(truth.THREADS) < len(CASES) and time.time() < end:
        time.sleep(0.02)
    truth.wait_for(len(CASES))
    names = dict((about["tid"], about["name"]) for about in truth.THREADS.values())
    truth.write(
        sys.argv[1] + ".exceptions",
        [
            {"tid": tid, "name": names[tid], "texts": texts, "exact": names[tid] not in INEXACT}
            for tid, texts in sorted(FOUND.items())
        ],
    )
    truth.report(sys._getframe()); truth.block()  # noqa: E702


main()
