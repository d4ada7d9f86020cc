# -*- coding: utf-8 -*-
"""Hundreds of objects, each with what repr() says of it: the truth of pywalk's values.

Runs in CPython 2.7 and 3.6-3.15.  Instances of classes that pywalk does not know are written here in
the form that docs/values.md gives.
"""
import collections
import datetime
import decimal
import fractions
import functools
import json
import math
import os
import sys
import time
import types
import weakref

import truth

PY2 = sys.version_info[0] == 2
VALUES = []  # (label, object, expected text or None for repr)


def add(label, value, expected=None):
    VALUES.append((label, value, expected))


def instance(value, text):
    """The form of an instance that is not known: its default repr with its attributes."""
    return "%s: %s>" % (object.__repr__(value)[:-1], text)


# ---- numbers ----
for number in (0, 1, -1, 255, 256, 257, 2**15, 2**30 - 1, 2**30, -(2**30), 2**31, 2**60, 2**63, 2**64, -(2**64)):
    add("int", number)
for exponent in (90, 120, 1000, 4000):
    add("int", 3**exponent)
    add("int", -(7**exponent))
    add("int", 10**exponent)
    add("int", 2**exponent)
add("bool", True)
add("bool", False)
add("None", None)
add("Ellipsis", Ellipsis)
add("NotImplemented", NotImplemented)
FLOATS = [0.0, -0.0, 1.0, 0.1, 1 / 3.0, 1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 12345.678, 1e100, 1e22]
FLOATS += [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan")]
FLOATS += [math.pi, math.e, 100.0, 1e5, 9007199254740993.0, 0.30000000000000004, 2.0**-44, 2.0**-1022]
FLOATS += [2.0**e for e in range(-1074, 1024, 37)] + [math.pi * 10.0**e for e in range(-300, 300, 13)]
for number in FLOATS:
    add("float", number)
for number in (0j, 1j, -1j, 1 + 2j, 1.5 - 2.5j, complex(-0.0, 1), complex("nan"), complex(0, float("inf"))):
    add("complex", number)

# ---- text ----
TEXTS = [u"", u"a", u"it's", u'say "x"', u"both ' and \"", u"back\\slash", u"tab\tnew\nret\r", u"\x00\x01\x1f\x7f"]
TEXTS += [u"\x80\x9f\xa0\xad\xe9", u"\u20ac", u"\u0430\u0431", u"\U0001f600 \u20ac", u"\u200b\u2028\u2029\u202e\u2066"]
TEXTS += [u"\x1b[31mred\x1b[0m\x07", u"\ufeff\ufffe", u"\ue000\U000e0001", u"a" * 1000, u"\u3000\u1680\u180e"]
if not PY2:
    TEXTS += [u"\ud800", u"\udc80abc", u"\U0010ffff"]
for text in TEXTS:
    add("str", text)
BYTES = [b"", b"abc", b"it's", b'"', b"'\"", b"\x00\xff\x80\n\r\t\\", bytes(bytearray(range(256)))]
for text in BYTES:
    add("bytes", text)
    add("bytearray", bytearray(text))
shifted = bytearray(b"abcdefgh" * 10)
del shifted[:5]
add("bytearray from the middle", shifted)

# ---- containers ----
add("list", [])
add("list", [1, 2, 3])
add("list", [1, "a", None, [2, [3]]])
add("tuple", ())
add("tuple", (1,))
add("tuple", (1, 2))
add("dict", {})
add("dict", {"a": 1})
add("dict", {1: "x", "k": [1], None: (), (1, 2): {}})
deleted = dict((str(i), i) for i in range(30))
for i in range(0, 30, 3):
    del deleted[str(i)]
add("dict with holes", deleted)
add("dict of 1000", dict((i, str(i)) for i in range(1000)))
add("dict of 70000", dict((i, i) for i in range(70000)))
add("dict of mixed keys", dict([("a", 1), (2, 2), ("c", 3)]))
add("set", set())
add("set", set([1]))
add("set", set(range(100)))
left = set(str(i) for i in range(50))
for i in range(0, 50, 2):
    left.discard(str(i))
add("set with holes", left)
add("frozenset", frozenset())
add("frozenset", frozenset([1, 2, "a"]))
add("range", range(10) if not PY2 else xrange(10))  # noqa: F821
add("range", range(1, 10, 2) if not PY2 else xrange(1, 10, 2))  # noqa: F821
add("range", range(5, 1) if not PY2 else xrange(5, 6))  # noqa: F821
add("slice", slice(1, None, 2))
add("dict_keys", {"a": 1}.keys())
add("dict_values", {"a": 1}.values())
add("dict_items", {"a": 1, "b": 2}.items())
add("deque", collections.deque())
add("deque", collections.deque(range(200)))
add("deque", collections.deque([1, "x"], maxlen=5))
rotated = collections.deque(range(130))
rotated.rotate(77)
for _ in range(70):
    rotated.popleft()
add("deque, rotated", rotated)
add("defaultdict", collections.defaultdict(int, {"a": 1}))
add("defaultdict", collections.defaultdict(None))
add("defaultdict", collections.defaultdict(list))
ordered = collections.OrderedDict([("x", 1), ("y", 2), ("z", [3])])
add("OrderedDict", ordered)
add("OrderedDict", collections.OrderedDict())
moved = collections.OrderedDict((str(i), i) for i in range(20))
value = moved.pop("3")
moved["3"] = value
if not PY2:
    moved.move_to_end("5", last=False)
    moved.move_to_end("7")
add("OrderedDict, moved", moved)
add("Counter", collections.Counter("abracadabra"))
add("Counter", collections.Counter())
Point = collections.namedtuple("Point", "x y")
add("namedtuple", Point(1, "two"))
add("mappingproxy", type.__dict__["__dict__"].__get__(type("Empty", (), {"__slots__": (), "__doc__": None})))
add("structseq", time.gmtime(0))
add("structseq", sys.version_info)
add("structseq", sys.float_info)

# ---- containers that contain themselves ----
cycle = [1]
cycle.append(cycle)
add("list in itself", cycle)
cycle = {}
cycle["self"] = cycle
add("dict in itself", cycle)
cycle = ([],)
cycle[0].append(cycle)
add("tuple in itself", cycle)
cycle = collections.deque()
cycle.append(cycle)
add("deque in itself", cycle)


# ---- classes and instances ----
class Plain(object):
    pass


class Slots(object):
    __slots__ = ("one", "two", "__dict__")


class MoreSlots(Slots):
    __slots__ = ("three", "unset")


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyFloat(float):
    pass


class MyTuple(tuple):
    pass


class MySet(set):
    pass


class MyDeque(collections.deque):
    pass


class MyDate(datetime.datetime):
    pass


class MyBytes(bytes):
    pass


class Loud(list):
    def __repr__(self):
        return "LOUD"


class Own(object):
    def __repr__(self):
        return "OWN"

    def method(self):
        pass

    @property
    def prop(self):
        return 1

    @staticmethod
    def static():
        pass

    @classmethod
    def klass(cls):
        pass


def function(a, *b):
    pass


add("instance without attributes", Plain())
plain = Plain()
plain.a = 1
plain.b = "x"
add("instance", plain, instance(plain, "a=1, b='x'"))
many = Plain()
for i in range(50):
    setattr(many, "a%02d" % i, i)
if not PY2:
    add("instance, many attributes", many, instance(many, ", ".join("a%02d=%d" % (i, i) for i in range(50))))
gone = Plain()
gone.a = 1
gone.b = 2
gone.c = 3
del gone.a
gone.a = 4
if not PY2:
    add("instance, attribute set again", gone, instance(gone, "b=2, c=3, a=4"))
asked = Plain()
asked.a = 1
asked.__dict__["b"] = 2
if not PY2:
    add("instance, its dict was asked for", asked, instance(asked, "a=1, b=2"))
replaced = Plain()
replaced.__dict__ = {"k": "v"}
add("instance, another dict", replaced, instance(replaced, "k='v'"))
looped = Plain()
looped.me = looped
add("instance in itself", looped, instance(looped, "me=%s: ...>" % object.__repr__(looped)[:-1]))
slots = Slots()
slots.one = 1
slots.extra = 3
add("slots", slots, instance(slots, "one=1, extra=3"))
more = MoreSlots()
more.one = 1
more.two = 2
more.three = [3]
add("slots of bases", more, instance(more, "one=1, two=2, three=[3]"))
own = Own()
own.x = 1
add("own repr", own, instance(own, "x=1"))
loud = Loud([1, 2])
add("list with own repr", loud, instance(loud, "[1, 2]"))
for made in (MyList([1]), MyDict(a=1), MyInt(7), MyStr("s"), MyFloat(1.5), MyTuple((1, 2)), MySet([1]), MyBytes(b"b")):
    add("subclass", made)
add("subclass", MyDeque([1]))
add("subclass", MyDate(2020, 1, 2))
with_dict = MyInt(3)
with_dict.attribute = 1
add("subclass with attributes", with_dict)
add("class", Plain)
add("class", int)
add("class", dict)
add("class", collections.OrderedDict)
add("class", datetime.datetime)
add("class", decimal.Decimal)
add("class", type)
add("function", function)
add("function", lambda: 0)
add("method", plain.__init__)
add("method", own.method, "<bound method Own.method of %s>" % instance(own, "x=1"))
add("method", Own.method)
add("method", Own.klass)
add("builtin", len)
add("builtin", [].append)
add("builtin", dict.fromkeys)
add("descriptor", str.join)
add("descriptor", int.__add__)
add("descriptor", Slots.one)
add("descriptor", type.__dict__["__module__"])
add("property", Own.prop)
add("staticmethod", Own.__dict__["static"])
add("classmethod", Own.__dict__["klass"])
add("module", os)
add("module", sys)
add("module", json)
add("module", sys.modules["__main__"])
add("module", types.ModuleType("made"))
add("module", collections)
add("code", function.__code__)
add("generator", (i for i in ()))


def one_by_one():
    yield 1
    yield 2


def failed():
    try:
        raise KeyError(1)
    except KeyError:
        return sys.exc_info()[2]


HALFWAY = one_by_one()
next(HALFWAY)
NEW = one_by_one()
FAILED = failed()
add("frame", HALFWAY.gi_frame)
add("frame", NEW.gi_frame)
add("frame", FAILED.tb_frame)
add("traceback", FAILED)


def cells():
    filled, text = 1, "x"

    def inner():
        return filled, empty, text

    if not filled:
        empty = None

    return inner.__closure__ if not PY2 else inner.func_closure


for cell in cells():
    add("cell", cell)
add("weakref", weakref.ref(plain))
add("weakref", weakref.ref(Plain))
add("weakref", weakref.ref(function))
temporary = Plain()
dead = weakref.ref(temporary)
del temporary
add("weakref", dead)
add("object", object())
add("memoryview", memoryview(b"abc"))
add("iterator", iter([1]))
if not PY2:
    add("partial", functools.partial(function, 1, "x", k=[2]))
    add("partial", functools.partial(int))
for error in (ValueError(), ValueError("m"), KeyError("k", 2), OSError(2, "No such file"), StopIteration(3)):
    add("exception", error)


class Problem(Exception):
    pass


add("exception", Problem("it's", [1]))
add("exception", UnicodeDecodeError("ascii", b"x", 0, 1, "why"))

# ---- the standard library ----
D = datetime
add("datetime", D.datetime(2020, 1, 2))
add("datetime", D.datetime(2020, 12, 31, 23, 59, 58, 999999))
add("datetime", D.datetime(1, 1, 1, 1, 1, 1))
add("date", D.date(9999, 12, 31))
add("time", D.time())
add("time", D.time(1, 2, 3, 4))
for delta in (D.timedelta(), D.timedelta(1), D.timedelta(-1, 5), D.timedelta(0, 0, 7), D.timedelta(1, 2, 3)):
    add("timedelta", delta)
if not PY2:
    add("timezone", D.timezone.utc)
    add("timezone", D.timezone(D.timedelta(hours=5, minutes=30)))
    add("timezone", D.timezone(D.timedelta(hours=-5), "EST"))
    add("datetime", D.datetime(2020, 1, 2, tzinfo=D.timezone.utc))
    add("datetime", D.datetime(2020, 1, 2, 3, 4, fold=1))
    add("time", D.time(3, 4, tzinfo=D.timezone.utc))
    for text in ("0", "-0", "1", "1.10", "-123.456", "1E+5", "1E-10", "0.000001", "0.0000001", "NaN", "sNaN"):
        add("Decimal", decimal.Decimal(text))
    for text in ("Infinity", "-Infinity", "NaN123", "1" * 60, "0E+3", "0E-9", "1.5E-7", "12E+2"):
        add("Decimal", decimal.Decimal(text))
    with decimal.localcontext() as context:
        context.prec = 100
        add("Decimal", decimal.Decimal(2).sqrt())
add("Fraction", fractions.Fraction(-3, 4))

if not PY2:
    import values3

    values3.fill(add)

if PY2:

    class Old:
        def method(self):
            pass

    old = Old()
    add("old-style class", Old)
    add("old-style instance", Old())
    old.a = 1
    add("old-style instance", old, "%s: a=1>" % repr(old)[:-1])
    add("long", 12345678901234567890)
    add("long", long(5))  # noqa: F821
    add("unbound method", Old.method)


def report(path):
    rows = []
    for label, value, expected in VALUES:
        text = repr(value) if expected is None else expected
        if isinstance(text, bytes):
            text = text.decode("latin-1")
        rows.append({"label": label, "id": id(value), "text": text})
    truth.report(sys._getframe(), path + ".frames")
    truth.write(path, {"values": rows})


report(sys.argv[1])
truth.block()
