"""Memory of a list of a million small records under 8 workers, over 20 epochs: peak and growth, of all processes together.

Peers that are not installed are said and skipped: PyTorch's DataLoader with a list in `--pytorch-python`, grain in
`--grain-python`. Pages that processes share count once. Target: `DataFromList(packed=True)` <= 0.5 x the better peer.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Dict

import _session
from _harness import ROOT, Row, median, print_row, report, take_turns

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_memory_worker.py")
PROBES = {"pytorch": "import torch, psutil", "grain": "import grain.python, psutil"}


def run(python: str, contender: str, args: argparse.Namespace) -> dict:
    command = [python, WORKER, contender, str(args.records), str(args.workers), str(args.epochs)]
    result = _session.run(command + ([ROOT] if contender.startswith("tensorpack") else []), args.timeout)
    if result is None:
        raise SystemExit("failed: {}".format(contender))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1, help="memory hardly varies")
    parser.add_argument("--timeout", type=float, default=1200)
    parser.add_argument("--pytorch-python", default=sys.executable)
    parser.add_argument("--grain-python", default=sys.executable)
    parser.add_argument("--json")
    args = parser.parse_args()
    found: Dict[str, str] = {"tensorpack_packed": sys.executable, "tensorpack_plain": sys.executable}
    for name, python in [("pytorch", args.pytorch_python), ("grain", args.grain_python)]:
        if subprocess.run([python, "-c", PROBES[name]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd=os.sep).returncode == 0:
            found[name] = python
        else:
            print("skipped, since it is not installed: {}".format(name))
    runs = take_turns({name: lambda n=name: run(found[n], n, args) for name in found}, args.rounds)
    print_row(["contender", "peak MB", "after the first epoch", "after the last", "CPU s"], is_head=True)
    for name, results in runs.items():
        print_row([name] + ["{:.0f}".format(median([r[key] for r in results])) for key in ("peak", "first", "last", "cpu")])
    peaks = {name: median([r["peak"] for r in results]) for name, results in runs.items()}
    peers = [name for name in PROBES if name in peaks]
    rows = []
    for name in peers:
        target = "<= 0.5" if peaks[name] == min(peaks[peer] for peer in peers) else None
        rows.append(Row("peak, packed list", peaks["tensorpack_packed"], "MB", name, peaks[name], target))
    report("Memory of a list of records", rows, args.json, records=args.records, workers=args.workers, epochs=args.epochs)


if __name__ == "__main__":
    main()
