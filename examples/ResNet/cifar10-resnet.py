#!/usr/bin/env python
"""Train the ResNet for CIFAR-10 of section 4.2 of the paper, with 6n + 2 layers.

Usage: cifar10-resnet.py [-n N] [--fake] [--logdir DIR] [--load CHECKPOINT]

The data is downloaded to $TENSORPACK_DATASET/cifar10_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.dataflow import dataset, imgaug
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

tf = tfv1
BATCH_SIZE = 128
STEPS_PER_EPOCH = 50000 // BATCH_SIZE


def BN(x):
    return BatchNorm("bn", x)


def shrink(x, channels):
    """The shortcut without parameters: every second pixel, and zeros as the new channels."""
    more = channels - x.shape.as_list()[3]
    return tf.pad(x[:, ::2, ::2, :], [[0, 0], [0, 0], [0, 0], [more // 2, more // 2]])


def unit(name, x, channels, strides):
    with tf.variable_scope(name):
        y = Conv2D("conv1", x, channels, 3, strides=strides, activation=BNReLU)
        y = Conv2D("conv2", y, channels, 3, activation=BN)
        return tf.nn.relu(y + (x if strides == 1 else shrink(x, channels)))


class Model(ModelDesc):
    def __init__(self, n=5):
        self.n = n

    def inputs(self):
        return [tf.TensorSpec((None, 32, 32, 3), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        with argscope(Conv2D, use_bias=False):
            x = Conv2D("conv0", image / 128, 16, 3, activation=BNReLU)
            for stage, channels in enumerate([16, 32, 64], 1):
                for k in range(1, self.n + 1):
                    x = unit("res{}_{}".format(stage, k), x, channels, 2 if stage > 1 and k == 1 else 1)
        logits = FullyConnected("fc", GlobalAvgPooling("gap", x), 10)
        tf.nn.softmax(logits, name="prob")

        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        decay = regularize_cost(".*/W", l2_regularizer(1e-4), name="weight_decay")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, tf.reduce_mean(wrong, name="train_error"))
        add_param_summary((".*/W", ["histogram"]))
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=0.1, trainable=False)
        tf.summary.scalar("learning_rate-summary", rate)
        return tf.train.MomentumOptimizer(rate, 0.9)


def get_data(fake):
    """Images minus the mean image; those for training are shifted by up to four pixels, and flipped."""
    if fake:
        flow = FakeData([[4, 32, 32, 3], [4]], 3, random=False, dtype=["float32", "int32"], domain=[(-128, 128), (0, 10)])
        return flow, flow
    train, test = dataset.Cifar10("train"), dataset.Cifar10("test")
    mean = train.get_per_pixel_mean(("train",))
    subtract = imgaug.MapImage(lambda image: image - mean)
    train = AugmentImageComponent(train, [
        subtract, imgaug.CenterPaste((40, 40)), imgaug.RandomCrop(32), imgaug.Flip(horiz=True)])
    test = AugmentImageComponent(test, [subtract])
    return BatchData(train, BATCH_SIZE), BatchData(test, 250, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=5, help="units of each of the three stages (default: 5, so 32 layers)")
    parser.add_argument("--logdir", default=os.path.join("train_log", "cifar10-resnet"))
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="a few steps with random images")
    args = parser.parse_args()

    try:
        train_data, test_data = get_data(args.fake)
    except OSError as e:
        parser.error(str(e))
    logger.set_logger_dir(args.logdir, action="d")
    config = TrainConfig(
        model=Model(args.n),
        dataflow=train_data,
        callbacks=[
            ModelSaver(),
            InferenceRunner(test_data, [ScalarStats("cross_entropy"), ClassificationError("wrong")]),
            MinSaver("validation_error"),
            ScheduledHyperParamSetter("learning_rate", [(0, 0.1), (82, 0.01), (123, 0.001)]),
        ],
        steps_per_epoch=3 if args.fake else STEPS_PER_EPOCH,
        max_epoch=1 if args.fake else 164,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
