#!/usr/bin/env python
"""The quickstart: train a small convnet on handwritten digits, validate while training, predict, export, load the exports back.

Usage: digits-convnet.py [--logdir DIR] [--epochs N]

The 1,797 digits (8x8 pixels) ship with tensorpack, so this needs no download; it takes less than a minute on a CPU.
"""
import argparse
import json
import os

import numpy as np

from tensorpack import *
from tensorpack.dataflow import dataset
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
tf.logging.set_verbosity(tf.logging.ERROR)  # TensorFlow 2 calls the loader below deprecated
BATCH_SIZE = 50


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 8, 8), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        """Called once to train and again for each way to predict; in inference BatchNorm and Dropout behave accordingly."""
        image = tf.expand_dims(image * 2 - 1, 3)
        with argscope(Conv2D, kernel_size=3, activation=BNReLU, use_bias=False):
            logits = (LinearWrap(image)
                      .Conv2D("conv0", 32)
                      .Conv2D("conv1", 32)
                      .MaxPooling("pool0", 2)
                      .Conv2D("conv2", 64)
                      .Conv2D("conv3", 64)
                      .MaxPooling("pool1", 2)
                      .Dropout(rate=0.25)
                      .FullyConnected("fc0", 128, activation=BNReLU, use_bias=False)
                      .Dropout(rate=0.5)
                      .FullyConnected("fc1", 10)())
        tf.nn.softmax(logits, name="prob")
        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32, name="incorrect_vector")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label),
                              name="cross_entropy")
        decay = regularize_cost("(conv|fc).*/W", l2_regularizer(1e-3), name="regularize_loss")
        cost = tf.add_n([loss, decay], name="cost")
        add_moving_summary(loss, cost, tf.reduce_mean(wrong, name="train_error"))
        return cost

    def optimizer(self):
        rate = tf.train.exponential_decay(3e-3, get_global_step_var(), decay_steps=7 * 30, decay_rate=0.5,
                                          staircase=True, name="learning_rate")
        return tf.train.AdamOptimizer(rate)


def shift_randomly(image):
    """Move the digit by at most one pixel in each direction."""
    y, x = np.random.randint(0, 3, size=2)
    return np.pad(image, 1, mode="constant")[y:y + 8, x:x + 8]


def get_data():
    train = MapDataComponent(dataset.Digits("train"), shift_randomly)
    return BatchData(train, BATCH_SIZE), BatchData(dataset.Digits("test", shuffle=False), 99)


def train(epochs):
    train_data, validation_data = get_data()
    config = TrainConfig(
        model=Model(),
        dataflow=train_data,
        callbacks=[
            ModelSaver(max_to_keep=3),
            InferenceRunner(validation_data, [ScalarStats("cross_entropy"), ClassificationError("incorrect_vector")]),
            MinSaver("validation_error"),
        ],
        extra_callbacks=[MovingAverageSummary(), ProgressBar(["cost"]), MergeAllSummaries(), RunUpdateOps()],
        max_epoch=epochs,
    )
    launch_train_with_config(config, SimpleTrainer())


def predict_config(checkpoint):
    return PredictConfig(model=Model(), session_init=SmartInit(checkpoint), input_names=["image"], output_names=["prob"])


def predict_with_saved_model(directory, images):
    """Loads the SavedModel with nothing but TensorFlow."""
    with tf.Graph().as_default(), tf.Session() as sess:
        meta_graph = tf.saved_model.loader.load(sess, ["serve"], directory)
        signature = meta_graph.signature_def["serving_default"]
        return sess.run(signature.outputs["prob"].name, {signature.inputs["image"].name: images})


def predict_with_frozen_graph(filename, images):
    """Loads the frozen graph with nothing but TensorFlow."""
    graph_def = tf.GraphDef()
    with open(filename, "rb") as f:
        graph_def.ParseFromString(f.read())
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        tf.import_graph_def(graph_def, name="")
        return sess.run(graph.get_tensor_by_name("prob:0"), {"image:0": images})


def plot_training_curve(logdir, filename):
    """Draws cost and errors of each epoch from stats.json; needs matplotlib."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with open(os.path.join(logdir, "stats.json")) as f:
        stats = json.load(f)
    epochs = [s["epoch_num"] for s in stats]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    left.plot(epochs, [s["cross_entropy"] for s in stats], label="training")
    left.plot(epochs, [s["validation_cross_entropy"] for s in stats], label="validation")
    left.set_ylabel("cross entropy")
    right.plot(epochs, [100 * s["train_error"] for s in stats], label="training")
    right.plot(epochs, [100 * s["validation_error"] for s in stats], label="validation")
    right.set_ylabel("error (%)")
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("Digits: {:.1f} % of the validation images are right".format(
        100 * (1 - min(s["validation_error"] for s in stats))))
    figure.tight_layout()
    figure.savefig(filename, dpi=100)


def size_of(path):
    files = [path] if os.path.isfile(path) else [os.path.join(d, f) for d, _, names in os.walk(path) for f in names]
    return "{:.0f} KB".format(sum(os.path.getsize(f) for f in files) / 1024.)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logdir", default=os.path.join("train_log", "digits-convnet"))
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()

    logger.set_logger_dir(args.logdir, action="d")
    train(args.epochs)

    best = os.path.join(args.logdir, "min-validation_error")
    serving_dir = os.path.join(args.logdir, "saved_model")
    frozen_graph = os.path.join(args.logdir, "frozen.pb")
    curve = os.path.join(args.logdir, "curve.png")

    digits = dataset.Digits("test", shuffle=False)
    images, labels = digits.images[:, :, :, 0], digits.labels
    with OfflinePredictor(predict_config(best)) as predictor:
        prob = predictor(images)[0]
    ModelExporter(predict_config(best)).export_serving(serving_dir)
    ModelExporter(predict_config(best)).export_compact(frozen_graph)

    rows = [("OfflinePredictor", best + ".*", size_of(best + ".data-00000-of-00001"), prob),
            ("SavedModel", serving_dir, size_of(serving_dir), predict_with_saved_model(serving_dir, images)),
            ("frozen graph", frozen_graph, size_of(frozen_graph), predict_with_frozen_graph(frozen_graph, images))]
    try:
        plot_training_curve(args.logdir, curve)
    except ImportError:
        curve = "not drawn: pip install matplotlib"

    print("\n{:<18}{:>10}{:>16}{:>10}  {}".format("predicted by", "accuracy", "max difference", "size", "file"))
    for name, path, size, values in rows:
        accuracy = (values.argmax(axis=1) == labels).mean()
        print("{:<18}{:>9.2f}%{:>16.1e}{:>10}  {}".format(name, 100 * accuracy, abs(values - prob).max(), size, path))
    print("training curve    {}\nTensorBoard       tensorboard --logdir {}".format(curve, args.logdir))


if __name__ == "__main__":
    main()
