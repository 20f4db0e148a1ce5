#!/usr/bin/env python
"""Training speed of a MNIST convnet in images/s: our trainer against Keras 3 `fit` and against a bare session loop.

Ours and the bare loop (`Session.run` with a feed_dict of the same batches) share graph, session and process and take turns
epoch by epoch; Keras runs in processes of its own between them. All may use both cores.
Targets: >= 1.2 x Keras 3 fit on the same TensorFlow, >= 0.97 x the bare session loop.

Usage: train_mnist.py [--batches 32,128] [--steps N] [--rounds N] [--json FILE]
It uses random images of MNIST's shape: the speed does not depend on what they show.
"""
import argparse
import importlib.util
import json
import time

import numpy as np
from _harness import Row, median, pin_threads, report, run_worker, tensorflow_version


def make_data(count):
    rng = np.random.RandomState(0)
    return rng.rand(count, 28, 28).astype("float32"), rng.randint(0, 10, count).astype("int32")


def keras_worker(count, batch_size):
    """One warm-up epoch, then two timed ones."""
    import keras
    layers = keras.layers
    images, labels = make_data(count)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2), layers.Conv2D(32, 3, padding="same", activation="relu"), layers.Flatten(),
        layers.Dense(512, activation="relu"), layers.Dropout(0.5), layers.Dense(10)])
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = images[..., None]
    model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
    start = time.perf_counter()
    model.fit(images, labels, batch_size=batch_size, epochs=2, verbose=0)
    print(json.dumps({"images_per_second": 2 * count / (time.perf_counter() - start)}))


def graph_worker(count, batch_size, rounds):
    """Our training loop and the bare loop, in turns."""
    from tensorpack import (
        BatchData,
        Callback,
        Conv2D,
        DataFlow,
        Dropout,
        FullyConnected,
        LinearWrap,
        ModelDesc,
        QueueInput,
        SimpleTrainer,
        TrainConfig,
        argscope,
        launch_train_with_config,
        logger,
    )
    from tensorpack import tfv1 as tf
    from tensorpack.tfutils.summary import add_moving_summary

    logger.setLevel("WARNING")
    images, labels = make_data(count)

    class Data(DataFlow):
        def __iter__(self):
            for i in np.random.permutation(count):
                yield [images[i], labels[i]]

        def __len__(self):
            return count

    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

        def build_graph(self, image, label):
            image = tf.expand_dims(image, 3)
            with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu, filters=32):
                x = LinearWrap(image).Conv2D("conv0").MaxPooling("pool0", 2).Conv2D("conv1").Conv2D("conv2")
                x = x.MaxPooling("pool1", 2).Conv2D("conv3").FullyConnected("fc0", 512, activation=tf.nn.relu)()
            logits = FullyConnected("fc1", Dropout("dropout", x, rate=0.5), 10)
            cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")
            add_moving_summary(cost)
            return cost

        def optimizer(self):
            return tf.train.AdamOptimizer(1e-3)

    class BareLoop(Callback):
        """After each epoch the same number of steps in a bare loop; there the batches are fed in place of the queue's."""

        def _setup_graph(self):
            self.ours, self.bare = [], []
            self.batches = BatchData(Data(), batch_size)
            self.batches.reset_state()
            self.inputs = [t for t in self.trainer.towers.training()[0].inputs]

        def _before_epoch(self):
            self._start = time.perf_counter()

        def _after_epoch(self):
            self.ours.append(self.trainer.steps_per_epoch * batch_size / (time.perf_counter() - self._start))

        def _trigger_epoch(self):
            start, steps = time.perf_counter(), 0
            for batch in self.batches:
                self.trainer.sess.run(self.trainer.train_op, feed_dict=dict(zip(self.inputs, batch)))
                steps += 1
            self.bare.append(steps * batch_size / (time.perf_counter() - start))

    timer = BareLoop()
    data = BatchData(Data(), batch_size)
    launch_train_with_config(
        TrainConfig(model=Model(), data=QueueInput(data), callbacks=[timer], monitors=[], steps_per_epoch=len(data),
                    max_epoch=rounds + 1), SimpleTrainer())
    print(json.dumps({"ours": timer.ours[1:], "bare": timer.bare[1:]}))


def compare(batch_size, steps, rounds, has_keras):
    """The rows for one batch size."""
    common = ["--images", str(steps * batch_size), "--batches", str(batch_size)]
    ours, bare, keras = [], [], []
    for _ in range(rounds):
        result = run_worker(__file__, "--worker", "graph", *common)
        ours, bare = ours + result["ours"], bare + result["bare"]
        if has_keras:
            keras.append(run_worker(__file__, "--worker", "keras", *common)["images_per_second"])
    what = "training, batch {}".format(batch_size)
    rows = [Row(what, median(ours), "images/s", "bare session loop with feed_dict", median(bare), ">= 0.97")]
    if keras:
        rows.append(Row(what, median(ours), "images/s", "Keras 3 fit", median(keras), ">= 1.2"))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", default="32,128", help="batch sizes; 32 is the default of Keras")
    parser.add_argument("--steps", type=int, default=100, help="steps in each timed epoch")
    parser.add_argument("--rounds", type=int, default=3, help="times that ours and Keras take turns")
    parser.add_argument("--json")
    parser.add_argument("--worker", choices=["keras", "graph"], help=argparse.SUPPRESS)
    parser.add_argument("--images", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    pin_threads(2)
    batches = [int(size) for size in args.batches.split(",")]
    if args.worker == "keras":
        return keras_worker(args.images, batches[0])
    if args.worker == "graph":
        return graph_worker(args.images, batches[0], 3)
    has_keras = all(importlib.util.find_spec(name) for name in ("keras", "optree"))
    rows = [row for size in batches for row in compare(size, args.steps, args.rounds, has_keras)]
    report("Training a MNIST convnet", rows, args.json, tensorflow=tensorflow_version(), steps=args.steps, rounds=args.rounds)


if __name__ == "__main__":
    main()
