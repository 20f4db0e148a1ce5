#!/usr/bin/env python
"""Train a convnet on the digits of SVHN, photographed house numbers.

Usage: svhn-digit-convnet.py [--epochs N] [--fake] [--logdir DIR] [--load CHECKPOINT]

The data, 1.6 GB with the part "extra", is downloaded to $TENSORPACK_DATASET/svhn_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.dataflow import dataset, imgaug
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

tf = tfv1
SIZE = 32
BATCH_SIZE = 128


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, SIZE, SIZE, 3), tf.uint8, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        image = tf.cast(image, tf.float32) / 128 - 1
        with argscope(Conv2D, kernel_size=3, activation=BNReLU, use_bias=False):
            logits = (LinearWrap(image)
                      .Conv2D("conv1", 32, 5)
                      .MaxPooling("pool1", 2)
                      .Conv2D("conv2", 64)
                      .Conv2D("conv3", 64)
                      .MaxPooling("pool2", 2)
                      .Conv2D("conv4", 128)
                      .Conv2D("conv5", 128)
                      .GlobalAvgPooling("gap")
                      .Dropout(rate=0.5)
                      .FullyConnected("fc", 10)())
        tf.nn.softmax(logits, name="prob")

        accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, 1), tf.float32), name="accuracy")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        decay = regularize_cost("fc/W", l2_regularizer(1e-4), name="weight_decay")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, accuracy)
        add_param_summary((".*/W", ["histogram", "rms"]))
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        return tf.train.AdamOptimizer(rate)


def get_data(fake):
    """Training takes the difficult digits and, as often as there are more of them, the easy ones of "extra"."""
    if fake:
        flow = FakeData([[8, SIZE, SIZE, 3], [8]], 4, random=False, dtype=["uint8", "int32"], domain=[(0, 256), (0, 10)])
        return flow, flow
    train = RandomMixData([dataset.SVHNDigit("train"), dataset.SVHNDigit("extra")])
    train = AugmentImageComponent(train, [imgaug.Brightness(30), imgaug.Contrast((0.5, 1.5))])
    test = dataset.SVHNDigit("test", shuffle=False)
    return MultiProcessRunnerZMQ(BatchData(train, BATCH_SIZE), 2), BatchData(test, 256, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--logdir", default=os.path.join("train_log", "svhn-digit-convnet"))
    parser.add_argument("--load", help="checkpoint to start from")
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
        callbacks=[
            ModelSaver(max_to_keep=3),
            InferenceRunner(test_data, ScalarStats(["cross_entropy", "accuracy"], by_size=True)),
            MaxSaver("validation_accuracy"),
            ScheduledHyperParamSetter("learning_rate", [(0, 1e-3), (10, 1e-4), (16, 1e-5)]),
        ],
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
