#!/usr/bin/env python
"""Train Inception-BN, the network in figure 5 of the paper on batch normalization, on ImageNet.

Usage: inception-bn.py --data DIR | --fake, and see --help
"""
from imagenet_utils import ImageNetModel, argument_parser, parse_args, run

from tensorpack import *

tf = tfv1

# name, 1x1, 3x3 reduce, 3x3, double 3x3 reduce, double 3x3, kind of the pooling, filters after it;
# without filters after the pooling, the module has a stride of 2 and no 1x1 convolution
MODULES = [
    ("3a", 64, 64, 64, 64, 96, AvgPooling, 32),
    ("3b", 64, 64, 96, 64, 96, AvgPooling, 64),
    ("3c", None, 128, 160, 64, 96, MaxPooling, None),
    ("4a", 224, 64, 96, 96, 128, AvgPooling, 128),
    ("4b", 192, 96, 128, 96, 128, AvgPooling, 128),
    ("4c", 160, 128, 160, 128, 160, AvgPooling, 128),
    ("4d", 96, 128, 192, 160, 192, AvgPooling, 128),
    ("4e", None, 128, 192, 192, 256, MaxPooling, None),
    ("5a", 352, 192, 320, 160, 224, AvgPooling, 128),
    ("5b", 352, 192, 320, 192, 224, MaxPooling, 128),
]


def inception(name, x, conv1, reduce3, conv3, reduce33, conv33, pooling, projection):
    stride = 1 if projection else 2
    branches = []
    with tf.variable_scope("inception_" + name):
        if conv1:
            branches.append(Conv2D("1x1", x, conv1, 1))
        branches.append(LinearWrap(x).Conv2D("3x3_reduce", reduce3, 1).Conv2D("3x3", conv3, 3, strides=stride)())
        branches.append(LinearWrap(x)
                        .Conv2D("double3x3_reduce", reduce33, 1)
                        .Conv2D("double3x3_1", conv33, 3)
                        .Conv2D("double3x3_2", conv33, 3, strides=stride)())
        pooled = pooling("pool", x, 3, strides=stride, padding="same")
        branches.append(Conv2D("projection", pooled, projection, 1) if projection else pooled)
        return tf.concat(branches, axis=3)


class Model(ImageNetModel):
    weight_decay = 1e-4

    def get_logits(self, image):
        with argscope(Conv2D, activation=BNReLU, use_bias=False):
            x = (LinearWrap(image)
                 .Conv2D("conv1", 64, 7, strides=2)
                 .MaxPooling("pool1", 3, strides=2, padding="same")
                 .Conv2D("conv2_reduce", 64, 1)
                 .Conv2D("conv2", 192, 3)
                 .MaxPooling("pool2", 3, strides=2, padding="same")())
            for module in MODULES:
                x = inception(module[0], x, *module[1:])
        return FullyConnected("fc", GlobalAvgPooling("pool5", x), 1000)


if __name__ == "__main__":
    args = parse_args(argument_parser(__doc__, "inception-bn"))
    run(Model(), args, schedule=[(0, 0.1), (30, 0.01), (50, 1e-3), (65, 1e-4)], max_epoch=74)
