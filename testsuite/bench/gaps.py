"""The bench's target: sleeping threads, and a main thread that watches the clock.

    gaps.py FILE THREADS

The longest time between two looks at the clock is written to FILE, and forgotten, at SIGUSR1.
"""

import os
import signal
import sys
import threading
import time

longest = 0.0
asked = True


def sleep_below(depth: int) -> None:
    if depth:
        sleep_below(depth - 1)
    else:
        time.sleep(100000)


def on_signal(number: int, frame: object) -> None:
    global asked
    asked = True


def main() -> None:
    global longest, asked
    signal.signal(signal.SIGUSR1, on_signal)
    threading.stack_size(256 << 10)
    for _ in range(int(sys.argv[2]) - 1):
        threading.Thread(target=sleep_below, args=(20,), daemon=True).start()
    time.sleep(0.5)
    before = time.perf_counter()
    while True:
        now = time.perf_counter()
        if now - before > longest:
            longest = now - before
        before = now
        if asked:
            asked = False
            with open(sys.argv[1] + ".tmp", "w") as file:
                file.write(repr(longest))
            os.rename(sys.argv[1] + ".tmp", sys.argv[1])
            longest = 0.0
            before = time.perf_counter()


if __name__ == "__main__":
    main()
