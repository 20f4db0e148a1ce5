#!/usr/bin/env python
"""DiscoGAN (Kim et al. 2017): finds, without pairs, how faces with an attribute correspond to faces without it.

Usage:
  DiscoGAN-CelebA.py --data CelebA --attribute Male     has the folder img_align_celeba and the file list_attr_celeba.txt
  DiscoGAN-CelebA.py --data CelebA --attribute Male --sample train_log/DiscoGAN-CelebA/checkpoint

Each row of samples is: A (with the attribute), A -> B, A -> B -> A, and B (without), B -> A, B -> A -> B.
"""
import argparse
import os

from GAN import DrawSamples, GANModelDesc, GANTrainer, add_arguments, first_datapoint, sample, train_and_draw

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
SIZE = 64
WIDTH = 64


def bn_lrelu(x):
    return tf.nn.leaky_relu(BatchNorm("bn", x))


class Model(GANModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, SIZE, SIZE, 3), tf.uint8, name) for name in ("inputA", "inputB")]

    def convolutions(self, x):
        """SIZE x SIZE -> 4 x 4."""
        x = Conv2D("conv0", x, WIDTH, 4, strides=2, activation=tf.nn.leaky_relu)
        for k in (1, 2, 3):
            x = Conv2D("conv{}".format(k), x, WIDTH * 2 ** k, 4, strides=2, activation=bn_lrelu)
        return x

    @auto_reuse_variable_scope
    def generator(self, x):
        x = self.convolutions(x)
        for k in (2, 1, 0):
            x = Conv2DTranspose("deconv{}".format(k), x, WIDTH * 2 ** k, 4, strides=2, activation=BNReLU)
        return Conv2DTranspose("output", x, 3, 4, strides=2, activation=tf.tanh)

    @auto_reuse_variable_scope
    def discriminator(self, x):
        return FullyConnected("logits", self.convolutions(x), 1)

    def build_graph(self, a, b):
        a, b = [tf.cast(x, tf.float32) / 127.5 - 1 for x in (a, b)]
        with argscope([Conv2D, Conv2DTranspose, FullyConnected], kernel_initializer=tf.random_normal_initializer(stddev=0.02)):
            with tf.variable_scope("gen"):
                with tf.variable_scope("B"):
                    ab = self.generator(a)
                with tf.variable_scope("A"):
                    ba, aba = self.generator(b), self.generator(ab)
                with tf.variable_scope("B"):
                    bab = self.generator(ba)
            with tf.variable_scope("discrim"):
                with tf.variable_scope("A"):
                    g_loss_a, d_loss_a = self.losses_of(self.discriminator(a), self.discriminator(ba))
                with tf.variable_scope("B"):
                    g_loss_b, d_loss_b = self.losses_of(self.discriminator(b), self.discriminator(ab))
        tf.concat([a, ab, aba, b, ba, bab], axis=2, name="samples")

        error = tf.add(tf.reduce_mean(tf.square(aba - a)), tf.reduce_mean(tf.square(bab - b)), name="reconstruction_loss")
        self.g_loss = tf.add(g_loss_a + g_loss_b, error, name="g_loss")
        self.d_loss = tf.add(d_loss_a, d_loss_b, name="d_loss")
        add_moving_summary(error)
        self.collect_variables()

    def losses_of(self, logits_real, logits_fake):
        self.build_losses(logits_real, logits_fake)
        return self.g_loss, self.d_loss

    def optimizers(self):
        return [tf.train.AdamOptimizer(2e-4, beta1=0.5) for _ in range(2)]


def split_by_attribute(folder, attribute):
    """Names of the images that have the attribute, and of those that have not."""
    with open(os.path.join(folder, "list_attr_celeba.txt"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    names = lines[1].split()
    if attribute not in names:
        raise ValueError("--attribute must be one of {}; got {!r}".format(", ".join(names), attribute))
    rows = [line.split() for line in lines[2:]]
    column = 1 + names.index(attribute)
    return [[row[0] for row in rows if row[column] == value] for value in ("1", "-1")]


def get_data(args, is_training):
    if args.fake:
        return FakeData([[args.batch, SIZE, SIZE, 3]] * 2, 100, dtype="uint8", domain=(0, 256))
    flows = []
    for names in split_by_attribute(args.data, args.attribute):
        files = [os.path.join(args.data, "img_align_celeba", name) for name in names]
        flow = ImageFromFile(files, shuffle=is_training)
        flows.append(AugmentImageComponent(flow, [imgaug.CenterCrop(140), imgaug.Resize(SIZE)]))
    flow = JoinData(flows)
    return BatchData(MultiProcessRunnerZMQ(flow, 4) if is_training else flow, args.batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, "DiscoGAN-CelebA", epochs=30, batch=64)
    parser.add_argument("--data", default="CelebA", help="folder with img_align_celeba and list_attr_celeba.txt")
    parser.add_argument("--attribute", default="Male", help="one of the 40 of list_attr_celeba.txt")
    args = parser.parse_args()
    if args.fake:
        args.batch = 2
    elif not os.path.isfile(os.path.join(args.data, "list_attr_celeba.txt")):
        parser.error("--data must have the folder img_align_celeba and the file list_attr_celeba.txt of "
                     "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html; got {!r}".format(args.data))

    model = Model()
    samples = (model.input_names, [images[:8] for images in first_datapoint(get_data(args, is_training=False))], "samples", 1)
    if args.sample:
        return sample(args.sample, model, args.output, *samples)
    logger.set_logger_dir(args.logdir, action="d")
    dataflow = get_data(args, is_training=True)
    train_and_draw(args, GANTrainer(QueueInput(dataflow), model), dataflow, DrawSamples(*samples))


if __name__ == "__main__":
    main()
