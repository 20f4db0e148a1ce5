#!/usr/bin/env python
"""Train a ResNet of 18 layers with quantized weights, activations and gradients on ImageNet, or tell what is in a picture.

Usage:
  resnet-dorefa.py [--dorefa W,A,G] --data DIR | --fake, and see --help
  resnet-dorefa.py [--dorefa W,A,G] --load CHECKPOINT --run IMAGE
"""
import cv2
from dorefa import DoReFa, bits
from imagenet_path import imagenet_utils

from tensorpack import *
from tensorpack.dataflow import dataset, imgaug

tf = tfv1


class Model(imagenet_utils.ImageNetModel):
    """Pre-activation; what is added up is not quantized, and the first and the last layer have full precision."""

    weight_decay = 1e-4

    def __init__(self, bits=(1, 4, 32)):
        self.dorefa = DoReFa(bits)

    def unit(self, name, x, channels, strides):
        with tf.variable_scope(name):
            with tf.variable_scope("preact"):
                activated = self.dorefa.activate(x)
            if strides != 1:
                x = Conv2D("shortcut", activated, channels, 1, strides=strides, activation=self.dorefa.convolved)
            y = Conv2D("conv1", activated, channels, 3, strides=strides, activation=self.dorefa.activate)
            return x + Conv2D("conv2", y, channels, 3, activation=self.dorefa.convolved)

    def get_logits(self, image):
        with self.dorefa.weights(but=["stem", "fc"]), argscope(Conv2D, use_bias=False):
            x = Conv2D("stem", image, 64, 7, strides=2, activation=BNReLU)
            x = MaxPooling("pool1", x, 3, strides=2, padding="same")
            for stage, channels in enumerate([64, 128, 256, 512], 2):
                x = self.unit("conv{}_1".format(stage), x, channels, 1 if stage == 2 else 2)
                x = self.unit("conv{}_2".format(stage), x, channels, 1)
            x = GlobalAvgPooling("pool5", BNReLU("postact", x))
            logits = FullyConnected("fc", x, 1000, kernel_initializer=tf.random_normal_initializer(stddev=0.01))
        tf.nn.softmax(logits, name="prob")
        return logits

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        return tf.train.AdamOptimizer(rate, epsilon=1e-5)


def predict(model, session_init, filename, class_names):
    """Print the five most probable classes of an image file."""
    image = cv2.imread(filename, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("--run must be a file of an image; got {!r}".format(filename))
    image = imgaug.AugmentorList(imagenet_utils.validation_augmentors(model.image_size)).augment(image)
    config = PredictConfig(model=model, session_init=session_init, input_names=["image"], output_names=["prob"])
    with OfflinePredictor(config) as predictor:
        prob = predictor(image[None])[0][0]
    for label in prob.argsort()[:-6:-1]:
        print("{:6.2f} %  {}".format(100 * prob[label], class_names[label]))


if __name__ == "__main__":
    parser = imagenet_utils.argument_parser(__doc__, "resnet-dorefa")
    parser.add_argument("--dorefa", type=bits, default=(1, 4, 32), metavar="W,A,G",
                        help="bits of weights, activations and gradients (default: 1,4,32); 32 are not quantized")
    parser.add_argument("--run", metavar="IMAGE", help="do not train, but predict an image file; with --fake by random weights")
    args = imagenet_utils.parse_args(parser)
    if args.run and not args.load and not args.fake:
        parser.error("--run needs --load CHECKPOINT")

    model = Model(args.dorefa)
    if args.run:
        names = range(1000) if args.fake else dataset.ILSVRCMeta().get_synset_words_1000()
        predict(model, SmartInit(args.load), args.run, names)
    else:
        imagenet_utils.run(model, args, schedule=[(0, 1e-3), (30, 1e-4), (60, 1e-5)], max_epoch=75)
