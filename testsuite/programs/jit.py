"""A hot loop that CPython's JIT has compiled (PYTHON_JIT=1, 3.14+), which calls a function that blocks in the end.

    jit.py TRUTH

Machine code of the JIT may lack call-frame information.  The call goes through C, so that the compiled code itself
stands on the C stack, between two evaluation frames.

Before the loop it writes TRUTH.before and waits for TRUTH.go: what stands below the loop can be seen with nothing of
the JIT above it.
"""
import functools
import os
import sys
import time

import truth

ROUNDS = 100000


def innermost():
    truth.report(sys._getframe()); truth.block()  # noqa: E702


def deeper(depth):
    if depth:
        return deeper(depth - 1)
    return innermost()


def step(i):
    if i == ROUNDS - 1:
        deeper(3)
    return i


def wait():
    with open(sys.argv[1] + ".before", "w") as out:
        out.write("%d" % os.getpid())
    while not os.path.exists(sys.argv[1] + ".go"):
        time.sleep(0.05)


def hot(call):
    total = 0
    wait()
    for i in range(ROUNDS):
        total += call(i)
    return total


def outer():
    return list(map(hot, [functools.partial(step)]))


def main():
    outer()


if __name__ == "__main__":
    main()
