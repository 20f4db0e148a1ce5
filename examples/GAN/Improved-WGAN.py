#!/usr/bin/env python
"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017), which needs no clipping and no tuning.

Usage: as DCGAN.py. The critic has LayerNorm where DCGAN has BatchNorm, for the penalty is that of each image by itself.
"""
import DCGAN
from GAN import SeparateGANTrainer

from tensorpack import *
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
PENALTY = 10


def gradient_penalty(critic, real, fake):
    """How far the norm of the critic's gradient is from 1 on the lines between real and generated images; also the norm."""
    alpha = tf.random_uniform([tf.shape(real)[0], 1, 1, 1])
    between = real + alpha * (fake - real)
    gradient, = tf.gradients(critic(between), [between])
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), [1, 2, 3]) + 1e-12)
    return tf.reduce_mean(tf.square(norm - 1), name="gradient_penalty"), tf.reduce_mean(norm, name="gradient_norm")


class Model(DCGAN.Model):
    def normalize(self, name, x):
        return LayerNorm(name, x)

    def build_losses_of_images(self, real, fake):
        score_real, score_fake = self.discriminator(real), self.discriminator(fake)
        penalty, norm = gradient_penalty(self.discriminator, real, fake)
        distance = tf.subtract(tf.reduce_mean(score_real), tf.reduce_mean(score_fake), name="wasserstein_distance")
        self.d_loss = tf.subtract(PENALTY * penalty, distance, name="d_loss")
        self.g_loss = tf.negative(tf.reduce_mean(score_fake), name="g_loss")
        add_moving_summary(distance, penalty, norm, self.d_loss, self.g_loss)

    def optimizers(self):
        rate = tf.get_variable("learning_rate", initializer=1e-4, trainable=False)
        return [tf.train.AdamOptimizer(rate, beta1=0.5, beta2=0.9) for _ in range(2)]


def make_trainer(input, model):
    return SeparateGANTrainer(input, model, g_period=5)


def main():
    args = DCGAN.parse_args(__doc__, "Improved-WGAN")
    DCGAN.run(args, Model(args.size, args.channels, args.width), make_trainer)


if __name__ == "__main__":
    main()
