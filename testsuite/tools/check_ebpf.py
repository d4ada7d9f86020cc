#!/usr/bin/env python3
"""Whether the engine ebpf meets threads and children that come later, and none twice:

    check_ebpf.py EBPF_CHAINS PYTHON INHERITS RATE

EBPF_CHAINS is tools/ebpf_chains.c, INHERITS programs/inherits.py.  As many ticks are expected as the processes say they
spent time, by the kernel's account.  Prints what differs.  Exit status 77: the engine cannot be used here.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from typing import Counter as CounterType

# Of what is expected: a thread's first tick comes a period after its start; a tick that comes twice doubles it.
LEAST, MOST = 0.75, 1.25


def main() -> int:
    chains, python, program, rate = sys.argv[1:]
    target = subprocess.Popen([python, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert target.stdout and target.stdout.readline() == b"ready\n"
    sampler = subprocess.Popen(
        [chains, str(target.pid), rate, "1000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert sampler.stderr
    attached = sampler.stderr.readline().decode()
    # It goes on in any case, so that it ends.
    spent = json.loads(target.communicate(b"\n")[0])
    folded, counts = (text.decode() for text in sampler.communicate())
    if sampler.returncode or attached != "attached\n":
        print(attached.rstrip(), counts)
        return sampler.returncode or 1
    met: CounterType[str] = Counter()
    for line in folded.splitlines():
        text, _, count = line.rpartition(" ")
        pid = text.partition(";")[0]
        # The one that runs another program has not always done so.
        met[pid if pid in spent else "other"] += int(count)
    strange = re.search(r"strange (\d+)", counts)
    met["other"] += int(strange.group(1)) if strange else 0
    bad = False
    for who in sorted(spent):
        expected = spent.get(who, 0) * float(rate)
        if not LEAST * expected <= met[who] <= MOST * expected:
            bad = True
            print("%s: %d ticks, expected %d; %s" % (who, met[who], expected, counts.rstrip()))
    return bad


if __name__ == "__main__":
    sys.exit(main())
