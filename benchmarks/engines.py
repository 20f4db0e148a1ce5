#!/usr/bin/env python
"""Latency of a trained network in the engines behind OfflinePredictor, against the engines called bare and against Keras 3.

Three networks with batch normalisation, weights and statistics as after training: a small one, where the work around the
operations counts, a residual one of 32x32 images, and ResNet-50 of 224x224 images. A fourth one is the detector of
_detector.py, one image a call, without bare engines and Keras; an engine that cannot run it is named with its error. All have
the same cores, and take turns; Keras is in a process of its own that waits for its turn. CPU time is that of all threads of a
process.

Targets, in CPU time and in latency, for ResNet-50 with batch 1: the best engine <= 0.72 x OfflinePredictor, `engine="frozen"`
<= 0.88 x; each engine <= 1.03 x the same one called bare; the first call of a frozen predictor <= 1 x.

Usage: engines.py [--cores N] [--rounds N] [--networks small,residual,resnet50,detector] [--batches 1,16] [--json FILE]
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
from _detector import config_and_image
from _harness import Row, median, pin_threads, report, run_worker, take_turns, tensorflow_version
from predict_latency import models, trained_values

SHAPES = {"small": (28, 28, 1), "residual": (32, 32, 3), "resnet50": (224, 224, 3)}
SECONDS = 0.4  # that a turn takes, about
ENGINES = ["onnxruntime", "openvino", "litert"]


def images(network, batch):
    return np.random.RandomState(0).rand(batch, *SHAPES[network]).astype("float32")


def calls_for(function):
    """How many calls fill a turn."""
    function()
    start = time.perf_counter()
    function()
    return max(3, min(300, int(SECONDS / (time.perf_counter() - start))))


def cost(function, count):
    """(seconds, seconds of CPU) per call."""
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        function()
    return (time.perf_counter() - start) / count, (time.process_time() - cpu) / count


# ---- Keras


def keras_model(network):
    import keras

    layers = keras.layers
    if network == "resnet50":
        return keras.applications.ResNet50(weights=None)
    start = x = keras.Input(SHAPES[network])

    def block(x):
        x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    if network == "small":
        for _ in range(2):
            x = layers.MaxPooling2D(2)(block(x))
        x = layers.Flatten()(x)
    else:
        x = block(x)
        for _ in range(6):
            x = layers.ReLU()(layers.Add()([x, block(block(x))]))
        x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(start, layers.Dense(10, activation="softmax")(x))


def keras_worker(network, batch):
    """For each line of input, which names a function, print its costs; this process runs eagerly."""
    import tensorflow as tf

    model, batch = keras_model(network), images(network, batch)
    traced = tf.function(lambda x: model(x, training=False))
    functions = {"predict_on_batch": lambda: model.predict_on_batch(batch), "tf.function": lambda: traced(batch).numpy()}
    counts = {name: calls_for(function) for name, function in functions.items()}
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(cost(functions[line.strip()], counts[line.strip()])), flush=True)


class KerasProcess:
    """A process with the Keras model; `measure(name)` measures once."""

    def __init__(self, network, batch):
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--keras-worker", network, "--batches", str(batch)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
        while self._process.stdout.readline() != "ready\n":  # Keras may print before
            if self._process.poll() is not None:
                raise RuntimeError("the process with Keras has died")

    def measure(self, name):
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.wait()


def has_keras():
    import importlib.util
    return importlib.util.find_spec("keras") is not None and importlib.util.find_spec("optree") is not None


# ---- the library


def model_of(network):
    if network != "resnet50":
        return models()[network]
    from tensorpack import (
        BatchNorm,
        BNReLU,
        Conv2D,
        FullyConnected,
        GlobalAvgPooling,
        MaxPooling,
        ModelDescBase,
        argscope,
    )
    from tensorpack import (
        tfv1 as tf,
    )

    def bottleneck(x, channels, strides, project):
        shortcut = x
        if project:
            shortcut = Conv2D("shortcut", x, channels * 4, 1, strides=strides, activation=lambda y: BatchNorm("bn", y))
        x = Conv2D("conv1", x, channels, 1, activation=BNReLU)
        x = Conv2D("conv2", x, channels, 3, strides=strides, activation=BNReLU)
        x = Conv2D("conv3", x, channels * 4, 1, activation=lambda y: BatchNorm("bn", y))
        return tf.nn.relu(x + shortcut)

    class ResNet50(ModelDescBase):
        def inputs(self):
            return [tf.TensorSpec((None,) + SHAPES[network], tf.float32, "image")]

        def build_graph(self, x):
            with argscope(Conv2D, use_bias=False):
                x = MaxPooling("pool0", Conv2D("conv0", x, 64, 7, strides=2, activation=BNReLU), 3, 2, padding="SAME")
                for group, (channels, count) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
                    for block in range(count):
                        with tf.variable_scope("group{}/block{}".format(group, block)):
                            strides = 2 if block == 0 and group else 1
                            x = bottleneck(x, channels, strides, block == 0)
            tf.nn.softmax(FullyConnected("fc", GlobalAvgPooling("gap", x), 1000), name="prob")

    return ResNet50()


def trained(model):
    """A config with values as after training."""
    from tensorpack import DictRestore, OfflinePredictor, PredictConfig

    names = dict(input_names=["image"], output_names=["prob"])
    with OfflinePredictor(PredictConfig(model=model, **names)) as predictor:
        values = trained_values(predictor)
    return PredictConfig(model=model, session_init=DictRestore(values), **names)


def bare_onnxruntime(path, cores):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"image:0": batch})


def bare_openvino(path, cores):
    sys.modules.setdefault("openvino_telemetry", None)
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": "NO"})
    request = compiled.create_infer_request()
    return lambda batch: [request.infer([batch], share_inputs=True)[0]]


def bare_litert(path, cores):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=cores)
    index, = [each["index"] for each in interpreter.get_input_details()]
    output, = [each["index"] for each in interpreter.get_output_details()]

    def call(batch):
        if tuple(interpreter.get_input_details()[0]["shape"]) != batch.shape:
            interpreter.resize_tensor_input(index, batch.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(index, batch)
        interpreter.invoke()
        return [interpreter.get_tensor(output)]

    return call


BARE = {"onnxruntime": ("model.onnx", bare_onnxruntime), "openvino": ("model.pb", bare_openvino),
        "litert": ("model.tflite", bare_litert)}


def installed_engines():
    from tensorpack.tfutils._engines.choose import engine_class

    return [name for name in ENGINES if engine_class(name).is_installed()]


class Contenders:
    """The predictors of one network, and the engines on the same files; each is a function of a batch.

    `batches` are what they are called with, by size; `failed` has the first lines of the errors of engines.
    """

    def __init__(self, network, sizes, cores, folder, stack):
        from tensorpack import OfflinePredictor

        self._stack, self.failed = stack, {}
        if network == "detector":
            self.config, image = config_and_image(folder)
            self.batches = {1: image}
        else:
            self.config, self.batches = trained(model_of(network)), {size: images(network, size) for size in sizes}
        self.functions = {"OfflinePredictor": stack.enter_context(OfflinePredictor(self.config)),
                          "frozen": stack.enter_context(OfflinePredictor(self.config, engine="frozen"))}
        self._require_same(self.functions["frozen"])
        for name in installed_engines():
            self._add(name, must_run=network != "detector")
        if network != "detector":
            self._add_bare(cores, folder)

    def _add(self, engine, must_run):
        from tensorpack import OfflinePredictor

        try:
            predictor = self._stack.enter_context(OfflinePredictor(self.config, engine=engine))
            self._require_same(predictor)
        except Exception as e:
            if must_run:
                raise
            self.failed[engine] = "{}: {}".format(type(e).__name__, str(e).strip().splitlines()[0])
        else:
            self.functions[engine] = predictor

    def _add_bare(self, cores, folder):
        from tensorpack.tfutils.export import ModelExporter

        exporter = ModelExporter(self.config)
        exporter.export_compact(os.path.join(folder, "model.pb"), verify=False)
        exporter.export_onnx(os.path.join(folder, "model.onnx"), verify=False)
        exporter.export_tflite(os.path.join(folder, "model.tflite"), verify=False)
        for name in installed_engines():
            file, load = BARE[name]
            try:
                self.functions["bare " + name] = load(os.path.join(folder, file), cores)
            except ImportError:  # TensorFlow's own interpreter serves
                continue
            self._require_same(self.functions["bare " + name])

    def _require_same(self, function):
        for batch in self.batches.values():
            wanted = self.functions["OfflinePredictor"](batch)[0]
            assert len(wanted), "there are no boxes"
            np.testing.assert_allclose(function(batch)[0], wanted, rtol=1e-2, atol=1e-5)

    def first_calls(self, batch, rounds):
        """{"OfflinePredictor" or "frozen": seconds of the first call}"""
        from tensorpack import OfflinePredictor

        def first(engine):
            with OfflinePredictor(self.config, engine=engine) as predictor:
                return cost(lambda: predictor(batch), 1)

        turns = take_turns({"OfflinePredictor": lambda: first(None), "frozen": lambda: first("frozen")}, rounds)
        return {name: median([each[0] for each in found]) for name, found in turns.items()}


def measure(network, batch_sizes, cores, rounds):
    """The rows of one network, and the errors of engines that cannot run it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        contenders = Contenders(network, batch_sizes, cores, folder, stack)
        for size, batch in contenders.batches.items():
            turns = timed(contenders.functions, network, batch, rounds)
            rows += rows_of("{}, batch {}".format(network, size), network == "resnet50" and size == 1, turns)
        first = contenders.first_calls(contenders.batches[min(contenders.batches)], 3)
    return contenders.failed, rows + [Row(network + ": first call, frozen", 1e3 * first["frozen"], "ms", "OfflinePredictor",
                                          1e3 * first["OfflinePredictor"], "<= 1.0")]


def timed(functions, network, batch, rounds):
    """{contender: (median of seconds, of CPU seconds) per call}"""
    with ExitStack() as stack:
        turns = {}
        for name, function in functions.items():
            count = calls_for(lambda function=function: function(batch))
            turns[name] = lambda function=function, count=count: cost(lambda: function(batch), count)
        if network in SHAPES and has_keras():
            keras = KerasProcess(network, len(batch))
            stack.callback(keras.close)
            for name in ("predict_on_batch", "tf.function"):
                turns["Keras 3 " + name] = lambda name=name: keras.measure(name)
        found = take_turns(turns, rounds)
    return {name: [median([each[i] for each in values]) for i in (0, 1)] for name, values in found.items()}


def rows_of(title, is_judged, turns):
    """Latency and CPU time of each contender against OfflinePredictor, and of engines against the bare ones."""
    rows = []
    best = min((name for name in turns if name in ENGINES), key=lambda name: turns[name][1], default=None)
    targets = {"frozen": "<= 0.88", best: "<= 0.72"} if is_judged else {}
    for i, what in enumerate(["latency", "CPU"]):
        for name, seconds in turns.items():
            peer = "OfflinePredictor" if name != "OfflinePredictor" else None
            rows.append(Row("{}: {}, {}".format(title, name, what), 1e3 * seconds[i], "ms", peer,
                            1e3 * turns[peer][i] if peer else None, targets.get(name)))
        for name in ENGINES:
            if "bare " + name in turns:
                rows.append(Row("{}: {}, {}".format(title, name, what), 1e3 * turns[name][i], "ms", "bare " + name,
                                1e3 * turns["bare " + name][i], "<= 1.03"))
    return rows


def graph_worker(networks, batch_sizes, cores, rounds):
    """Print the rows of all networks."""
    from tensorpack import logger

    logger.setLevel("ERROR")
    rows, failed = [], {}
    for network in networks:
        failed_here, rows_here = measure(network, batch_sizes, cores, rounds)
        rows += rows_here
        failed.update({"{} in {}".format(network, engine): error for engine, error in failed_here.items()})
    print(json.dumps({"rows": rows, "failed": failed}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--networks", default="small,residual,resnet50,detector")
    parser.add_argument("--batches", default="1")
    parser.add_argument("--json")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--keras-worker", metavar="NETWORK", help=argparse.SUPPRESS)
    args = parser.parse_args()
    sizes = [int(size) for size in args.batches.split(",")]
    if args.keras_worker:
        return keras_worker(args.keras_worker, sizes[0])  # on the cores of the process that started it
    if args.worker:
        pin_threads(args.cores)
        return graph_worker(args.networks.split(","), sizes, args.cores, args.rounds)
    found = run_worker(__file__, "--worker", *[option for name in ("cores", "rounds", "networks", "batches")
                                               for option in ("--" + name, str(getattr(args, name)))])
    report("Engines", [Row(*row) for row in found["rows"]], args.json, tensorflow=tensorflow_version(), rounds=args.rounds,
           cores=args.cores, **found["failed"])


if __name__ == "__main__":
    sys.exit(main())
