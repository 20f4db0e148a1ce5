#!/usr/bin/env python
"""JPEGs to batches for a training on ImageNet, images per second: against PyTorch's DataLoader with the same OpenCV calls.

Decode, crop a random part, resize it to 224 x 224, change the brightness, flip; batches of 32 arrive in the main process.
Ours uses `imgaug`; the peer and the limit, where nobody takes the images, use plain functions. Contenders take turns.
Target: >= 1.0 x PyTorch with 2 workers.

Usage: dataflow_decode.py [--peers-python PYTHON] [--procs N ...] [--rounds N] [--seconds S] [--json FILE]
"""
from __future__ import annotations

import argparse
import os
import pickle
import subprocess
import sys
import tempfile
from typing import Dict, List, Optional

import _session
import cv2
import numpy as np
from _harness import ROOT, Row, median, print_row, report, take_turns

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_decode_worker.py")
TARGET = {"pytorch": ">= 1.0", "no_handover": None}


def make_jpegs(count: int) -> List[np.ndarray]:
    """Photograph-like: smooth shapes with some noise, in sizes and bytes of ImageNet."""
    rng, jpegs = np.random.RandomState(0), []
    for k in range(count):
        w, h = [(500, 375), (375, 500), (500, 333), (334, 500)][k % 4]
        image = cv2.resize(rng.uniform(0, 255, (9, 12, 3)), (w, h), interpolation=cv2.INTER_CUBIC) + 8 * rng.randn(h, w, 3)
        jpegs.append(cv2.imencode(".jpg", np.clip(image, 0, 255).astype("uint8"))[1].reshape(-1))
    return jpegs


def pythons(peers_python: str) -> Dict[str, str]:
    found = {"ours": sys.executable, "no_handover": sys.executable}
    probe = [peers_python, "-c", "import torch, cv2"]
    if subprocess.run(probe, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.sep).returncode == 0:
        found["pytorch"] = peers_python
    else:
        print("skipped, since it is not installed with OpenCV: pytorch")
    return found


def run(python: str, contender: str, images: str, num_proc: int, seconds: float) -> Optional[dict]:
    command = [python, WORKER, contender, images, str(num_proc), str(seconds)]
    result = _session.run(command + ([ROOT] if contender == "ours" else []), 60 + 5 * seconds)
    if result is None:
        print("failed: {} with {} processes".format(contender, num_proc))
    return result


def compare(found: Dict[str, str], images: str, num_proc: int, args: argparse.Namespace) -> List[Row]:
    results = take_turns({name: lambda n=name: run(found[n], n, images, num_proc, args.seconds) for name in found}, args.rounds)
    good = {name: [r for r in runs if r] for name, runs in results.items()}
    rates = {name: median([r["rate"] for r in runs]) for name, runs in good.items() if runs}
    costs = {name: median([r["cpu_per_1000"] for r in good[name]]) for name in rates}
    if "ours" not in rates:
        return []
    rows, workers = [], "{} worker{}".format(num_proc, "s" if num_proc > 1 else "")
    for name in rates:
        print_row([workers, name, "{:.0f}".format(rates[name]), "{:.2f}".format(costs[name])])
        if name != "ours":
            rows.append(Row(workers, rates["ours"], "images/s", name, rates[name], TARGET[name] if num_proc == 2 else None))
            rows.append(Row(workers, costs["ours"], "CPU s/1000", name, costs[name]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--procs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--json")
    args = parser.parse_args()
    jpegs = make_jpegs(args.images)
    found, rows = pythons(args.peers_python), []
    with tempfile.NamedTemporaryFile(suffix=".pickle") as f:
        pickle.dump(jpegs, f)
        f.flush()
        print_row(["workers", "contender", "images/s", "CPU s per 1000 images"], is_head=True)
        for num_proc in args.procs:
            rows += compare(found, f.name, num_proc, args)
    report("JPEG decoding and augmentation", rows, args.json, cores=os.cpu_count(), contenders=", ".join(found),
           kilobytes_per_jpeg=int(np.mean([len(jpeg) for jpeg in jpegs]) / 1000))


if __name__ == "__main__":
    main()
