#!/usr/bin/env python
"""Deep convolutional GAN (Radford et al. 2015), on a folder of images such as CelebA, or on MNIST.

Usage:
  DCGAN.py --data 'img_align_celeba/*.jpg' [--crop 140]
  DCGAN.py --mnist
  DCGAN.py --sample train_log/DCGAN/checkpoint [--mnist]       writes samples.png

The other scripts for unlabelled images (WGAN.py, Improved-WGAN.py, BEGAN.py) share its data and command line.
"""
import argparse
import glob

import numpy as np
from GAN import (
    DrawSamples,
    GANModelDesc,
    GANTrainer,
    MultiGPUGANTrainer,
    RandomZData,
    add_arguments,
    first_datapoint,
    sample,
    train_and_draw,
)

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.utils.gpu import get_num_gpu

tf = tfv1


class Model(GANModelDesc):
    """Works on size x size images, where size is 8, 16, 32, ...; `width` is the number of filters next to the image."""

    z_dim = 100
    kernel_initializer = tf.random_normal_initializer(stddev=0.02)

    def __init__(self, size=64, channels=3, width=64):
        self.size, self.channels, self.width = size, channels, width
        self.depth = int(np.log2(size // 4))

    def inputs(self):
        return [tf.TensorSpec((None, self.size, self.size, self.channels), tf.uint8, "image")]

    def generator(self, z):
        width = self.width * 2 ** (self.depth - 1)
        x = FullyConnected("fc", z, 4 * 4 * width)
        x = BNReLU("bnrelu", tf.reshape(x, [-1, 4, 4, width]))
        for k in range(1, self.depth):
            x = Conv2DTranspose("deconv{}".format(k), x, width // 2 ** k, 5, strides=2, activation=BNReLU)
        x = Conv2DTranspose("deconv{}".format(self.depth), x, self.channels, 5, strides=2, activation=tf.tanh)
        return tf.identity(x, name="image")

    @auto_reuse_variable_scope
    def discriminator(self, x):
        for k in range(self.depth):
            x = Conv2D("conv{}".format(k), x, self.width * 2 ** k, 5, strides=2)
            x = tf.nn.leaky_relu(self.normalize("norm{}".format(k), x) if k else x)
        return FullyConnected("logits", x, 1)

    def normalize(self, name, x):
        return BatchNorm(name, x)

    def build_graph(self, image):
        image = tf.cast(image, tf.float32) / 127.5 - 1
        z = tf.random_uniform([tf.shape(image)[0], self.z_dim], -1, 1)
        z = tf.placeholder_with_default(z, [None, self.z_dim], name="z")
        with argscope([Conv2D, Conv2DTranspose, FullyConnected], kernel_initializer=self.kernel_initializer):
            with tf.variable_scope("gen"):
                fake = self.generator(z)
            with tf.variable_scope("discrim"):
                self.build_losses_of_images(image, fake)
        self.collect_variables()

    def build_losses_of_images(self, real, fake):
        self.build_losses(self.discriminator(real), self.discriminator(fake))

    def optimizers(self):
        rate = tf.get_variable("learning_rate", initializer=2e-4, trainable=False)
        return [tf.train.AdamOptimizer(rate, beta1=0.5) for _ in range(2)]


def mnist(batch):
    """The digits, 32x32x1."""
    def pad(dp):
        return [np.pad(np.round(dp[0] * 255).astype("uint8"), 2, mode="constant")[:, :, np.newaxis]]

    return BatchData(MapData(dataset.Mnist("train"), pad), batch)


def image_files(files, crop, size, batch):
    """The middle of each image, of `crop` pixels, in `size`."""
    augmentors = [imgaug.CenterCrop(crop)] if crop else []
    flow = AugmentImageComponent(ImageFromFile(files, shuffle=True), augmentors + [imgaug.Resize(size)])
    return BatchData(MultiProcessRunnerZMQ(flow, 4), batch)


def parse_args(doc, name, fake_size=64, epochs=50, batch=64):
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    add_arguments(parser, name, epochs, batch)
    parser.add_argument("--data", help="pattern of image files")
    parser.add_argument("--crop", type=int, help="side of the square in the middle of images that is used, 140 for CelebA")
    parser.add_argument("--mnist", action="store_true", help="train on MNIST, 32x32")
    parser.add_argument("--size", type=int, default=64, help="of images, a power of 2")
    parser.add_argument("--width", type=int, default=64, help="number of filters next to the image")
    args = parser.parse_args()
    args.channels = 3
    if args.mnist:
        args.size, args.channels = 32, 1
    if args.fake:
        args.size, args.batch = min(args.size, fake_size), 4
    args.files = sorted(glob.glob(args.data)) if args.data else []
    if not (args.files or args.mnist or args.fake or args.sample):
        parser.error("--data must be a pattern that matches image files; got {!r}. CelebA's aligned images are at "
                     "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html; --mnist needs no files".format(args.data))
    return args


def get_data(args):
    if args.fake:
        return FakeData([[args.batch, args.size, args.size, args.channels]], 100, dtype="uint8", domain=(0, 256))
    return mnist(args.batch) if args.mnist else image_files(args.files, args.crop, args.size, args.batch)


def run(args, model, make_trainer, callbacks=()):
    """Sample or train; `make_trainer(input, model)` makes the trainer."""
    samples = (["z"], first_datapoint(RandomZData((64, model.z_dim))), "gen/image")
    if args.sample:
        return sample(args.sample, model, args.output, *samples)
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args)
    train_and_draw(args, make_trainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples), callbacks)


def make_trainer(input, model):
    num_gpus = get_num_gpu()
    return MultiGPUGANTrainer(num_gpus, input, model) if num_gpus > 1 else GANTrainer(input, model)


def main():
    args = parse_args(__doc__, "DCGAN")
    run(args, Model(args.size, args.channels, args.width), make_trainer)


if __name__ == "__main__":
    main()
