"""Reads a process that stands still through a reader, prints the dump, and checks what is read when.

    use_reader.py PID
"""

import os
import sys

import pywalk


class Memory(pywalk.Reader):
    local = True
    unit = 8192

    def __init__(self, pid):
        self.pid = pid
        self.executable = os.readlink("/proc/%d/exe" % pid)
        self.calls = []
        self.file = open("/proc/%d/mem" % pid, "rb", buffering=0)
        self.mappings = []
        with open("/proc/%d/maps" % pid) as maps:
            for line in maps:
                fields = line.split(None, 5)
                start, end = (int(word, 16) for word in fields[0].split("-"))
                path = fields[5].strip() if len(fields) > 5 else None
                if path and path.startswith("[") and path != "[vdso]":
                    path = None
                self.mappings.append(
                    pywalk.Mapping(start, end, int(fields[2], 16), path, "w" in fields[1], "x" in fields[1])
                )

    def read(self, address, length):
        self.calls.append((address, length))
        try:
            found = os.pread(self.file.fileno(), length, address)
        except (OSError, OverflowError):
            return None
        return found if len(found) == length else None


def capture(session, reader, **options):
    """A dump, and how many calls it took."""
    before = len(reader.calls)
    with session.capture(**options) as dump:
        return dump.to_json(), [thread.frames for thread in dump.threads], len(reader.calls) - before


def main(pid):
    reader = Memory(pid)
    session = pywalk.Session.open_reader(reader)
    threads = [pywalk.ReaderThread(int(tid)) for tid in os.listdir("/proc/%d/task" % pid)]
    session.set_threads(threads)
    plain, frames, calls = capture(session, reader)
    assert frames and calls > 5, (frames, calls)
    # For one capture only, unless the reader says that nothing changes.
    assert capture(session, reader)[2] > 5
    session.keep_memory(True)
    again = capture(session, reader)[0]
    session.set_threads(threads)
    assert again == plain and capture(session, reader) == (plain, frames, 0)
    session.keep_memory(True)
    # The same places, with fewer calls.
    later = capture(session, reader)
    assert later[0] == plain and 0 < later[2] < calls, (later[2], calls)
    assert max(length for _, length in reader.calls) < 64 * 8192

    numbers = session.statistics
    assert numbers.calls == len(reader.calls) and numbers.fetched > 0 and numbers.kept > 0, numbers
    assert numbers.reads > numbers.calls and numbers.bytes > 0, numbers

    # One thread, one that runs, one that is not there.
    alone = capture(session, reader, only_thread=pid)
    assert alone[1] == [one for one in frames if one == frames[0]], alone
    assert capture(session, reader, only_thread=2 ** 22 + 5)[1] == []
    session.set_threads([pywalk.ReaderThread(pid, running=True)])
    with session.capture() as dump:
        (thread,) = dump.threads
        assert (thread.state, thread.frames, thread.end.reason) == ("running", [], "unreadable"), thread.end
        assert thread.end.message == "the thread is running"

    assert session.set_mappings(reader.mappings) is True
    moved = [one._replace(start=one.start + 4096) if one.path else one for one in reader.mappings]
    assert session.set_mappings(moved) is False
    assert session.set_mappings([one for one in reader.mappings if one.path]) is True
    with pywalk.Session.open_pid(pid) as other:
        assert other.statistics == pywalk.Statistics(0, 0, 0, 0, 0, 0)
        assert len(other.capture(only_thread=pid).threads) == 1
        for wrong in (lambda: other.keep_memory(True), lambda: other.set_mappings([])):
            try:
                wrong()
            except pywalk.UsageError:
                continue
            raise AssertionError("a process was taken for a reader")
    print(plain)


if __name__ == "__main__":
    main(int(sys.argv[1]))
