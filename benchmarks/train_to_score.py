#!/usr/bin/env python
"""Train examples on data that are here to a stated score, and draw the score of each epoch.

| name | example | score |
|---|---|---|
| digits | basics/digits-convnet.py | an error of at most 3 % within 20 epochs, on digits that come with the package |
| mnist | basics/mnist-convnet.py | an accuracy of at least 98.5 % within 3 epochs; needs $TENSORPACK_DATASET/mnist_data |
| cartpole | A3C-Gym/train.py | at least 475 of 500, mean of ten episodes, in three evaluations in a row within 20 epochs |

Usage: train_to_score.py NAME [--curve PNG] [--json FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Callable, List, NamedTuple, Optional

from _harness import ROOT


class Training(NamedTuple):
    """An example, the statistic that it is judged by, and the number of good values in a row that it takes."""
    script: str
    epochs: int
    statistic: str
    bound: float
    is_good: Callable[[float, float], bool]
    in_a_row: int
    label: str


def at_least(value: float, bound: float) -> bool:
    return value >= bound


def at_most(value: float, bound: float) -> bool:
    return value <= bound


TRAININGS = {
    "digits": Training("basics/digits-convnet.py", 20, "validation_error", 0.03, at_most, 1, "error on the test set"),
    "mnist": Training("basics/mnist-convnet.py", 3, "validation_accuracy", 0.985, at_least, 1, "accuracy on the test set"),
    "cartpole": Training("A3C-Gym/train.py", 20, "mean_score", 475, at_least, 3, "mean score of 10 episodes"),
}


def train(training: Training, log_dir: str) -> List[float]:
    """The statistic after each epoch."""
    script = os.path.join(ROOT, "examples", *training.script.split("/"))
    subprocess.run([sys.executable, script, "--logdir", log_dir, "--epochs", str(training.epochs)], check=True,
                   env=dict(os.environ, PYTHONPATH=ROOT))
    with open(os.path.join(log_dir, "stats.json")) as f:
        return [epoch[training.statistic] for epoch in json.load(f)]


def first_success(training: Training, values: List[float]) -> Optional[int]:
    """The number of epochs after which the score is reached, or None."""
    for k in range(training.in_a_row, len(values) + 1):
        if all(training.is_good(value, training.bound) for value in values[k - training.in_a_row:k]):
            return k
    return None


def draw(training: Training, values: List[float], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 2.8))
    axes.plot(range(1, len(values) + 1), values, marker="o", markersize=3)
    axes.axhline(training.bound, color="gray", linewidth=0.8, linestyle="--")
    axes.set_xlabel("epochs")
    axes.set_ylabel(training.label)
    step = 5 if len(values) > 10 else 1
    axes.set_xticks(range(0 if step > 1 else 1, len(values) + 1, step))
    figure.tight_layout()
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=list(TRAININGS))
    parser.add_argument("--curve", help="PNG file to draw")
    parser.add_argument("--json", help="file for the result")
    args = parser.parse_args()
    training, start = TRAININGS[args.name], time.time()
    with tempfile.TemporaryDirectory() as log_dir:
        values = train(training, log_dir)
    result = {"name": args.name, training.statistic: values, "target": training.bound,
              "epochs_to_target": first_success(training, values), "seconds": round(time.time() - start, 1)}
    print(json.dumps(result))
    if args.curve:
        draw(training, values, args.curve)
    if args.json:
        with open(args.json, "w") as f:
            json.dump(result, f)
    sys.exit(0 if result["epochs_to_target"] else 1)


if __name__ == "__main__":
    main()
