"""Attributes of objects by name, as far as they are kept somewhere: nothing is computed."""

import itertools
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence

if TYPE_CHECKING:
    import pywalk

#: Types of what a class has in the place of a value that is computed or kept elsewhere.
_COMPUTING = {
    "property": "a property",
    "abc.abstractproperty": "a property",
    "functools.cached_property": "a property that has not been computed yet",
    "enum.property": "a property",
    "enum.DynamicClassAttribute": "a property",
    "types.DynamicClassAttribute": "a property",
    "getset_descriptor": "computed by the interpreter",
    "collections._tuplegetter": "a property",
    "_collections._tuplegetter": "a property",
}
_FIELDS_MAX = 1000
_NAMES_MAX = 200
_SEEN_MAX = 1 << 16
_PIECE = 1000


def find(session: "pywalk.Session", address: int, name: str, classes: Sequence[str] = ()) -> int:
    """The attribute's address; 0: it has none, or one that only running code could tell."""
    about = session.about(address)
    if name == "__class__":
        return about.type
    if about.kind == "exception":
        found = _of_exception(session, address, name)
        if found:
            return found
    found = session.attribute(address, name)
    if found and (about.kind in ("type", "module") or _what_computes(session, found) is None):
        return found
    if found:
        return _kept_elsewhere(session, address, about.kind, name)
    if about.kind == "generator":
        return _of_generator(session, address, name)
    if name.startswith("__") and not name.endswith("__"):
        for one in [*classes, session.value_type(address).rsplit(".", 1)[-1]]:
            found = session.attribute(address, f"_{one.lstrip('_')}{name}")
            if found:
                return found
    return 0


def _what_computes(session: "pywalk.Session", found: int) -> Optional[str]:
    label = session.value_type(found)
    if label == "member_descriptor":
        return "a slot that is not set"
    return _COMPUTING.get(label)


def computed(session: "pywalk.Session", address: int, name: str) -> Optional[str]:
    """Why there is no value although the class has the name; None: it does not have it."""
    found = session.attribute(address, name)
    what = _what_computes(session, found) if found else None
    if what is None or "slot" in what:
        return what
    return what + ", and nothing is run in the process"


def _kept_elsewhere(session: "pywalk.Session", address: int, kind: str, name: str) -> int:
    if kind == "tuple":
        fields = session.attribute(address, "_fields")
        for i in range(_FIELDS_MAX if fields else 0):
            field = session.index(fields, i)
            if not field:
                break
            if session.value(field) in (repr(name), "u" + repr(name)):
                return session.index(address, i)
    # Members of an enum.
    if name in ("name", "value"):
        return session.attribute(address, f"_{name}_")
    return 0


_OF_EXCEPTION = {
    "args": "args",
    "__cause__": "cause",
    "__context__": "context",
    "__traceback__": "traceback",
}


def _of_exception(session: "pywalk.Session", address: int, name: str) -> int:
    if name not in _OF_EXCEPTION:
        return 0
    found: int = getattr(session.exception(address), _OF_EXCEPTION[name])
    return found


def is_unset(session: "pywalk.Session", address: int, name: str) -> bool:
    """Whether it is None, but for want of any object."""
    return name in _OF_EXCEPTION and session.about(address).kind == "exception"


def is_hidden(session: "pywalk.Session", address: int) -> bool:
    """Whether its class is built in and keeps its attributes where they are not found (3.12+)."""
    return session.children(session.about(address).type, 0, 0)[0] == 0


def _of_generator(session: "pywalk.Session", address: int, name: str) -> int:
    """A variable of its frame."""
    for one, value in session.children(address)[1]:
        if one == "." + name:
            return value
    return 0


def names(session: "pywalk.Session", address: int, start: str) -> "List[str]":
    """Its parts as they are written behind it: `.name`, `[0]`, `['key']`; of those that begin so, the first."""

    def of(object_: int) -> "Iterator[str]":
        seen = 0
        while seen < _SEEN_MAX:
            found = session.children(object_, seen, _PIECE)[1]
            for name, _ in found:
                if name.startswith(start) and (not name.startswith(".__") or start[1:3] == "__"):
                    yield name
            if len(found) < _PIECE:
                return
            seen += _PIECE

    about = session.about(address)
    found = list(itertools.islice(of(address), _NAMES_MAX))
    if about.kind not in ("type", "module", "generator") and about.length is None:
        rest = itertools.islice(of(about.type), _NAMES_MAX)
        found += [one for one in rest if one not in found]
    return found
