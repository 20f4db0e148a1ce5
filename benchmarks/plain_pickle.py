#!/usr/bin/env python
"""What it costs to read datapoints as plain data: `loads` against `loads(allow_pickle=True)`, in CPU time per datapoint.

Usage: plain_pickle.py [--rounds N] [--json FILE]
"""
import argparse
import functools
import time

from _harness import Row, median, report, take_turns

CALLS = 2000


def datapoints():
    import numpy as np

    rng = np.random.RandomState(0)
    return {
        "JPEG of 100 kB, label": [rng.bytes(100000), 3],
        "image 224x224, label": [rng.randint(0, 255, (224, 224, 3)).astype("uint8"), 3],
        "image 28x28, label": [rng.rand(28, 28).astype("float32"), 3],
        "JPEG of 1 kB, 20 boxes in lists": [rng.bytes(1000), rng.rand(20, 4).tolist(), [1] * 20],
    }


def cpu_time(function, data, calls):
    start = time.process_time()
    for _ in range(calls):
        function(data)
    return (time.process_time() - start) / calls * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json")
    args = parser.parse_args()
    from tensorpack.utils.serialize import dumps, loads

    rows = []
    for name, datapoint in datapoints().items():
        data = dumps(datapoint)
        times = take_turns({
            "plain": functools.partial(cpu_time, loads, data, CALLS),
            "any": functools.partial(cpu_time, functools.partial(loads, allow_pickle=True), data, CALLS)}, args.rounds)
        rows.append(Row(name, median(times["plain"]), "us", "allow_pickle=True", median(times["any"])))
    report("Datapoints as plain data", rows, args.json)


if __name__ == "__main__":
    main()
