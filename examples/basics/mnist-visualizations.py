#!/usr/bin/env python
"""Train a convnet on MNIST, and show its filters and activations in TensorBoard while it learns.

Usage: mnist-visualizations.py [--epochs N] [--fake] [--logdir DIR]; then: tensorboard --logdir DIR

The data is downloaded to $TENSORPACK_DATASET/mnist_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.dataflow import dataset
from tensorpack.tfutils.summary import add_activation_summary, add_moving_summary, add_param_summary

tf = tfv1


def grid(tiles, columns):
    """Put pictures beside each other, with a line of one pixel between: [N, H, W] -> [1, rows * (H + 1), columns * (W + 1), 1].

    N must be a multiple of `columns`. Each picture is scaled to [0, 1] by itself.
    """
    lowest = tf.reduce_min(tiles, [1, 2], keepdims=True)
    highest = tf.reduce_max(tiles, [1, 2], keepdims=True)
    tiles = (tiles - lowest) / (highest - lowest + 1e-6)
    tiles = tf.pad(tiles, [[0, 0], [0, 1], [0, 1]], constant_values=1)
    number, height, width = tiles.shape.as_list()
    tiles = tf.reshape(tiles, [number // columns, columns, height, width])
    return tf.reshape(tf.transpose(tiles, [0, 2, 1, 3]), [1, number // columns * height, columns * width, 1])


def show_filters(name, kernel, columns=16):
    """A picture of [height, width, in, out] weights: a row of filters for each 16 channels out, for each channel in."""
    height, width = kernel.shape.as_list()[:2]
    tf.summary.image(name, grid(tf.reshape(tf.transpose(kernel, [2, 3, 0, 1]), [-1, height, width]), columns))


def show_activations(name, x, columns=8):
    """A picture of all channels of the first image of a batch, [N, H, W, C]."""
    tf.summary.image(name, grid(tf.transpose(x[0], [2, 0, 1]), columns))


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        image = tf.expand_dims(image, 3) * 2 - 1
        with argscope(Conv2D, kernel_size=5, activation=tf.nn.relu):
            conv0 = Conv2D("conv0", image, 32)
            pool0 = MaxPooling("pool0", conv0, 2)
            conv1 = Conv2D("conv1", pool0, 32, 3)
            pool1 = MaxPooling("pool1", conv1, 2)
        x = FullyConnected("fc0", pool1, 256, activation=tf.nn.relu)
        logits = FullyConnected("fc1", Dropout(x, rate=0.5), 10)
        tf.nn.softmax(logits, name="prob")

        if self.training:  # in inference nobody looks at them
            tf.summary.image("digit", image, max_outputs=1)
            show_filters("filters/conv0", conv0.variables.W)
            show_filters("filters/conv1", conv1.variables.W)
            show_activations("activations/conv0", conv0)
            show_activations("activations/conv1", conv1)
            for layer in (conv0, conv1):
                add_activation_summary(layer)

        accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, 1), tf.float32), name="accuracy")
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")
        add_moving_summary(cost, accuracy)
        add_param_summary((".*/W", ["histogram"]))
        return cost

    def optimizer(self):
        return tf.train.AdamOptimizer(1e-3)


def get_data(fake):
    if fake:
        flow = FakeData([[8, 28, 28], [8]], 4, random=False, dtype=["float32", "int32"], domain=[(0, 1), (0, 10)])
        return flow, flow
    return BatchData(dataset.Mnist("train"), 128), BatchData(dataset.Mnist("test"), 256, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-visualizations"))
    parser.add_argument("--fake", action="store_true", help="a few steps with random images")
    args = parser.parse_args()

    try:
        train_data, test_data = get_data(args.fake)
    except OSError as e:
        parser.error(str(e))
    logger.set_logger_dir(args.logdir, action="d")
    config = TrainConfig(
        model=Model(),
        dataflow=train_data,
        callbacks=[ModelSaver(), InferenceRunner(test_data, ScalarStats(["cost", "accuracy"], by_size=True))],
        # pictures several times in an epoch, as most happens in the first one
        extra_callbacks=[MovingAverageSummary(), ProgressBar(["cost"]), MergeAllSummaries(period=2 if args.fake else 100),
                         RunUpdateOps()],
        max_epoch=1 if args.fake else args.epochs,
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
