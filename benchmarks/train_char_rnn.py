#!/usr/bin/env python
"""Score of examples/Char-RNN on this project's docs: bits per character of text that it has not seen, against xz.

xz compresses the text that the model trained on, then that text with the held-out one behind it; the difference is what
the held-out text costs when the other is known. Target: <= 1.0 x xz.

Usage: train_char_rnn.py [--epochs N] [--logdir DIR] [--curve FILE.png] [--json FILE]
"""
import argparse
import json
import lzma
import os
import runpy
import subprocess
import sys
import tempfile
import time

from _harness import ROOT, Row, report, tensorflow_version

SCRIPT = os.path.join(ROOT, "examples", "Char-RNN", "char-rnn.py")


def xz_bits_per_character(known, text):
    def size(text):
        return len(lzma.compress(text.encode("utf-8"), preset=9 | lzma.PRESET_EXTREME))

    return 8. * (size(known + text) - size(known)) / len(text)


def draw(stats, xz, filename):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4))
    epochs = [s["epoch_num"] for s in stats]
    axes.plot(epochs, [s["bits_per_character"] for s in stats], label="training, with dropout")
    axes.plot(epochs, [s["validation_bits_per_character"] for s in stats], label="held out")
    axes.axhline(xz, color="gray", linestyle="--", label="xz -9e, held out")
    axes.set_xlabel("epoch")
    axes.set_ylabel("bits per character")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title("Char-RNN on the docs: {:.2f} bits per character".format(
        min(s["validation_bits_per_character"] for s in stats)))
    figure.tight_layout()
    figure.savefig(filename, dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--logdir", help="where to keep the checkpoints; by default they are deleted")
    parser.add_argument("--curve", help="where to draw the curve")
    parser.add_argument("--json")
    args = parser.parse_args()

    example = runpy.run_path(SCRIPT)
    known, text = example["split"](example["default_corpus"]())
    xz = xz_bits_per_character(known, text)
    with tempfile.TemporaryDirectory() as folder:
        logdir = args.logdir or os.path.join(folder, "log")
        start = time.perf_counter()
        subprocess.run([sys.executable, SCRIPT, "--epochs", str(args.epochs), "--logdir", logdir],
                       env=dict(os.environ, PYTHONPATH=ROOT), stdin=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - start
        with open(os.path.join(logdir, "stats.json")) as f:
            stats = json.load(f)
    if args.curve:
        draw(stats, xz, args.curve)
    score = min(s["validation_bits_per_character"] for s in stats)
    report("Char-RNN on the docs of this project", [Row("held-out text", score, "bits/char", "xz -9e", xz, "<= 1.0")],
           args.json, tensorflow=tensorflow_version(), characters=len(known), held_out=len(text), epochs=args.epochs,
           seconds=round(seconds))


if __name__ == "__main__":
    main()
