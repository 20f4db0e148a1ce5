"""Datapoints over TCP between two processes of this machine: as plain data, the same encrypted, and as an older version sent
them.

`--before PATH` is a checkout of that version, whose datapoints were pickled (`git worktree add PATH 739e593`). Both processes
share the cores with the threads of ZMQ, so the CPU time of both together is what counts.
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Callable, Dict, List, Optional

from _harness import ROOT, Row, median, report, take_turns

from tensorpack.utils._wire.keys import make_key

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_wire_worker.py")
COUNTS = {"two numbers": 30000, "text and numbers in a dict": 30000, "boxes": 20000, "32 x 32 image": 20000,
    "224 x 224 image": 6000,
          "batch of 32 images": 1000}
TARGETS = {"224 x 224 image": "<= 1.0", "batch of 32 images": "<= 1.0"}
SMALL = "<= 1.11"  # 0.9 times as many in the same time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="a checkout of the older version")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of datapoints")
    parser.add_argument("--json")
    args = parser.parse_args()
    rows: List[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        key = os.path.join(folder, "key")
        make_key(key)
        for name, count in COUNTS.items():
            rows += measure(name, str(int(count * args.scale)), key, args.before, args.rounds)
    report("Datapoints over TCP, wall time and CPU time of both processes for each", rows, args.json, rounds=args.rounds,
           cores=os.cpu_count(), python=sys.version.split()[0])


def measure(name: str, count: str, key: str, before: Optional[str], rounds: int) -> List[Row]:
    figures: Dict[str, Dict[str, List[float]]] = {}

    def contender(title: str, path: str, *arguments: str) -> Callable[[], float]:
        def run() -> float:
            done = subprocess.run([sys.executable, WORKER, name, count, *arguments], check=True, stdout=subprocess.PIPE,
                                  env=dict(os.environ, PYTHONPATH=path))
            for kind, seconds in json.loads(done.stdout.decode().splitlines()[-1]).items():
                figures.setdefault(title, {}).setdefault(kind, []).append(1e6 * seconds)
            return 0.0
        return run

    contenders = {"plain": contender("plain", ROOT), "CURVE": contender("CURVE", ROOT, key)}
    if before:
        contenders["before"] = contender("before", before)
    take_turns(contenders, rounds)
    rows = []
    for kind in ("cpu", "wall"):
        plain, curve = median(figures["plain"][kind]), median(figures["CURVE"][kind])
        if before:
            rows.append(Row("{}, {}: plain data".format(name, kind), plain, "us", "before", median(figures["before"][kind]),
                            TARGETS.get(name, SMALL) if kind == "cpu" else None))
        else:
            rows.append(Row("{}, {}: plain data".format(name, kind), plain, "us"))
        rows.append(Row("{}, {}: with a key".format(name, kind), curve, "us", "plain data", plain))
    return rows


if __name__ == "__main__":
    main()
