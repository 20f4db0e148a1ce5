#!/usr/bin/env python
"""Train AlexNet with quantized weights, activations and gradients on ImageNet.

Usage: alexnet-dorefa.py [--dorefa W,A,G] --data DIR | --fake, and see --help
"""
from dorefa import DoReFa, bits
from imagenet_path import imagenet_utils

from tensorpack import *

tf = tfv1


class Model(imagenet_utils.ImageNetModel):
    """Batch normalization in place of the response normalization; the first and the last layer have full precision."""

    weight_decay = 5e-6
    fake_image_size = 96  # makes fc6 small

    def __init__(self, bits=(1, 2, 6)):
        self.dorefa = DoReFa(bits)

    def get_logits(self, image):
        image = tf.pad(image, [[0, 0], [1, 2], [1, 2], [0, 0]])  # as in ../ImageNetModels/alexnet.py
        with self.dorefa.weights(but=["conv1", "fc8"]), \
                argscope([Conv2D, FullyConnected], use_bias=False, activation=self.dorefa.activate):
            return (LinearWrap(image)
                    .Conv2D("conv1", 96, 11, strides=4, padding="valid")
                    .MaxPooling("pool1", 3, strides=2)
                    .Conv2D("conv2", 256, 5, split=2)
                    .MaxPooling("pool2", 3, strides=2)
                    .Conv2D("conv3", 384, 3)
                    .Conv2D("conv4", 384, 3, split=2)
                    .Conv2D("conv5", 256, 3, split=2)
                    .MaxPooling("pool5", 3, strides=2)
                    .FullyConnected("fc6", 4096)
                    .FullyConnected("fc7", 4096)
                    .FullyConnected("fc8", 1000, use_bias=True, activation=None)())

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-4, trainable=False)
        return tf.train.AdamOptimizer(rate, epsilon=1e-5)


if __name__ == "__main__":
    parser = imagenet_utils.argument_parser(__doc__, "alexnet-dorefa", batch=128)
    parser.add_argument("--dorefa", type=bits, default=(1, 2, 6), metavar="W,A,G",
                        help="bits of weights, activations and gradients (default: 1,2,6); 32 are not quantized")
    args = imagenet_utils.parse_args(parser)
    imagenet_utils.run(Model(args.dorefa), args, schedule=[(0, 2e-4), (56, 4e-5), (64, 8e-6)], max_epoch=72)
