"""Generators, coroutines and asynchronous generators on one stack, driven by asyncio.

    generators.py TRUTH

Under 2.7, which has no coroutines, generators only.  The source of the rest is text, because 2.7 could not
compile it.
"""
import sys

import truth

SOURCE = '''
import asyncio


class Awaitable:
    def __await__(self):
        yield from inner_generator()


def inner_generator():
    bottom()
    yield


def delegating():
    yield from inner_generator()


async def coroutine(depth):
    if depth:
        return await coroutine(depth - 1)
    return await Awaitable()


async def numbers():
    yield 1
    await coroutine(3)
    yield 2


async def consume():
    async for number in numbers():
        assert number
    return [n async for n in numbers()]


class Context:
    async def __aenter__(self):
        await consume()

    async def __aexit__(self, *args):
        return False


async def task():
    async with Context():
        pass


async def main():
    await asyncio.gather(task())


loop = asyncio.new_event_loop()
loop.run_until_complete(main())
'''


def bottom():
    list(chain(3))


def chain(n):
    for value in (i for i in below(n)):
        yield value


def below(n):
    if n:
        for value in chain(n - 1):
            yield value
    truth.report(sys._getframe()); truth.block()  # noqa: E702
    yield n


if __name__ == "__main__":
    if sys.version_info[0] == 2:
        bottom()
    exec(compile(SOURCE, "/tmp/generators_source.py", "exec"), {"bottom": bottom, "__name__": "source"})
