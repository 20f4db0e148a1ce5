#!/usr/bin/env python
"""InfoGAN (Chen et al. 2016) on MNIST: learns without labels that an image has one of 10 kinds and two continuous features.

Usage:
  InfoGAN-mnist.py
  InfoGAN-mnist.py --sample train_log/InfoGAN-mnist/checkpoint     a row for each value of the categorical code

The loss `info_loss` is an upper bound of minus the mutual information of the code and the image, up to the constant entropy
of the code: the lower, the more of the code can be told from the image.
"""
import argparse

import numpy as np
from GAN import DrawSamples, GANModelDesc, GANTrainer, add_arguments, sample, train_and_draw

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
CLASSES, FEATURES, NOISE = 10, 2, 62


def draw_latent(batch):
    """A one-hot class, features and noise, both uniform in [-1, 1)."""
    one_hot = tf.one_hot(tf.random_uniform([batch], 0, CLASSES, dtype=tf.int32), CLASSES)
    return tf.concat([one_hot, tf.random_uniform([batch, FEATURES + NOISE], -1, 1)], axis=1)


def code_loss(code, prediction):
    """Minus the log-likelihood of the code under what was predicted of it: class logits, mean and log deviation of features."""
    one_hot, features = tf.split(code, [CLASSES, FEATURES], axis=1)
    logits, mean, log_std = tf.split(prediction, [CLASSES, FEATURES, FEATURES], axis=1)
    class_loss = tf.nn.softmax_cross_entropy_with_logits_v2(labels=one_hot, logits=logits)
    distance = (features - mean) / tf.exp(log_std)
    feature_loss = tf.reduce_sum(log_std + 0.5 * tf.square(distance) + 0.5 * np.log(2 * np.pi), axis=1)
    return tf.reduce_mean(class_loss, name="class_loss"), tf.reduce_mean(feature_loss, name="feature_loss")


class Model(GANModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "image")]

    def generator(self, z):
        x = FullyConnected("fc0", z, 1024, activation=BNReLU)
        x = FullyConnected("fc1", x, 7 * 7 * 128, activation=BNReLU)
        x = Conv2DTranspose("deconv0", tf.reshape(x, [-1, 7, 7, 128]), 64, 4, strides=2, activation=BNReLU)
        x = Conv2DTranspose("deconv1", x, 1, 4, strides=2, activation=tf.tanh)
        return tf.identity(x, name="image")

    @auto_reuse_variable_scope
    def discriminator(self, x):
        """Whether an image is real, and what its code may be."""
        x = tf.nn.leaky_relu(Conv2D("conv0", x, 64, 4, strides=2))
        x = tf.nn.leaky_relu(BatchNorm("bn1", Conv2D("conv1", x, 128, 4, strides=2)))
        x = tf.nn.leaky_relu(BatchNorm("bn2", FullyConnected("fc2", x, 1024)))
        q = tf.nn.leaky_relu(BatchNorm("q_bn", FullyConnected("q_fc", x, 128)))
        return FullyConnected("logits", x, 1), FullyConnected("q_logits", q, CLASSES + 2 * FEATURES)

    def build_graph(self, image):
        image = tf.expand_dims(image, 3) * 2 - 1
        z = tf.placeholder_with_default(draw_latent(tf.shape(image)[0]), [None, CLASSES + FEATURES + NOISE], name="z")
        with argscope([Conv2D, Conv2DTranspose, FullyConnected], kernel_initializer=tf.random_normal_initializer(stddev=0.02)):
            with tf.variable_scope("gen"):
                fake = self.generator(z)
            with tf.variable_scope("discrim"):
                logits_real, _ = self.discriminator(image)
                logits_fake, prediction = self.discriminator(fake)
        self.build_losses(logits_real, logits_fake)

        class_loss, feature_loss = code_loss(z[:, :CLASSES + FEATURES], prediction)
        info_loss = tf.add(class_loss, 0.1 * feature_loss, name="info_loss")
        add_moving_summary(class_loss, feature_loss, info_loss)
        self.g_loss += info_loss
        self.d_loss += info_loss  # the part that predicts the code is among the discriminator's variables
        self.collect_variables()

    def optimizers(self):
        return tf.train.AdamOptimizer(1e-3, beta1=0.5), tf.train.AdamOptimizer(2e-4, beta1=0.5)


def latent_of_samples(rng):
    """100 latent vectors: a row for each class; in each column the same noise, and a first feature from -2 to 2."""
    one_hot = np.repeat(np.eye(CLASSES), 10, axis=0)
    features = np.zeros((100, FEATURES))
    features[:, 0] = np.tile(np.linspace(-2, 2, 10), 10)
    noise = np.tile(rng.uniform(-1, 1, NOISE), (100, 1))
    return np.concatenate([one_hot, features, noise], axis=1).astype("float32")


def get_data(args):
    if args.fake:
        return FakeData([[args.batch, 28, 28]], 100)
    return BatchData(SelectComponent(dataset.Mnist("train"), [0]), args.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, "InfoGAN-mnist", epochs=50, batch=128)
    args = parser.parse_args()
    if args.fake:
        args.batch = 8
    model, samples = Model(), (["z"], [latent_of_samples(get_rng())], "gen/image", 10)
    if args.sample:
        return sample(args.sample, model, args.output, *samples)
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args)
    train_and_draw(args, GANTrainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples))


if __name__ == "__main__":
    main()
