"""A chain for chains.py that 2.7 cannot read: coroutines, delegation, asynchronous generators."""


class Pause:
    def __await__(self):
        got = yield 1
        return got or 0


async def s1(n):
    if not n:
        return await Pause()
    return await s2(n)


async def s2(n):
    total = 0
    async for value in s3(n):
        total += value
    return total


async def s3(n):
    m = n - 1
    yield await s1(m)
    yield m


def s4(coroutine):
    got = yield from coroutine.__await__()
    yield got


def s5(numbers):
    total = 0
    for number in numbers:
        total += number
    return total


def chain_s():
    s5(s4(s1(4)))
