#!/usr/bin/env python
"""Train AlexNet on ImageNet, with the two groups of filters and the response normalisation of the paper.

Usage: alexnet.py --data DIR | --fake, and see --help
"""
from imagenet_utils import ImageNetModel, argument_parser, parse_args, run

from tensorpack import *

tf = tfv1


def normalize_response(x):
    """Section 3.3 of the paper."""
    return tf.nn.lrn(x, depth_radius=2, bias=2, alpha=1e-4, beta=0.75)


class Model(ImageNetModel):
    weight_decay = 5e-4

    def get_logits(self, image):
        image = tf.pad(image, [[0, 0], [1, 2], [1, 2], [0, 0]])  # 55 x 55 neurons of 11 x 11 pixels at a stride of 4 need 227
        with argscope([Conv2D, FullyConnected], activation=tf.nn.relu,
                      kernel_initializer=tf.random_normal_initializer(stddev=0.01)), \
                argscope([Conv2D, FullyConnected], bias_initializer=tf.ones_initializer()):
            x = Conv2D("conv1", image, 96, 11, strides=4, padding="valid", bias_initializer=tf.zeros_initializer())
            x = MaxPooling("pool1", normalize_response(x), 3, strides=2)
            x = Conv2D("conv2", x, 256, 5, split=2)
            x = MaxPooling("pool2", normalize_response(x), 3, strides=2)
            x = Conv2D("conv3", x, 384, 3, bias_initializer=tf.zeros_initializer())
            x = Conv2D("conv4", x, 384, 3, split=2)
            x = Conv2D("conv5", x, 256, 3, split=2)
            x = MaxPooling("pool5", x, 3, strides=2)
            x = Dropout(FullyConnected("fc6", x, 4096), rate=0.5)
            x = Dropout(FullyConnected("fc7", x, 4096), rate=0.5)
            return FullyConnected("fc8", x, 1000, activation=tf.identity, bias_initializer=tf.zeros_initializer())


if __name__ == "__main__":
    args = parse_args(argument_parser(__doc__, "alexnet", batch=128))
    run(Model(), args, schedule=[(0, 0.01), (30, 1e-3), (60, 1e-4), (80, 1e-5)], max_epoch=90)
