#!/usr/bin/env python3
"""Whether each stack of a profile was possible:  check_stacks.py TRUTH PROFILE [--least N] [--most SHARE] [--functions]

TRUTH is what programs/chains.py wrote, PROFILE one of it (tools/stack_truth.py says which).  Prints what could not
have been; --most of that, as a share of the samples, is forgiven (0).  Fewer than --least samples are a failure.
--functions: lines do not count, such as in what ebpf_chains writes.
"""

import argparse
import sys

from stack_truth import Result, Truth, read_profile

FUNCTIONS = 3  # that a profile of several chains has at least


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("truth")
    parser.add_argument("profile")
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("--most", type=float, default=0.0)
    parser.add_argument("--functions", action="store_true")
    arguments = parser.parse_args()
    result = Result().judge(
        Truth(arguments.truth, not arguments.functions), read_profile(arguments.profile)
    )
    if result.impossible:
        print(result.show())
    bad = result.impossible > arguments.most * result.samples
    if result.samples < arguments.least:
        print("only %d samples" % result.samples)
        bad = True
    elif len(result.functions) < FUNCTIONS:
        print("only the functions %s" % " ".join(sorted(result.functions)))
        bad = True
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
