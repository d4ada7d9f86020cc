# -*- coding: utf-8 -*-
"""Makes and drops what a sampler remembers, for a while: code, threads, modules, libraries, children, itself.

    soak.py READY SECONDS [LIBRARY CALLBACK_LIBRARY]

Every function that comes and goes has a number K in its name, and the rest follows from it, so that a name that
belongs to another piece of code is seen (tools/check_names.py):

    f_K calls g_K    in the file soak_K.py, f_K in the lines K + 1 and K + 2, g_K in the five that follow
    m_K calls h_K    in the file soak_mod_N.py, m_K in the lines K + 1 and K + 2, h_K in the five that follow

Numbers are used again and again, for other code objects.  Half way, it executes itself, and so do some of its
children; LIBRARY (shares.so) and CALLBACK_LIBRARY (framepointer.so) are loaded and unloaded.  Prints in the end how
often all this was done.
"""
import _ctypes
import ctypes
import importlib
import json
import os
import sys
import threading
import time

SOURCE = """
def %s_K(n):
    return %s_K(n)
def %s_K(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""
NUMBERS = 150  # that are in use at a time
MODULES = 5
WORK = 3000
COUNTS = {}
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)


def count(what):
    COUNTS[what] = COUNTS.get(what, 0) + 1


def source_of(number, first, second):
    text = SOURCE % (first, second, second)
    return "\n" * (number - 1) + text.replace("_K", "_%d" % number)


def run_code(number):
    space = {}
    code = compile(source_of(number, "f", "g"), "soak_%d.py" % number, "exec")
    exec(code, space)
    space["f_%d" % number](WORK)
    count("codes")
    count("codes")


def run_thread(number):
    thread = threading.Thread(target=run_code, args=(number,), name="soak-%d" % number)
    thread.start()
    thread.join()
    count("threads")


def run_threads(number):
    threads = [threading.Thread(target=work_a_little) for _ in range(6)]
    for thread in threads:
        thread.start()
        count("threads")
    for thread in threads:
        thread.join()
    run_thread(number)


def work_a_little():
    return sum(range(1000))


def run_module(number):
    name = "soak_mod_%d" % (number % MODULES)
    with open(os.path.join(sys.path[0], name + ".py"), "w") as file:
        file.write(source_of(number, "m", "h"))
    sys.modules.pop(name, None)
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    getattr(module, "m_%d" % number)(WORK)
    del sys.modules[name]
    count("modules")


def run_library():
    for path in sys.argv[3:5]:
        library = ctypes.CDLL(path)
        if hasattr(library, "burn_in_c"):
            library.burn_in_c(ctypes.c_double(0.002))
        else:
            library.with_frame_pointer(CALLBACK(from_library))
        handle = library._handle
        del library
        _ctypes.dlclose(handle)
        count("libraries")


def from_library():
    return sum(range(20000)) & 1


def child(number):
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG
    if number % 4 == 0:
        os.execv(sys.executable, [sys.executable, sys.argv[0], sys.argv[1], "-0.5"] + sys.argv[3:])
    end = time.time() + 0.2 + number % 3 * 0.2
    while time.time() < end:
        number += 1
        run_code(500 + number % NUMBERS)
    os._exit(0)


def reap(alive, most):
    while len(alive) > most:
        os.waitpid(alive.pop(0), 0)


def one_turn(number, base):
    run_code(base + number % NUMBERS)
    run_thread(base + number % NUMBERS)
    if number % 5 == 0:
        run_threads(base + number % NUMBERS)
    if number % 7 == 0:
        run_module(base + number % NUMBERS)
    if number % 20 == 0 and len(sys.argv) > 3:
        run_library()


def soak(begin, end, base, children):
    """children: how many there shall have been at the end."""
    number, alive, started = 0, [], 0
    while time.time() < end:
        number += 1
        one_turn(number, base)
        if started < children * (time.time() - begin) / (end - begin):
            started += 1
            pid = os.fork()
            if pid == 0:
                child(started)
            alive.append(pid)
            count("children")
            reap(alive, 4)
    reap(alive, 0)


def main():
    seconds = float(sys.argv[2])
    sys.path.insert(0, "%s.%d" % (sys.argv[1], os.getpid()))
    if not os.path.exists(sys.path[0]):
        os.mkdir(sys.path[0])
    sys.setrecursionlimit(500)
    if seconds < 0:  # a child that executed this
        soak(time.time(), time.time() - seconds, 1000, 0)
        return
    state = json.loads(os.environ.get("SOAK_STATE", "{}"))
    begin = time.time()
    COUNTS.update(state.get("counts", {}))
    if not state:
        open(sys.argv[1], "w").close()
        soak(begin, begin + seconds / 2, 1, 100)
        count("execs")
        os.environ["SOAK_STATE"] = json.dumps({"counts": COUNTS})
        os.execv(sys.executable, [sys.executable] + sys.argv)
    soak(begin, begin + seconds / 2, 2000, 100)
    print(json.dumps(COUNTS))


if __name__ == "__main__":
    main()
