#!/usr/bin/env python
"""Evaluate a ResNet whose weights are in an npz file, under the names of the variables of resnet_model.py.

Usage:
  load-resnet.py --depth 50 --load WEIGHTS.npz --data DIR
  load-resnet.py --depth 18 --fake          writes random weights first, and tells whether they give the same when loaded

Such a file is made of a checkpoint by `tensorpack-dump-model-params`, or of the weights of another library by a dict from these
names to arrays: `numpy.savez("weights.npz", **{"conv1/W": ..., "conv1/bn/gamma": ...})`. Its kernels must be [height, width,
in, out].
"""
import os

import numpy as np
from resnet_model import Model, argument_parser, imagenet_utils

from tensorpack import *
from tensorpack.tfutils.varmanip import load_checkpoint_vars

tf = tfv1


def predict_and_save(model, image, filename):
    """Logits of a network with random weights, which are saved as npz."""
    rng = np.random.RandomState(0)
    with tf.Graph().as_default(), tf.Session() as sess:
        with TowerContext("", is_training=False):
            placeholder = tf.placeholder(tf.uint8, image.shape)
            model.build_graph(placeholder, tf.zeros([len(image)], tf.int32))
        sess.run(tf.global_variables_initializer())
        variables = tf.global_variables()
        weights = {variable.op.name: value for variable, value in zip(variables, sess.run(variables))}
        for name, value in weights.items():  # statistics and scales as after some training
            if name.split("/")[-1] in ("gamma", "EMA"):
                weights[name] = rng.uniform(0.5, 1, value.shape).astype("float32")
        SmartInit(weights).init(sess)
        np.savez(filename, **weights)
        return sess.run("logits:0", {placeholder: image})


def report(filename):
    weights = load_checkpoint_vars(filename)
    trained = sum(value.size for name, value in weights.items() if not name.endswith("/EMA"))
    print("{}: {} arrays, {:.2f} million trained parameters".format(filename, len(weights), trained / 1e6))


def main():
    parser = argument_parser(__doc__, "load-resnet")
    args = imagenet_utils.parse_args(parser)
    if not args.load and not args.fake:
        parser.error("--load WEIGHTS.npz is needed")
    logger.set_logger_dir(args.logdir, action="d")

    model = Model(args.depth, args.mode)
    if not args.load:
        args.load = os.path.join(args.logdir, "random-weights.npz")
        image = np.random.RandomState(1).randint(0, 256, (2, model.image_size, model.image_size, 3)).astype("uint8")
        logits = predict_and_save(model, image, args.load)
        config = PredictConfig(model=model, session_init=SmartInit(args.load), input_names=["image"], output_names=["logits"])
        with OfflinePredictor(config) as predictor:
            print("largest difference of logits after loading: {:.1e}".format(abs(predictor(image)[0] - logits).max()))
    report(args.load)
    flow = imagenet_utils.get_validation_flow(model, args)
    imagenet_utils.evaluate(model, SmartInit(args.load), flow)


if __name__ == "__main__":
    main()
