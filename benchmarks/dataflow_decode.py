#!/usr/bin/env python
"""JPEGs to batches for a training on ImageNet: CPU seconds per 1000 images, and images per second.

Decode, crop a random part, resize it to 224 x 224, change the brightness, flip; batches of 32 arrive in the main process. The
images are of the size of ImageNet's, or photos of 12 megapixels. Contenders take turns:

- ours: `DecodeAndAugment`; ours_exact: with `exact=True`; ours_whole: `cv2.imdecode` in `MapDataComponent` and augmentation
- tfdata, tfdata_fused: tf.data with TensorFlow's operations, the second with `decode_and_crop_jpeg`; bicubic as all others
- pytorch: the DataLoader with the same OpenCV calls; pillow: with what torchvision does to images of Pillow. Torchvision itself
  cannot be imported beside every PyTorch, so its operations on Pillow are called.
- no_handover: the same OpenCV calls in processes from which nobody takes the images

Targets, CPU seconds with 2 workers: <= 0.72 x ours_whole (photos: 0.40), <= 0.85 x tfdata_fused, <= 0.67 x pytorch and pillow.

Usage: dataflow_decode.py [--photos] [--contenders NAME ...] [--peers-python PYTHON] [--procs N ...] [--rounds N] [--json FILE]
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
TARGETS = {"ours_whole": "<= 0.72", "tfdata_fused": "<= 0.85", "pytorch": "<= 0.667", "pillow": "<= 0.667"}
PEERS = {"pytorch": "import torch, cv2", "pillow": "import torch, cv2, PIL", "tfdata": "import tensorflow, cv2",
         "tfdata_fused": "import tensorflow, cv2"}
CONTENDERS = ["ours", "ours_exact", "ours_whole", "tfdata", "tfdata_fused", "pytorch", "pillow", "no_handover"]
SIZES = [(500, 375), (375, 500), (500, 333), (334, 500)]


def make_jpegs(count: int, are_photos: bool = False) -> List[np.ndarray]:
    """Photograph-like: smooth shapes with some noise, in sizes and bytes of ImageNet or of a telephone's camera."""
    rng, jpegs = np.random.RandomState(0), []
    for k in range(count):
        w, h = (4032, 3024) if are_photos else SIZES[k % 4]
        image = cv2.resize(rng.uniform(0, 255, (9, 12, 3)), (w, h), interpolation=cv2.INTER_CUBIC)
        image += (4 if are_photos else 8) * rng.randn(h, w, 3)
        jpegs.append(cv2.imencode(".jpg", np.clip(image, 0, 255).astype("uint8"))[1].reshape(-1))
    return jpegs


def pythons(contenders: List[str], peers_python: str) -> Dict[str, str]:
    """The interpreter of each contender that is installed."""
    found = {}
    for name in contenders:
        python, code = (peers_python, PEERS[name]) if name in PEERS else (sys.executable, "import cv2")
        probe = subprocess.run([python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=os.sep)
        if probe.returncode == 0:
            found[name] = python
        else:
            print("skipped, since it is not installed with OpenCV:", name)
    return found


def run(python: str, contender: str, images: str, num_proc: int, seconds: float) -> Optional[dict]:
    command = [python, WORKER, contender, images, str(num_proc), str(seconds)]
    result = _session.run(command + ([ROOT] if contender.startswith("ours") else []), 60 + 5 * seconds)
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
            target = TARGETS.get(name) if num_proc == 2 else None
            if target and args.photos and name == "ours_whole":
                target = "<= 0.40"
            rows.append(Row(workers, costs["ours"], "CPU s/1000", name, costs[name], target))
            rows.append(Row(workers, rates["ours"], "images/s", name, rates[name]))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", action="store_true", help="of 12 megapixels")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--images", type=int, help="default: 200, or 32 photos")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--procs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers-python", default=sys.executable)
    parser.add_argument("--json")
    args = parser.parse_args()
    jpegs = make_jpegs(args.images or (32 if args.photos else 200), args.photos)
    found, rows = pythons(args.contenders, args.peers_python), []
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
