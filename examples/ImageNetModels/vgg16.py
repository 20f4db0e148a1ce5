#!/usr/bin/env python
"""Train VGG16, configuration D of the paper, on ImageNet.

Usage: vgg16.py --data DIR | --fake, and see --help. With --fake the images are smaller, which makes the first fully connected
layer smaller as well.
"""
from imagenet_utils import ImageNetModel, argument_parser, parse_args, run

from tensorpack import *

tf = tfv1


class Model(ImageNetModel):
    weight_decay = 5e-4
    fake_image_size = 32

    def get_logits(self, image):
        x = image
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu):
            for block, (filters, layers) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
                for layer in range(1, layers + 1):
                    x = Conv2D("conv{}_{}".format(block, layer), x, filters)
                x = MaxPooling("pool{}".format(block), x, 2)
        with argscope(FullyConnected, kernel_initializer=tf.random_normal_initializer(stddev=0.01)):
            x = Dropout(FullyConnected("fc6", x, 4096, activation=tf.nn.relu), rate=0.5)
            x = Dropout(FullyConnected("fc7", x, 4096, activation=tf.nn.relu), rate=0.5)
            return FullyConnected("fc8", x, 1000)


if __name__ == "__main__":
    args = parse_args(argument_parser(__doc__, "vgg16"))
    run(Model(), args, schedule=[(0, 0.01), (30, 1e-3), (50, 1e-4), (65, 1e-5)], max_epoch=74)
