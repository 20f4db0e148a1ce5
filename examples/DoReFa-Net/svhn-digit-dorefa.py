#!/usr/bin/env python
"""Train a convnet with quantized weights, activations and gradients on the digits of SVHN.

Usage: svhn-digit-dorefa.py [--dorefa W,A,G] [--fake] [--logdir DIR] [--load CHECKPOINT]

The data is downloaded to $TENSORPACK_DATASET/svhn_data unless it is there.
"""
import argparse
import os

from dorefa import DoReFa, bits

from tensorpack import *
from tensorpack.dataflow import dataset, imgaug
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

tf = tfv1
BATCH_SIZE = 128
SIZE = 40


class Model(ModelDesc):
    """Seven convolutions and a fully connected layer; the first and the last layer have weights of full precision."""

    def __init__(self, bits=(1, 2, 4)):
        self.dorefa = DoReFa(bits)

    def inputs(self):
        return [tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        with self.dorefa.weights(but=["conv0", "fc"]), \
                argscope(Conv2D, kernel_size=3, use_bias=False, activation=self.dorefa.activate):
            logits = (LinearWrap(image / 255)
                      .Conv2D("conv0", 48, 5, use_bias=True)
                      .MaxPooling("pool0", 2)
                      .Conv2D("conv1", 64)
                      .Conv2D("conv2", 64)
                      .MaxPooling("pool1", 2)
                      .Conv2D("conv3", 128)
                      .Conv2D("conv4", 128)
                      .Conv2D("conv5", 128)
                      .MaxPooling("pool2", 2)
                      .Conv2D("conv6", 512, 5, padding="valid")
                      .Dropout(rate=0.5)
                      .FullyConnected("fc", 10)())
        tf.nn.softmax(logits, name="prob")

        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        decay = regularize_cost("fc/W", l2_regularizer(1e-4), name="weight_decay")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, tf.reduce_mean(wrong, name="train_error"))
        add_param_summary((".*/W", ["histogram", "rms"]))
        return cost

    def optimizer(self):
        rate = tf.train.exponential_decay(1e-3, get_global_step_var(), decay_steps=4721 * 50, decay_rate=0.5,
                                          staircase=True, name="learning_rate")
        return tf.train.AdamOptimizer(rate, epsilon=1e-5)


def get_data(fake):
    if fake:
        flow = FakeData([[4, SIZE, SIZE, 3], [4]], 4, random=False, dtype=["float32", "int32"], domain=[(0, 255), (0, 10)])
        return flow, flow
    train = RandomMixData([dataset.SVHNDigit("train"), dataset.SVHNDigit("extra")])
    resize = imgaug.Resize((SIZE, SIZE))
    train = AugmentImageComponent(train, [resize, imgaug.Brightness(30), imgaug.Contrast((0.5, 1.5)), imgaug.ToFloat32()])
    test = AugmentImageComponent(dataset.SVHNDigit("test", shuffle=False), [resize, imgaug.ToFloat32()])
    return BatchData(train, BATCH_SIZE), BatchData(test, 256, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dorefa", type=bits, default=(1, 2, 4), metavar="W,A,G",
                        help="bits of weights, activations and gradients (default: 1,2,4); 32 are not quantized")
    parser.add_argument("--logdir", default=os.path.join("train_log", "svhn-digit-dorefa"))
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="a few steps with random images")
    args = parser.parse_args()

    try:
        train_data, test_data = get_data(args.fake)
    except OSError as e:
        parser.error(str(e))
    logger.set_logger_dir(args.logdir, action="d")
    config = TrainConfig(
        model=Model(args.dorefa),
        dataflow=train_data,
        callbacks=[
            ModelSaver(),
            InferenceRunner(test_data, [ScalarStats("cross_entropy", by_size=True), ClassificationError("wrong")]),
            MinSaver("validation_error"),
        ],
        max_epoch=1 if args.fake else 200,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
