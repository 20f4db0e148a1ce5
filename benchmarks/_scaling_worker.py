"""One worker of benchmarks/scaling.py: trains small models one after the other, on one core.

The chief writes to --out, for each model: seconds per step, samples per second of all workers together, bytes of gradients,
bytes over the loopback device per step.
"""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument("--trainer", choices=["collective", "horovod"], default="collective")
parser.add_argument("--models", nargs="+", required=True)
parser.add_argument("--scale", type=float, default=1.0, help="of the number of steps")
parser.add_argument("--core", type=int, help="which of the cores; the default is that of the rank")
parser.add_argument("--bucket-bytes", type=int, default=4 << 20)
parser.add_argument("--out", required=True)
args = parser.parse_args()
if args.core is None:
    config = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))
    args.core = int(os.environ.get("HOROVOD_RANK", config["task"]["index"]))
if hasattr(os, "sched_setaffinity"):  # before TensorFlow counts the cores
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[args.core % len(cores)]})

import psutil  # noqa: E402
from _harness import ROOT  # noqa: E402, F401 - puts the library on the path

from tensorpack import *  # noqa: E402
from tensorpack.train._distributed.collective import CollectiveTrainer  # noqa: E402

tf = tfv1


class ConvNet(ModelDesc):
    """Compute-bound: many multiplications for each weight."""

    shape, steps = (32, 32, 32, 3), 12

    def inputs(self):
        return [tf.TensorSpec(self.shape, tf.float32, "x")]

    def build_graph(self, x):
        with argscope(Conv2D, filters=64, kernel_size=3, activation=tf.nn.relu):
            x = LinearWrap(x).Conv2D("c0").Conv2D("c1").MaxPooling("p0", 2).Conv2D("c2").MaxPooling("p1", 2).Conv2D("c3")()
        return tf.reduce_mean(tf.square(FullyConnected("fc", GlobalAvgPooling("gap", x), 10)), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(1e-3)


class Perceptron(ConvNet):
    """Communication-bound: 4 MB of weights, small batches."""

    shape, steps = (64, 512), 120

    def build_graph(self, x):
        for k in range(4):
            x = FullyConnected("fc{}".format(k), x, 512, activation=tf.nn.relu)
        return tf.reduce_mean(tf.square(x), name="cost")


class Vector(ConvNet):
    """Hardly anything but the all-reduce of so many bytes."""

    shape = (1, 1)

    def __init__(self, num_bytes):
        super().__init__()
        self.num_bytes, self.steps = num_bytes, 20 if num_bytes > 1e6 else 200

    def build_graph(self, x):
        weights = tf.get_variable("W{}".format(self.num_bytes), [self.num_bytes // 4], initializer=tf.zeros_initializer())
        return tf.reduce_sum(weights, name="cost") + 0 * tf.reduce_sum(x)


MODELS = {"compute": ConvNet, "communication": Perceptron}


class Stopwatch(Callback):
    """Seconds, and bytes over the loopback device, per step, without those of the first steps."""

    _chief_only = False

    def __init__(self, warm_up, steps):
        self.warm_up, self.steps, self.made = warm_up, steps, 0

    def _trigger_step(self):
        self.made += 1
        if self.made == self.warm_up:
            self.before = time.perf_counter(), loopback_bytes()
        elif self.made == self.warm_up + self.steps:
            self.seconds, self.loopback = [
                (now - before) / self.steps for now, before in zip((time.perf_counter(), loopback_bytes()), self.before)]


def loopback_bytes():
    counters = psutil.net_io_counters(pernic=True)
    return next((counters[name].bytes_sent for name in ("lo", "lo0") if name in counters), 0)


def measure(name):
    model = Vector(int(name)) if name.isdigit() else MODELS[name]()
    steps = max(2, int(model.steps * args.scale))
    stopwatch = Stopwatch(max(2, steps // 5), steps)
    with tf.Graph().as_default():
        trainer = HorovodTrainer() if args.trainer == "horovod" else CollectiveTrainer(bucket_bytes=args.bucket_bytes)
        trainer.BROADCAST_EVERY_EPOCH = False
        config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        launch_train_with_config(TrainConfig(
            model=model, data=DummyConstantInput([model.shape]), callbacks=[stopwatch], extra_callbacks=[], monitors=[],
            session_config=config, steps_per_epoch=stopwatch.warm_up + steps, max_epoch=1), trainer)
        gradients = sum(variable.shape.num_elements() * 4 for variable in tf.trainable_variables())
    num_workers = trainer.hvd.size() if args.trainer == "horovod" else trainer.size
    return trainer.is_chief, {"seconds": stopwatch.seconds, "samples": num_workers * model.shape[0] / stopwatch.seconds,
                              "gradient_bytes": gradients, "loopback_bytes": stopwatch.loopback}


results = {name: measure(name) for name in args.models}
if all(is_chief for is_chief, _ in results.values()):
    with open(args.out, "w") as f:
        json.dump({name: figures for name, (_, figures) in results.items()}, f)
