# -*- coding: utf-8 -*-
"""The part of values.py that only CPython 3.6+ can read."""
import enum
import pathlib
import sys
import types
import typing

HAS_DATACLASSES = sys.version_info >= (3, 7)
if HAS_DATACLASSES:
    import dataclasses


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


class Number(enum.IntEnum):
    ONE = 1


class Permission(enum.Flag):
    R = 4
    W = 2


class Access(enum.IntFlag):
    R = 4
    W = 2


async def coroutine():
    pass


async def asyncgen():
    yield 1


class Typed(typing.NamedTuple):
    a: int
    b: str = "b"


def fill(add):
    for member in (Color.RED, Color.BLUE, Number.ONE, Permission.R, Access.W):
        add("enum member", member)
    add("enum", Color)
    add("enum", Permission)
    if sys.version_info >= (3, 11):
        add("enum member", Permission.R | Permission.W)
        add("enum member", Access.R | Access.W)

        class Word(enum.StrEnum):
            A = "a"

        add("enum member", Word.A)
    for text in (".", "/", "/a/b", "a//b/./c", "//a", "it's", "..", "/a/../b"):
        add("path", pathlib.PurePosixPath(text))
        kept = pathlib.Path(text)
        str(kept)
        add("path", kept)
    add("path", pathlib.Path("a") / "b" / "c.txt")
    add("path", pathlib.PurePosixPath("a", "/b", "c"))
    add("namespace", types.SimpleNamespace(a=1, b="x"))
    add("coroutine", coroutine())
    add("async generator", asyncgen())
    add("typing.NamedTuple", Typed(1))
    if HAS_DATACLASSES:
        fill_dataclasses(add)


def fill_dataclasses(add):
    @dataclasses.dataclass
    class Data:
        x: int
        y: list = dataclasses.field(default_factory=list)
        hidden: int = dataclasses.field(default=1, repr=False)

    @dataclasses.dataclass
    class Derived(Data):
        z: typing.ClassVar[int] = 5
        w: str = "w"

    @dataclasses.dataclass
    class Quiet(Data):
        def __repr__(self):
            return "QUIET"

    add("dataclass", Data(1, [2]))
    add("dataclass", Data(1, [Data(2)]))
    add("dataclass", Derived(1))
    quiet = Quiet(1)
    add("dataclass", quiet, "%s: x=1, y=[], hidden=1>" % object.__repr__(quiet)[:-1])
    looped = Data(1)
    looped.y.append(looped)
    add("dataclass in itself", looped)
