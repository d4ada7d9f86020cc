"""Uses the module pywalk and prints what the objects say, in the form of `pywalk dump --json`.

    use_module.py pid PID | core CORE | errors CORE
"""

import gc
import json
import sys

import pywalk


def frame_object(frame):
    assert frame.kind == "python", frame
    one = {"kind": frame.kind, "name": frame.name, "file": frame.file, "line": frame.line}
    if frame.qualname is not None:
        one["qualname"] = frame.qualname
    return one


def show(session):
    with session, session.capture() as dump:
        document = json.loads(dump.to_json())
        threads = []
        for thread in dump.threads:
            threads.append({
                "tid": thread.tid,
                "name": thread.name,
                "interpreter": thread.interpreter,
                "holds_gil": thread.holds_gil,
                "state": thread.state,
                "frames": [frame_object(f) for f in thread.frames],
                "end": {"reason": thread.end.reason},
            })
            # One thread's JSON is the same as its part of the whole.
            assert json.loads(thread.to_json()) in document["threads"]
            assert "[py]" in thread.to_text()
        document["threads"] = threads
        assert dump.problems == [], dump.problems
        assert [i.main for i in dump.interpreters] == [True]
        assert document["process"]["python"]["version"] == session.version
    print(json.dumps(document))


def expect(error, function, *arguments):
    try:
        function(*arguments)
    except error as raised:
        assert isinstance(raised, pywalk.Error), raised
        assert str(raised), "no message"
        return
    raise AssertionError("%s not raised by %s%r" % (error.__name__, function, arguments))


def errors(core):
    expect(pywalk.NoTargetError, pywalk.Session.open_pid, 2 ** 22 + 5)
    expect(pywalk.NoTargetError, pywalk.Session.open_core, "/nonexistent/core")
    expect(pywalk.FormatError, pywalk.Session.open_core, __file__)
    session = pywalk.Session.open_core(core)
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


if __name__ == "__main__":
    if sys.argv[1] == "pid":
        show(pywalk.Session.open_pid(int(sys.argv[2])))
    elif sys.argv[1] == "core":
        show(pywalk.Session.open_core(sys.argv[2]))
    else:
        errors(sys.argv[2])
