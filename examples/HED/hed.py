#!/usr/bin/env python
"""Holistically-nested edge detection: a VGG-like network with an edge map at each scale, and their weighted mean.

Usage:
  hed.py [--load VGG16.npz] [--logdir DIR]             train on BSDS500 ($TENSORPACK_DATASET/bsds500_data)
  hed.py --run IMAGE --load CHECKPOINT [--output FILE]
"""
import argparse
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.tfutils.gradproc import ScaleGradient
from tensorpack.tfutils.optimizer import apply_grad_processors
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
STAGES = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]  # number and width of the convolutions, as in VGG16
MEAN = (103.939, 116.779, 123.68)  # of BGR, which the published weights of VGG16 expect


def balanced_cross_entropy(logits, target, name):
    """Cross entropy of NxHxWx1, where edges and the rest have the same weight in all, as edges are rare."""
    edges = tf.reduce_sum(target)
    fraction = edges / tf.cast(tf.size(target), tf.float32)
    costs = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=target)
    return tf.reduce_mean(costs * (target * (1 - fraction) + (1 - target) * fraction), name=name)


class Model(ModelDesc):
    """Inputs of any size; `edges` is what is detected, float32 NxHxW in [0, 1]."""

    def inputs(self):
        return [tf.TensorSpec((None, None, None, 3), tf.float32, "image"),
                tf.TensorSpec((None, None, None), tf.float32, "truth")]

    def side_output(self, x, name, size):
        """The logits of one scale, brought to the size of the image."""
        x = Conv2D(name, x, 1, 1, kernel_initializer=tf.zeros_initializer())
        return tf.image.resize_bilinear(x, size)

    def side_outputs(self, image):
        size = tf.shape(image)[1:3]
        x, sides = image - tf.constant(MEAN), []
        for stage, (count, width) in enumerate(STAGES, 1):
            if stage > 1:
                x = MaxPooling("pool{}".format(stage - 1), x, 2, padding="same")
            for k in range(1, count + 1):
                x = Conv2D("conv{}_{}".format(stage, k), x, width, 3, activation=tf.nn.relu)
            sides.append(self.side_output(x, "side{}".format(stage), size))
        return sides

    def build_graph(self, image, truth):
        sides = self.side_outputs(image)
        fused = Conv2D("fuse", tf.concat(sides, 3), 1, 1, use_bias=False,
                       kernel_initializer=tf.constant_initializer(1 / len(sides)))
        tf.sigmoid(tf.squeeze(fused, 3), name="edges")

        # where annotators do not agree, most of them decide
        target = tf.cast(tf.expand_dims(truth, 3) > 0.5, tf.float32)
        costs = [balanced_cross_entropy(logits, target, "cost_side{}".format(k)) for k, logits in enumerate(sides, 1)]
        costs.append(balanced_cross_entropy(fused, target, "cost_fused"))
        add_moving_summary(*costs)
        self.summarize(image, truth, sides + [fused])
        decay = regularize_cost(".*/W", l2_regularizer(2e-4), name="regularize_cost")
        return tf.add_n(costs + [decay], name="cost")

    def summarize(self, image, truth, logits):
        maps = tf.concat([tf.expand_dims(truth, 3)] + [tf.sigmoid(x) for x in logits], axis=2)
        tf.summary.image("truth_sides_fused", maps, max_outputs=2)
        tf.summary.image("image", tf.reverse(image, [3]), max_outputs=2)

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=3e-5, trainable=False)
        # the sides begin with nothing, the convolutions with good weights
        return apply_grad_processors(tf.train.AdamOptimizer(rate, epsilon=1e-3), [ScaleGradient([("(side|fuse).*", 10)])])


def fake_photos(count, size):
    """[image, edges] of bright discs on dark grounds."""
    rng, photos = np.random.RandomState(0), []
    for _ in range(count):
        center, radius = tuple(int(v) for v in rng.randint(size // 4, size * 3 // 4, 2)), int(rng.randint(size // 8, size // 3))
        image = rng.randint(0, 60, (size, size, 3)).astype("uint8")
        cv2.circle(image, center, radius, (200, 220, 210), -1)
        edges = np.zeros((size, size), dtype="float32")
        cv2.circle(edges, center, radius, 1.)
        photos.append([image, edges])
    return DataFromList(photos)


def get_data(fake):
    if fake:
        return BatchData(fake_photos(8, 64), 2), BatchData(fake_photos(2, 64), 2)
    shape_augmentors = [imgaug.RandomCrop(300), imgaug.Flip(horiz=True), imgaug.Flip(vert=True)]
    color_augmentors = [imgaug.Brightness(30), imgaug.Contrast((0.8, 1.2))]
    train = AugmentImageComponents(dataset.BSDS500("train"), shape_augmentors, index=(0, 1))
    train = BatchData(AugmentImageComponent(train, color_augmentors), 8)
    return train, BatchData(dataset.BSDS500("val", shuffle=False), 1)


def run(checkpoint, filename, output):
    image = cv2.imread(filename, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("{} must be an image".format(filename))
    with OfflinePredictor(PredictConfig(model=Model(), session_init=SmartInit(checkpoint), input_names=["image"],
                                        output_names=["edges"])) as predict:
        edges = predict(image[np.newaxis].astype("float32"))[0][0]
    cv2.imwrite(output, ((1 - edges) * 255).astype("uint8"))
    print("the edges are in", output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", help="weights of VGG16 (conv1_1/W, ...) or a checkpoint")
    parser.add_argument("--logdir", default=os.path.join("train_log", "hed"))
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--run", metavar="IMAGE", help="detect edges instead of training")
    parser.add_argument("--output", default="edges.png")
    parser.add_argument("--fake", action="store_true", help="a few steps on small drawings")
    args = parser.parse_args()
    if args.run:
        if args.load is None:
            parser.error("--run needs --load CHECKPOINT")
        return run(args.load, args.run, args.output)

    train_data, validation_data = get_data(args.fake)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(),
        dataflow=train_data,
        callbacks=[
            ModelSaver(),
            ScheduledHyperParamSetter("learning_rate", [(0, 3e-5), (60, 6e-6), (90, 1e-6)]),
            InferenceRunner(validation_data, ScalarStats(["cost_fused"])),
            MinSaver("validation_cost_fused"),
        ],
        steps_per_epoch=2 if args.fake else 100,
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())


if __name__ == "__main__":
    main()
