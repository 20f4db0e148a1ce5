#!/usr/bin/env python
"""Conditional GAN (Mirza and Osindero 2014) on MNIST: both parts are told the label, so that one can ask for a digit.

Usage:
  ConditionalGAN-mnist.py
  ConditionalGAN-mnist.py --sample train_log/ConditionalGAN-mnist/checkpoint     a row for each digit

The networks are the paper's, fully connected, with Maxout and Dropout; the optimizer is Adam.
"""
import argparse

import numpy as np
from GAN import DrawSamples, GANModelDesc, GANTrainer, add_arguments, sample, train_and_draw

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope

tf = tfv1
NOISE = 100


class Model(GANModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def generator(self, z, label):
        hidden_z = FullyConnected("fc_z", z, 200, activation=tf.nn.relu)
        hidden_label = FullyConnected("fc_label", label, 1000, activation=tf.nn.relu)
        x = FullyConnected("fc", tf.concat([hidden_z, hidden_label], axis=1), 1200, activation=tf.nn.relu)
        x = FullyConnected("output", Dropout(x, rate=0.5), 28 * 28, activation=tf.tanh)
        return tf.reshape(x, [-1, 28, 28, 1], name="image")

    @auto_reuse_variable_scope
    def discriminator(self, image, label):
        def maxout(name, x, units, pieces):
            return Dropout(Maxout(FullyConnected(name, x, units * pieces), pieces), rate=0.5)

        hidden = tf.concat([maxout("fc_image", image, 240, 5), maxout("fc_label", label, 50, 5)], axis=1)
        return FullyConnected("logits", maxout("fc", hidden, 240, 4), 1)

    def build_graph(self, image, label):
        image, label = tf.expand_dims(image, 3) * 2 - 1, tf.one_hot(label, 10)
        z = tf.random_uniform([tf.shape(label)[0], NOISE])
        z = tf.placeholder_with_default(z, [None, NOISE], name="z")
        with argscope(FullyConnected, kernel_initializer=tf.random_uniform_initializer(-0.05, 0.05)):
            with tf.variable_scope("gen"):
                fake = self.generator(z, label)
            with tf.variable_scope("discrim"):
                self.build_losses(self.discriminator(image, label), self.discriminator(fake, label))
        self.collect_variables()

    def optimizers(self):
        return [tf.train.AdamOptimizer(2e-4, beta1=0.5) for _ in range(2)]


def samples():
    """A row for each digit, in each column the same noise."""
    noise = np.tile(get_rng().uniform(size=(10, NOISE)), (10, 1)).astype("float32")
    return ["z", "label"], [noise, np.repeat(np.arange(10), 10).astype("int32")], "gen/image", 10


def get_data(args):
    if args.fake:
        return FakeData([[args.batch, 28, 28], [args.batch]], 100, dtype=["float32", "int32"], domain=[(0, 1), (0, 10)])
    return BatchData(dataset.Mnist("train"), args.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, "ConditionalGAN-mnist", epochs=100, batch=128)
    args = parser.parse_args()
    if args.fake:
        args.batch = 8
    model = Model()
    if args.sample:
        return sample(args.sample, model, args.output, *samples())
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args)
    train_and_draw(args, GANTrainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples()))


if __name__ == "__main__":
    main()
