#!/usr/bin/env python
"""Image-to-image translation, "pix2pix" (Isola et al. 2017), learned from pairs of images.

Usage:
  Image2Image.py --data datasets/facades/train --mode BtoA      each file has the images A and B, side by side
  Image2Image.py --data datasets/facades/val --mode BtoA --sample train_log/Image2Image/checkpoint

Each row of samples is: input, output, target.
"""
import argparse
import glob
import os

import numpy as np
from GAN import DrawSamples, GANModelDesc, GANTrainer, add_arguments, first_datapoint, sample, train_and_draw

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
L1_WEIGHT = 100


def bn_lrelu(x):
    return tf.nn.leaky_relu(batch_norm("bn", x))


def batch_norm(name, x):
    """The generator's normalisation uses the statistics of the batch at inference as well, as the paper does."""
    return BatchNorm(name, x, training=True, ema_update="skip")


def noise(x):
    """Dropout, at inference as well: the paper's only source of noise."""
    return tf.nn.dropout(x, rate=0.5)


class Model(GANModelDesc):
    """A U-Net that halves size x size images to 1x1 (8 times for 256), and back."""

    def __init__(self, size=256, width=64):
        self.size, self.width = size, width
        self.depth = int(np.log2(size))

    def inputs(self):
        return [tf.TensorSpec((None, self.size, self.size, 3), tf.uint8, name) for name in ("input", "target")]

    def filters(self, level):
        return self.width * min(2 ** level, 8)

    def generator(self, x):
        x = Conv2D("conv0", x, self.width, 4, strides=2)
        skips = [x]
        for k in range(1, self.depth):
            x = Conv2D("conv{}".format(k), tf.nn.leaky_relu(x), self.filters(k), 4, strides=2)
            if k < self.depth - 1:  # of a batch of one image, 1x1 would be normalised to zero
                x = batch_norm("bn{}".format(k), x)
            skips.append(x)
        for k in range(self.depth - 1, 0, -1):
            x = skips[k] if k == self.depth - 1 else tf.concat([x, skips[k]], axis=3)
            x = Conv2DTranspose("deconv{}".format(k), tf.nn.relu(x), self.filters(k - 1), 4, strides=2)
            x = batch_norm("deconv{}_bn".format(k), x)
            if k >= self.depth - 3:
                x = noise(x)
        x = tf.nn.relu(tf.concat([x, skips[0]], axis=3))
        return Conv2DTranspose("output", x, 3, 4, strides=2, activation=tf.tanh)

    @auto_reuse_variable_scope
    def discriminator(self, image, target):
        """Logits for each patch of 70x70 pixels."""
        x = tf.concat([image, target], axis=3)
        x = Conv2D("conv0", x, self.width, 4, strides=2, activation=tf.nn.leaky_relu)
        for k in (1, 2, 3):
            x = Conv2D("conv{}".format(k), x, self.width * 2 ** k, 4, strides=2 if k < 3 else 1, activation=bn_lrelu)
        return Conv2D("logits", x, 1, 4)

    def build_graph(self, image, target):
        image, target = [tf.cast(x, tf.float32) / 127.5 - 1 for x in (image, target)]
        with argscope([Conv2D, Conv2DTranspose], kernel_initializer=tf.random_normal_initializer(stddev=0.02)):
            with tf.variable_scope("gen"):
                fake = self.generator(image)
            with tf.variable_scope("discrim"):
                self.build_losses(self.discriminator(image, target), self.discriminator(image, fake))
        tf.concat([image, fake, target], axis=2, name="samples")

        error = tf.reduce_mean(tf.abs(fake - target), name="L1_loss")
        self.g_loss = tf.add(self.g_loss, L1_WEIGHT * error, name="g_total_loss")
        add_moving_summary(error, self.g_loss)
        self.collect_variables()

    def optimizers(self):
        return [tf.train.AdamOptimizer(2e-4, beta1=0.5) for _ in range(2)]


def get_data(args, is_training):
    if args.fake:
        return FakeData([[args.batch, args.size, args.size, 3]] * 2, 100, dtype="uint8", domain=(0, 256))

    def split(dp):
        left, right = np.split(dp[0], 2, axis=1)
        return [left, right] if args.mode == "AtoB" else [right, left]

    augmentors = [imgaug.Resize(args.size)]
    if is_training:
        augmentors = [imgaug.Resize(args.size * 286 // 256), imgaug.RandomCrop(args.size), imgaug.Flip(horiz=True)]
    flow = MapData(ImageFromFile(args.files, shuffle=is_training), split)
    flow = AugmentImageComponents(flow, augmentors, (0, 1))  # the same for both
    return BatchData(MultiProcessRunnerZMQ(flow, 2) if is_training else flow, args.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, "Image2Image", epochs=200, batch=1)
    parser.add_argument("--data", default="", help="folder of images, each of which is a pair side by side")
    parser.add_argument("--mode", choices=["AtoB", "BtoA"], default="AtoB", help="A is the left one")
    parser.add_argument("--size", type=int, default=256, help="of each image of the pair, a power of 2")
    parser.add_argument("--width", type=int, default=64, help="filters in the first layers")
    args = parser.parse_args()
    args.files = sorted(glob.glob(os.path.join(args.data, "*.*g"))) if args.data else []
    if args.fake:
        args.size = 32
    elif not args.files:
        parser.error("--data must be a folder with .jpg or .png images; got {!r}. The paper's are at "
                     "https://efrosgans.eecs.berkeley.edu/pix2pix/datasets/".format(args.data))

    model = Model(args.size, args.width)
    samples = (model.input_names, first_datapoint(get_data(args, is_training=False)), "samples", 1)
    if args.sample:
        return sample(args.sample, model, args.output, *samples)
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args, is_training=True)
    train_and_draw(args, GANTrainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples))


if __name__ == "__main__":
    main()
