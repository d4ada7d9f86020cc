# -*- coding: utf-8 -*-
"""The long target, with C code at its end that calls a Python function for ever.

    enters.py TRUTH [ROUNDS OF THE LONG TARGET]
"""
import collections
import functools
import itertools

import truth

try:
    from itertools import imap as map  # noqa: A004
except ImportError:
    pass


def entered(number):
    return number


truth.block = functools.partial(collections.deque, map(entered, itertools.repeat(1)), 0)

import long_target  # noqa: E402

long_target.main()
