"""Python calling Python, 20,000 deep, in a thread of its own.

    deep.py TRUTH [DEPTH]

Up to 3.10 each Python call is a C call too, hence the thread with a large stack.
"""
import sys
import threading

import truth

DEPTH = int(sys.argv[2]) if len(sys.argv) > 2 else 20000


def down(n):
    if n:
        return down(n - 1) + 1
    truth.ready(sys._getframe()); truth.block()  # noqa: E702


def main():
    sys.setrecursionlimit(2 * DEPTH + 1000)
    threading.stack_size(256 << 20)
    thread = threading.Thread(target=down, args=(DEPTH,), name="deep")
    thread.daemon = True
    thread.start()
    truth.wait_for(1)
    truth.report(sys._getframe()); truth.block()  # noqa: E702


if __name__ == "__main__":
    main()
