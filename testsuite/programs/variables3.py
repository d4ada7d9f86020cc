"""The part of variables.py that only CPython 3.6+ can read."""


def keyword_only(a, b, *rest, c, d=4, **more):
    def inner():
        return a, rest, d, run_it

    run_it = more.pop("run_it")
    run_it()
    return inner


def run(arguments, method, namespaces):
    def method_of():
        method("self", "other")

    class Inner:
        names = [one * 2 for one in (1, 2)]
        outer = arguments

        def call(self):
            return __class__

        namespaces["Inner"] = locals()
        # In a scope of its own up to 3.11, in hidden slots of the class body since.
        called = [keyword_only(one, [2], 3, 4, c="c", run_it=method_of, extra={"x": 1}) for one in (17,)]

    return Inner
