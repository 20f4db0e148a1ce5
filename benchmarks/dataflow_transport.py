"""From worker processes to the consumer: batches of images, and datapoints from 100 B to 20 MB.

Peers that are not installed are said and skipped: PyTorch's DataLoader and grain in `--peers-python`, the original library
(`pip install tensorpack==0.11`, Python 3.7 to 3.9) in `--original-python`.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import Dict, List, Optional

import _session
from _harness import ROOT, Row, median, print_row, report, take_turns

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_transport_worker.py")
SIZES = ["100", "1000", "10000", "100000", "1000000", "20000000"]
PROBES = {"original": "import tensorpack.dataflow", "pytorch": "import torch", "grain": "import grain.python"}
TARGET = {"original": ">= 5.0", "no_handover": ">= 0.5"}


def pythons(args: argparse.Namespace) -> Dict[str, str]:
    """The interpreter of each contender that is there."""
    found = {"ours": sys.executable, "memcpy": sys.executable, "no_handover": sys.executable}
    for name, probe in PROBES.items():
        python = args.original_python if name == "original" else args.peers_python
        if python and subprocess.run([python, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     cwd=os.sep).returncode == 0:
            found[name] = python
        else:
            print("skipped, since it is not installed: {}".format(name))
    return found


def run(python: str, contender: str, kind: str, num_proc: int, seconds: float) -> Optional[dict]:
    command = [python, WORKER, contender, kind, str(num_proc), str(seconds)] + ([ROOT] if contender == "ours" else [])
    result = _session.run(command, 60 + 5 * seconds)
    if result is None:
        print("failed: {} {} with {} processes".format(contender, kind, num_proc))
    return result


def compare(found: Dict[str, str], kind: str, num_proc: int, args: argparse.Namespace) -> List[Row]:
    contenders = [name for name in found if name != "no_handover" or kind == "batch"]
    results = take_turns({name: lambda n=name: run(found[n], n, kind, num_proc, args.seconds) for name in contenders},
                         args.rounds)
    good = {name: [r for r in runs if r] for name, runs in results.items()}
    rates = {name: median([r["rate"] for r in runs]) for name, runs in good.items() if runs}
    if "ours" not in rates:
        return []
    what = "{} x {}".format("32x224x224x3" if kind == "batch" else kind + " B", num_proc)
    rows = []
    for name in (n for n in contenders if n in rates):
        runs = good[name]
        size, cpu = runs[0]["bytes"], median([r["cpu_per_gb"] for r in runs])
        value, unit = (rates[name] * size / 1e9, "GB/s") if size >= 100000 else (rates[name], "1/s")
        ours = rates["ours"] / rates[name]
        print_row([what, name, "{:.2f} {}".format(value, unit), "{:.2f}".format(ours), "{:.3f}".format(cpu),
                   "{:.0f}".format(median([r["worker_mb"] for r in runs]))])
        if name != "ours":
            scale = value / rates[name]
            rows.append(Row(what, rates["ours"] * scale, unit, name, value,
                            TARGET.get(name) if (kind, num_proc) == ("batch", 2) else None))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--procs", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--kinds", nargs="+", default=["batch"] + SIZES)
    parser.add_argument("--original-python")
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--json")
    args = parser.parse_args()
    found = pythons(args)
    rows = []
    print_row(["datapoint x workers", "contender", "median", "ours / it", "CPU s/GB", "MB per worker"], is_head=True)
    for kind in args.kinds:
        for num_proc in args.procs:
            rows += compare(found, kind, num_proc, args)
    report("Hand-over from worker processes", rows, args.json, cores=os.cpu_count(), contenders=", ".join(found))


if __name__ == "__main__":
    main()
