"""A small model whose batches are predicted, for the tests of `contrib.ray`: two inputs, one left out, and some outputs."""
import os

import numpy as np

from tensorpack import tfv1 as tf
from tensorpack.models import BatchNorm, Conv2D, FullyConnected
from tensorpack.predict import PredictConfig
from tensorpack.tfutils.export import ModelExporter

IMAGES = np.random.RandomState(0).rand(60, 8, 8).astype("float32")


def network(image, label):
    x = tf.nn.relu(BatchNorm("bn", Conv2D("conv", tf.expand_dims(image, 3), 4, 3)))
    x = FullyConnected("fc", x, 10)
    tf.nn.softmax(x, name="prob")
    tf.argmax(x, 1, name="class")
    tf.cast(label, tf.float32, name="as_float")
    tf.reduce_sum(image, name="sum")
    tf.identity(tf.reduce_sum(image, [1, 2])[:3], name="three")
    tf.zeros([10], name="zeros")


def config(output_names=("prob", "class"), input_names=("image",), **options):
    signature = [tf.TensorSpec((None, 8, 8), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]
    return PredictConfig(tower_func=seeded(network), input_signature=signature, input_names=list(input_names),
                         output_names=list(output_names), **options)


def seeded(function):
    def build(*inputs):
        tf.set_random_seed(1)  # of the graph that is built, so that random weights are the same in each process
        function(*inputs)

    return build


def export(folder, name="model.pb", **options):
    path = os.path.join(str(folder), name)
    exporter = ModelExporter(config(**options))
    (exporter.export_onnx if name.endswith("onnx") else exporter.export_compact)(path)
    return path
