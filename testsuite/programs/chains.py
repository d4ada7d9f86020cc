# -*- coding: utf-8 -*-
"""Runs through call chains that never mix, for ever or for a number of rounds; all possible stacks are known.

    chains.py TRUTH [THREADS [ROUNDS]]

The main thread runs all chains in turns, each of THREADS others (0) two of its own; C calls Python again in sort
keys, map, reduce, substitutions, comparisons, attribute access, destructors and ctypes callbacks; generators and
coroutines are entered and left, and some recursion is deep.

Each thread does two rounds first in which the interpreter tells at each instruction where it is (sys.settrace): what
it says, by name, file and line of all frames, is every stack that can be.  The rounds afterwards do the same from the
same lines.  TRUTH gets this as JSON when all threads have come so far: "nodes", each [node that called it, name, file,
line], the first of which is number 1, and "threads", by tid the nodes in which a stack can end.  "starting" are
functions that run until then: stacks with the first one in it, or that end in the others, say nothing.
"""
import ctypes
import functools
import json
import os
import platform
import re
import sys
import threading
import time

DEPTH = 6
DEEP = 90
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
PATTERN = re.compile("[a-z]")


# ---- chains: recursion through one kind of call each ---------------------------------------------


def a1(n):
    if n:
        return a2(n)
    return 0


def a2(n):
    numbers = [n]
    numbers.sort(key=a3)
    return numbers[0]


def a3(n):
    m = n - 1
    return a1(m)


def b1(n):
    if not n:
        return 0
    return list(map(b2, [n]))[0]


def b2(n):
    return sum(b3(n))


def b3(n):
    m = n - 1
    yield b1(m)
    yield m


def c1(n):
    return functools.reduce(c2, [n, n])


def c2(_, n):
    m = n - 1
    return c3(m)


def c3(n):
    if n > DEPTH - 4:
        return c1(n)
    return 0


class D(object):
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return d2(self.n)

    def __getattr__(self, name):
        return d1(self.n - 1)


def d1(n):
    if n > 0:
        return max([D(n), D(n)]) and 1
    return 0


def d2(n):
    one = D(n)
    return bool(one.missing)


def e1(n):
    if n:
        return e2(n)
    return 0


@CALLBACK
def e2(n):
    m = n - 1
    return e3(m)


def e3(n):
    return e1(n)


def f1(n):
    if n:
        return PATTERN.sub(f2, "a%db" % n)
    return ""


def f2(match):
    n = int(match.string[1:-1])
    return f1(n - 1) if n > DEPTH - 4 else ""


class G(object):
    def __init__(self, n):
        self.n = n

    def __del__(self):
        g1(self.n - 1)


def g1(n):
    if n:
        # Not a name's: who traces a function keeps what its names stand for.
        G(n)
    return n


def h1(n):
    numbers = h2(n)
    first = next(numbers)
    return first + next(numbers)


def h2(n):
    yield h3(n)
    m = n - 1
    yield h1(m) if m else 0


def h3(n):
    total = 0
    for i in range(3):
        total += i * n
    return total


def i1(n):
    if n:
        m = n - 1
        return i1(m) + 1
    return 0


# ---- the same call by two threads, and sleep ------------------------------------------------------


def j1(n):
    return j2(n, k3)


def j2(n, function):
    return function(n) + 1


def k1(n):
    return j2(n, j3)


def j3(n):
    time.sleep(0.0005)
    return n


def k3(n):
    return i1(n)


def chain_a():
    a1(DEPTH)


def chain_b():
    b1(DEPTH)


def chain_c():
    c1(DEPTH)


def chain_d():
    d1(3)


def chain_e():
    e1(DEPTH)


def chain_f():
    f1(DEPTH)


def chain_g():
    g1(DEPTH)


def chain_h():
    h1(DEPTH)


def chain_i():
    i1(DEEP)


def chain_j():
    j1(DEPTH)


def chain_k():
    k1(DEPTH)


CHAINS = [chain_a, chain_b, chain_c, chain_d, chain_e, chain_f, chain_g, chain_h, chain_i]
OTHERS = [[chain_j, chain_i], [chain_k, chain_j], [chain_a, chain_e], [chain_b, chain_h], [chain_f, chain_g]]
# A call of a generator function makes a frame before any of its instructions can be traced.
GENERATORS = {h2: "h1"}
if sys.version_info >= (3, 6):
    import chains3

    CHAINS.append(chains3.chain_s)
    GENERATORS.update({chains3.s1: "chain_s", chains3.s4: "chain_s"})
    OTHERS.append([chains3.chain_s, chain_c])


# ---- the truth ------------------------------------------------------------------------------------


class Seen(object):
    """All stacks of a thread."""

    def __init__(self):
        self.stacks = set()
        self.lineless = {}
        self.tid = 0

    def add(self, frame, line):
        frames = []
        while frame is not None:
            code = frame.f_code
            frames.append((code.co_name, os.path.basename(code.co_filename), line or frame.f_lineno or 0))
            if code not in self.lineless:
                self.lineless[code] = has_lineless(code)
            frame, line = frame.f_back, 0
        self.stacks.add(tuple(reversed(frames)))

    def trace(self, frame, event, _):
        if frame.f_code is TRACED:
            return None
        if event == "call":
            if hasattr(frame, "f_trace_opcodes"):
                frame.f_trace_opcodes = True
            # Its first instructions, those before it can be traced, belong to the line where it is defined.
            self.add(frame, frame.f_code.co_firstlineno)
        self.add(frame, 0)
        return self.trace


def has_lineless(code):
    """Whether instructions of it belong to no line: those the compiler adds, such as the handler that ends a generator
    of 3.12, which is closed.  They are executed without being traced."""
    return hasattr(code, "co_lines") and any(line is None for _, _, line in code.co_lines())


def native_id():
    if hasattr(threading, "get_native_id"):
        return threading.get_native_id()
    return ctypes.CDLL(None).syscall({"x86_64": 186, "aarch64": 178}[platform.machine()])


def with_untraced(seen):
    """And those in which a generator is being made, or an instruction without a line is executed."""
    made = set(seen.stacks)
    lineless = set((code.co_name, os.path.basename(code.co_filename)) for code, has in seen.lineless.items() if has)
    for stack in seen.stacks:
        if stack[-1][:2] in lineless:
            made.add(stack[:-1] + (stack[-1][:2] + (0,),))
        for function, maker in GENERATORS.items():
            if stack[-1][0] == maker:
                made.add(stack + ((function.__name__, stack[-1][1], function.__code__.co_firstlineno),))
    return made


def describe(all_seen):
    numbers, nodes, threads = {}, [], {}
    for seen in all_seen:
        ends = set()
        for stack in with_untraced(seen):
            node = 0
            for frame in stack:
                if (node, frame) not in numbers:
                    nodes.append((node,) + frame)
                    numbers[(node, frame)] = len(nodes)
                node = numbers[(node, frame)]
            ends.add(node)
        threads[str(seen.tid)] = sorted(ends)
    return {"pid": os.getpid(), "nodes": nodes, "threads": threads, "starting": ["starting", "run_chains"]}


def write_truth(path, truth):
    with open(path + ".part", "w") as file:
        json.dump(truth, file)
    os.rename(path + ".part", path)


def starting(all_seen, counters):
    """Until the other threads are in their rounds."""
    while any(counter[0] <= 2 for counter in counters):
        time.sleep(0.01)
    if len(sys.argv) > 1:
        write_truth(sys.argv[1], describe(all_seen))


def work(chains, rounds, counter):
    while rounds:
        for chain in chains:
            chain()
        rounds -= 1
        counter[0] += 1


def run_chains(seen, chains, rounds, counter, before):
    seen.tid = native_id()
    for times in (2, rounds):
        if times == 2:
            sys.settrace(seen.trace)
        else:
            sys.settrace(None)
            before()
        work(chains, times, counter)


TRACED = run_chains.__code__


def main(threads, rounds):
    main_seen, main_counter = Seen(), [0]
    all_seen, counters = [main_seen], []
    for i in range(threads):
        seen, counter = Seen(), [0]
        thread = threading.Thread(target=run_chains, args=(seen, OTHERS[i % len(OTHERS)], -1, counter, int))
        thread.daemon = True
        all_seen.append(seen)
        counters.append(counter)
        thread.start()
    run_chains(main_seen, CHAINS, rounds, main_counter, functools.partial(starting, all_seen, counters))


if __name__ == "__main__":
    main(int(sys.argv[2]) if len(sys.argv) > 2 else 0, int(sys.argv[3]) if len(sys.argv) > 3 else -1)
