"""A test suite that hangs:  hang_suite.py READY

Its first test uses a pool of two workers and passes.  In the second one, two threads wait for each other while both
workers have something to do: one waits too, the other one computes.  READY.waits and READY.computes hold the workers'
process ids, READY that of the suite.
"""

import multiprocessing
import os
import sys
import threading
import time
import unittest

READY = sys.argv[1] if __name__ == "__main__" else None


def ready(path):
    with open(path + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".part", path)


def worker_waits(path):
    ready(path)
    while True:
        time.sleep(1000)


def worker_computes(path):
    ready(path)
    number = 1
    while True:
        number = number * 5 % 1000003


def square(number):
    return number * number


class SuiteThatHangs(unittest.TestCase):
    def setUp(self):
        self.pool = multiprocessing.Pool(2)

    def tearDown(self):
        self.pool.terminate()
        self.pool.join()

    def test_1_passes(self):
        self.assertEqual(self.pool.map(square, [1, 2, 3]), [1, 4, 9])

    def test_2_deadlock(self):
        for function, name in ((worker_waits, ".waits"), (worker_computes, ".computes")):
            self.pool.apply_async(function, (READY + name,))
        while not (os.path.exists(READY + ".waits") and os.path.exists(READY + ".computes")):
            time.sleep(0.01)
        first, second, both = threading.Lock(), threading.Lock(), []

        def holds(mine, other):
            with mine:
                both.append(None)
                while len(both) < 2:
                    time.sleep(0.001)
                with other:
                    pass

        def holds_the_other():
            holds(second, first)

        thread = threading.Thread(target=holds_the_other)
        thread.start()
        threading.Timer(0.05, ready, (READY,)).start()
        holds(first, second)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
