"""What the recordings of make_profile hold: of each thread, which stack weighs how many nanoseconds.

`usual` and `family` print it; of the others it is said here once more, after make_profile.c.
"""

from typing import Counter, Dict, Iterator, List, Optional, Tuple

Stack = Tuple[str, ...]  # names, oldest first
Threads = Dict[str, Counter[Stack]]  # by the thread's name as formats write it: nanoseconds

MS = 1000000

EVIL = [
    "",
    " ",
    ";",
    "a;b;c",
    "a b 12",
    "tab\there",
    "line\nfeed",
    "\r\n",
    "quote\"quote'",
    "back\\slash",
    "<script>alert(1)</script>",
    "</script>",
    "&amp;",
    "\033[31mred\033[0m",
    "\x7f",
    "Zürich",
    "日本語",
    "\U0001d518\U0001d52b\U0001d526",
    "\ufeffbom",
    "%s%n%d",
    "=(F1+2",
    ")",
    "a)b",
    '{"json": [1]}',
    "-",
    "--help",
    "'; DROP TABLE",
    "\u202ertl",
    "$(reboot)",
]

NAMES: Dict[str, List[str]] = {
    "usual": ["MainThread (tid 4711)", "worker 1 (tid 4712)", "grpc (tid 4713)"],
    "family": ["MainThread (tid 100)", "MainThread (tid 101)", "MainThread (tid 102)"],
    "evil": ['thread; "<x>" \n 7 (tid 1)'],
    "deep": ["MainThread (tid 7)"],
    "large": ["worker %d (tid %d)" % (i, 10 + i) for i in range(50)],
    "empty": [],
}
PROCESSES: Dict[str, Dict[int, str]] = {
    "usual": {4711: "python3 main.py --port 8080"},
    "family": {
        100: "python3 main.py",
        101: "python3 -c 'from x import y; y()'",
        102: "/usr/bin/python3.12",
    },
    "evil": {1: 'evil "command" <b> ; \n x'},
    "deep": {7: "deep"},
    "large": {9: "large"},
    "empty": {},
}

Sample = Tuple[int, int, Stack]  # thread, weight, names


def printed(path: str) -> Iterator[Sample]:
    """What make_profile wrote to standard error."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            thread, weight, stack = line.rstrip("\n").split(" ", 2)
            yield int(thread), int(weight), tuple(stack.split(";"))


def evil() -> Iterator[Sample]:
    for i, name in enumerate(EVIL):
        yield 0, 10 * MS, (name,) if i % 2 else (name, name)
    for length in (40, 400, 4000, 40000):
        yield 0, 10 * MS, ("n" * length,)
    yield 0, 0, ()


def deep() -> Iterator[Sample]:
    stack = ("recurse",) * 20000
    yield 0, 10 * MS, stack
    yield 0, 10 * MS, stack


def large() -> Iterator[Sample]:
    known: List[Optional[Stack]] = [None] * 20000
    random = 1
    for i in range(200000):
        random = (random * 1664525 + 1013904223) % 2**32
        which = (random >> 12) % 20000
        stack = known[which]
        if stack is None:
            names = []
            bits = which
            for depth in range(12):
                names.append("f%d_%d" % (depth, bits % 7))
                bits = bits // 3 + depth * 31
            known[which] = stack = tuple(names)
        yield i % 50, 10 * MS, stack


def samples(case: str, path: str) -> List[Sample]:
    """Those of the case; `path` holds what make_profile printed."""
    if case in ("usual", "family"):
        return list(printed(path))
    made = {"evil": evil, "deep": deep, "large": large}
    return list(made[case]()) if case in made else []


def threads(case: str, of: List[Sample]) -> Threads:
    result: Threads = {}
    for thread, weight, stack in of:
        counter = result.setdefault(NAMES[case][thread], Counter())
        counter[stack] += weight
    return result
