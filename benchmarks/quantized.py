#!/usr/bin/env python
"""Smaller exports: size, accuracy on test data, and latency of each way to store the convnets of the examples in fewer bits.

The networks of digits-convnet.py and mnist-convnet.py are trained, exported in all ways, and run by ExportedPredictor over the
whole test set, one image a call. The contenders take turns; CPU time is that of all threads of the process.

Targets: the int8 files <= 0.3 x the size of the file with all bits of the same format, and at most 0.5 points less accuracy.

Usage: quantized.py [--networks digits,mnist] [--cores N] [--rounds N] [--json FILE]
MNIST is looked for in $TENSORPACK_DATASET/mnist_data.
"""
import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack

import numpy as np
from _harness import ROOT, Row, median, pin_threads, print_row, report, run_worker, take_turns, tensorflow_version

# Network -> (its example, name of the input, epochs)
NETWORKS = {"digits": ("digits-convnet.py", "image", 20), "mnist": ("mnist-convnet.py", "input", 2)}
CALLS = 200  # a turn
SIZE, LOSS = 0.3, 0.5  # targets: part of the size, points of accuracy


def load_example(filename):
    path = os.path.join(ROOT, "examples", "basics", filename)
    spec = importlib.util.spec_from_file_location(filename.partition("-")[0] + "_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def datasets(network):
    """The training data, and images and labels of the test set."""
    from tensorpack import BatchData, MapData
    from tensorpack.dataflow import dataset

    kind = {"digits": dataset.Digits, "mnist": dataset.Mnist}[network]
    train = MapData(kind("train"), lambda dp: [dp[0].reshape(dp[0].shape[:2]), dp[1]])
    test = kind("test", shuffle=False)
    test.reset_state()
    images, labels = zip(*test)
    return BatchData(train, 64), np.stack(images).reshape(len(images), *images[0].shape[:2]), np.array(labels)


def trained(network, train_data, folder):
    """A config with what some epochs of training make of the example."""
    from tensorpack import (
        ModelSaver,
        PredictConfig,
        QueueInput,
        SimpleTrainer,
        SmartInit,
        TrainConfig,
        launch_train_with_config,
    )
    from tensorpack.utils import logger

    filename, name, epochs = NETWORKS[network]
    model = load_example(filename).Model()
    logger.set_logger_dir(folder, action="d")
    launch_train_with_config(TrainConfig(model=model, data=QueueInput(train_data), steps_per_epoch=len(train_data),
                                         max_epoch=epochs, callbacks=[ModelSaver()]), SimpleTrainer())
    return PredictConfig(model=model, session_init=SmartInit(os.path.join(folder, "checkpoint")), input_names=[name],
                         output_names=["prob"])


def ways(flow):
    """{title: (format, arguments)}, the one with all bits of a format first."""
    tflite = {"TFLite": {}, "TFLite, float16 weights": {"weights": "float16"}, "TFLite, int8 weights": {"weights": "int8"},
              "TFLite, int8": {"representative": flow}}
    onnx = {"ONNX": {}, "ONNX, float16 weights": {"weights": "float16"}, "ONNX, int8 weights": {"weights": "int8"},
            "ONNX, int8": {"quantize": flow}}
    return dict({title: ("tflite", arguments) for title, arguments in tflite.items()},
                **{title: ("onnx", arguments) for title, arguments in onnx.items()})


def accuracy(predictor, images, labels):
    """In points, one image a call, as files of TF 1.15 take no more."""
    found = [predictor(image[np.newaxis])[0].argmax() for image in images]
    return 100 * float(np.mean(np.array(found) == labels))


def cost(predictor, images):
    """(microseconds, microseconds of CPU) per call."""
    start, cpu = time.perf_counter(), time.process_time()
    for image in images:
        predictor(image[np.newaxis])
    return [1e6 * (now - before) / len(images) for now, before in ((time.perf_counter(), start), (time.process_time(), cpu))]


def measure(network, rounds):
    """The rows of one network."""
    from tensorpack import ExportedPredictor, OfflinePredictor
    from tensorpack.tfutils.export import ModelExporter

    train_data, images, labels = datasets(network)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        config = trained(network, train_data, os.path.join(folder, "log"))
        exporter, predictors, sizes = ModelExporter(config), {}, {}
        predictors["OfflinePredictor"] = stack.enter_context(OfflinePredictor(config))
        for i, (title, (kind, arguments)) in enumerate(ways(train_data).items()):
            path = os.path.join(folder, "{}.{}".format(i, kind))
            getattr(exporter, "export_" + kind)(path, **arguments)
            predictors[title] = stack.enter_context(ExportedPredictor(path))
            sizes[title] = os.path.getsize(path)
        scores = {title: accuracy(predictor, images, labels) for title, predictor in predictors.items()}
        turns = take_turns({title: lambda predictor=predictor: cost(predictor, images[:CALLS])
                            for title, predictor in predictors.items()}, rounds)
    costs = {title: [median([each[i] for each in found]) for i in (0, 1)] for title, found in turns.items()}
    return rows_of(network, sizes, scores, costs)


def rows_of(network, sizes, scores, costs):
    """Size against the format's file with all bits, accuracy against OfflinePredictor, costs against that file."""
    rows, offline = [], scores["OfflinePredictor"]
    for title, size in sizes.items():
        plain = title.partition(",")[0]
        peer = None if title == plain else plain
        what = "{}: {}, ".format(network, title)

        def add(name, value, unit, peer_value, target=None, what=what, peer=peer):
            rows.append(Row(what + name, value, unit, peer, peer_value if peer else None, target))

        add("size", size / 1e3, "kB", sizes[plain] / 1e3, "<= {}".format(SIZE) if "int8" in title else None)
        rows.append(Row(what + "accuracy", scores[title], "%", "OfflinePredictor", offline,
                        ">= {:.5f}".format(1 - LOSS / offline)))
        for i, name in enumerate(["latency", "CPU"]):
            add(name, costs[title][i], "us", costs[plain][i])
    return rows


def print_summary(rows):
    """One line for each file; its four rows follow each other."""
    print_row(["file", "size, kB", "accuracy, %", "latency, us", "CPU, us"], is_head=True)
    for i in range(0, len(rows), 4):
        size, score, *costs = rows[i:i + 4]
        print_row([size.what.rpartition(",")[0], _cell(size), "{:.2f}".format(score.value)] + list(map(_cell, costs)))


def _cell(row):
    return "{:.1f}".format(row.value) + ("" if row.ratio is None else ", {:.2f} x".format(row.ratio))


def worker(networks, cores, rounds):
    """Print the rows of all networks."""
    pin_threads(cores)
    from tensorpack.utils import logger

    logger.setLevel("WARNING")
    print(json.dumps({"rows": [row for network in networks for row in measure(network, rounds)]}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="digits,mnist")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker(args.networks.split(","), args.cores, args.rounds)
    rows = [Row(*row) for row in run_worker(__file__, "--worker", *[
        option for name in ("networks", "cores", "rounds") for option in ("--" + name, str(getattr(args, name)))])["rows"]]
    print_summary(rows)
    report("Smaller exports", rows, args.json, tensorflow=tensorflow_version(), rounds=args.rounds, cores=args.cores)


if __name__ == "__main__":
    sys.exit(main())
