"""A module body with more names than are listed, and a class body with as many: namespace.py TRUTH"""
import sys

import truth

for _i in range(1000):
    globals()["name_%d" % _i] = _i


class Body(object):
    for _i in range(300):
        locals()["own_%d" % _i] = -_i
    truth.EXTRA.update({"names": len(locals()), "globals": len(globals())})
    truth.report(sys._getframe()); truth.block()  # noqa: E702
