#!/usr/bin/env python
"""Learn to map digits to points of the plane, so that points of the same digit are near each other: five losses.

Usage:
  mnist-embeddings.py [--algorithm siamese|cosine|triplet|softtriplet|center] [--logdir DIR] [--epochs N]
  mnist-embeddings.py --algorithm ... --visualize --load CHECKPOINT [--output FILE]

Training ends with `embeddings.png` in the log directory and the accuracy of the nearest neighbour.
"""
import argparse
import os

import numpy as np

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
DIMENSIONS = 2


def contrastive_loss(left, right, same, margin):
    """Pulls equals together and pushes others apart until their distance is `margin` (Hadsell et al. 2006)."""
    distance = tf.sqrt(squared_distance(left, right) + 1e-10)
    costs = tf.where(same, tf.square(distance), tf.square(tf.maximum(0., margin - distance)))
    return tf.reduce_mean(costs, name="cost")


def cosine_loss(left, right, same):
    """Squared error of the cosine between two embeddings, which shall be 1 for equals and at most 0 for others."""
    cosine = tf.reduce_sum(tf.nn.l2_normalize(left, 1) * tf.nn.l2_normalize(right, 1), 1)
    return tf.reduce_mean(tf.square(tf.where(same, 1 - cosine, tf.maximum(0., cosine))), name="cost")


def triplet_loss(anchor, positive, negative, margin):
    """The other one shall be farther than the equal one, by a margin (Schroff et al. 2015)."""
    difference = squared_distance(anchor, positive) - squared_distance(anchor, negative)
    return tf.reduce_mean(tf.maximum(0., difference + margin), name="cost")


def soft_triplet_loss(anchor, positive, negative):
    """Squared error of the softmax of both distances, which shall be (0, 1) (Hoffer and Ailon 2014)."""
    near, far = (tf.sqrt(squared_distance(anchor, other) + 1e-10) for other in (positive, negative))
    return tf.reduce_mean(tf.square(tf.sigmoid(near - far)), name="cost")


def center_loss(embedding, label, num_classes, rate):
    """(mean squared distance to the centre of the class, the operation that moves the centres) (Wen et al. 2016)."""
    centers = tf.get_variable("centers", [num_classes, DIMENSIONS], initializer=tf.zeros_initializer(), trainable=False)
    difference = tf.gather(centers, label) - embedding
    count = tf.gather(tf.reduce_sum(tf.one_hot(label, num_classes), 0), label)
    step = rate * tf.stop_gradient(difference) / tf.expand_dims(1 + count, 1)
    with tf.control_dependencies([difference]):
        update = tf.scatter_sub(centers, label, step)
    return tf.reduce_mean(tf.reduce_sum(tf.square(difference), 1)) / 2, update


def squared_distance(left, right):
    return tf.reduce_sum(tf.squared_difference(left, right), 1)


class EmbeddingModel(ModelDesc):
    """`embed` is what all have in common. Inference is that of one image: the tensor `embedding`."""

    @auto_reuse_variable_scope
    def embed(self, image):
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu):
            return (LinearWrap(tf.expand_dims(image, 3))
                    .Conv2D("conv0", 32)
                    .MaxPooling("pool0", 2)
                    .Conv2D("conv1", 64)
                    .MaxPooling("pool1", 2)
                    .FullyConnected("fc0", 128, activation=tf.nn.relu)
                    .FullyConnected("embedding", DIMENSIONS)())

    def embed_all(self, *images):
        """The same network for each; the embedding of the first is the one that has a name."""
        with tf.variable_scope("embed"):
            embeddings = [self.embed(image) for image in images]
        return [tf.identity(embeddings[0], name="embedding")] + embeddings[1:]

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
        return tf.train.AdamOptimizer(rate)


class PairModel(EmbeddingModel):
    group = 2

    def inputs(self):
        image = (None, 28, 28)
        return [tf.TensorSpec(image, tf.float32, "input"), tf.TensorSpec(image, tf.float32, "input_right"),
                tf.TensorSpec((None,), tf.int32, "label"), tf.TensorSpec((None,), tf.int32, "label_right")]

    def build_graph(self, left, right, label, label_right):
        cost = self.loss(*self.embed_all(left, right), tf.equal(label, label_right))
        add_moving_summary(cost)
        return cost


class SiameseModel(PairModel):
    def loss(self, left, right, same):
        return contrastive_loss(left, right, same, margin=5.)


class CosineModel(PairModel):
    loss = staticmethod(cosine_loss)


class TripletModel(EmbeddingModel):
    group = 3

    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, name) for name in ("input", "positive", "negative")] + [
            tf.TensorSpec((None,), tf.int32, name) for name in ("label", "label_positive", "label_negative")]

    def build_graph(self, anchor, positive, negative, *labels):
        cost = self.loss(*self.embed_all(anchor, positive, negative))
        add_moving_summary(cost)
        return cost

    def loss(self, *embeddings):
        return triplet_loss(*embeddings, margin=5.)


class SoftTripletModel(TripletModel):
    loss = staticmethod(soft_triplet_loss)


class CenterModel(EmbeddingModel):
    """A classifier whose embeddings are drawn to the centre of their class."""

    group = 1

    def inputs(self):
        return [tf.TensorSpec((None, 28, 28), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        embedding, = self.embed_all(image)
        logits = FullyConnected("classes", embedding, 10)
        classification = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="classification_cost")
        distance, update = center_loss(embedding, label, num_classes=10, rate=0.5)
        if get_current_tower_context().is_training:
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
        cost = tf.add(classification, 0.1 * distance, name="cost")
        add_moving_summary(cost, classification)
        return cost


MODELS = {"siamese": SiameseModel, "cosine": CosineModel, "triplet": TripletModel, "softtriplet": SoftTripletModel,
          "center": CenterModel}


class Digits:
    """Images, float32 Nx28x28 in [0, 1], and labels: of MNIST, or with `fake` those that come with the package, enlarged."""

    def __init__(self, part, fake):
        source = dataset.Digits(part) if fake else dataset.Mnist(part)
        self.images, self.labels = source.images.reshape(len(source.images), *source.images.shape[1:3]), source.labels
        if fake:
            self.images = np.pad(self.images.repeat(3, 1).repeat(3, 2), [(0, 0), (2, 2), (2, 2)], mode="constant")
        self.of_class = [np.flatnonzero(self.labels == k) for k in range(10)]


class Groups(RNGDataFlow):
    """Images, then their labels: one image, a pair that is equal half of the time, or an image with an equal and another."""

    def __init__(self, digits, group):
        self.digits, self.group = digits, group

    def __len__(self):
        return len(self.digits.images)

    def __iter__(self):
        for _ in range(len(self)):
            first = self.rng.randint(10)
            other = (first + self.rng.randint(1, 10)) % 10
            classes = {1: [first], 2: [first, first if self.rng.rand() < 0.5 else other], 3: [first, first, other]}[self.group]
            chosen = [self.rng.choice(self.digits.of_class[k]) for k in classes]
            yield [self.digits.images[k] for k in chosen] + [self.digits.labels[k] for k in chosen]


def nearest_neighbour_accuracy(known, known_labels, points, labels):
    """The fraction of points whose nearest known point has the same label."""
    distances = (np.square(points).sum(1)[:, None] - 2 * points.dot(known.T) + np.square(known).sum(1))
    return (known_labels[distances.argmin(1)] == labels).mean()


def visualize(model, checkpoint, fake, filename):
    """Draws the embeddings of test images, and returns the accuracy of the nearest training image."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    train, test = Digits("train", fake), Digits("test", fake)
    config = PredictConfig(model=model, session_init=SmartInit(checkpoint), input_names=["input"],
                           output_names=["embedding"])
    with OfflinePredictor(config) as predict:
        known, points = predict(train.images[:5000])[0], predict(test.images[:2000])[0]
    if isinstance(model, CosineModel):
        known, points = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (known, points))
    accuracy = nearest_neighbour_accuracy(known, train.labels[:5000], points, test.labels[:2000])
    figure, axes = plt.subplots(figsize=(5.5, 5))
    for k in range(10):
        chosen = points[test.labels[:2000] == k]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=4, color=plt.get_cmap("tab10")(k), label=str(k))
    axes.legend(markerscale=3, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title("{}: {:.1f} % have a neighbour of their kind".format(type(model).__name__, 100 * accuracy))
    figure.tight_layout()
    figure.savefig(filename, dpi=80)
    plt.close(figure)
    print("accuracy of the nearest neighbour: {:.4f}; the embeddings are in {}".format(accuracy, filename))
    return accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm", choices=sorted(MODELS), default="siamese")
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-embeddings"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--visualize", action="store_true", help="draw the embeddings of a trained model")
    parser.add_argument("--load", help="checkpoint to draw")
    parser.add_argument("--output", default="embeddings.png")
    parser.add_argument("--fake", action="store_true", help="a few steps on the digits that come with the package")
    args = parser.parse_args()

    model = MODELS[args.algorithm]()
    if args.visualize:
        if args.load is None:
            parser.error("--visualize needs --load CHECKPOINT")
        return visualize(model, args.load, args.fake, args.output)

    data = BatchData(Groups(Digits("train", args.fake), model.group), 8 if args.fake else 128)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=model,
        dataflow=data,
        callbacks=[
            ModelSaver(),
            HyperParamSetterWithFunc("learning_rate", lambda epoch, _: 1e-3 * 0.8 ** epoch),
        ],
        steps_per_epoch=4 if args.fake else len(data),
        max_epoch=1 if args.fake else args.epochs,
    ), SimpleTrainer())
    visualize(MODELS[args.algorithm](), os.path.join(args.logdir, "checkpoint"), args.fake,
              os.path.join(args.logdir, "embeddings.png"))


if __name__ == "__main__":
    main()
