"""The models that the consumers read: a small ResNet and the digits model of the quickstart, in all formats of ModelExporter.

`python exported_models.py DIRECTORY` exports the ResNet there; `tests/data/exported` was made so, by each TensorFlow.
"""
import importlib.util
import json
import os
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MADE_BEFORE = os.path.join(ROOT, "tests", "data", "exported")
MODELS = ["resnet", "digits"]
OUTPUTS = ["prob", "fc1/output"]
# The first tensor with the shape of an image: what readers of images alone are given.
IMAGE_TENSOR = {"resnet": "image", "digits": "ExpandDims"}


class Export:
    """A directory with one model in all formats, what to feed, and what OfflinePredictor computed from it."""

    def __init__(self, directory):
        self.directory = directory
        with open(self.path("about.json")) as f:
            about = json.load(f)
        self.model, self.tensorflow = about["model"], about["tensorflow"]
        with np.load(self.path("io.npz")) as f:
            self.image = f["image"]
            self.image_tensor = f[IMAGE_TENSOR[self.model]]
            self.expected = {name: f[name] for name in OUTPUTS}

    def path(self, *parts):
        return os.path.join(self.directory, *parts)


def old_exports():
    """{name: directory} of what other versions of TensorFlow than this one have exported."""
    from tensorpack.compat import tfv1 as tf

    return {name: os.path.join(MADE_BEFORE, name) for name in sorted(os.listdir(MADE_BEFORE))
            if not tf.version.VERSION.startswith(name[len("tf"):] + ".")}


def build_resnet():
    from tensorpack.compat import tfv1 as tf
    from tensorpack.graph_builder.model_desc import ModelDesc
    from tensorpack.models import BatchNorm, BNReLU, Conv2D, FullyConnected, GlobalAvgPooling
    from tensorpack.tfutils.argscope import argscope

    def block(name, x, channels, stride):
        with tf.variable_scope(name):
            shortcut = x
            if stride != 1:
                shortcut = BatchNorm("shortcut_bn", Conv2D("shortcut", x, channels, 1, strides=stride))
            x = Conv2D("conv1", x, channels, 3, strides=stride, activation=BNReLU)
            x = BatchNorm("conv2_bn", Conv2D("conv2", x, channels, 3))
            return tf.nn.relu(x + shortcut, name="output")

    class ResNet(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec((None, 32, 32, 3), tf.float32, "image")]

        def build_graph(self, image):
            with argscope(Conv2D, use_bias=False):
                x = Conv2D("conv0", image, 8, 3, strides=2, activation=BNReLU)
                x = block("group0", x, 8, 1)
                x = block("group1", x, 16, 2)
            x = GlobalAvgPooling("gap", x)
            tf.nn.softmax(FullyConnected("fc1", x, 10), name="prob")

    return ResNet()


def build_digits():
    path = os.path.join(ROOT, "examples", "basics", "digits-convnet.py")
    spec = importlib.util.spec_from_file_location("digits_convnet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model()


def images_of(model):
    """float32, four images."""
    if model == "resnet":
        return np.random.RandomState(0).randint(0, 256, (4, 32, 32, 3)).astype("float32") / 255
    from tensorpack.dataflow.dataset import Digits

    return Digits("test", shuffle=False).images[:4, :, :, 0]


def values_of(description):
    """Variables as after some training: scales and variances around 1, weights that keep the size of activations."""
    from tensorpack.compat import tfv1 as tf
    from tensorpack.tfutils.tower import PredictTowerContext

    with tf.Graph().as_default() as graph:
        with PredictTowerContext(""):
            description.build_graph(*[tf.placeholder(s.dtype, s.shape, s.name) for s in description.inputs()])
        shapes = {v.op.name: v.shape.as_list() for v in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
    rng = np.random.RandomState(1)
    return {name: _value(name, shapes[name], rng).astype("float32") for name in sorted(shapes)}


def _value(name, shape, rng):
    if name.endswith(("gamma", "variance/EMA")):
        return rng.uniform(.5, 1.5, shape)
    return rng.randn(*shape) / np.sqrt(np.prod(shape[:-1]) if len(shape) > 1 else 25)


def export(model, directory):
    """Write the model in all formats; returns the Export."""
    from tensorpack.compat import tfv1 as tf
    from tensorpack.predict import OfflinePredictor, PredictConfig
    from tensorpack.tfutils.export import ModelExporter
    from tensorpack.tfutils.sessinit import DictRestore

    description = {"resnet": build_resnet, "digits": build_digits}[model]()
    weights = DictRestore(values_of(description))

    def config(input_name, output_names):
        return PredictConfig(model=description, session_init=weights, input_names=[input_name], output_names=output_names)

    image = images_of(model)
    fetched = OUTPUTS + [IMAGE_TENSOR[model]]
    with OfflinePredictor(config("image", fetched)) as predictor:
        values = dict(zip(fetched, predictor(image)))
    exporter = ModelExporter(config("image", OUTPUTS))
    exporter.export_serving(os.path.join(directory, "saved", "1"))
    exporter.export_compact(os.path.join(directory, "frozen.pb"))
    exporter.export_compact(os.path.join(directory, "unoptimized.pb"), optimize=False)
    exporter.export_tflite(os.path.join(directory, "model.tflite"))
    if importlib.util.find_spec("tf2onnx"):
        exporter.export_onnx(os.path.join(directory, "model.onnx"))
    ModelExporter(config(IMAGE_TENSOR[model], OUTPUTS[:1])).export_compact(os.path.join(directory, "of_image_tensor.pb"))
    np.savez_compressed(os.path.join(directory, "io.npz"), **dict(values, image=image))
    with open(os.path.join(directory, "about.json"), "w") as f:
        json.dump({"model": model, "tensorflow": tf.version.VERSION}, f)
    return Export(directory)


if __name__ == "__main__":
    export("resnet", sys.argv[1])
