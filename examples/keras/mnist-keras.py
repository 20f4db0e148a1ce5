#!/usr/bin/env python
"""Train a Keras model on MNIST with a trainer of this library.

Usage: mnist-keras.py [--epochs N] [--fake] [--logdir DIR]

Needs Keras 2: it is part of TensorFlow 1.15, and the package tf_keras on TensorFlow 2.16 and later.
The data is downloaded to $TENSORPACK_DATASET/mnist_data unless it is there.
"""
import argparse
import os

from tensorpack import *
from tensorpack.compat import graph_keras
from tensorpack.contrib.keras import KerasModel
from tensorpack.dataflow import dataset

tf = tfv1


def get_model(image):
    """The tower function: from the input tensor to a Keras model that is built on it."""
    keras = graph_keras()
    layers, l2 = keras.layers, keras.regularizers.l2(1e-5)
    return keras.models.Sequential([
        layers.InputLayer(input_tensor=image),
        layers.Conv2D(32, 3, activation="relu", padding="same"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu", padding="same"),
        layers.Conv2D(32, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(512, activation="relu", kernel_regularizer=l2),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax", kernel_regularizer=l2),
    ])


def get_data(fake):
    """Batches of images, float32 [N, 28, 28, 1], and of labels as one-hot vectors, which the losses of Keras want."""
    def for_keras(datapoint):
        image, label = datapoint
        return [image.reshape(-1, 28, 28, 1), (label[:, None] == range(10)).astype("float32")]

    if fake:
        train = test = FakeData([[8, 28, 28], [8]], 4, random=False, dtype=["float32", "int32"], domain=[(0, 1), (0, 10)])
    else:
        train = BatchData(dataset.Mnist("train"), 128)
        test = BatchData(dataset.Mnist("test"), 256, remainder=True)
    return MapData(train, for_keras), MapData(test, for_keras)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--logdir", default=os.path.join("train_log", "mnist-keras"))
    parser.add_argument("--fake", action="store_true", help="a few steps with random images")
    args = parser.parse_args()

    try:
        train_data, test_data = get_data(args.fake)
        model = KerasModel(
            get_model,
            input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.float32, "image")],
            target_signature=[tf.TensorSpec((None, 10), tf.float32, "target")],
            input=train_data)
    except (ImportError, OSError) as e:
        parser.error(str(e))
    logger.set_logger_dir(args.logdir, action="d")
    rate = tf.get_variable("learning_rate", initializer=1e-3, trainable=False)
    model.compile(optimizer=tf.train.AdamOptimizer(rate), loss="categorical_crossentropy", metrics="categorical_accuracy")
    model.fit(
        validation_data=test_data,
        steps_per_epoch=len(train_data),
        max_epoch=1 if args.fake else args.epochs,
        callbacks=[
            ModelSaver(),
            MaxSaver("validation_categorical_accuracy"),
            ScheduledHyperParamSetter("learning_rate", [(0, 1e-3), (6, 1e-4)]),
        ])


if __name__ == "__main__":
    main()
