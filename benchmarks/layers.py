#!/usr/bin/env python
"""Speed of our layers: forward and backward pass of the blocks of a ResNet-18, in images/s.

Peers: `tf.nn` operations on the same variables in the same session; and Keras 3 layers with the same weights in a `tf.function`
of another process, since they cannot be built in a graph. All take turns, step by step.
Losses of all contenders must agree. Target: as fast as the raw operations (0.97 leaves room for the noise of a shared machine),
in a graph of no more operations after TensorFlow has optimized it.

Usage: layers.py [--batch N] [--size N] [--rounds N] [--json FILE]
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack

import numpy as np
from _harness import Row, median, pin_threads, report, take_turns, tensorflow_version

BLOCKS = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]  # channels, stride
MOMENTUM, EPSILON = 0.9, 1.001e-5


def make_images(batch, size):
    return np.random.RandomState(0).randn(batch, size, size, 64).astype("float32")


def residual_blocks(x, conv_bn, relu, num_channels=64):
    """`conv_bn(name, x, channels, kernel size, stride)` and `relu` are the contender's."""
    for i, (channels, stride) in enumerate(BLOCKS):
        shortcut = x
        if stride != 1 or channels != num_channels:
            shortcut = conv_bn("block{}/shortcut".format(i), x, channels, 1, stride)
        x = relu(conv_bn("block{}/conv1".format(i), x, channels, 3, stride))
        x = relu(conv_bn("block{}/conv2".format(i), x, channels, 3, 1) + shortcut)
        num_channels = channels
    return x


def keras_worker(args):
    import keras
    import tensorflow as tf
    layers = {}

    def conv_bn(name, x, channels, kernel_size, stride):
        if name not in layers:
            layers[name] = [keras.layers.Conv2D(channels, kernel_size, strides=stride, padding="same", use_bias=False),
                            keras.layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON)]
        conv, norm = layers[name]
        return norm(conv(x), training=True)

    def loss_of(images):
        return tf.reduce_sum(tf.square(residual_blocks(images, conv_bn, keras.ops.relu)))

    images = tf.constant(make_images(args.batch, args.size))
    loss_of(images)
    with np.load(args.weights) as weights:
        for name, (conv, norm) in layers.items():
            conv.set_weights([weights[name + "/W"]])
            norm.set_weights([weights[name + "/bn/" + each] for each in ("gamma", "beta", "mean/EMA", "variance/EMA")])
    variables = [v.value for pair in layers.values() for layer in pair for v in layer.trainable_variables]

    @tf.function
    def step(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = loss_of(images)
        return loss, tf.add_n([tf.reduce_sum(g) for g in tape.gradient(loss, variables + [images])])

    serve({"keras": lambda: step(images)[1].numpy()}, losses={"keras": float(step(images)[0])})


def graph_worker(args):
    """Ours and the raw operations, in turns; and how many operations TensorFlow runs for each."""
    from tensorpack import BatchNorm, Conv2D, TowerContext, argscope, logger
    from tensorpack import tfv1 as tf
    logger.setLevel("WARNING")
    images = make_images(args.batch, args.size)

    def conv_bn(name, x, channels, kernel_size, stride):
        return Conv2D(name, x, channels, kernel_size, strides=stride, activation=lambda x: BatchNorm("bn", x))

    def with_layers(x, data_format):
        if data_format == "NCHW":
            x = tf.transpose(x, [0, 3, 1, 2])
        with argscope([Conv2D, BatchNorm], data_format=data_format), argscope(Conv2D, use_bias=False):
            with argscope(BatchNorm, momentum=MOMENTUM, epsilon=EPSILON, ema_update="internal"):
                return residual_blocks(x, conv_bn, tf.nn.relu)

    def raw_conv_bn(name, x, channels, kernel_size, stride):
        def variable(suffix, *shape, **kwargs):
            return tf.get_variable(name + suffix, shape, **kwargs)

        W = variable("/W", kernel_size, kernel_size, x.shape.as_list()[3], channels)
        x = tf.nn.conv2d(x, W, strides=[1, stride, stride, 1], padding="SAME")
        x, mean, variance = tf.nn.fused_batch_norm(
            x, variable("/bn/gamma", channels), variable("/bn/beta", channels), epsilon=EPSILON, is_training=True)
        averages = [(variable("/bn/mean/EMA", channels, trainable=False), mean),
                    (variable("/bn/variance/EMA", channels, trainable=False), variance)]
        with tf.control_dependencies([tf.assign_sub(v, (v - value) * (1 - MOMENTUM)) for v, value in averages]):
            return tf.identity(x)

    def step(name, make):
        with TowerContext(name, is_training=not name), tf.variable_scope(tf.get_variable_scope(), reuse=bool(name)):
            x = tf.get_variable("images", initializer=images, trainable=False)
            loss = tf.reduce_sum(tf.square(make(x)))
            gradients = tf.gradients(loss, tf.trainable_variables() + [x])
            return loss, tf.add_n([tf.reduce_sum(g) for g in gradients])

    def raw(x):
        return residual_blocks(x, raw_conv_bn, tf.nn.relu)

    with argscope(BatchNorm, training=True):
        fetches = {"ours": step("", lambda x: with_layers(x, "NHWC")), "raw": step("raw", raw),
                   "channels first": step("first", lambda x: with_layers(x, "NCHW"))}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        weights = sess.run({v.op.name: v for v in tf.global_variables()})
        np.savez(args.weights, **{name: value for name, value in weights.items() if name != "images"})
        losses = {name: float(sess.run(loss)) for name, (loss, _) in fetches.items()}

        def num_operations(gradient):
            metadata = tf.RunMetadata()
            sess.run(gradient, options=tf.RunOptions(output_partition_graphs=True), run_metadata=metadata)
            return sum(len(graph.node) for graph in metadata.partition_graphs)

        serve({name: sess.make_callable(gradient) for name, (_, gradient) in fetches.items()}, losses=losses,
              operations={name: num_operations(gradient) for name, (_, gradient) in fetches.items()})


def serve(steps, **facts):
    """Print the facts, then, for the name of each step that comes in, the seconds that it takes."""
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        steps[line.strip()]()
        print(time.perf_counter() - start, flush=True)


class Worker:
    """A process of this script that runs a step when it is told to."""

    def __init__(self, kind, args, weights):
        command = [sys.executable, __file__, "--worker", kind, "--weights", weights]
        command += ["--batch", str(args.batch), "--size", str(args.size)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        self.facts = json.loads(self._process.stdout.readline())

    def seconds(self, step):
        self._process.stdin.write(step + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._process.stdin.close()
        self._process.wait()


def measure(args, has_keras):
    """{contender: images/s}, {contender: operations}; the losses are checked."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        workers = [stack.enter_context(Worker(kind, args, os.path.join(folder, "weights.npz")))
                   for kind in (["graph", "keras"] if has_keras else ["graph"])]
        owners = {name: worker for worker in workers for name in worker.facts["losses"]}
        losses = [owner.facts["losses"][name] for name, owner in owners.items()]
        np.testing.assert_allclose(losses, losses[0], rtol=1e-3, err_msg=str(list(owners)))
        contenders = {name: lambda name=name, owner=owner: owner.seconds(name) for name, owner in owners.items()}
        take_turns(contenders, 3)  # to warm up
        times = take_turns(contenders, args.rounds)
        return {name: args.batch / median(values) for name, values in times.items()}, workers[0].facts["operations"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=28, help="height and width of what enters the first block")
    parser.add_argument("--rounds", type=int, default=60, help="steps of each contender")
    parser.add_argument("--json")
    parser.add_argument("--worker", choices=["graph", "keras"], help=argparse.SUPPRESS)
    parser.add_argument("--weights", help=argparse.SUPPRESS)
    args = parser.parse_args()
    pin_threads(2)
    if args.worker:
        return {"graph": graph_worker, "keras": keras_worker}[args.worker](args)
    has_keras = all(importlib.util.find_spec(name) for name in ("keras", "optree"))
    speeds, operations = measure(args, has_keras)
    what = "ResNet-18 blocks"
    rows = [Row(what, speeds["ours"], "images/s", "tf.nn operations", speeds["raw"], ">= 0.97"),
            Row(what, operations["ours"], "ops", "tf.nn operations", operations["raw"], "<= 1.0")]
    if has_keras:
        rows.append(Row(what, speeds["ours"], "images/s", "Keras 3 layers", speeds["keras"]))
    rows.append(Row(what + ", channels first", speeds["channels first"], "images/s", "ours, channels last", speeds["ours"]))
    report("Layers, forward and backward", rows, args.json, tensorflow=tensorflow_version(), batch=args.batch, size=args.size,
           rounds=args.rounds)


if __name__ == "__main__":
    main()
