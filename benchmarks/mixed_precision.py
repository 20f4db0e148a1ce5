#!/usr/bin/env python
"""What reduced precision and XLA make of a training step, against plain float32 on the same device.

Trainings of a convnet and of a multilayer perceptron take turns within one process, each with a session of its own: plain;
with operations in bfloat16 (`rewrite_options`, TensorFlow 2.x on CPUs; float16 on GPUs); with clusters compiled by XLA
(`global_jit_level`); with the whole tower compiled (`trainer.XLA_COMPILE`). There is no target: the tutorial quotes the ratios.

Usage: mixed_precision.py [--rounds N] [--seconds S] [--cores N] [--json FILE]
"""
import argparse
import os
import time

os.environ["TF_XLA_FLAGS"] = os.environ.get("TF_XLA_FLAGS", "") + " --tf_xla_cpu_global_jit"

from _harness import Row, median, pin_threads, report, take_turns, tensorflow_version  # noqa: E402

from tensorpack import *  # noqa: E402
from tensorpack.utils.gpu import get_num_gpu  # noqa: E402

tf = tfv1

ON = 1  # RewriterConfig.ON


class Classifier(ModelDesc):
    """Ten classes; the learning rate is 0, so that steps take equally long for ever."""

    batch = None

    def inputs(self):
        return [tf.TensorSpec((self.batch,) + self.shape, tf.float32, "input"), tf.TensorSpec((self.batch,), tf.int32, "label")]

    def build_graph(self, x, label):
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=FullyConnected("out", self.body(x), 10), labels=label)
        return tf.reduce_mean(cost, name="cost")

    def optimizer(self):
        return tf.train.MomentumOptimizer(0.0, 0.9)


class Convnet(Classifier):
    batch, shape = 32, (32, 32, 16)

    def body(self, x):
        for k in range(3):
            x = Conv2D("conv{}".format(k), x, 64, 3, activation=tf.nn.relu)
        return GlobalAvgPooling("gap", x)


class Perceptron(Classifier):
    batch, shape = 256, (1024,)

    def body(self, x):
        for k in range(3):
            x = FullyConnected("fc{}".format(k), x, 1024, activation=tf.nn.relu)
        return x


def reduced_precision(config):
    options = config.graph_options.rewrite_options
    name = "auto_mixed_precision" if get_num_gpu() else "auto_mixed_precision_onednn_bfloat16"
    if not hasattr(options, name):
        return False
    setattr(options, name, ON)
    return True


def auto_clusters(config):
    config.graph_options.optimizer_options.global_jit_level = tf.OptimizerOptions.ON_1
    return True


# name -> (change of the configuration, which is False where TensorFlow lacks it; XLA_COMPILE)
VARIANTS = {
    "float32": (lambda config: True, False),
    "reduced precision": (reduced_precision, False),
    "XLA, clusters": (auto_clusters, False),
    "XLA, reduced precision": (lambda config: auto_clusters(config) and reduced_precision(config), False),
    "XLA, whole tower": (lambda config: True, True),
}


def make_step(model, name, cores):
    """A function that makes one training step; None where TensorFlow cannot."""
    change, compiled = VARIANTS[name]
    config = get_default_sess_config()
    config.intra_op_parallelism_threads = config.inter_op_parallelism_threads = cores
    if not change(config):
        return None
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        trainer = SimpleTrainer()
        trainer.XLA_COMPILE = compiled
        shapes = [spec.shape.as_list() for spec in model.get_input_signature()]
        trainer.setup_graph(model.get_input_signature(), DummyConstantInput(shapes), model.build_graph, model.get_optimizer)
        trainer.setup_callbacks([], [])
        trainer.initialize(sesscreate.NewSessionCreator(config=config), JustCurrentSession())
    step = trainer.sess.make_callable(trainer.train_op)
    step()  # compiles
    return step


def seconds_per_step(step, seconds):
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    return (time.perf_counter() - start) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each variant in each round")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--json")
    args = parser.parse_args()
    pin_threads(args.cores)
    logger.setLevel("ERROR")
    rows = []
    for model in (Convnet(), Perceptron()):
        steps = {name: make_step(model, name, args.cores) for name in VARIANTS}
        results = take_turns({name: lambda step=step: seconds_per_step(step, args.seconds)
                              for name, step in steps.items() if step is not None}, args.rounds)
        plain = 1e3 * median(results["float32"])
        for name, values in results.items():
            what = "{}, {}".format(type(model).__name__, name)
            rows.append(Row(what, 1e3 * median(values), "ms/step", *(() if name == "float32" else ("float32", plain))))
    report("Training steps against plain float32", rows, args.json, tensorflow=tensorflow_version(), cores=args.cores,
           gpus=get_num_gpu())


if __name__ == "__main__":
    main()
