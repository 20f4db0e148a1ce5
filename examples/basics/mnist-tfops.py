#!/usr/bin/env python
"""Train a convnet on MNIST that is written without this library's layers: with tf.nn and tf.get_variable.

Usage: mnist-tfops.py [--epochs N] [--fake] [--logdir DIR] [--load CHECKPOINT]

The network is that of mnist-convnet.py. The data is downloaded to $TENSORPACK_DATASET/mnist_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.dataflow import dataset
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

tf = tfv1


def conv(name, x, filters, size=3):
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [size, size, x.shape.as_list()[3], filters],
                                 initializer=tf.variance_scaling_initializer(2.))
        bias = tf.get_variable("bias", [filters], initializer=tf.zeros_initializer())
        return tf.nn.relu(tf.nn.conv2d(x, kernel, strides=[1, 1, 1, 1], padding="SAME") + bias)


def max_pool(x):
    return tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")


def dense(name, x, units):
    with tf.variable_scope(name):
        kernel = tf.get_variable("kernel", [x.shape.as_list()[1], units], initializer=tf.variance_scaling_initializer(2.))
        bias = tf.get_variable("bias", [units], initializer=tf.zeros_initializer())
        return tf.matmul(x, kernel) + bias


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        """Any code that gets its variables by tf.get_variable will do: several towers share them by variable scopes."""
        x = tf.expand_dims(image, 3) * 2 - 1
        x = max_pool(conv("conv0", x, 32))
        x = conv("conv1", x, 32)
        x = max_pool(conv("conv2", x, 32))
        x = conv("conv3", x, 32)
        x = tf.reshape(x, [-1, 7 * 7 * 32])
        x = tf.nn.relu(dense("fc0", x, 512))
        if self.training:  # what differs between training and inference is up to us
            x = tf.nn.dropout(x, rate=0.5)
        logits = dense("fc1", x, 10)
        tf.nn.softmax(logits, name="prob")

        accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, 1), tf.float32), name="accuracy")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy_loss")
        decay = regularize_cost("fc.*/kernel", l2_regularizer(1e-5), name="regularize_loss")
        cost = tf.add_n([loss, decay], name="total_cost")
        add_moving_summary(loss, cost, accuracy)
        add_param_summary((".*/kernel", ["histogram", "rms"]))
        return cost

    def optimizer(self):
        rate = tf.train.exponential_decay(1e-3, get_global_step_var(), decay_steps=468 * 10, decay_rate=0.3,
                                          staircase=True, name="learning_rate")
        return tf.train.AdamOptimizer(rate)


def get_data(fake):
    if fake:
        flow = FakeData([[8, 28, 28], [8]], 4, random=False, dtype=["float32", "int32"], domain=[(0, 1), (0, 10)])
        return flow, flow
    return BatchData(dataset.Mnist("train"), 128), BatchData(dataset.Mnist("test"), 256, remainder=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-tfops"))
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
            ModelSaver(),
            InferenceRunner(test_data, ScalarStats(["cross_entropy_loss", "accuracy"], by_size=True)),
            MaxSaver("validation_accuracy"),
        ],
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    )
    launch_train_with_config(config, SimpleTrainer())


if __name__ == "__main__":
    main()
