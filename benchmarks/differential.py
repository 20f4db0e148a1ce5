#!/usr/bin/env python
"""Runs random small programs by the original 0.11 and by this library, and tells where they differ.

Both run on TensorFlow 1.15 in one environment, the original installed there as it was released, this library by its path. A
program is JSON that the same code executes with either library (`_differential/`); names, shapes, order, collections, values,
gradients, statistics, events and files are compared. A difference that `_differential/documented.py` knows by a class, with its
reason in docs/notes/compatibility.md, is counted; of any other one the smallest program is searched for and shown.
Target: equal, or different by a class; no others.

Usage: differential.py [--programs N] [--kinds a,b] [--seed N] [--environment DIR] [--python FILE] [--show] [--json FILE]
"""

import argparse
import collections
import json
import os
import signal
import sys
import tempfile
import time
from concurrent import futures

from _differential import KINDS, generated
from _differential.documented import check_table, class_of
from _differential.encoding import differences, is_failure
from _differential.shrinking import shrunk
from _differential.sides import both, default_python, environment
from _harness import ROOT


def classes_of(program, sides):
    """The differences of a program, and the class of each."""
    with futures.ThreadPoolExecutor(len(sides)) as pool:
        results = list(pool.map(lambda side: side.run(program), sides))
    found = differences(*results)
    return found, [class_of(program, difference) for difference in found]


def sort_of(difference):
    """What a smaller program must keep: the part of the result, and who fails in it."""
    return difference.path.partition("/")[2].split("/")[0], is_failure(difference.original), is_failure(difference.ours)


def shown(value, limit=300):
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + " ..."


def tell(program, sides, shrink):
    """The smallest program with a difference that no class covers."""
    found, classes = classes_of(program, sides)
    if shrink:
        wanted = {sort_of(each) for each, name in zip(found, classes) if name is None}
        program = shrunk(
            program,
            lambda smaller: bool(wanted & {sort_of(each) for each, name in zip(*classes_of(smaller, sides)) if name is None}),
        )
        found, classes = classes_of(program, sides)
    print("\n{}".format(json.dumps(program)))
    for difference in [each for each, name in zip(found, classes) if name is None][:4]:
        print(
            "  {}\n    0.11: {}\n    ours: {}".format(
                difference.path or "/", shown(difference.original), shown(difference.ours)
            )
        )
    sys.stdout.flush()
    return program


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--programs", type=int, default=100, help="of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first program")
    parser.add_argument("--environment", default=os.path.join(tempfile.gettempdir(), "tensorpack-0.11"))
    parser.add_argument("--python", default=default_python(), help="for a new environment: Python 3.7")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--most-others", type=int, default=5, help="of a kind, after which the next kind begins")
    parser.add_argument("--program", help="JSON of a single program to run instead")
    parser.add_argument("--json", help="file for the counts")
    args = parser.parse_args()
    check_table()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the processes of the sides end, too
    sides = both(environment(args.environment, args.python), ROOT)
    counts = collections.OrderedDict()
    by_class = collections.Counter()
    try:
        if args.program:
            tell(json.loads(args.program), sides, not args.no_shrink)
            return 0
        for kind in args.kinds.split(","):
            count = counts[kind] = collections.Counter(equal=0, documented=0, others=0)
            for seed in range(args.seed, args.seed + args.programs):
                program = generated(kind, seed)
                found, classes = classes_of(program, sides)
                outcome = "equal" if not found else "others" if None in classes else "documented"
                count[outcome] += 1
                by_class.update(set(classes) - {None})
                if outcome == "others":
                    tell(program, sides, not args.no_shrink)
                    if count["others"] >= args.most_others:
                        break
            print(
                "{:12} {}".format(kind, ", ".join("{} {}".format(number, name) for name, number in count.items())), flush=True
            )
    finally:
        for side in sides:
            side.remove()
    for name, number in by_class.most_common():
        print("  {:6} {}".format(number, name))
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"seed": args.seed, "counts": counts, "classes": by_class}, f, indent=1)
    return 1 if any(count["others"] for count in counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
