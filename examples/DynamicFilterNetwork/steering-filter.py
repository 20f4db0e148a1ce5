#!/usr/bin/env python
"""Dynamic filter network that learns steerable filters: for each angle it makes the filter that it applies to the image.

Usage: steering-filter.py [--logdir DIR] [--epochs N]

It sees random images, angles, and the images filtered by a derivative of a Gaussian in the direction of that angle. All of
this is made up on the fly. `filters.png` in the log directory shows the true filters above the learned ones.
"""
import argparse
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils import viz

tf = tfv1
SIZE, KERNEL, SIGMA = 32, 9, 1.5


def steered_filter(angle):
    """Derivative of a Gaussian in the direction `angle` (radians): float32 9x9 of length 1."""
    y, x = np.mgrid[:KERNEL, :KERNEL] - KERNEL // 2
    kernel = (np.cos(angle) * x + np.sin(angle) * y) * np.exp(-(x ** 2 + y ** 2) / (2 * SIGMA ** 2))
    return (kernel / np.linalg.norm(kernel)).astype("float32")


@layer_register(log_shape=True)
def DynamicFilter(images, filters):
    """Correlation of each gray image of NxHxW with a filter of its own of Nxhxw -> NxHxW, zeros around."""
    stacked = tf.transpose(images, [1, 2, 0])[tf.newaxis]
    kernels = tf.transpose(filters, [1, 2, 0])[..., tf.newaxis]
    filtered = tf.nn.depthwise_conv2d(stacked, kernels, [1, 1, 1, 1], "SAME")
    return tf.transpose(filtered[0], [2, 0, 1], name="output")


class Model(ModelDesc):
    def inputs(self):
        image = (None, SIZE, SIZE)
        return [tf.TensorSpec((None,), tf.float32, "angle"), tf.TensorSpec(image, tf.float32, "image"),
                tf.TensorSpec(image, tf.float32, "target")]

    def make_filters(self, angle):
        """From angles to filters, Nx9x9, the tensor `filters`."""
        filters = (LinearWrap(tf.expand_dims(angle / np.pi - 1, 1))
                   .FullyConnected("fc0", 64, activation=tf.nn.relu)
                   .FullyConnected("fc1", 128, activation=tf.nn.relu)
                   .FullyConnected("fc2", KERNEL * KERNEL, kernel_initializer=tf.variance_scaling_initializer(0.01))())
        return tf.reshape(filters, [-1, KERNEL, KERNEL], name="filters")

    def build_graph(self, angle, image, target):
        filters = self.make_filters(angle)
        prediction = DynamicFilter("filtered", image, filters)
        cost = tf.reduce_mean(tf.reduce_sum(tf.square(prediction - target), [1, 2]), name="cost")
        add_moving_summary(cost)
        shown = tf.concat([image, target, prediction], axis=2, name="image_target_prediction")
        tf.summary.image("filtered", tf.expand_dims(shown, 3), max_outputs=4)
        return cost

    def optimizer(self):
        return tf.train.AdamOptimizer(tf.get_variable("learning_rate", initializer=1e-3, trainable=False))


class SteeredImages(RNGDataFlow):
    """Endless [angle in [0, 2 pi), random smooth image 32x32, the filtered image]."""

    def __iter__(self):
        while True:
            angle = self.rng.uniform(0, 2 * np.pi)
            image = cv2.GaussianBlur(self.rng.normal(size=(SIZE, SIZE)).astype("float32"), (0, 0), 1)
            filtered = cv2.filter2D(image, -1, steered_filter(angle), borderType=cv2.BORDER_CONSTANT)
            yield [np.float32(angle), image, filtered]


class FilterError(Callback):
    """Squared distance of learned filters to the true ones, by the squared length of those: a filter of zeros has 1."""

    angles = np.arange(8) * np.pi / 4 + 0.1

    def _setup_graph(self):
        self.predict = self.trainer.get_predictor(["angle"], ["filters"])

    def filters(self):
        return np.stack([steered_filter(angle) for angle in self.angles]), self.predict(self.angles)[0]

    def _trigger(self):
        true, learned = self.filters()
        self.trainer.monitors.put_scalar("filter_error", np.square(learned - true).sum() / np.square(true).sum())

    _before_train = _trigger

    def _after_train(self):
        patches = [cv2.resize(np.clip(patch * 400 + 128, 0, 255), (72, 72), interpolation=cv2.INTER_NEAREST)
                   for patch in np.concatenate(self.filters())]
        grid = viz.stack_patches(patches, nr_row=2, nr_col=len(self.angles), border=4)
        cv2.imwrite(os.path.join(logger.get_logger_dir(), "filters.png"), grid)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", default=os.path.join("train_log", "steering-filter"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--fake", action="store_true", help="a few steps")
    args = parser.parse_args()

    epochs = 1 if args.fake else args.epochs
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(),
        dataflow=BatchData(SteeredImages(), 8 if args.fake else 32),
        callbacks=[
            ModelSaver(),
            FilterError(),
            HyperParamSetterWithFunc("learning_rate", lambda epoch, _: 1e-3 * np.cos(np.pi / 2 * epoch / epochs)),
        ],
        steps_per_epoch=4 if args.fake else 200,
        max_epoch=epochs,
    ), SimpleTrainer())


if __name__ == "__main__":
    main()
