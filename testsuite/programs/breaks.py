# -*- coding: utf-8 -*-
"""Functions and lines that are reached in many ways: each writes down that it was, the truth of py-break.

    breaks.py READY

Runs in CPython 2.7 and 3.6-3.15.  READY.phases says for each phase where to break, READY.go (a pipe) starts it all.
Before each phase and behind the last one the process sends itself SIGUSR2; then READY.log says what was reached.
"""
import dis
import functools
import io
import os
import signal
import sys
import threading

import truth

LOG = []
LINES = {}  # tag: line
NAMES = {}  # tag: function
PHASES = []  # (locations, function); a location is (what to type, tag)


def reached(tag, line=None):
    LOG.append(tag)
    if tag not in LINES:
        LINES[tag] = line or sys._getframe(1).f_lineno
        NAMES[tag] = "looped" if line else sys._getframe(1).f_code.co_name


def plain(x):
    reached("plain")
    return x + 1


class Thing(object):
    def method(self, x):
        reached("method")
        return plain(x)

    @staticmethod
    def quiet(x):
        reached("quiet")
        return x

    @property
    def value(self):
        reached("value")
        return 5

    def __getitem__(self, key):
        reached("getitem")
        return key

    def __del__(self):
        reached("del")


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        reached("wrapper")
        return function(*args, **kwargs)

    return wrapper


@wrapped
def breaks_decorated(x):
    reached("decorated")
    return x


def make(n):
    def inner(x):
        reached("inner")
        return x * n

    return inner


INNER = make(3)


def recursive(n):
    reached("recursive")
    return n and recursive(n - 1)


def generator_of_numbers(n):
    reached("generator")
    for i in range(n):
        yield i


def raising(x):
    reached("raising")
    raise ValueError(x)


def looped(n):
    while n:
        n -= 1
    return n


def lines(n):
    total = 0
    for i in range(n):
        reached("body")
        if i % 2:
            reached("odd")
        else:
            reached("even")
    try:
        raise KeyError(n)
    except KeyError:
        reached("except")
    while total < n:
        reached("while")
        total += 1
    return total


def one_line(x): reached("one"); return x  # noqa: E704, E702


KEYED = lambda x: reached("lambda") or -x  # noqa: E731


def calls():
    """More often than instructions need to adapt themselves."""
    thing = Thing()
    for i in range(10):
        plain(i)
        thing.method(i)
        thing.quiet(i)
    # From C.
    list(map(plain, range(5)))
    functools.reduce(lambda a, b: plain(a), range(4))


def others():
    for i in range(10):
        breaks_decorated(i)
        INNER(i)
        list(generator_of_numbers(3))
    recursive(9)


def odd_ones():
    for i in range(6):
        try:
            raising(i)
        except ValueError:
            pass
        Thing().value
        Thing()[i]


def all_lines():
    for _ in range(5):
        lines(5)


def loops():
    for _ in range(5):
        reached("looped", looped.__code__.co_firstlineno + 1)
        looped(4)


def short_ones():
    for i in range(6):
        one_line(i)
    sorted(range(6), key=KEYED)


def read_by_others():
    """What reads bytecode and does not run it."""
    code = plain.__code__
    for _ in range(10):
        bytes(bytearray(code.co_code))
        hash(code)
        code == plain.__code__
        list(dis.findlinestarts(code))
    if sys.version_info[0] > 2:
        dis.dis(code, file=io.StringIO())
    plain(1)


def traced():
    """Instructions are replaced while somebody traces, and come back afterwards."""
    def trace(frame, event, argument):
        return trace

    for _ in range(3):
        plain(1)
        sys.settrace(trace)
        for i in range(5):
            plain(i)
            lines(1)
        sys.settrace(None)
        sys.setprofile(lambda *arguments: None)
        plain(2)
        sys.setprofile(None)
        plain(3)


def in_threads():
    threads = [threading.Thread(target=calls) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def handler(number, frame):
    plain(number)


def in_signals():
    signal.signal(signal.SIGUSR1, handler)
    for _ in range(5):
        os.kill(os.getpid(), signal.SIGUSR1)


def line_of(tag):
    """Of the only line that says so."""
    with io.open(__file__.rstrip("c"), encoding="utf-8") as source:
        found = [n for n, text in enumerate(source, 1) if 'reached("%s"' % tag in text and "line_of" not in text]
    assert len(found) == 1, (tag, found)
    return found[0]


def at(tag):
    return "breaks.py:%d" % line_of(tag), tag


PHASES += [
    ([("plain", "plain"), ("Thing.method", "method"), at("quiet")], calls),
    (
        [
            ("breaks_decorated", "decorated"),
            ("wrapped.<locals>.wrapper", "wrapper"),
            ("make.<locals>.inner", "inner"),
            ("generator_of_numbers", "generator"),
        ],
        others,
    ),
    ([("recursive", "recursive")], others),
    ([("raising", "raising"), ("Thing.value", "value"), ("Thing.__getitem__", "getitem"), at("del")], odd_ones),
    ([at("body"), at("odd"), at("except")], all_lines),
    ([at("even"), at("while")], all_lines),
    ([at("one"), at("lambda")], short_ones),
    ([("looped", "looped")], loops),
    ([("plain", "plain")], read_by_others),
    ([("plain", "plain"), at("body")], traced),
    ([("plain", "plain")], in_signals),
    ([("plain", "plain"), at("method")], in_threads),
]


def main():
    path = sys.argv[1]
    truth.write(path + ".phases", [locations for locations, _ in PHASES])
    os.mkfifo(path + ".go")
    go = os.open(path + ".go", os.O_RDWR)
    truth.report(sys._getframe()); os.read(go, 1)  # noqa: E702
    found = []
    for _, run in PHASES:
        os.kill(os.getpid(), signal.SIGUSR2)
        del LOG[:]
        run()
        found.append(list(LOG))
    os.kill(os.getpid(), signal.SIGUSR2)
    truth.write(path + ".log", {"log": found, "lines": LINES, "names": NAMES})


main()
