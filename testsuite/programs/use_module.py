"""Uses the module pywalk and prints what the objects say, in the form of `pywalk dump --json`.

use_module.py pid PID | core CORE | native PID | native-core CORE | errors CORE
use_module.py variables TRUTH PID
use_module.py children
"""

import gc
import json
import subprocess
import sys
import time

import pywalk


def native_object(frame):
    one = {"kind": "native", "pc": hex(frame.pc), "symbol": frame.symbol, "module": frame.module}
    one["offset"] = None if frame.symbol is None or frame.inlined else frame.offset
    one["sp"] = hex(frame.sp)
    for key, value in (("file", frame.file), ("line", frame.line)):
        if value is not None:
            one[key] = value
    for key, value in (("inlined", frame.inlined), ("signal", frame.signal)):
        if value:
            one[key] = value
    assert frame.reason is None and frame.proof is None, frame
    return one


def frame_object(frame):
    if frame.kind == "native":
        return native_object(frame)
    assert frame.kind == "python", frame
    one = {"kind": frame.kind, "name": frame.name, "file": frame.file, "line": frame.line}
    if frame.qualname is not None:
        one["qualname"] = frame.qualname
    if frame.proof is not None:
        one["proof"] = frame.proof
    return one


def thread_end(end):
    return {"reason": end.reason}


def show(session, native="none"):
    with session, session.capture(native=native) as dump:
        document = json.loads(dump.to_json())
        threads = []
        for thread in dump.threads:
            threads.append(
                {
                    "tid": thread.tid,
                    "name": thread.name,
                    "interpreter": thread.interpreter,
                    "holds_gil": thread.holds_gil,
                    "state": thread.state,
                    "frames": [frame_object(f) for f in thread.frames],
                    "end": thread_end(thread.end),
                    "capture": thread.capture,
                    "stopped_us": thread.stopped_us,
                }
            )
            if native == "none":
                assert thread.native_end is None, thread.native_end
            else:
                threads[-1]["native_end"] = thread_end(thread.native_end)
            assert (thread.capture is None) == sys.argv[1].endswith("core"), thread.capture
            assert thread.ns_tid == thread.tid
            check_against(threads[-1], json.loads(thread.to_json()))
            # One thread's JSON is the same as its part of the whole.
            assert json.loads(thread.to_json()) in document["threads"]
            assert "[py]" in thread.to_text()
        document["threads"] = threads
        assert dump.problems == [], dump.problems
        assert [i.main for i in dump.interpreters] == [True]
        assert document["process"]["python"]["version"] == session.version
    print(json.dumps(document))


def check_against(ours, theirs):
    """What the objects say is what the JSON says, where both say it."""
    assert len(ours["frames"]) == len(theirs["frames"])
    for one, other in zip(ours["frames"], theirs["frames"]):
        assert one["kind"] != "native" or sorted(one) == sorted(other), (one, other)
        for key, value in one.items():
            assert value == other[key], (key, one, other)
    for key in ("tid", "interpreter", "holds_gil", "state", "capture", "stopped_us"):
        assert ours[key] == theirs[key], (key, ours[key], theirs[key])
    assert ours.get("native_end") == theirs.get("native_end")


def expect(error, function, *arguments):
    try:
        function(*arguments)
    except error as raised:
        assert isinstance(raised, pywalk.Error), raised
        assert str(raised), "no message"
        return
    raise AssertionError("%s not raised by %s%r" % (error.__name__, function, arguments))


def errors(core):
    expect(pywalk.NoTargetError, pywalk.Session.open_pid, 2**22 + 5)
    expect(pywalk.NoTargetError, pywalk.Session.open_core, "/nonexistent/core")
    expect(pywalk.FormatError, pywalk.Session.open_core, __file__)
    session = pywalk.Session.open_core(core)
    for wrong in ("some", "", None, 1):
        try:
            session.capture(native=wrong)
        except ValueError:
            continue
        raise AssertionError("native=%r was taken" % (wrong,))
    dump = session.capture()
    thread = dump.threads[0]
    frames = thread.frames
    session.close()
    session.close()
    assert session.closed
    expect(pywalk.ClosedError, session.capture)
    expect(pywalk.ClosedError, lambda: thread.frames)
    assert frames[0].name == "bottom"
    for _ in range(20):
        with pywalk.Session.open_core(core) as session:
            kept = session.capture().threads[0]
            del session
            gc.collect()
            assert kept.frames or True
    # Objects that are still alive at exit must not hurt.
    globals()["left"] = pywalk.Session.open_core(core).capture().threads


def value_of(session, address):
    """The object, read part by part through the session's methods."""
    kind = session.value_type(address)
    if kind in ("list", "tuple", "collections.deque"):
        total, parts = session.children(address)
        assert total == len(parts)
        assert [session.index(address, i) for i in range(total)] == [at for _, at in parts]
        assert total == 0 or session.index(address, -1) == parts[-1][1]
        assert session.index(address, total) == 0
        return [value_of(session, at) for _, at in parts]
    if kind == "dict":
        return {name[1:-1]: value_of(session, at) for name, at in session.children(address)[1]}
    return session.value(address)


def children():
    """How a child ended is for who started it, also while it is looked at in this very moment."""
    code = (
        "import os, sys, time\nend = time.time() + %f\nwhile time.time() < end: pass\nos._exit(7)"
    )
    for number in range(12):
        child = subprocess.Popen([sys.executable, "-c", code % (0.1 + 0.01 * number)])
        session, looks, until = None, 0, time.monotonic() + 30
        while not (looks and session is None) and time.monotonic() < until:
            try:
                session = session or pywalk.Session.open_pid(child.pid)
                # One that waits for us, its parent, has no interpreter any more.
                if session.capture().interpreters:
                    looks += 1
                else:
                    session = None
            except pywalk.Error:
                if looks:
                    session = None
        assert looks and child.wait() == 7, (number, looks, child.returncode)


def variables(path, pid):
    """Against what the target (variables.py) wrote of its frames."""
    with open(path) as file:
        expected = json.load(file)["frames"]
    limits = pywalk.Limits(bytes=1 << 20, characters=1 << 20, items=1 << 20, depth=60)
    with pywalk.Session.open_pid(int(pid)) as session, session.capture(
        locals=True, limits=limits
    ) as dump:
        frames = [frame for frame in dump.threads[0].frames if frame.name != "leaf"]
        assert [frame.name for frame in frames] == [one["name"] for one in expected]
        for frame, one in zip(frames, expected):
            found = {variable.name: variable for variable in frame.variables}
            for name, text in one["values"].items():
                if "object at" not in text:
                    assert found[name].value == text, (name, text, found[name])
            for name in one["unbound"]:
                assert found[name].value is None and found[name].address == 0, found[name]
            assert session.value_type(frame.globals) == "dict"
            # One frame's, without their text: the same objects.
            scope = session.variables(frame)
            assert [one[:3] for one in scope.variables] == [
                one[:3] for one in frame.variables
            ], scope
            assert (scope.globals, scope.builtins) == (frame.globals, frame.builtins), scope
            assert scope.problem is None and not scope.more, scope
            # The names of a module or class body are those of its namespace.
            assert bool(scope.names) == (frame.name in ("<module>", "Body", "Inner")), (
                frame.name,
                scope,
            )
            for name in one["values"] if scope.names else ():
                assert session.key(scope.names, name) == found[name].address, name
            assert session.key(frame.globals, "__name__") and not session.key(
                frame.globals, "no such name"
            )
        by_name = {frame.name: frame for frame in frames}
        local = {variable.name: variable.address for variable in by_name["arguments"].variables}
        assert value_of(session, local["local"]) == ["1", "2"]
        assert value_of(session, local["kwargs"])["'key'"] == "'word'"
        names = [name for name, _ in session.children(local["running"])[1]]
        assert ".step" in names and ".received" in names, names
        assert session.attribute(local["running"], "no such name") == 0
        body = session.key(by_name["arguments"].globals, "PY2")
        assert session.value(body) == "False"
        about = session.about(local["local"])
        assert (about.kind, about.length) == ("list", 2) and session.value(about.type) in (
            "<class 'list'>",
            "<type 'list'>",
        ), about
        assert session.about(body)[::2] == ("bool", None)
        assert session.about(local["kwargs"])[::2] == ("dict", 2)
        nothing = session.variables(by_name["arguments"]._replace(code=body))
        assert not nothing.variables and "code" in nothing.problem, nothing
        try:
            session.about(by_name["arguments"].code + 1)
        except pywalk.Error:
            pass
        else:
            raise AssertionError("something that is no object was taken for one")
        try:
            session.exception(body)
        except pywalk.CorruptError:
            pass
        else:
            raise AssertionError("a bool was taken for an exception")
    with pywalk.Session.open_pid(int(pid)) as session, session.capture() as dump:
        assert dump.threads[0].frames[0].variables is None


if __name__ == "__main__":
    if sys.argv[1] == "children":
        children()
    elif sys.argv[1] == "variables":
        variables(*sys.argv[2:])
    elif sys.argv[1] == "pid":
        show(pywalk.Session.open_pid(int(sys.argv[2])))
    elif sys.argv[1] == "core":
        show(pywalk.Session.open_core(sys.argv[2]))
    elif sys.argv[1] == "native":
        show(pywalk.Session.open_pid(int(sys.argv[2])), "all")
    elif sys.argv[1] == "native-core":
        show(pywalk.Session.open_core(sys.argv[2]), "all")
    else:
        errors(sys.argv[2])
