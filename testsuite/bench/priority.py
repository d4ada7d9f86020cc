"""High priority for target and tools alike, so that what else the machine does disturbs less."""

import contextlib
import os
from typing import Iterator

AUTOGROUP = "/proc/self/autogroup"
AUTOGROUPS = "/proc/sys/kernel/sched_autogroup_enabled"


def sessions_share() -> bool:
    """Whether the kernel shares the processors between sessions first; a process's own priority says little then."""
    try:
        with open(AUTOGROUPS) as file:
            return file.read().strip() != "0" and os.path.exists(AUTOGROUP)
    except OSError:
        return False


def set_session(nice: str) -> None:
    with open(AUTOGROUP, "w") as file:
        file.write(nice)


@contextlib.contextmanager
def high_priority() -> Iterator[bool]:
    """Yields whether it was allowed."""
    session = sessions_share()
    try:
        if session:
            with open(AUTOGROUP) as file:
                before = file.read().split()[-1]
            set_session("-20")
        else:
            os.setpriority(os.PRIO_PROCESS, 0, -20)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        if session:
            set_session(before)
