#!/usr/bin/env python
"""Which pixels make the network say so: gradients of the winning class with respect to the image, plain and guided.

Usage:
  saliency-maps.py [--logdir DIR] [--epochs N]          train a convnet on MNIST, then draw
  saliency-maps.py --draw --load CHECKPOINT [--output FILE]

Guided backpropagation replaces the gradient of ReLU, in this graph only, by one that also stops what is negative.
"""
import argparse
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.utils import viz

tf = tfv1


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def logits(self, image):
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu):
            return (LinearWrap(tf.expand_dims(image, 3))
                    .Conv2D("conv0", 32)
                    .Conv2D("conv1", 32)
                    .MaxPooling("pool0", 2)
                    .Conv2D("conv2", 64)
                    .MaxPooling("pool1", 2)
                    .FullyConnected("fc0", 128, activation=tf.nn.relu)
                    .Dropout("dropout", rate=0.5)
                    .FullyConnected("fc1", 10)())

    def build_graph(self, image, label):
        logits = self.logits(image)
        tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="wrong")
        cost = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")
        summary.add_moving_summary(cost)
        return cost

    def optimizer(self):
        return tf.train.AdamOptimizer(tf.get_variable("learning_rate", initializer=1e-3, trainable=False))


@tf.RegisterGradient("GuidedRelu")
def guided_relu_gradient(op, grad):
    """Lets pass what is positive, both on the way forth and on the way back (Springenberg et al. 2014)."""
    forth = tf.cast(op.outputs[0] > 0, grad.dtype)
    return forth * tf.nn.relu(grad)


class SaliencyModel(ModelDescBase):
    """The same layers around the same weights; gives `saliency`, the gradient of each image's highest logit, NxHxW."""

    def __init__(self, model, overridden_gradients):
        super().__init__()
        self.model, self.overridden_gradients = model, overridden_gradients

    def inputs(self):
        return self.model.inputs()[:1]

    def build_graph(self, image):
        with tf.get_default_graph().gradient_override_map(self.overridden_gradients):
            logits = self.model.logits(image)
        tf.argmax(logits, 1, name="prediction")
        tf.identity(tf.gradients(tf.reduce_max(logits, 1), image)[0], name="saliency")


def saliency_maps(checkpoint, images, guided):
    """(predicted classes, gradients of the shape of the images)"""
    model = SaliencyModel(Model(), {"Relu": "GuidedRelu"} if guided else {})
    config = PredictConfig(model=model, session_init=SmartInit(checkpoint), input_names=["input"],
                           output_names=["prediction", "saliency"])
    with OfflinePredictor(config) as predict:
        return predict(images)


def draw(checkpoint, images, filename):
    """Rows of image, gradient, and guided gradient; red raises the score of the predicted class, blue lowers it."""
    columns = [cv2.cvtColor((image * 255).astype("uint8"), cv2.COLOR_GRAY2BGR) for image in images]
    for guided in (False, True):
        prediction, maps = saliency_maps(checkpoint, images, guided)
        columns += [viz.intensity_to_rgb(m / max(abs(m).max(), 1e-12) / 2 + 0.5, cmap="bwr", normalize=False)[:, :, ::-1]
                    for m in maps]
    enlarged = [cv2.resize(np.asarray(patch).clip(0, 255).astype("uint8"), (84, 84), interpolation=cv2.INTER_NEAREST)
                for patch in columns]
    cv2.imwrite(filename, viz.stack_patches(enlarged, nr_row=3, nr_col=len(images), border=4))
    print("predicted:", *prediction)
    print("images, gradients and guided gradients are in", filename)


def load_digits(part, fake):
    """[image float32 28x28 in [0, 1], label]: MNIST, or with `fake` the digits that come with the package, enlarged."""
    if not fake:
        return dataset.Mnist(part, shuffle=part == "train")
    return MapDataComponent(dataset.Digits(part, shuffle=part == "train"), lambda image: cv2.resize(image, (28, 28)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", default=os.path.join("train_log", "saliency-maps"))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--draw", action="store_true", help="only draw, with the weights of a checkpoint or npz file")
    parser.add_argument("--load", help="what to draw with")
    parser.add_argument("--output", default="saliency.png")
    parser.add_argument("--fake", action="store_true", help="a few steps on the digits that come with the package")
    args = parser.parse_args()
    if args.draw and args.load is None:
        parser.error("--draw needs --load CHECKPOINT")

    test_data = load_digits("test", args.fake)
    if not args.draw:
        train_data = BatchData(load_digits("train", args.fake), 16 if args.fake else 128)
        logger.set_logger_dir(args.logdir, action="d")
        launch_train_with_config(TrainConfig(
            model=Model(), dataflow=train_data,
            callbacks=[
                ModelSaver(),
                InferenceRunner(BatchData(FixedSizeData(test_data, 64) if args.fake else test_data, 64),
                                [ScalarStats("cost"), ClassificationError("wrong")]),
            ],
            steps_per_epoch=4 if args.fake else len(train_data),
            max_epoch=1 if args.fake else args.epochs,
        ), SimpleTrainer())
        args.load, args.output = (os.path.join(args.logdir, name) for name in ("checkpoint", "saliency.png"))
    first = FixedSizeData(test_data, 6)
    first.reset_state()
    draw(args.load, np.stack([image for image, _ in first]), args.output)


if __name__ == "__main__":
    main()
