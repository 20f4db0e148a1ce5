"""ResNets for ImageNet: of the first paper, with pre-activation, and with squeeze-and-excitation.

Names follow table 1 of the first paper: the k-th unit of the n-th stage is the scope `conv<n>_<k>`.
"""
import os
import sys

from tensorpack import *

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ImageNetModels"))
import imagenet_utils

tf = tfv1

MODES = ["resnet", "preact", "se"]
UNITS = {18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}
REDUCTION = 16  # of squeeze-and-excitation


def BN(x):
    return BatchNorm("bn", x)


def last_BN(x):
    """Starts at zero, so that a unit starts as the identity."""
    return BatchNorm("bn", x, gamma_initializer=tf.zeros_initializer())


def project(x, channels, strides, activation=BN):
    """The shortcut: a convolution where the shape changes."""
    if strides == 1 and x.shape.as_list()[3] == channels:
        return x
    return Conv2D("shortcut", x, channels, 1, strides=strides, activation=activation)


def squeeze_and_excite(x):
    """Each channel times a factor in [0, 1] that depends on the means of all channels."""
    channels = x.shape.as_list()[3]
    y = GlobalAvgPooling("squeeze", x)
    y = FullyConnected("reduce", y, channels // REDUCTION, activation=tf.nn.relu)
    y = FullyConnected("excite", y, channels, activation=tf.nn.sigmoid)
    return x * tf.reshape(y, [-1, 1, 1, channels])


def basic(x, channels, strides, activation):
    x = Conv2D("conv1", x, channels, 3, strides=strides, activation=BNReLU)
    return Conv2D("conv2", x, channels, 3, activation=activation)


def bottleneck(x, channels, strides, activation):
    x = Conv2D("conv1", x, channels, 1, activation=BNReLU)
    x = Conv2D("conv2", x, channels, 3, strides=strides, activation=BNReLU)
    return Conv2D("conv3", x, channels * 4, 1, activation=activation)


def unit(x, residual, channels, channels_out, strides, mode, is_first):
    if mode == "preact":
        # what comes out of the stem is activated already
        activated = x if is_first else BNReLU("preact", x)
        same = strides == 1 and x.shape.as_list()[3] == channels_out
        shortcut = x if same else project(activated, channels_out, strides, activation=None)
        return shortcut + residual(activated, channels, strides, activation=None)
    y = residual(x, channels, strides, activation=last_BN)
    if mode == "se":
        y = squeeze_and_excite(y)
    return tf.nn.relu(project(x, channels_out, strides) + y)


def resnet(image, depth, mode="resnet"):
    """float32 [N, H, W, 3] -> logits [N, 1000]"""
    residual, expansion = (basic, 1) if depth < 50 else (bottleneck, 4)
    with argscope(Conv2D, use_bias=False):
        x = Conv2D("conv1", image, 64, 7, strides=2, activation=BNReLU)
        x = MaxPooling("pool1", x, 3, strides=2, padding="same")
        for stage, units in enumerate(UNITS[depth]):
            channels = 64 * 2 ** stage
            for k in range(units):
                strides = 2 if stage > 0 and k == 0 else 1
                with tf.variable_scope("conv{}_{}".format(stage + 2, k + 1)):
                    x = unit(x, residual, channels, channels * expansion, strides, mode, is_first=stage == k == 0)
        if mode == "preact":
            x = BNReLU("postact", x)
    return FullyConnected("fc", GlobalAvgPooling("pool5", x), 1000,
                          kernel_initializer=tf.random_normal_initializer(stddev=0.01))


class Model(imagenet_utils.ImageNetModel):
    def __init__(self, depth=50, mode="resnet"):
        self.depth, self.mode = depth, mode

    def get_logits(self, image):
        return resnet(image, self.depth, self.mode)


def argument_parser(description, script):
    """With the arguments of all scripts for ImageNet, and those that choose the network."""
    parser = imagenet_utils.argument_parser(description, script)
    parser.add_argument("--depth", type=int, default=50, choices=sorted(UNITS))
    parser.add_argument("--mode", default="resnet", choices=MODES)
    return parser
