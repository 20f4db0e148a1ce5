#!/usr/bin/env python
"""Train a ResNet on ImageNet, or evaluate one.

Usage:
  imagenet-resnet.py [--depth D] [--mode resnet|preact|se] --data DIR
  imagenet-resnet.py [--depth D] [--mode resnet|preact|se] --data DIR --eval --load CHECKPOINT
  and see --help; --fake in place of --data tries it with random images
"""
from resnet_model import Model, argument_parser, imagenet_utils

if __name__ == "__main__":
    args = imagenet_utils.parse_args(argument_parser(__doc__, "imagenet-resnet"))
    rate = 0.1 * args.batch / 256
    warm_up = [(0, min(rate, 0.1)), (5, rate)]  # a rate above 0.1 is reached after five epochs
    imagenet_utils.run(Model(args.depth, args.mode), args, max_epoch=90,
                       schedule=warm_up + [(30, rate * 0.1), (60, rate * 0.01), (80, rate * 1e-3)])
