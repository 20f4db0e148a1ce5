#!/usr/bin/env python
"""EnhanceNet: four times as many pixels in each direction, sharp by a perceptual, an adversarial and a texture loss.

Usage:
  enet-pat.py --vgg19 VGG19.npz --images FOLDER [--logdir DIR]
  enet-pat.py --apply IMAGE --load CHECKPOINT [--output FILE]
"""
import argparse
import glob
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.graph_builder import DataParallelBuilder
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.symbolic_functions import psnr
from tensorpack.tfutils.tower import TowerFunc
from tensorpack.tfutils.varreplace import freeze_variables

tf = tfv1
SCALE = 4
VGG19 = [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)]
VGG_MEAN = (123.68, 116.779, 103.939)  # of RGB


def vgg19(image):
    """A dict of activations of a network with fixed weights, by name of the layer; the image is RGB in [0, 255]."""
    layers = {}
    x = tf.reverse(image - tf.constant(VGG_MEAN), [3])  # its weights want BGR
    with tf.variable_scope("VGG19"), freeze_variables(stop_gradient=False, skip_collection=True):
        for stage, (count, width) in enumerate(VGG19, 1):
            for k in range(1, count + 1):
                name = "conv{}_{}".format(stage, k)
                x = layers[name] = Conv2D(name, x, width, 3, activation=tf.nn.relu)
            name = "pool{}".format(stage)
            x = layers[name] = MaxPooling(name, x, 2)
    return layers


def perceptual_loss(fake, real):
    """Squared error of what the network sees in both, of features scaled by their mean."""
    def of_layer(layer):
        scale = tf.reduce_mean(real[layer]) + 1e-6
        return tf.reduce_mean(tf.squared_difference(fake[layer] / scale, real[layer] / scale))

    return tf.add(0.2 * of_layer("pool2"), 0.02 * of_layer("pool5"), name="perceptual_cost")


def texture_loss(fake, real, patch=16):
    """Squared error of the correlations between features, in each patch of 16x16 pixels of the image."""
    def gram(x, size):
        patches = tf.space_to_batch(x, [[0, 0], [0, 0]], size)  # the same place in all patches, as batch
        count = tf.shape(x)[0]
        height, width, channels = tf.shape(patches)[1], tf.shape(patches)[2], x.shape[3]
        pixels = tf.reshape(patches, [size * size, count * height * width, channels])
        pixels = tf.transpose(pixels, [1, 0, 2])
        return tf.matmul(pixels, pixels, transpose_a=True) / tf.cast(size * size * channels, tf.float32)

    costs = []
    for layer, shrunk in [("conv1_1", 1), ("conv2_1", 2), ("conv3_1", 4)]:
        scale = tf.reduce_mean(real[layer]) + 1e-6
        costs.append(tf.reduce_mean(tf.squared_difference(
            gram(fake[layer] / scale, patch // shrunk), gram(real[layer] / scale, patch // shrunk))))
    return tf.add_n(costs, name="texture_cost")


class Generator(ModelDescBase):
    """From `low`, RGB in [0, 255], to the tensor `high`, four times as high and as wide."""

    def inputs(self):
        return [tf.TensorSpec((None, None, None, 3), tf.float32, "low")]

    def build_graph(self, low):
        return self.generate(low)

    def generate(self, low):
        height, width = tf.shape(low)[1], tf.shape(low)[2]
        enlarged = tf.image.resize_bicubic(low, [height * SCALE, width * SCALE])
        zeros = tf.zeros_initializer()  # at the start each block changes nothing, and the result is the bicubic one
        with tf.variable_scope("generator"), argscope(Conv2D, activation=tf.nn.relu, kernel_size=3, filters=64):
            x = Conv2D("first", low / 127.5 - 1)
            for k in range(10):
                with tf.variable_scope("block{}".format(k)):
                    x = x + Conv2D("conv1", Conv2D("conv0", x), activation=tf.identity, kernel_initializer=zeros)
            for k, factor in enumerate((2, 4)):
                x = Conv2D("up{}".format(k), tf.image.resize_nearest_neighbor(x, [height * factor, width * factor]))
            x = Conv2D("detail", Conv2D("last", x), filters=3, activation=tf.identity, kernel_initializer=zeros)
        return tf.add(enlarged, x * 127.5, name="high")


class Model(Generator):
    """Trains on squares of `size` pixels; `build_graph` gives the costs of generator and discriminator."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def inputs(self):
        return [tf.TensorSpec((None, self.size // SCALE, self.size // SCALE, 3), tf.float32, "low"),
                tf.TensorSpec((None, self.size, self.size, 3), tf.float32, "real")]

    @auto_reuse_variable_scope
    def discriminate(self, image):
        x = image / 127.5 - 1
        with argscope(Conv2D, activation=tf.nn.leaky_relu, kernel_size=3):
            for k, width in enumerate((32, 64, 128, 256, 512)):
                x = Conv2D("conv{}a".format(k), x, width)
                x = Conv2D("conv{}b".format(k), x, width, strides=2)
        return FullyConnected("score", FullyConnected("hidden", x, 1024, activation=tf.nn.leaky_relu), 1)

    def build_graph(self, low, real):
        fake = self.generate(low)
        fake.set_shape(real.shape)  # TensorFlow 1.15 does not find it out
        with tf.variable_scope("discriminator"):
            score_fake, score_real = self.discriminate(fake), self.discriminate(real)
        both = vgg19(tf.concat([fake, real], 0))
        seen_fake, seen_real = ({name: tf.split(x, 2)[k] for name, x in both.items()} for k in (0, 1))
        d_cost = tf.reduce_mean(tf.nn.softplus(score_fake) + tf.nn.softplus(-score_real), name="d_cost")
        adversarial = tf.reduce_mean(tf.nn.softplus(-score_fake), name="adversarial_cost")
        perceptual, texture = perceptual_loss(seen_fake, seen_real), texture_loss(seen_fake, seen_real)
        g_cost = tf.add_n([perceptual, adversarial, texture], name="g_cost")
        add_moving_summary(perceptual, adversarial, texture, g_cost, d_cost, psnr(fake, real, 255))
        shown = tf.concat([tf.image.resize_bicubic(low, [self.size] * 2), fake, real], axis=2)
        tf.summary.image("bicubic_fake_real", tf.saturate_cast(shown, tf.uint8), max_outputs=4)
        return g_cost, d_cost


class Trainer(TowerTrainer):
    """One update of discriminator and generator in each step, from the same forward pass."""

    def __init__(self, input, model):
        super().__init__()
        self.register_callback(input.setup(model.get_input_signature()))
        self.tower_func = TowerFunc(model.build_graph, model.get_input_signature())
        (g_cost, d_cost), = DataParallelBuilder.call_for_each_tower([0], lambda: self.tower_func(*input.get_input_tensors()))
        rate = tf.get_variable("learning_rate", initializer=1e-4, trainable=False)
        optimizer = tf.train.AdamOptimizer(rate)
        grads = [optimizer.compute_gradients(cost, var_list=tf.trainable_variables(scope + "/"))
                 for scope, cost in [("discriminator", d_cost), ("generator", g_cost)]]
        with tf.control_dependencies([grad for each in grads for grad, _ in each]):  # no update while others need the variable
            self.train_op = optimizer.apply_gradients(grads[0] + grads[1], name="train_op")


def to_pair(image):
    """RGB uint8 -> [the same at a fourth of the size, the image], float32."""
    low = cv2.resize(image, (image.shape[1] // SCALE, image.shape[0] // SCALE), interpolation=cv2.INTER_AREA)
    return [low.astype("float32"), image.astype("float32")]


def get_data(folder, size, fake):
    if fake:
        rng = np.random.RandomState(0)
        images = [[cv2.resize(rng.randint(0, 256, (8, 8, 3)).astype("uint8"), (size, size))] for _ in range(4)]
        return BatchData(MapData(DataFromList(images), lambda dp: to_pair(dp[0])), 2)
    files = sorted(path for path in glob.glob(os.path.join(glob.escape(folder), "**", "*"), recursive=True)
                   if path.lower().endswith((".jpg", ".jpeg", ".png")))
    if not files:
        raise ValueError("{} must hold photographs, *.jpg or *.png, such as those of COCO; got none".format(folder))
    images = AugmentImageComponent(ImageFromFile(files, channel=3, shuffle=True), [
        imgaug.ResizeShortestEdge(2 * size), imgaug.RandomCrop(size), imgaug.Flip(horiz=True)])
    images = MultiProcessRunnerZMQ(MapData(images, lambda dp: to_pair(dp[0][:, :, ::-1])), 4)
    return BatchData(images, 16)


def apply(checkpoint, filename, output):
    image = cv2.imread(filename, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("{} must be an image".format(filename))
    config = PredictConfig(model=Generator(), session_init=SmartInit(checkpoint), input_names=["low"], output_names=["high"])
    with OfflinePredictor(config) as predict:
        high = predict(image[np.newaxis, :, :, ::-1].astype("float32"))[0][0]
    cv2.imwrite(output, high[:, :, ::-1].clip(0, 255).astype("uint8"))
    print("the image of {}x{} is in {}".format(high.shape[1], high.shape[0], output))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vgg19", metavar="NPZ", help="weights of VGG19: conv1_1/W, conv1_1/b, ...")
    parser.add_argument("--images", metavar="FOLDER", default="images", help="photographs to train on")
    parser.add_argument("--logdir", default=os.path.join("train_log", "enet-pat"))
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--apply", metavar="IMAGE", help="enlarge an image instead of training")
    parser.add_argument("--load", metavar="CHECKPOINT", help="what to enlarge with")
    parser.add_argument("--output", default="enlarged.png")
    parser.add_argument("--fake", action="store_true", help="a few steps on coloured blurs, with a VGG19 of random weights")
    args = parser.parse_args()
    if args.apply:
        if args.load is None:
            parser.error("--apply needs --load CHECKPOINT")
        return apply(args.load, args.apply, args.output)
    if args.vgg19 is None and not args.fake:
        parser.error("--vgg19 NPZ is needed to train")

    size = 64 if args.fake else 128
    data = get_data(args.images, size, args.fake)
    weights = {} if args.fake else {"VGG19/" + name: value for name, value in np.load(args.vgg19).items()
                                    if name.startswith("conv")}
    logger.set_logger_dir(args.logdir, action="d")
    Trainer(QueueInput(data), Model(size)).train_with_defaults(
        # neither VGG19 nor the optimizers' memory is saved
        callbacks=[ModelSaver(var_collections=[tf.GraphKeys.TRAINABLE_VARIABLES, tf.GraphKeys.GLOBAL_STEP])],
        session_init=SmartInit(weights),
        steps_per_epoch=2 if args.fake else 500,
        max_epoch=1 if args.fake else args.epochs,
    )


if __name__ == "__main__":
    main()
