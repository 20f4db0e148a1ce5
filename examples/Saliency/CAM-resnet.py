#!/usr/bin/env python
"""Class activation maps: a ResNet trained with labels only shows where in the image it sees the class.

Usage:
  CAM-resnet.py [--data ILSVRC12_FOLDER] [--logdir DIR] [--epochs N]
  CAM-resnet.py [--data ILSVRC12_FOLDER] --cam --load CHECKPOINT [--output FILE]

Without --data it finds MNIST digits in images full of fragments of other digits. There the place is known, so that the maps can
be judged: how often is the highest point of the map on the digit?
"""
import argparse
import os
from collections import namedtuple

import cv2
import numpy as np

from tensorpack import *
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils import viz

tf = tfv1
Config = namedtuple("Config", "size channels blocks classes batch rate epochs")
# the last stage keeps the resolution of the one before, for maps with more detail
MNIST = Config(size=64, channels=(16, 32, 32), blocks=2, classes=10, batch=64, rate=0.1, epochs=3)
IMAGENET = Config(size=224, channels=(64, 128, 256, 512), blocks=2, classes=1000, batch=128, rate=0.05, epochs=90)


class Model(ModelDesc):
    def __init__(self, config):
        super().__init__()
        self.config = config

    def inputs(self):
        size = self.config.size
        return [tf.TensorSpec((None, size, size, 3), tf.uint8, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def residual_block(self, x, channels, stride):
        shortcut = x
        if stride != 1 or x.shape[3] != channels:
            shortcut = BatchNorm("shortcut_bn", Conv2D("shortcut", x, channels, 1, strides=stride))
        x = Conv2D("conv0", x, channels, 3, strides=stride, activation=BNReLU)
        x = BatchNorm("bn", Conv2D("conv1", x, channels, 3))
        return tf.nn.relu(x + shortcut)

    def features(self, image):
        large = self.config.size > 64
        x = tf.cast(image, tf.float32) / 127.5 - 1
        with argscope(Conv2D, use_bias=False, kernel_initializer=tf.variance_scaling_initializer(2.0, "fan_out")):
            x = Conv2D("stem", x, self.config.channels[0], 7 if large else 3, strides=2, activation=BNReLU)
            if large:
                x = MaxPooling("pool", x, 3, strides=2, padding="same")
            last = len(self.config.channels) - 1
            for stage, channels in enumerate(self.config.channels):
                for block in range(self.config.blocks):
                    with tf.variable_scope("stage{}/block{}".format(stage, block)):
                        x = self.residual_block(x, channels, 2 if block == 0 and 0 < stage < last else 1)
        return x

    def build_graph(self, image, label):
        features = self.features(image)
        logits = FullyConnected("classes", GlobalAvgPooling("gap", features), self.config.classes)
        prediction = tf.argmax(logits, 1, output_type=tf.int32, name="prediction")
        weights = tf.gather(tf.transpose(logits.variables.W), prediction)
        tf.reduce_sum(features * weights[:, tf.newaxis, tf.newaxis, :], 3, name="cam")
        wrong = tf.cast(tf.not_equal(prediction, label), tf.float32, name="wrong")
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")
        add_moving_summary(cost, tf.reduce_mean(wrong, name="train_error"))
        return tf.add(cost, regularize_cost(".*/W", l2_regularizer(1e-4)), name="total_cost")

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=self.config.rate, trainable=False)
        return tf.train.MomentumOptimizer(rate, 0.9, use_nesterov=True)


class ClutteredDigits(RNGDataFlow):
    """[image, uint8 64x64x3; label; (y, x) of the digit's upper left corner]: one digit among 12 fragments of others."""

    def __init__(self, digits, shuffle):
        self.images = (digits.images.reshape(len(digits.images), *digits.images.shape[1:3]) * 255).astype("uint8")
        self.labels, self.shuffle = digits.labels, shuffle

    def __len__(self):
        return len(self.images)

    def __iter__(self):
        rng = self.rng if self.shuffle else np.random.RandomState(0)
        for k in rng.permutation(len(self)):
            image = np.zeros((64, 64), dtype="uint8")
            for other in rng.randint(len(self), size=12):
                (y, x), (top, left) = rng.randint(0, 20, size=2), rng.randint(0, 56, size=2)
                image[top:top + 8, left:left + 8] = cv2.resize(self.images[other], (28, 28))[y:y + 8, x:x + 8]
            top, left = rng.randint(0, 36, size=2)
            place = image[top:top + 28, left:left + 28]
            np.maximum(place, cv2.resize(self.images[k], (28, 28)), out=place)
            yield [np.stack([image] * 3, axis=2), self.labels[k], np.array([top, left])]


def imagenet(folder, part):
    if part == "train":
        augmentors = [imgaug.GoogleNetRandomCropAndResize(), imgaug.Flip(horiz=True)]
        return MultiProcessRunnerZMQ(AugmentImageComponent(dataset.ILSVRC12(folder, part), augmentors), 8)
    augmentors = [imgaug.ResizeShortestEdge(256), imgaug.CenterCrop(224)]
    return AugmentImageComponent(dataset.ILSVRC12(folder, "val", shuffle=False), augmentors)


def get_data(args, part):
    if args.data:
        return imagenet(args.data, part)
    source = dataset.Digits if args.fake else dataset.Mnist
    return ClutteredDigits(source(part), shuffle=part == "train")


def overlay(image, cam):
    """The map as colours, red for high, over the gray image."""
    cam = cv2.resize(cam, image.shape[1::-1])
    colors = viz.intensity_to_rgb(cam, cmap="jet", normalize=True)[:, :, ::-1]
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return (gray * 0.5 + colors * 0.5).astype("uint8")


def is_on_digit(cam, corner, size=28):
    y, x = np.unravel_index(cv2.resize(cam, (64, 64)).argmax(), (64, 64))
    return corner[0] <= y < corner[0] + size and corner[1] <= x < corner[1] + size


def draw_maps(config, checkpoint, data, filename):
    """Writes images with and without their maps, and prints how often the maps are right where that is known."""
    data = FixedSizeData(data, 500 if config.size <= 64 else 12)
    data.reset_state()
    datapoints = [dp for dp in data]
    with OfflinePredictor(PredictConfig(model=Model(config), session_init=SmartInit(checkpoint), input_names=["input"],
                                        output_names=["cam"])) as predict:
        cams = np.concatenate([predict(dp[0][np.newaxis])[0] for dp in datapoints])
    patches = [np.hstack([dp[0], overlay(dp[0], cam)]) for dp, cam in zip(datapoints[:12], cams)]
    cv2.imwrite(filename, viz.stack_patches(patches, nr_row=4, nr_col=3, border=4))
    if len(datapoints[0]) == 3:
        hits = np.mean([is_on_digit(cam, dp[2]) for dp, cam in zip(datapoints, cams)])
        print("the highest point of the map is on the digit in {:.1f} % of {} images".format(100 * hits, len(cams)))
    print("images and maps are in", filename)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of ILSVRC12; without it MNIST is used")
    parser.add_argument("--logdir", default=os.path.join("train_log", "CAM-resnet"))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--cam", action="store_true", help="only draw maps, with the weights of a checkpoint or npz file")
    parser.add_argument("--load", help="weights to draw maps with, or to start from")
    parser.add_argument("--output", default="cam.png")
    parser.add_argument("--fake", action="store_true", help="a few steps on the digits that come with the package")
    args = parser.parse_args()
    if args.cam and args.load is None:
        parser.error("--cam needs --load CHECKPOINT")

    config = IMAGENET if args.data else MNIST
    test_data = get_data(args, "test")
    if args.cam:
        return draw_maps(config, args.load, test_data, args.output)
    epochs, batch_size = (1, 8) if args.fake else (args.epochs or config.epochs, config.batch)
    train_data = BatchData(SelectComponent(get_data(args, "train"), [0, 1]), batch_size)
    validation = SelectComponent(FixedSizeData(test_data, 16) if args.fake else test_data, [0, 1])
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(config),
        dataflow=train_data,
        callbacks=[
            ModelSaver(),
            InferenceRunner(BatchData(validation, batch_size, remainder=True), ClassificationError("wrong")),
            ScheduledHyperParamSetter("learning_rate", [(0, config.rate), (epochs, 0)], interp="linear"),
        ],
        steps_per_epoch=4 if args.fake else len(train_data),
        max_epoch=epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())
    draw_maps(config, os.path.join(args.logdir, "checkpoint"), test_data, os.path.join(args.logdir, "cam.png"))


if __name__ == "__main__":
    main()
