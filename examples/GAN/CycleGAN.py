#!/usr/bin/env python
"""CycleGAN (Zhu et al. 2017): translates images of one kind into another kind, and back, learned from unpaired images.

Usage:
  CycleGAN.py --data datasets/horse2zebra         has the folders trainA, trainB, testA, testB
  CycleGAN.py --data datasets/horse2zebra --sample train_log/CycleGAN/checkpoint

Each row of samples is: A, A -> B, A -> B -> A, and B, B -> A, B -> A -> B. The paper's history of generated images is left out.
"""
import argparse
import glob
import os

from GAN import DrawSamples, GANModelDesc, GANTrainer, add_arguments, first_datapoint, sample, train_and_draw

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
CYCLE = 10  # weight of the cycle loss


def norm_relu(x):
    return tf.nn.relu(InstanceNorm("norm", x))


def norm_lrelu(x):
    return tf.nn.leaky_relu(InstanceNorm("norm", x))


def pad(x, size):
    return tf.pad(x, [[0, 0], [size, size], [size, size], [0, 0]], mode="REFLECT")


class Model(GANModelDesc):
    def __init__(self, size=256, width=64, blocks=9):
        self.size, self.width, self.blocks = size, width, blocks

    def inputs(self):
        return [tf.TensorSpec((None, self.size, self.size, 3), tf.uint8, name) for name in ("inputA", "inputB")]

    def residual_block(self, name, x):
        with tf.variable_scope(name):
            y = Conv2D("conv0", pad(x, 1), self.width * 4, 3, padding="valid", activation=norm_relu)
            return x + InstanceNorm("norm", Conv2D("conv1", pad(y, 1), self.width * 4, 3, padding="valid"))

    @auto_reuse_variable_scope
    def generator(self, x):
        x = Conv2D("conv0", pad(x, 3), self.width, 7, padding="valid", activation=norm_relu)
        x = Conv2D("conv1", x, self.width * 2, 3, strides=2, activation=norm_relu)
        x = Conv2D("conv2", x, self.width * 4, 3, strides=2, activation=norm_relu)
        for k in range(self.blocks):
            x = self.residual_block("block{}".format(k), x)
        x = Conv2DTranspose("deconv0", x, self.width * 2, 3, strides=2, activation=norm_relu)
        x = Conv2DTranspose("deconv1", x, self.width, 3, strides=2, activation=norm_relu)
        return Conv2D("output", pad(x, 3), 3, 7, padding="valid", activation=tf.tanh)

    @auto_reuse_variable_scope
    def discriminator(self, x):
        """A score for each patch of 70x70 pixels."""
        x = Conv2D("conv0", x, self.width, 4, strides=2, activation=tf.nn.leaky_relu)
        for k in (1, 2, 3):
            x = Conv2D("conv{}".format(k), x, self.width * 2 ** k, 4, strides=2 if k < 3 else 1, activation=norm_lrelu)
        return Conv2D("score", x, 1, 4)

    def build_graph(self, a, b):
        a, b = [tf.cast(x, tf.float32) / 127.5 - 1 for x in (a, b)]
        with argscope([Conv2D, Conv2DTranspose], kernel_initializer=tf.random_normal_initializer(stddev=0.02)):
            with tf.variable_scope("gen"):
                with tf.variable_scope("B"):
                    ab = self.generator(a)
                with tf.variable_scope("A"):
                    ba, aba = self.generator(b), self.generator(ab)
                with tf.variable_scope("B"):
                    bab = self.generator(ba)
            with tf.variable_scope("discrim"):
                with tf.variable_scope("A"):
                    losses_a = self.least_squares("A", self.discriminator(a), self.discriminator(ba))
                with tf.variable_scope("B"):
                    losses_b = self.least_squares("B", self.discriminator(b), self.discriminator(ab))
        tf.concat([a, ab, aba, b, ba, bab], axis=2, name="samples")

        cycle = tf.add(tf.reduce_mean(tf.abs(aba - a)), tf.reduce_mean(tf.abs(bab - b)), name="cycle_loss")
        self.g_loss = tf.add(losses_a[0] + losses_b[0], CYCLE * cycle, name="g_loss")
        self.d_loss = tf.add(losses_a[1], losses_b[1], name="d_loss")
        add_moving_summary(cycle, self.g_loss, self.d_loss)
        self.collect_variables()

    def least_squares(self, name, score_real, score_fake):
        with tf.name_scope("LSGAN_" + name):
            g_loss = tf.reduce_mean(tf.square(score_fake - 1), name="g_loss")
            real, fake = tf.reduce_mean(tf.square(score_real - 1)), tf.reduce_mean(tf.square(score_fake))
            d_loss = tf.add(real / 2, fake / 2, name="d_loss")
        add_moving_summary(g_loss, d_loss)
        return g_loss, d_loss

    def optimizers(self):
        rate = tf.get_variable("learning_rate", initializer=2e-4, trainable=False)
        return [tf.train.AdamOptimizer(rate, beta1=0.5) for _ in range(2)]


def get_data(args, split):
    size = args.size
    if args.fake:
        return FakeData([[args.batch, size, size, 3]] * 2, 100, dtype="uint8", domain=(0, 256))
    train_augmentors = [imgaug.Resize(size * 286 // 256), imgaug.RandomCrop(size), imgaug.Flip(horiz=True)]
    flows = []
    for kind in "AB":
        files = sorted(glob.glob(os.path.join(args.data, split + kind, "*")))
        flow = ImageFromFile(files, shuffle=split == "train")
        flows.append(AugmentImageComponent(flow, train_augmentors if split == "train" else [imgaug.Resize(size)]))
    flow = JoinData(flows)
    return BatchData(MultiProcessRunnerZMQ(flow, 2) if split == "train" else flow, args.batch)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, "CycleGAN", epochs=200, batch=1)
    parser.add_argument("--data", help="folder with the folders trainA, trainB, testA, testB")
    parser.add_argument("--size", type=int, default=256, help="of images, a multiple of 4")
    parser.add_argument("--width", type=int, default=64, help="filters in the first layers")
    parser.add_argument("--blocks", type=int, help="residual blocks; as in the paper 9 for images from 256x256 on, else 6")
    args = parser.parse_args()
    args.blocks = args.blocks or (9 if args.size >= 256 else 6)
    if args.fake:
        args.size, args.blocks = 32, 1
    elif not args.data or not all(os.path.isdir(os.path.join(args.data, s + k)) for s in ("train", "test") for k in "AB"):
        parser.error("--data must have the folders trainA, trainB, testA, testB; got {!r}. The paper's are at "
                     "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/".format(args.data))
    return args


def main():
    args = parse_args()
    model = Model(args.size, args.width, args.blocks)
    samples = (model.input_names, first_datapoint(get_data(args, "test")), "samples", 1)
    if args.sample:
        return sample(args.sample, model, args.output, *samples)
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args, "train")
    decay = ScheduledHyperParamSetter("learning_rate", [(100, 2e-4), (200, 0)], interp="linear")
    train_and_draw(args, GANTrainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples), [decay])


if __name__ == "__main__":
    main()
