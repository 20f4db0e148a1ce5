#!/usr/bin/env python
"""Latency of one prediction with batch 1: OfflinePredictor, a raw session, Keras 3, and the graph that export_compact wrote.

Two networks with batch normalisation, weights and statistics as after training, loaded from a checkpoint: a small one, where
the work around the operations counts, and a residual one, where the convolutions do. The contenders take turns, Keras in a
process of its own that waits for its turn. All have the same cores: one, which is what a program that serves with a process
for each core gives them, and two, where much depends on how fast the machine wakes a thread.

Targets: OfflinePredictor <= 1.05 x Session.make_callable on the same graph, <= 0.3 x Keras predict_on_batch (small network);
the frozen graph of the residual network <= 0.95 x the unfrozen one per call (both through OnlinePredictor), <= 0.5 x at the
first call, <= 0.15 x its nodes.

Usage: predict_latency.py [--cores 1,2] [--rounds N] [--json FILE]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

import numpy as np
from _harness import Row, median, pin_threads, report, run_worker, take_turns, tensorflow_version, time_calls

SHAPES = {"small": (28, 28, 1), "residual": (32, 32, 3)}
CALLS = {"small": 300, "residual": 60}
WIDTH, BLOCKS = 16, 6


def image(network):
    return np.random.RandomState(0).rand(1, *SHAPES[network]).astype("float32")


# ---- Keras


def keras_worker(network):
    """For each line of input, print the seconds per predict_on_batch; this process runs eagerly."""
    import keras

    layers = keras.layers

    def block(x):
        x = layers.Conv2D(WIDTH, 3, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    start = x = keras.Input(SHAPES[network])
    if network == "small":
        for _ in range(2):
            x = layers.MaxPooling2D(2)(block(x))
        x = layers.Flatten()(x)
    else:
        x = block(x)
        for _ in range(BLOCKS):
            x = layers.ReLU()(layers.Add()([x, block(block(x))]))
        x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(start, layers.Dense(10, activation="softmax")(x))
    batch = image(network)
    for _ in range(20):
        model.predict_on_batch(batch)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(time_calls(lambda: model.predict_on_batch(batch), CALLS[network]), flush=True)


class KerasProcess:
    """A process with the Keras model; calling the object lets it measure once."""

    def __init__(self, network):
        self._process = subprocess.Popen([sys.executable, __file__, "--keras-worker", network], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
        while self._process.stdout.readline() != "ready\n":  # Keras may print before
            if self._process.poll() is not None:
                raise RuntimeError("the process with Keras has died")

    def __call__(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def has_keras():
    import importlib.util
    return importlib.util.find_spec("keras") is not None and importlib.util.find_spec("optree") is not None


# ---- the library


def models():
    """{network: model}"""
    from tensorpack import BNReLU, Conv2D, FullyConnected, GlobalAvgPooling, MaxPooling, ModelDescBase, argscope
    from tensorpack import tfv1 as tf

    class Small(ModelDescBase):
        def inputs(self):
            return [tf.TensorSpec((None,) + SHAPES["small"], tf.float32, "image")]

        def build_graph(self, x):
            for k in range(2):
                x = Conv2D("conv{}".format(k), x, WIDTH, 3, activation=BNReLU, use_bias=False)
                x = MaxPooling("pool{}".format(k), x, 2)
            tf.nn.softmax(FullyConnected("fc", x, 10), name="prob")

    class Residual(ModelDescBase):
        def inputs(self):
            return [tf.TensorSpec((None,) + SHAPES["residual"], tf.float32, "image")]

        def build_graph(self, x):
            with argscope(Conv2D, kernel_size=3, use_bias=False, activation=BNReLU):
                x = Conv2D("conv0", x, WIDTH)
                for k in range(BLOCKS):
                    y = Conv2D("block{}_b".format(k), Conv2D("block{}_a".format(k), x, WIDTH), WIDTH)
                    x = tf.nn.relu(x + y)
            tf.nn.softmax(FullyConnected("fc", GlobalAvgPooling("gap", x), 10), name="prob")

    return {"small": Small(), "residual": Residual()}


def trained_values(predictor):
    """{variable: value}, as after training: an untrained network has statistics that TensorFlow can leave out in part."""
    rng = np.random.RandomState(0)
    variables = predictor.graph.get_collection("variables")
    values = {v.op.name: value for v, value in zip(variables, predictor.sess.run(variables))}
    for name, value in values.items():
        if name.endswith(("beta", "mean/EMA")):
            values[name] = rng.normal(0, .1, value.shape).astype("float32")
        elif name.endswith(("gamma", "variance/EMA")):
            values[name] = rng.uniform(1, 1.2, value.shape).astype("float32")
    return values


class Contestants:
    """The unfrozen and the frozen form of a network, and ways to open them."""

    def __init__(self, network, model, folder):
        self.network, self._model = network, model
        self._checkpoint = os.path.join(folder, network, "model")
        self._filename = os.path.join(folder, network, "compact.pb")
        self._export()

    def _config(self, session_init=None):
        from tensorpack import PredictConfig
        return PredictConfig(model=self._model, session_init=session_init, input_names=["image"], output_names=["prob"])

    def _export(self):
        """Save a checkpoint, and the frozen graph."""
        from tensorpack import OfflinePredictor, SmartInit
        from tensorpack.tfutils.export import ModelExporter
        from tensorpack.tfutils.varmanip import save_checkpoint_vars

        with OfflinePredictor(self._config()) as predictor:
            values = trained_values(predictor)
        os.makedirs(os.path.dirname(self._checkpoint))
        save_checkpoint_vars(values, self._checkpoint)
        ModelExporter(self._config(SmartInit(self._checkpoint))).export_compact(self._filename)

    def open_unfrozen(self):
        from tensorpack import OfflinePredictor, SmartInit
        return OfflinePredictor(self._config(SmartInit(self._checkpoint)))

    def open_frozen(self):
        from tensorpack import OnlinePredictor, get_default_sess_config
        from tensorpack import tfv1 as tf

        with open(self._filename, "rb") as f:
            graph_def = tf.GraphDef.FromString(f.read())
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(graph_def, name="")
        return OnlinePredictor(["image"], ["prob"], sess=tf.Session(graph=graph, config=get_default_sess_config()))


def first_call(open_predictor, batch):
    predictor = open_predictor()
    start = time.perf_counter()
    predictor(batch)
    elapsed = time.perf_counter() - start
    predictor.sess.close()
    return elapsed


def measure(contestants, cores, rounds):
    """The rows of one network."""
    network, batch = contestants.network, image(contestants.network)
    count = CALLS[network]
    with ExitStack() as stack:
        ours, frozen = contestants.open_unfrozen(), contestants.open_frozen()
        stack.callback(ours.sess.close)
        stack.callback(frozen.sess.close)
        raw = ours.sess.make_callable(["prob:0"], feed_list=["image:0"])
        np.testing.assert_allclose(frozen(batch)[0], ours(batch)[0], atol=1e-5)
        np.testing.assert_array_equal(raw(batch)[0], ours(batch)[0])
        contenders = {"ours": lambda: time_calls(lambda: ours(batch), count),
                      "raw": lambda: time_calls(lambda: raw(batch), count),
                      "frozen": lambda: time_calls(lambda: frozen(batch), count)}
        if has_keras():
            contenders["keras"] = KerasProcess(network)
            stack.callback(contenders["keras"].close)
        seconds = {name: 1e6 * median(turns) for name, turns in take_turns(contenders, rounds).items()}
        nodes = [len(predictor.sess.graph.get_operations()) for predictor in (frozen, ours)]
    firsts = take_turns({"unfrozen": lambda: first_call(contestants.open_unfrozen, batch),
                         "frozen": lambda: first_call(contestants.open_frozen, batch)}, max(3, rounds // 2))
    firsts = {name: 1e3 * median(turns) for name, turns in firsts.items()}

    title = "{}, {} core{}: ".format(network, cores, "s"[:cores - 1])
    rows = [Row(title + "OfflinePredictor", seconds["ours"], "us", "Session.make_callable", seconds["raw"], "<= 1.05")]
    if "keras" in seconds:
        rows.append(Row(title + "OfflinePredictor", seconds["ours"], "us", "Keras 3 predict_on_batch", seconds["keras"],
                        "<= 0.3" if network == "small" else None))
    peer = "the unfrozen graph"
    targets = ["<= 0.95", "<= 0.5", "<= 0.15"] if network == "residual" else [None] * 3
    return rows + [
        Row(title + "frozen graph, each call", seconds["frozen"], "us", peer, seconds["ours"], targets[0]),
        Row(title + "frozen graph, first call", firsts["frozen"], "ms", peer, firsts["unfrozen"], targets[1]),
        Row(title + "frozen graph, nodes", nodes[0], "nodes", peer, nodes[1], targets[2]),
    ]


def graph_worker(cores, rounds):
    """Print the rows for both networks."""
    from tensorpack import logger

    logger.setLevel("ERROR")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for network, model in models().items():
            rows += measure(Contestants(network, model, folder), cores, rounds)
    print(json.dumps({"rows": rows}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", default="1,2", help="numbers of cores, each measured in processes of its own")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json")
    parser.add_argument("--worker", type=int, metavar="CORES", help=argparse.SUPPRESS)
    parser.add_argument("--keras-worker", metavar="NETWORK", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.keras_worker:
        return keras_worker(args.keras_worker)  # on the cores of the process that started it
    if args.worker:
        pin_threads(args.worker)
        return graph_worker(args.worker, args.rounds)
    rows = []
    for cores in args.cores.split(","):
        rows += run_worker(__file__, "--worker", cores, "--rounds", str(args.rounds))["rows"]
    report("Latency of predictions", [Row(*row) for row in rows], args.json, tensorflow=tensorflow_version(),
           rounds=args.rounds)


if __name__ == "__main__":
    sys.exit(main())
