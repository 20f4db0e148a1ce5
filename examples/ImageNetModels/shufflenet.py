#!/usr/bin/env python
"""Train ShuffleNet, version 1 or 2, on ImageNet.

Usage: shufflenet.py [--v2] [--ratio R] [--group G] --data DIR | --fake, and see --help
"""
import math

from imagenet_utils import ImageNetModel, argument_parser, parse_args, run, training_augmentors

from tensorpack import *

tf = tfv1
UNITS = [4, 8, 4]                                                     # of stages 2 to 4
V1_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}                # of stage 2, by the number of groups; then doubled
V2_CHANNELS = {0.5: (48, 1024), 1: (116, 1024), 1.5: (176, 1024), 2: (244, 2048)}     # of stage 2 and of the last convolution


def BN(x):
    return BatchNorm("bn", x)


def depthwise(name, x, strides):
    """A filter of 3 x 3 for each channel; Conv2D(split=channels) would be as many operations where kernels know no groups."""
    with tf.variable_scope(name):
        kernel = tf.get_variable("W", [3, 3, x.shape.as_list()[3], 1],
                                 initializer=tf.random_normal_initializer(stddev=math.sqrt(2 / 9)))
        return BN(tf.nn.depthwise_conv2d(x, kernel, [1, strides, strides, 1], "SAME"))


def shuffle_channels(x, groups):
    """The channels of each group are spread over all groups: (group, position) becomes (position, group)."""
    _, height, width, channels = x.shape.as_list()
    x = tf.reshape(x, [-1, height, width, groups, channels // groups])
    return tf.reshape(tf.transpose(x, [0, 1, 2, 4, 3]), [-1, height, width, channels])


def unit_v1(x, channels, strides, groups, group_first):
    """Figure 2 b and c of the first paper."""
    bottleneck, shortcut = channels // 4, x
    if strides == 2:
        shortcut = AvgPooling("shortcut", x, 3, strides=2, padding="same")
        channels -= x.shape.as_list()[3]
    y = Conv2D("conv1", x, bottleneck, 1, split=groups if group_first else 1, activation=BNReLU)
    if group_first:
        y = shuffle_channels(y, groups)
    y = depthwise("conv2", y, strides)
    y = Conv2D("conv3", y, channels, 1, split=groups, activation=BN)
    return tf.nn.relu(shortcut + y if strides == 1 else tf.concat([shortcut, y], 3))


def unit_v2(x, channels, strides):
    """Figure 3 c and d of the second paper."""
    if strides == 1:
        shortcut, y = tf.split(x, 2, axis=3)
    else:
        shortcut = depthwise("shortcut_depthwise", x, strides)
        shortcut, y = Conv2D("shortcut", shortcut, channels // 2, 1, activation=BNReLU), x
    y = Conv2D("conv1", y, channels // 2, 1, activation=BNReLU)
    y = depthwise("conv2", y, strides)
    y = Conv2D("conv3", y, channels // 2, 1, activation=BNReLU)
    return shuffle_channels(tf.concat([shortcut, y], 3), 2)


class Model(ImageNetModel):
    weight_decay = 4e-5

    def __init__(self, v2=False, ratio=1., groups=3):
        self.v2, self.groups = v2, groups
        if v2:
            self.channels, self.last_channels = V2_CHANNELS[ratio]
        else:
            multiple = 4 * groups  # the bottleneck has a quarter of them, and splits into groups
            self.channels = math.ceil(V1_CHANNELS[groups] * ratio / multiple) * multiple

    def stage(self, name, x, channels, units):
        for k in range(1, units + 1):
            strides = 2 if k == 1 else 1
            with tf.variable_scope("{}_{}".format(name, k)):
                if self.v2:
                    x = unit_v2(x, channels, strides)
                else:  # the input of the very first unit has too few channels for groups
                    x = unit_v1(x, channels, strides, self.groups, group_first=(name, k) != ("stage2", 1))
        return x

    def get_logits(self, image):
        with argscope(Conv2D, use_bias=False):
            x = Conv2D("conv1", image, 24, 3, strides=2, activation=BNReLU)
            x = MaxPooling("pool1", x, 3, strides=2, padding="same")
            for k, units in enumerate(UNITS):
                x = self.stage("stage{}".format(k + 2), x, self.channels * 2 ** k, units)
            if self.v2:
                x = Conv2D("conv5", x, self.last_channels, 1, activation=BNReLU)
        return FullyConnected("fc", GlobalAvgPooling("pool5", x), 1000,
                              kernel_initializer=tf.random_normal_initializer(stddev=0.01))


if __name__ == "__main__":
    parser = argument_parser(__doc__, "shufflenet", batch=1024)
    parser.add_argument("--v2", action="store_true", help="ShuffleNet V2")
    parser.add_argument("--ratio", type=float, default=1., choices=sorted(V2_CHANNELS), help="of the channels")
    parser.add_argument("--group", type=int, default=3, choices=sorted(V1_CHANNELS), help="of version 1")
    args = parse_args(parser)
    run(Model(args.v2, args.ratio, args.group), args, schedule=[(0, 0.5), (240, 0)], max_epoch=240, interp="linear",
        augmentors=training_augmentors(Model.image_size, smallest_area=0.49))
