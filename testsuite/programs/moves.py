# -*- coding: utf-8 -*-
"""What changes under a debugger's eyes.

    moves.py TRUTH fork
    moves.py TRUTH exec PROGRAM [ARGUMENT...]
    moves.py TRUTH load LIBRARY FUNCTION

Waits for a byte from the FIFO TRUTH.go; then forks, or runs another program in its place, or loads a library
and has its function call Python.  Who is there afterwards (TRUTH.parent, TRUTH.child, TRUTH.load) sends itself
SIGUSR1, which only a debugger takes notice of, and blocks.  Before the fork, it reports TRUTH.fork.
"""
import ctypes
import os
import signal
import sys

import truth

PATH = sys.argv[1]

signal.signal(signal.SIGUSR1, signal.SIG_IGN)
os.mkfifo(PATH + ".go")
GO = os.open(PATH + ".go", os.O_RDWR)


def report(frame, name):
    """The frame's next line is where it will be found."""
    truth.report(frame, PATH + "." + name, line=frame.f_lineno + 1)


def fork():
    frame = sys._getframe()
    report(frame, "fork")
    number = os.fork()
    if not number:
        ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: it ends with its parent
    report(frame, "parent" if number else "child")
    os.kill(os.getpid(), signal.SIGUSR1); truth.block()  # noqa: E702


def execute():
    os.execv(sys.argv[3], sys.argv[3:])


def load():
    library = ctypes.CDLL(sys.argv[3])

    @ctypes.CFUNCTYPE(ctypes.c_int)
    def callback():
        frame = sys._getframe()
        report(frame, "load")
        os.kill(os.getpid(), signal.SIGUSR1); truth.block()  # noqa: E702

    getattr(library, sys.argv[4])(callback)


def main():
    frame = sys._getframe()
    truth.report(frame); os.read(GO, 1)  # noqa: E702
    {"fork": fork, "exec": execute, "load": load}[sys.argv[2]]()


if __name__ == "__main__":
    main()
