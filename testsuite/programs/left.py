# -*- coding: utf-8 -*-
"""Frames that have been left, and such as have not begun, among those that run.

    left.py TRUTH [LAST [STEP...]]

Before anything is built up, the memory that will hold frames is filled with the headers of others: calls as deep as
they will be and deeper, of functions of many sizes, exceptions through them, generators and class bodies in between.
Then each step stands in a way of its own on what no traceback shows: a frame that is being cleared while a
destructor of what it held runs, one whose arguments are still being compared, a generator that is finished or that C
code runs, a frame that stands on its first instruction while the garbage collector calls back.

LAST is what stands above all the others:
    trace, monitoring   a callback (while one of them calls, the other does not)
    generator           the newest frame is a generator's
    clearing            C code that blocks while it destroys what a frame held that was left
CPython 3.11 and later.
"""
import asyncio
import contextlib
import gc
import os
import sys

import truth

STEPS = []
LAST = sys.argv[2] if len(sys.argv) > 2 else "monitoring"
CHOSEN = sys.argv[3:]


def step(function):
    if not CHOSEN or function.__name__ in CHOSEN:
        STEPS.append(function)
    return function


def leaving(function):
    """A step that stands on a frame that is being cleared.

    Up to 3.13 nothing tells such a frame from one that sys.monitoring calls back for, where there are both.
    """
    return function if LAST == "monitoring" else step(function)


def last(function):
    if function.__name__ == "through_" + LAST:
        STEPS.append(function)
    return function


def descend(n):
    if n < len(STEPS):
        return STEPS[n](n + 1)
    return bottom()


def bottom():
    frame = sys._getframe()
    truth.report(frame); truth.block()  # noqa: E702


class Last(object):
    """Goes on when the last reference to it goes."""

    def __init__(self, n):
        self.n = n

    def __del__(self):
        descend(self.n)


# ---- what was there before ----

def small(n, next_one):
    return next_one(n - 1) if n else 0


def larger(n, next_one, a=1, b=2, c=3):
    d, e, f = a, b, c
    return [next_one(n - 1)] + [d, e, f, a, b, c] if n else []


def failing(n, next_one):
    try:
        if not n:
            raise ValueError(n)
        return next_one(n - 1)
    finally:
        next_one = None


def looping(n, next_one):
    for one in (next_one(m) for m in (n - 1,) if n):
        return one


def with_class(n, next_one):
    class Body(object):
        value = next_one(n - 1) if n else 0

    return Body.value


def fill(kinds, depth):
    kinds = list(kinds)

    def next_one(n):
        return kinds[n % len(kinds)](n, next_one)

    try:
        return next_one(depth)
    except ValueError:
        return None


def fill_all():
    everything = [small, larger, failing, looping, with_class]
    for kind in everything:
        fill([kind], 150)
    for first in everything:
        for second in everything:
            fill([first, second, small], 120)
    sum(x for x in range(1000) if small(1, lambda n: n) == 0)


# ---- left ----

def leave(n):
    held = Last(n)
    return held is None


@leaving
def through_return(n):
    return leave(n)


@leaving
def through_return_from_sort(n):
    return sorted([n], key=leave)


def fail(n):
    held = Last(n)
    raise KeyError(held is None)


@step
def through_exception(n):
    try:
        fail(n)
    except KeyError:
        pass


@leaving
def through_no_variables(n):
    def make():
        def empty():
            pass

        empty.held = Last(n)
        return empty

    make()()


@step
def through_exec(n):
    exec("held = Last(n)", {"Last": Last, "n": n})


@step
def through_finished_generator(n):
    def numbers():
        held = Last(n)
        yield held is None

    for _ in numbers():
        pass


@step
def through_dropped_generator(n):
    def numbers():
        try:
            yield 1
        finally:
            descend(n)

    next(numbers())


# ---- run by C ----

@step
def through_next(n):
    def numbers():
        yield list(map(descend, [n]))

    return next(numbers())


@step
def through_generators_in_c(n):
    def inner():
        yield max([n], key=descend_key)

    def outer():
        yield list(inner())

    def descend_key(number):
        return descend(number)

    return list(outer())


@step
def through_yield_from(n):
    def inner():
        yield descend(n)

    def middle():
        yield from inner()

    def outer():
        yield from middle()

    return list(outer())


@step
def through_coroutine(n):
    async def inner():
        return list(map(descend, [n]))

    async def outer():
        return await inner()

    try:
        outer().send(None)
    except StopIteration:
        pass


@step
def through_async_generator(n):
    async def numbers():
        yield descend(n)

    async def outer():
        return [number async for number in numbers()]

    try:
        outer().send(None)
    except StopIteration:
        pass


@step
def through_context(n):
    @contextlib.contextmanager
    def context():
        try:
            yield
        except KeyError:
            descend(n)

    with context():
        raise KeyError


@step
def through_throw(n):
    def inner():
        try:
            yield
        except KeyError:
            descend(n)

    def middle():
        yield from inner()

    def outer():
        yield from middle()

    generator = outer()
    next(generator)
    try:
        generator.throw(KeyError())
    except StopIteration:
        pass


@step
def through_cancel(n):
    async def inner():
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            descend(n)

    async def outer():
        await inner()

    async def run():
        task = asyncio.ensure_future(outer())
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(run())


# ---- frames of the interpreter's own ----

class Starting(object):
    def __init__(self, n):
        if n:
            descend(n)


@step
def through_init(n):
    for number in [0] * 100 + [n]:  # the call is specialized by then
        Starting(number)


# ---- not begun ----

class Key(str):
    number = 0

    def __hash__(self):
        return str.__hash__(self)

    def __eq__(self, other):
        if Key.number:
            n, Key.number = Key.number, 0
            descend(n)
        return str.__eq__(self, other)


def takes(aaaa=1, bbbb=2):
    return aaaa, bbbb


@step
def through_argument(n):
    key = Key("bb")
    key += "bb"
    names = {Key("bbbb"): 3}
    Key.number = n
    takes(**names)
    Key.number = 0


def first_instruction(value):
    return value


@step
def through_collection(n):
    left = []
    kept = []

    def called(phase, info):
        if phase == "start" and left:
            descend(left.pop())

    before = gc.get_threshold()
    gc.callbacks.append(called)
    gc.set_threshold(1)
    for _ in range(3000):
        left.append(n)
        kept.append(first_instruction([[], [], []]))
        if not left:
            break
        left.pop()
    else:
        descend(n)
    gc.set_threshold(*before)
    gc.callbacks.remove(called)


# ---- watched ----

@last
def through_trace(n):
    left = [n]

    def traced():
        value = 1
        return value

    def tracer(frame, event, arg):
        if event == "line" and left:
            descend(left.pop())
        return tracer

    sys.settrace(tracer)
    traced()
    sys.settrace(None)


@last
def through_monitoring(n):
    if not hasattr(sys, "monitoring"):
        return descend(n)
    left = [n]
    monitoring = sys.monitoring

    def watched():
        value = 1
        return value

    def called(code, line):
        if left:
            descend(left.pop())

    monitoring.use_tool_id(3, "left")
    monitoring.register_callback(3, monitoring.events.LINE, called)
    monitoring.set_local_events(3, watched.__code__, monitoring.events.LINE)
    watched()


# ---- the newest ----

@last
def through_generator(n):
    def numbers():
        truth.report(sys._getframe()); truth.block()  # noqa: E702
        yield n

    next(numbers())


def block_when_left():
    readable, writable = os.pipe()
    held = [os.fdopen(writable, "wb", 1 << 24)]
    held[0].write(b"." * (1 << 22))
    truth.report(sys._getframe(1))
    return readable


@last
def through_clearing(n):
    block_when_left()


def main():
    gc.disable()
    fill_all()
    gc.enable()
    descend(0)


if __name__ == "__main__":
    main()
