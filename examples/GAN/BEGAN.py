#!/usr/bin/env python
"""Boundary equilibrium GAN (Berthelot et al. 2017): the discriminator is an autoencoder, kept in balance by a variable k.

Usage: as DCGAN.py. The summary `convergence` is the paper's measure M; when it stops to fall, the learning rate is halved.
"""
import DCGAN
import numpy as np
from GAN import GANTrainer

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
GAMMA = 0.5      # diversity: the share of the reconstruction error that generated images shall have
LAMBDA = 0.001   # learning rate of k


class Model(DCGAN.Model):
    z_dim = 64
    kernel_initializer = None  # the default of the layers: there is no normalisation that would make up for small weights

    def __init__(self, size=64, channels=3, width=64):
        super().__init__(size, channels, width)
        self.depth = int(np.log2(size // 8))

    def generator(self, z):
        return tf.identity(self.decoder(z), name="image")

    def decoder(self, h):
        x = tf.reshape(FullyConnected("fc", h, 8 * 8 * self.width), [-1, 8, 8, self.width])
        for k in range(self.depth + 1):
            if k:
                x = FixedUnPooling("up{}".format(k), x, 2, unpool_mat=np.ones((2, 2), "float32"))
            for i in range(2):
                x = Conv2D("conv{}.{}".format(k, i), x, self.width, 3, activation=tf.nn.elu)
        return Conv2D("output", x, self.channels, 3)

    def encoder(self, x):
        x = Conv2D("input", x, self.width, 3, activation=tf.nn.elu)
        for k in range(self.depth + 1):
            x = Conv2D("conv{}.0".format(k), x, self.width * (k + 1), 3, activation=tf.nn.elu)
            last = k == self.depth
            x = Conv2D("conv{}.1".format(k), x, self.width * (k + 1 if last else k + 2), 3, strides=1 if last else 2,
                       activation=tf.nn.elu)
        return FullyConnected("h", x, self.z_dim)

    @auto_reuse_variable_scope
    def discriminator(self, x):
        """The image as the autoencoder sees it."""
        with tf.variable_scope("encoder"):
            h = self.encoder(x)
        with tf.variable_scope("decoder"):
            return self.decoder(h)

    def build_losses_of_images(self, real, fake):
        error_real = tf.reduce_mean(tf.abs(self.discriminator(real) - real), name="error_real")
        error_fake = tf.reduce_mean(tf.abs(self.discriminator(fake) - fake), name="error_fake")
        k = tf.get_variable("k", [], initializer=tf.zeros_initializer(), trainable=False)
        self.d_loss = tf.subtract(error_real, k * error_fake, name="d_loss")
        self.g_loss = tf.identity(error_fake, name="g_loss")

        balance = GAMMA * error_real - error_fake
        convergence = tf.add(error_real, tf.abs(balance), name="convergence")
        add_moving_summary(error_real, error_fake, convergence, k)
        if get_current_tower_context().is_main_training_tower:  # RunUpdateOps, one of the default callbacks, runs it
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, k.assign(tf.clip_by_value(k + LAMBDA * balance, 0, 1)))

    def optimizers(self):
        rate = tf.get_variable("learning_rate", initializer=1e-4, trainable=False)
        return [tf.train.AdamOptimizer(rate) for _ in range(2)]


def main():
    args = DCGAN.parse_args(__doc__, "BEGAN", fake_size=32, epochs=200, batch=16)
    halve = StatMonitorParamSetter(
        "learning_rate", "discrim/convergence-summary", lambda rate: rate / 2, threshold=0, last_k=10)
    DCGAN.run(args, Model(args.size, args.channels, args.width), GANTrainer, [halve])


if __name__ == "__main__":
    main()
