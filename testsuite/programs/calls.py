"""Two functions call the same C function in turn, for ever: calls.py TRUTH"""
import os
import sys
import time

import truth


def even(count):
    os.getppid()


def odd(count):
    os.getppid()


truth.report(sys._getframe())
count = 0
while True:
    even(count)
    odd(count)
    count += 1
    time.sleep(0.01)
