"""A thread inside a C call of an extension that has released the GIL, while the main thread computes.

    nogil_call.py TRUTH
"""
import ctypes
import sys
import threading

import truth

LIBC = ctypes.CDLL(None)


def in_c():
    truth.ready(sys._getframe()); LIBC.pause()  # noqa: E702


def main():
    thread = threading.Thread(target=in_c, name="in-c")
    thread.daemon = True
    thread.start()
    truth.wait_for(1)
    frame = sys._getframe()
    truth.report(frame, line=frame.f_lineno + 1, gil=truth.native_id())
    while True: pass  # noqa: E701


if __name__ == "__main__":
    main()
