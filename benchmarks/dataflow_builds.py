"""Hand-over from worker processes, this build against another one (such as `git archive` of an older commit, in ROOT).

Small datapoints, bigger ones, batches of images, and how long a lone datapoint takes to the consumer. Targets: 100 B >= 5 x,
1 kB >= 4 x, 100 kB >= 1.5 x the datapoints/s, images not slower, batches >= 0.6 x workers that hand nothing over, no more CPU
seconds, and <= 1.2 x the latency. The builds take turns, each time in a process of its own.

Usage: dataflow_builds.py ROOT [--rounds N] [--seconds S] [--procs N] [--json FILE]
"""
from __future__ import annotations

import argparse
import os
import sys
from typing import Dict, List

import _session
from _harness import ROOT, Row, median, report, take_turns

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_transport_worker.py")
RATES = {"100": ">= 5.0", "1000": ">= 4.0", "100000": ">= 1.5", "batch": ">= 1.0"}


def run(contender: str, kind: str, root: str, args: argparse.Namespace) -> dict:
    command = [sys.executable, WORKER, contender, kind, str(args.procs), str(args.seconds), root]
    result = _session.run(command, 60 + 5 * args.seconds)
    if result is None:
        raise SystemExit("failed: {} of {}".format(kind, root))
    return result


def compare(kind: str, args: argparse.Namespace) -> Dict[str, List[dict]]:
    contenders = {"ours": lambda: run("ours", kind, ROOT, args), "other": lambda: run("ours", kind, args.root, args)}
    if kind == "batch":
        contenders["no_handover"] = lambda: run("no_handover", kind, ROOT, args)
    return take_turns(contenders, args.rounds)


def of(results: Dict[str, List[dict]], who: str, key: str) -> float:
    return median([result[key] for result in results[who]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--procs", type=int, default=2)
    parser.add_argument("--json")
    args = parser.parse_args()
    rows = []
    for kind, target in RATES.items():
        results = compare(kind, args)
        what = "batch of images" if kind == "batch" else kind + " B"
        rows.append(Row(what, of(results, "ours", "rate"), "1/s", "other build", of(results, "other", "rate"), target))
        rows.append(Row(what + ", CPU", of(results, "ours", "cpu_per_gb"), "s/GB", "other build",
                        of(results, "other", "cpu_per_gb"), "<= 1.0"))
        if kind == "batch":
            rows.append(Row(what, of(results, "ours", "rate"), "1/s", "no hand-over", of(results, "no_handover", "rate"),
                            ">= 0.6"))
    results = compare("lone", args)
    rows.append(Row("latency of a lone datapoint", of(results, "ours", "latency"), "us", "other build",
                    of(results, "other", "latency"), "<= 1.2"))
    report("Hand-over, two builds", rows, args.json, rounds=args.rounds, workers=args.procs, cores=os.cpu_count())


if __name__ == "__main__":
    main()
