#!/usr/bin/env python
"""MNIST addition with spatial transformers: add two digits that are rotated, scaled and shifted at random.

Usage: mnist-addition.py [--logdir DIR] [--epochs N] [--no-transformer]

Two transformers learn, from the sum alone, where to look. TensorBoard shows what they see; `transformed.png` in the log
directory does so after training.
"""
import argparse
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.tfutils.gradproc import ScaleGradient
from tensorpack.tfutils.optimizer import apply_grad_processors
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils import viz

tf = tfv1
SIZE = 42       # of an image
GLIMPSE = 20    # what a transformer makes of it


def bilinear_sample(image, coords):
    """Values of NxHxWxC at the points (y, x) of Nxhxwx2, in pixels -> NxhxwxC; 0 outside of the image."""
    image = tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]])
    count, height, width, channels = tf.unstack(tf.shape(image))
    limit = tf.cast(tf.stack([height, width]) - 1, tf.float32)
    coords = tf.clip_by_value(coords + 1, 0., limit - 1e-3)
    corner = tf.floor(coords)
    weight_y, weight_x = tf.split(coords - corner, 2, axis=3)
    y, x = tf.unstack(tf.cast(corner, tf.int32), axis=3)
    first = tf.reshape(tf.range(count) * height, [-1, 1, 1])
    pixels = tf.reshape(image, [-1, channels])

    def at(dy, dx):
        return tf.gather(pixels, (first + y + dy) * width + x + dx)

    top = at(0, 0) * (1 - weight_x) + at(0, 1) * weight_x
    bottom = at(1, 0) * (1 - weight_x) + at(1, 1) * weight_x
    return top * (1 - weight_y) + bottom * weight_y


class Model(ModelDesc):
    def __init__(self, transformers=2):
        super().__init__()
        self.transformers = transformers

    def inputs(self):
        return [tf.TensorSpec((None, SIZE, SIZE, 2), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def transform(self, image):
        """Looks at the image, chooses an affine map, and gives what the image is at the points of a mapped grid."""
        theta = (LinearWrap(image)
                 .AvgPooling("downsample", 2)
                 .Conv2D("conv0", 20, 5, padding="valid")
                 .MaxPooling("pool0", 2)
                 .Conv2D("conv1", 20, 5, padding="valid")
                 .FullyConnected("fc0", 32)
                 .FullyConnected("fc1", 6, activation=tf.identity, kernel_initializer=tf.zeros_initializer(),
                                 bias_initializer=tf.constant_initializer([0.8, 0, 0, 0, 0.8, 0]))())
        axis = np.linspace(-1, 1, GLIMPSE)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        grid = np.stack([y, x, np.ones_like(y)]).reshape(3, -1).astype("float32")
        points = tf.tensordot(tf.reshape(theta, [-1, 2, 3]), tf.constant(grid), 1)
        coords = tf.reshape(tf.transpose(points, [0, 2, 1]), [-1, GLIMPSE, GLIMPSE, 2])
        sampled = bilinear_sample(image, (coords + 1) * (SIZE - 1) / 2)
        return tf.reshape(sampled, [-1, GLIMPSE, GLIMPSE, 2])

    def build_graph(self, image, label):
        with argscope([Conv2D, FullyConnected], activation=tf.nn.relu):
            x = image
            if self.transformers:
                glimpses = []
                for k in range(self.transformers):
                    with tf.variable_scope("transformer{}".format(k)):
                        glimpses.append(self.transform(image))
                x = tf.concat(glimpses, axis=3, name="transformed")
                self.summarize(image, x)
            else:
                x = AvgPooling("downsample", x, 2)
            logits = (LinearWrap(x)
                      .Conv2D("conv0", 32, 3)
                      .Conv2D("conv1", 32, 3)
                      .MaxPooling("pool0", 2)
                      .Conv2D("conv2", 64, 3)
                      .MaxPooling("pool1", 2)
                      .FullyConnected("fc0", 256)
                      .Dropout("dropout", rate=0.5)
                      .FullyConnected("fc1", 19, activation=tf.identity)())
        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")
        add_moving_summary(cost, tf.reduce_mean(wrong, name="train_error"))
        return cost

    def summarize(self, image, transformed):
        """A row for each image: its two channels, and both as each transformer sees them."""
        enlarged = tf.image.resize_images(transformed, [SIZE, SIZE])
        rows = tf.concat(tf.unstack(tf.concat([image, enlarged], 3), axis=3), axis=2)
        tf.summary.image("transformed", tf.expand_dims(rows, 3), max_outputs=8)

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        # a step too far, and the digit is out of sight
        return apply_grad_processors(tf.train.AdamOptimizer(rate, epsilon=1e-3), [ScaleGradient([("transformer.*", 0.1)])])


def load_digits(part, fake):
    """uint8 Nx28x28 and their labels; with `fake` those that come with the package, enlarged."""
    if not fake:
        mnist = dataset.Mnist(part)
        return (mnist.images.reshape(-1, 28, 28) * 255).astype("uint8"), mnist.labels
    digits = dataset.Digits(part)
    return np.stack([cv2.resize((image * 255).astype("uint8"), (28, 28)) for image in digits.images]), digits.labels


class Additions(RNGDataFlow):
    """[image of two digits, float32 42x42x2 in [0, 1]; their sum]: as many pairs in a pass as there are digits."""

    def __init__(self, images, labels, shuffle=True):
        self.images, self.labels, self.shuffle = images, labels, shuffle

    def __len__(self):
        return len(self.images)

    def __iter__(self):
        rng = self.rng if self.shuffle else np.random.RandomState(0)
        for _ in range(len(self)):
            first, second = rng.randint(len(self.images), size=2)
            image = np.stack([self.distort(self.images[k], rng) for k in (first, second)], axis=2)
            yield [image.astype("float32") / 255, self.labels[first] + self.labels[second]]

    def distort(self, digit, rng):
        matrix = cv2.getRotationMatrix2D((13.5, 13.5), rng.uniform(-90, 90), rng.uniform(0.7, 1.2))
        matrix[:, 2] += rng.uniform(0, SIZE - 28, size=2)
        return cv2.warpAffine(digit, matrix, (SIZE, SIZE))


def draw(checkpoint, flow, filename):
    flow = FixedSizeData(flow, 12)
    flow.reset_state()
    images = np.stack([image for image, _ in flow])
    with OfflinePredictor(PredictConfig(model=Model(), session_init=SmartInit(checkpoint), input_names=["image"],
                                        output_names=["transformed"])) as predict:
        transformed = predict(images)[0]
    patches = []
    for image, seen in zip(images, transformed):
        enlarged = cv2.resize(seen, (SIZE, SIZE))
        patches.append(np.hstack(list(np.concatenate([image, enlarged], axis=2).transpose(2, 0, 1))))
    patches = (np.stack(patches) * 255).clip(0, 255).astype("uint8")
    cv2.imwrite(filename, viz.stack_patches(patches[..., None], nr_row=6, nr_col=2, border=4, bgcolor=128))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-addition"))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--no-transformer", action="store_true", help="the same network without transformers")
    parser.add_argument("--fake", action="store_true", help="a few steps on the digits that come with the package")
    args = parser.parse_args()

    batch_size = 8 if args.fake else 128
    train_data = BatchData(Additions(*load_digits("train", args.fake)), batch_size)
    test_data = Additions(*load_digits("test", args.fake), shuffle=False)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(transformers=0 if args.no_transformer else 2),
        dataflow=train_data,
        callbacks=[
            ModelSaver(max_to_keep=2),
            InferenceRunner(BatchData(FixedSizeData(test_data, 16) if args.fake else test_data, batch_size, remainder=True),
                            [ScalarStats("cost"), ClassificationError("wrong")]),
            MinSaver("validation_error"),
            HyperParamSetterWithFunc("learning_rate", lambda epoch, _: 1e-3 * np.cos(np.pi / 2 * epoch / (args.epochs + 1))),
        ],
        steps_per_epoch=4 if args.fake else len(train_data),
        max_epoch=1 if args.fake else args.epochs,
    ), SimpleTrainer())
    if not args.no_transformer:
        draw(os.path.join(args.logdir, "min-validation_error"), test_data, os.path.join(args.logdir, "transformed.png"))


if __name__ == "__main__":
    main()
