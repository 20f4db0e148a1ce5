#!/usr/bin/env python
"""Training loops of PyTorch and Keras, fed by a DataFlow or by their own loaders: images per second.

JPEGs are decoded, a random part is resized to 224 x 224, its brightness changed, and it is flipped, by two workers; a small
network is trained on batches of 32. Ours: DecodeAndAugment, MultiProcessRunnerZMQ, and `as_torch` or `as_tf_dataset`. Theirs:
DataLoader and PyDataset with the same work by plain functions of OpenCV, and tf.data with its fused decoding and cropping.
Contenders take turns. Target: >= 1.3 x the loader of each framework.

Usage: dataflow_adapters.py [--procs N] [--rounds N] [--seconds S] [--json FILE]
"""
from __future__ import annotations

import argparse
import os
import pickle
import sys
import tempfile
from typing import List

import _session
import numpy as np
from _harness import ROOT, Row, median, print_row, report, take_turns
from dataflow_decode import make_jpegs

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_adapters_worker.py")
PEERS = {"torch_ours": ["torch_dataloader"], "keras_ours": ["keras_pydataset", "keras_tfdata"]}


def compare(images: str, args: argparse.Namespace) -> List[Row]:
    def run(contender: str) -> dict:
        command = [sys.executable, WORKER, contender, images, str(args.procs), str(args.seconds), ROOT]
        result = _session.run(command, 120 + 5 * args.seconds)
        if result is None:
            print("failed: {}".format(contender))
        return result

    names = [name for ours, peers in PEERS.items() for name in [ours] + peers]
    results = take_turns({name: lambda n=name: run(n) for name in names}, args.rounds)
    good = {name: [r for r in runs if r] for name, runs in results.items()}
    rates = {name: median([r["rate"] for r in runs]) for name, runs in good.items() if runs}
    costs = {name: median([r["cpu_per_1000"] for r in good[name]]) for name in rates}
    print_row(["contender", "images/s", "CPU s per 1000 images"], is_head=True)
    for name in rates:
        print_row([name, "{:.0f}".format(rates[name]), "{:.2f}".format(costs[name])])
    rows = []
    for ours, peers in PEERS.items():
        for peer in peers:
            if ours in rates and peer in rates:
                what = "training loop of {}".format("PyTorch" if ours == "torch_ours" else "Keras")
                rows.append(Row(what, rates[ours], "images/s", peer, rates[peer], ">= 1.3"))
                rows.append(Row(what, costs[ours], "CPU s/1000", peer, costs[peer]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--procs", type=int, default=2)
    parser.add_argument("--json")
    args = parser.parse_args()
    jpegs = make_jpegs(args.images)
    with tempfile.NamedTemporaryFile(suffix=".pickle") as f:
        pickle.dump(jpegs, f)
        f.flush()
        rows = compare(f.name, args)
    report("Training loops of other frameworks", rows, args.json, cores=os.cpu_count(), workers=args.procs,
           kilobytes_per_jpeg=int(np.mean([len(jpeg) for jpeg in jpegs]) / 1000))


if __name__ == "__main__":
    main()
