#!/usr/bin/env python
"""Latency of one prediction with batch 1: OfflinePredictor, a raw session, Keras 3, and the graph that export_compact wrote.

Targets: OfflinePredictor <= 1.05 x Session.make_callable on the same graph, <= 0.3 x Keras predict_on_batch; the frozen
Conv-BN graph <= 0.95 x the unfrozen one per call, <= 0.5 x at the first call, <= 0.15 x its nodes.

Usage: predict_latency.py [--rounds N] [--json FILE]
"""
import argparse
import os
import sys
import tempfile
import time

import numpy as np
from _harness import Row, median, pin_threads, report, run_worker, take_turns, tensorflow_version, time_calls

SIZE, WIDTH, BLOCKS = 32, 16, 6


def keras_worker(rounds):
    """Prints the seconds per predict_on_batch of the small model, in a process that runs eagerly."""
    import json

    import keras
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28, 1))]
        + [layer for k in range(2) for layer in (layers.Conv2D(16, 3, padding="same", use_bias=False),
                                                 layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(2))]
        + [layers.Flatten(), layers.Dense(10, activation="softmax")])
    x = np.ones((1, 28, 28, 1), "float32")
    for _ in range(20):
        model.predict_on_batch(x)
    print(json.dumps({"seconds": median([time_calls(lambda: model.predict_on_batch(x), 200) for _ in range(rounds)])}))


def graph_benchmark(rounds, json_file):
    from tensorpack import (
        BNReLU,
        Conv2D,
        FullyConnected,
        GlobalAvgPooling,
        MaxPooling,
        ModelDescBase,
        OfflinePredictor,
        PredictConfig,
        argscope,
        logger,
    )
    from tensorpack import tfv1 as tf
    from tensorpack.tfutils.export import ModelExporter

    logger.setLevel("WARNING")

    class Small(ModelDescBase):
        def inputs(self):
            return [tf.TensorSpec((None, 28, 28, 1), tf.float32, "image")]

        def build_graph(self, x):
            for k in range(2):
                x = Conv2D("conv{}".format(k), x, 16, 3, activation=BNReLU, use_bias=False)
                x = MaxPooling("pool{}".format(k), x, 2)
            tf.nn.softmax(FullyConnected("fc", x, 10), name="prob")

    class Residual(ModelDescBase):
        """A Conv-BN network in the style of ResNet."""

        def inputs(self):
            return [tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, "image")]

        def build_graph(self, x):
            with argscope(Conv2D, kernel_size=3, use_bias=False, activation=BNReLU):
                x = Conv2D("conv0", x, WIDTH)
                for k in range(BLOCKS):
                    y = Conv2D("block{}_a".format(k), x, WIDTH)
                    y = Conv2D("block{}_b".format(k), y, WIDTH)
                    x = tf.nn.relu(x + y)
            tf.nn.softmax(FullyConnected("fc", GlobalAvgPooling("gap", x), 10), name="prob")

    def config(model):
        return PredictConfig(model=model, input_names=["image"], output_names=["prob"])

    small = OfflinePredictor(config(Small()))
    x = np.ones((1, 28, 28, 1), "float32")
    raw = small.sess.make_callable(["prob:0"], feed_list=["image:0"])
    turns = take_turns({"ours": lambda: time_calls(lambda: small(x), 300),
                        "raw": lambda: time_calls(lambda: raw(x), 300)}, rounds)
    keras = run_worker(__file__, "--keras-worker", "--rounds", str(rounds)) if _has_keras() else None
    ours, raw_time = 1e6 * median(turns["ours"]), 1e6 * median(turns["raw"])
    rows = [Row("OfflinePredictor, batch 1", ours, "us", "Session.make_callable on the same graph", raw_time, "<= 1.05")]
    if keras:
        rows.append(Row("OfflinePredictor, batch 1", ours, "us", "Keras 3 predict_on_batch", 1e6 * keras["seconds"], "<= 0.3"))
    rows += frozen_rows(tf, OfflinePredictor, ModelExporter, config, Residual, rounds)
    report("Latency of predictions", rows, json_file, tensorflow=tensorflow_version(), rounds=rounds)


def frozen_rows(tf, OfflinePredictor, ModelExporter, config, Residual, rounds):
    """The unfrozen network in its session against the graph of export_compact in a plain session."""
    from tensorpack import SmartInit, get_default_sess_config

    x = np.random.RandomState(0).rand(1, SIZE, SIZE, 3).astype("float32")
    with OfflinePredictor(config(Residual())) as predictor:
        values = dict(zip([v.name for v in predictor.graph.get_collection("variables")],
                          predictor.sess.run(predictor.graph.get_collection("variables"))))

    def restored():
        result = config(Residual())
        result.session_init = SmartInit(values)
        return result

    with tempfile.TemporaryDirectory() as folder:
        filename = os.path.join(folder, "compact.pb")
        ModelExporter(restored()).export_compact(filename)
        with open(filename, "rb") as f:
            graph_def = tf.GraphDef.FromString(f.read())

    def open_unfrozen():
        predictor = OfflinePredictor(restored())
        return predictor.sess, predictor.graph

    def open_frozen():
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(graph_def, name="")
        return tf.Session(graph=graph, config=get_default_sess_config()), graph

    def first_call(opener):
        sess, _ = opener()
        start = time.perf_counter()
        sess.run("prob:0", {"image:0": x})
        elapsed = time.perf_counter() - start
        sess.close()
        return elapsed

    firsts = take_turns({"unfrozen": lambda: first_call(open_unfrozen), "frozen": lambda: first_call(open_frozen)},
                        max(3, rounds // 2))
    sessions = {"unfrozen": open_unfrozen(), "frozen": open_frozen()}
    calls = {name: sess.make_callable("prob:0", feed_list=["image:0"]) for name, (sess, _) in sessions.items()}
    np.testing.assert_allclose(calls["frozen"](x), calls["unfrozen"](x), atol=1e-5)
    turns = take_turns({name: lambda call=call: time_calls(lambda: call(x), 100) for name, call in calls.items()}, rounds)
    nodes = {name: len(graph.get_operations()) for name, (_, graph) in sessions.items()}
    peer = "the unfrozen graph"
    return [
        Row("frozen graph, each call", 1e6 * median(turns["frozen"]), "us", peer, 1e6 * median(turns["unfrozen"]), "<= 0.95"),
        Row("frozen graph, first call", 1e3 * median(firsts["frozen"]), "ms", peer, 1e3 * median(firsts["unfrozen"]), "<= 0.5"),
        Row("frozen graph, nodes", nodes["frozen"], "nodes", peer, nodes["unfrozen"], "<= 0.15"),
    ]


def _has_keras():
    import importlib.util
    return importlib.util.find_spec("keras") is not None and importlib.util.find_spec("optree") is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    parser.add_argument("--keras-worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    pin_threads(2)
    if args.keras_worker:
        keras_worker(args.rounds)
    else:
        graph_benchmark(args.rounds, args.json)


if __name__ == "__main__":
    sys.exit(main())
