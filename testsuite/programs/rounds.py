# -*- coding: utf-8 -*-
"""The long target, which runs: each round allocates, and asks for its parent's number.  All of it is C.

    rounds.py TRUTH [ROUNDS OF THE LONG TARGET]
"""
import collections
import functools
import itertools
import os

import truth

try:
    from itertools import imap as map  # noqa: A004
    from itertools import izip as zip  # noqa: A004
except ImportError:
    pass

asked = iter(os.getppid, None)
made = map(list, itertools.repeat("x" * 3000))
truth.block = functools.partial(collections.deque, zip(asked, made), 0)

import long_target  # noqa: E402

long_target.main()
