# -*- coding: utf-8 -*-
"""Code names and file names that are hard to read or to show.

    names.py TRUTH

All three kinds of str, lone surrogates, an embedded NUL where CPython takes it, terminal escapes, an empty
name, a very long one; a file name of each kind.
"""
import sys

import truth

NAMES = [
    u"latin_\u00e9\u00ff",
    u"ucs2_\u03bb\u4e2d",
    u"ucs4_\U0001f40d\U00020000",
    u"lone_\ud800_high",
    u"\udcff",
    u"ucs4_\U0001f40d_lone_\udc80",
    u"escape_\x1b[31mred\x1b[0m",
    u"newline\nand\ttab\r\x7f\x9b",
    u"quote\"back\\slash",
    u"",
    u"long_" + u"\u00fc" * 3000,
    u"nul_\x00_inside",
]
FILES = [
    u"/tmp/ascii.py",
    u"/tmp/latin_\u00e9.py",
    u"/tmp/ucs2_\u03bb.py",
    u"/tmp/ucs4_\U0001f40d.py",
    u"/tmp/lone_\udc80.py",
    u"/tmp/esc_\x1b]0;title\x07.py",
    u"relative.py",
    u"<string>",
]


def template(rest):
    return go(rest)


def renamed(code, name, file):
    if sys.version_info[0] == 2:
        def encode(value):
            return b"".join(
                b"\xed\xa0\x80" if u"\ud800" <= c <= u"\udfff" and len(value) < 20 else c.encode("utf-8", "replace")
                for c in value)

        return type(code)(
            code.co_argcount, code.co_nlocals, code.co_stacksize, code.co_flags, code.co_code,
            code.co_consts, code.co_names, code.co_varnames, encode(file), encode(name),
            code.co_firstlineno, code.co_lnotab, code.co_freevars, code.co_cellvars)
    if hasattr(code, "replace"):
        if hasattr(code, "co_qualname"):
            return code.replace(co_name=name, co_filename=file, co_qualname=u"Outer." + name)
        return code.replace(co_name=name, co_filename=file)
    return type(code)(
        code.co_argcount, code.co_kwonlyargcount, code.co_nlocals, code.co_stacksize, code.co_flags,
        code.co_code, code.co_consts, code.co_names, code.co_varnames, file, name,
        code.co_firstlineno, code.co_lnotab, code.co_freevars, code.co_cellvars)


def variants():
    for i, name in enumerate(NAMES):
        try:
            yield renamed(template.__code__, name, FILES[i % len(FILES)])
        except (ValueError, UnicodeError):
            continue
    for file in FILES:
        try:
            yield renamed(template.__code__, u"plain", file)
        except (ValueError, UnicodeError):
            continue


def go(rest):
    if rest:
        function = type(go)(rest[0], globals(), "f")
        return function(rest[1:])
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    go(list(variants()))
