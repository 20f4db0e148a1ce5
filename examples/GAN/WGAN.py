#!/usr/bin/env python
"""Wasserstein GAN (Arjovsky et al. 2017): a critic with clipped weights in place of DCGAN's discriminator.

Usage: as DCGAN.py. The summary `wasserstein_distance` estimates how far the generator is from the data, up to a factor.
"""
import DCGAN
from GAN import SeparateGANTrainer

from tensorpack import *
from tensorpack.tfutils.optimizer import VariableAssignmentOptimizer
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
CLIP = 0.01


class Model(DCGAN.Model):
    def build_losses(self, score_real, score_fake):
        distance = tf.subtract(tf.reduce_mean(score_real), tf.reduce_mean(score_fake), name="wasserstein_distance")
        self.d_loss = tf.negative(distance, name="d_loss")
        self.g_loss = tf.negative(tf.reduce_mean(score_fake), name="g_loss")
        add_moving_summary(distance, self.g_loss)

    def optimizers(self):
        rate = tf.get_variable("learning_rate", initializer=5e-5, trainable=False)
        g_optimizer, d_optimizer = [tf.train.RMSPropOptimizer(rate) for _ in range(2)]
        return g_optimizer, VariableAssignmentOptimizer(d_optimizer, lambda weights: tf.clip_by_value(weights, -CLIP, CLIP))


def make_trainer(input, model):
    return SeparateGANTrainer(input, model, g_period=5)


def main():
    args = DCGAN.parse_args(__doc__, "WGAN")
    DCGAN.run(args, Model(args.size, args.channels, args.width), make_trainer)


if __name__ == "__main__":
    main()
