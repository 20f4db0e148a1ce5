#!/usr/bin/env python
"""Train the actor-critic of `examples/A3C-Gym` on CartPole-v1, and draw the score of each evaluation.

Target: a mean score of at least 475 over ten episodes (500 is the most), three evaluations in a row, within 20 epochs.
Usage: train_cartpole.py [--curve PNG] [--json FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from _harness import ROOT

GOOD, IN_A_ROW, EPOCHS = 475, 3, 20


def train(log_dir):
    """The scores after each epoch."""
    script = os.path.join(ROOT, "examples", "A3C-Gym", "train.py")
    subprocess.run([sys.executable, script, "--logdir", log_dir, "--epochs", str(EPOCHS)], check=True,
                   env=dict(os.environ, PYTHONPATH=ROOT))
    with open(os.path.join(log_dir, "stats.json")) as f:
        return [epoch["mean_score"] for epoch in json.load(f)]


def first_success(scores):
    """The number of epochs after which the target is met, or None."""
    for k in range(IN_A_ROW, len(scores) + 1):
        if min(scores[k - IN_A_ROW:k]) >= GOOD:
            return k
    return None


def draw(scores, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 2.8))
    axes.plot(range(1, len(scores) + 1), scores, marker="o", markersize=3)
    axes.axhline(GOOD, color="gray", linewidth=0.8, linestyle="--")
    axes.set_xlabel("epochs of 500 steps")
    axes.set_ylabel("mean score of 10 episodes")
    axes.set_xticks(range(0, len(scores) + 1, 5))
    axes.set_ylim(0, 520)
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curve", help="PNG file to draw")
    parser.add_argument("--json", help="file for the result")
    args = parser.parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as log_dir:
        scores = train(log_dir)
    result = {"scores": scores, "epochs_to_target": first_success(scores), "seconds": round(time.time() - start, 1)}
    print(json.dumps(result))
    if args.curve:
        draw(scores, args.curve)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f)
    sys.exit(0 if result["epochs_to_target"] else 1)


if __name__ == "__main__":
    main()
