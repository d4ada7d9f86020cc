"""The target of bench/sampling.py: call chains whose every stack is known, and threads that sleep.

    sampling_target.py TRUTH PAGE THREADS

Its main thread runs some of the chains of programs/chains.py, as that says and with TRUTH as there; the number of
rounds is the first 8 bytes of the file PAGE.  THREADS others sleep, each with `bench_sleeper` on its stack, in the ways
of bench/target.py.
"""

import ctypes
import mmap
import sys
import threading
from functools import partial

import chains  # type: ignore[import]

import target


def main() -> None:
    with open(sys.argv[2], "r+b") as file:
        page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
    rounds = (ctypes.c_uint64 * 1).from_buffer(page)
    threading.stack_size(256 << 10)
    for i in range(int(sys.argv[3])):
        wait = target.KINDS[i % len(target.KINDS)]
        threading.Thread(target=target.bench_sleeper, args=(wait,), daemon=True).start()
    seen = chains.Seen()
    busy = [chains.chain_a, chains.chain_b, chains.chain_c, chains.chain_e, chains.chain_f]
    chains.run_chains(seen, busy, -1, rounds, partial(chains.starting, [seen], []))


if __name__ == "__main__":
    main()
