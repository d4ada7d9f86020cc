"""Two functions call the same C function in turn, for ever: calls.py TRUTH"""
import os
import sys
import time

import truth


def even():
    os.getppid()


def odd():
    os.getppid()


truth.report(sys._getframe())
while True:
    even()
    odd()
    time.sleep(0.01)
