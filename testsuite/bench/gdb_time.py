"""For gdb: bench-time COMMAND runs it and says on stderr how many seconds it took, and how much of the processor."""

import sys
import time

import gdb


class BenchTime(gdb.Command):
    def __init__(self) -> None:
        super().__init__("bench-time", gdb.COMMAND_DATA)

    def invoke(self, argument: str, from_tty: bool) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        gdb.execute(argument)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        sys.stdout.flush()
        sys.stderr.write("bench-time: %.9f %.9f\n" % (wall, cpu))


BenchTime()
