"""Makes a profile of a process that stands in one place, and checks what its parts say of it.

use_profile.py PID TRUTH FOLDER

FOLDER gets the profile in each format, as profile.SUFFIX.
"""

import json
import os
import sys

import pywalk

LOOKS = 5
WEIGHT = 10**7


def expect(error, function, *arguments):
    try:
        function(*arguments)
    except error as raised:
        assert str(raised), "no message"
        return
    raise AssertionError("%s not raised by %s%r" % (error.__name__, function, arguments))


def fill(profile, session, **options):
    added = []
    for number in range(LOOKS):
        with session.capture() as dump:
            added.append(profile.add(dump, number * WEIGHT, WEIGHT, **options))
    return added


def check_stacks(profile, tid, names):
    """`names`: the target's own, innermost first, of the thread that wrote them."""
    seen = 0
    for sample in profile.samples():
        assert sample.weight == WEIGHT and sample.time % WEIGHT == 0, sample
        if sample.tid != tid:
            continue
        seen += 1
        frames = profile.stack(sample.stack)
        found = [frame.name.rpartition(".")[2] for frame in frames if frame.kind == "python"]
        # What the target calls to wait stands above the frame that it reported.
        assert found[-len(names) :] == names, (found, names)
    assert seen == LOOKS, seen


def check_tables(profile, tid, names):
    flat, all_of = profile.table(), profile.table("cumulative")
    assert flat.samples == len(profile) and flat.time == len(profile) * WEIGHT, flat
    assert sum(row.self_samples for row in flat.rows) == len(profile)
    oldest = [row for row in all_of.rows if row.name == names[-1]]
    assert sum(row.total_samples for row in oldest) >= LOOKS, all_of
    assert len(profile.table(limit=1).rows) == 1 and profile.table(limit=1).left_out >= 0
    by_thread = profile.table(by="thread").rows
    assert [row.total_samples for row in by_thread if row.tid == tid] == [LOOKS], by_thread
    tree = profile.table("tree").rows
    assert [row.level for row in tree[:3]] == [0, 1, 2], tree[:3]
    assert "self" in profile.to_text() and names[-1] in profile.to_text("cumulative")


def check_wrong(profile, session):
    with session.capture() as dump:
        # Not before the last one.
        expect(pywalk.UsageError, profile.add, dump, 0, WEIGHT)
        expect(OverflowError, profile.add, dump, 10**12, WEIGHT, [-1])
        expect(TypeError, profile.add, dump, 10**12, WEIGHT, ["one"])
    expect(pywalk.ClosedError, profile.add, dump, 10**12, WEIGHT)
    expect(pywalk.UsageError, profile.to_bytes, "nonsense")
    expect(pywalk.UsageError, profile.save, "name.unknown")
    expect(ValueError, profile.table, "nonsense")
    expect(ValueError, profile.table, "flat", "nonsense")
    expect(ValueError, profile.table, "flat", "function", None, -1)
    expect(pywalk.UsageError, profile.table, "flat", "function", "(")
    expect(pywalk.FormatError, pywalk.Profile.read, __file__)
    expect(pywalk.NoTargetError, pywalk.Profile.read, "/nonexistent/file")
    expect(ValueError, pywalk.Profile, pywalk.ProfileInfo(clock="sun"))
    expect(IndexError, profile.stack, 10**6)


def main(pid, truth, folder):
    with open(truth) as file:
        thread = next(one for one in json.load(file)["threads"] if one["frames"])
    names = [frame["name"] for frame in thread["frames"]]
    tid = thread.get("tid") or pid
    info = pywalk.ProfileInfo(engine="use_profile", rate_wished=100.0, lines=True)
    profile = pywalk.Profile(info)
    with pywalk.Session.open_pid(pid) as session:
        added = fill(profile, session)
        with session.capture() as dump:
            count = sum(1 for one in dump.threads if one.tid)
        assert added == [pywalk.Added(count, 0, 0)] * LOOKS, added
        assert (len(profile), profile.thread_count, profile.process_count) == (
            count * LOOKS,
            count,
            1,
        )
        check_stacks(profile, tid, names)
        check_tables(profile, tid, names)
        check_wrong(profile, session)
        one = pywalk.Profile(info._replace(lines=False))
        assert fill(one, session, tids=[tid]) == [pywalk.Added(1, 0, 0)] * LOOKS
        assert one.stack(next(one.samples()).stack)[0].line is None
        nobody = pywalk.Profile()
        assert fill(nobody, session, tids=[1]) == [pywalk.Added(0, 0, 0)] * LOOKS
        assert nobody.table().rows == [] and nobody.to_text()
        # It sleeps.
        idle = pywalk.Profile(info._replace(clock="cpu"))
        assert fill(idle, session) == [pywalk.Added(0, 0, 0)] * LOOKS
    profile.info = profile.info._replace(ticks=LOOKS, duration=LOOKS * WEIGHT)
    assert (profile.info.ticks, profile.info.engine) == (LOOKS, "use_profile")
    for format in pywalk.profile_formats():
        path = os.path.join(folder, "profile" + format.suffix)
        assert pywalk.profile_format_of(path) == format.name, format
        profile.save(path)
        with open(path, "rb") as file:
            assert file.read(), path
    assert sorted(os.listdir(folder)) == sorted(
        "profile" + format.suffix for format in pywalk.profile_formats()
    )
    again = pywalk.Profile.read(os.path.join(folder, "profile.pywalk"))
    assert again.info.duration == LOOKS * WEIGHT and again.to_text() == profile.to_text()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
