#!/usr/bin/env python
"""Train a small convnet on CIFAR-10 or CIFAR-100.

Usage: cifar-convnet.py [--classnum 10|100] [--epochs N] [--fake] [--logdir DIR] [--load CHECKPOINT]

The data is downloaded to $TENSORPACK_DATASET/cifar10_data (or cifar100_data) unless it is there.
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
    def __init__(self, classnum=10):
        self.classnum = classnum

    def inputs(self):
        return [tf.TensorSpec((None, SIZE, SIZE, 3), tf.uint8, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        image = tf.cast(image, tf.float32) / 128 - 1
        tf.summary.image("train_image", image[:8], max_outputs=8)
        with argscope(Conv2D, kernel_size=3, activation=BNReLU, use_bias=False):
            logits = (LinearWrap(image)
                      .Conv2D("conv1_1", 64)
                      .Conv2D("conv1_2", 64)
                      .MaxPooling("pool1", 2)
                      .Conv2D("conv2_1", 128)
                      .Conv2D("conv2_2", 128)
                      .MaxPooling("pool2", 2)
                      .Conv2D("conv3_1", 128)
                      .Conv2D("conv3_2", 128)
                      .MaxPooling("pool3", 2)
                      .FullyConnected("fc0", 512, activation=tf.nn.relu)
                      .Dropout(rate=0.5)
                      .FullyConnected("fc1", self.classnum)())
        tf.nn.softmax(logits, name="prob")

        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        decay = regularize_cost("fc.*/W", l2_regularizer(4e-4), name="weight_decay")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, tf.reduce_mean(wrong, name="train_error"))
        add_param_summary((".*/W", ["histogram"]))
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        tf.summary.scalar("learning_rate-summary", rate)
        return tf.train.AdamOptimizer(rate)


def get_data(classnum, fake):
    """Images for training are shifted, flipped, and of another brightness and contrast each time."""
    if fake:
        flow = FakeData([[8, SIZE, SIZE, 3], [8]], 4, random=False, dtype=["uint8", "int32"], domain=[(0, 256), (0, classnum)])
        return flow, flow
    Cifar = dataset.Cifar10 if classnum == 10 else dataset.Cifar100
    train = AugmentImageComponent(Cifar("train"), [
        imgaug.CenterPaste((SIZE + 8, SIZE + 8)),
        imgaug.RandomCrop(SIZE),
        imgaug.Flip(horiz=True),
        imgaug.Brightness(40),
        imgaug.Contrast((0.7, 1.3)),
    ])
    return BatchData(train, BATCH_SIZE), BatchData(Cifar("test"), 250, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classnum", type=int, default=10, choices=[10, 100])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--logdir", default=os.path.join("train_log", "cifar-convnet"))
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="a few steps with random images")
    args = parser.parse_args()

    try:
        train_data, test_data = get_data(args.classnum, args.fake)
    except OSError as e:
        parser.error(str(e))
    logger.set_logger_dir(args.logdir, action="d")
    config = TrainConfig(
        model=Model(args.classnum),
        dataflow=train_data,
        callbacks=[
            ModelSaver(max_to_keep=3),
            InferenceRunner(test_data, [ScalarStats("cross_entropy"), ClassificationError("wrong")]),
            MinSaver("validation_error"),
            # a tenth of the rate when the validation has not got better for five epochs
            StatMonitorParamSetter("learning_rate", "validation_error", lambda rate: rate * 0.1, threshold=0.001, last_k=5),
        ],
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
