"""Line numbers that line tables find hard.

    lines.py TRUTH

The source is generated: jumps of more than 127, 255 and 65,535 lines, lines that go backwards inside one
function, expressions over many lines, decorators, lambdas, comprehensions, calls in with and except blocks.
"""
import sys

import truth

SOURCE = """
def decorate(f):
    return lambda *args: (
        f(*args)
    )


@decorate
@decorate
def decorated(
    a,
    b=2,
):
    return far(
        a,

        b
    )


def far(a, b):
    x = a
%(gap200)s
    y = (b +
         backwards(
             a,
             b))
    return x + y


def backwards(a, b):
    return (
%(gap130)s
        a + b +
        [
            in_comprehension(i)
            for i in (1,)
        ][
            0
        ]
    )


def in_comprehension(i):
%(gap300)s
    try:
        raise ValueError
    except ValueError:
        with Context() as c:
%(gap128)s
            return c.run(
                i)


class Context(object):
    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def run(self, i): return (lambda: one_line(i))()


def one_line(i): x = 1; y = 2; z = much_later(i); return x + y + z


%(gap70000)s
def much_later(i):
    if i:
        pass


%(gap256)s
    else:
        pass
    for j in range(3):
        if j == 1:
            return {'a': 1,
                    'b':
                    dict(
                        x=leaf(
                            i,
                            j),
                    )}


def leaf(i, j):
    pass


%(gap255)s
    return finish(i) or finish(
        j)


decorated(1)
"""


def finish(i):
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    gaps = dict(("gap%d" % n, "\n" * (n - 1)) for n in (128, 130, 200, 255, 256, 300, 70000))
    exec(compile(SOURCE % gaps, "/tmp/lines_source.py", "exec"), {"finish": finish})
