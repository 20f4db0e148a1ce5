#!/usr/bin/env python
"""Train a convnet on MNIST; it reaches more than 98.5 % within 3 epochs.

Usage: mnist-convnet.py [--logdir DIR] [--epochs N] [--load CHECKPOINT] | --fake

The data is downloaded to $TENSORPACK_DATASET/mnist_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.dataflow import dataset
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

tf = tfv1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        image = tf.expand_dims(image, 3) * 2 - 1
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu, filters=32):
            logits = (LinearWrap(image)
                      .Conv2D("conv0")
                      .MaxPooling("pool0", 2)
                      .Conv2D("conv1")
                      .Conv2D("conv2")
                      .MaxPooling("pool1", 2)
                      .Conv2D("conv3")
                      .FullyConnected("fc0", 512, activation=tf.nn.relu)
                      .Dropout("dropout", rate=0.5)
                      .FullyConnected("fc1", 10)())
        tf.nn.softmax(logits, name="prob")
        correct = tf.cast(tf.nn.in_top_k(logits, label, 1), tf.float32, name="correct")
        accuracy = tf.reduce_mean(correct, name="accuracy")
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy_loss")
        decay = regularize_cost("fc.*/W", l2_regularizer(1e-5), name="regularize_loss")
        total = tf.add_n([cost, decay], name="total_cost")
        add_moving_summary(cost, decay, total, accuracy)
        add_param_summary((".*/W", ["histogram", "rms"]))
        return total

    def optimizer(self):
        rate = tf.train.exponential_decay(1e-3, get_global_step_var(), decay_steps=468 * 10, decay_rate=0.3,
                                          staircase=True, name="learning_rate")
        tf.summary.scalar("lr", rate)
        return tf.train.AdamOptimizer(rate)


def get_data(fake):
    if fake:
        images = FakeData([[28, 28], []], size=512, random=False, dtype=["float32", "uint8"], domain=[(0, 1), (0, 9)])
        return BatchData(images, 128), BatchData(images, 256)
    return BatchData(dataset.Mnist("train"), 128), BatchData(dataset.Mnist("test"), 256, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-convnet"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="one epoch of four steps on random images")
    args = parser.parse_args()

    logger.set_logger_dir(args.logdir, action="d")
    train_data, test_data = get_data(args.fake)
    config = TrainConfig(
        model=Model(),
        data=QueueInput(train_data),
        callbacks=[
            ModelSaver(),
            InferenceRunner(test_data, ScalarStats(["cross_entropy_loss", "accuracy"], by_size=True)),
            MaxSaver("validation_accuracy"),
        ],
        steps_per_epoch=len(train_data),
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
