"""A small model of two outputs in all formats, for the tests of predictors on exported files."""
import os

import numpy as np

from tensorpack import tfv1 as tf
from tensorpack.models import BatchNorm, Conv2D, FullyConnected, MaxPooling
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils._engines import choose
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sessinit import DictRestore

SIGNATURE = [tf.TensorSpec((None, 8, 8), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]
IMAGES = np.random.RandomState(0).rand(5, 8, 8).astype("float32")
FILES = {"frozen": "model.pb", "savedmodel": "saved", "onnx": "model.onnx", "tflite": "model.tflite"}


def network(image, label):
    x = BatchNorm("bn", Conv2D("conv", tf.expand_dims(image, 3), 4, 3))
    x = FullyConnected("fc", MaxPooling("pool", tf.nn.relu(x), 2), 10)
    tf.nn.softmax(x, name="prob")
    tf.argmax(x, 1, name="class")
    tf.cast(tf.not_equal(tf.argmax(x, 1, output_type=tf.int32), label), tf.float32, name="wrong")


def config(output_names=("prob", "class"), **options):
    return PredictConfig(tower_func=network, input_signature=SIGNATURE, output_names=list(output_names),
                         session_init=DictRestore(weights()), **options)


_weights = {}


def weights():
    """As after some training; the same in each process."""
    if not _weights:
        random = np.random.RandomState(1)
        with OfflinePredictor(PredictConfig(tower_func=network, input_signature=SIGNATURE, output_names=["prob"])) as predictor:
            shapes = {v.op.name: v.shape.as_list() for v in predictor.graph.get_collection("variables")}
        for name in sorted(shapes):
            is_scale = name.endswith(("gamma", "variance/EMA"))
            _weights[name] = (random.uniform(.5, 1.5, shapes[name]) if is_scale else
                              random.normal(0, .3, shapes[name])).astype("float32")
    return _weights


def expected(images=IMAGES):
    """What the session computes."""
    with OfflinePredictor(config()) as predictor:
        return predictor(images, np.zeros(len(images), "int32"))


def export_all(folder):
    """Write the model in all formats, unverified; returns {kind: path}."""
    exporter = ModelExporter(config())
    paths = {kind: os.path.join(folder, name) for kind, name in FILES.items()}
    exporter.export_compact(paths["frozen"], verify=False)
    exporter.export_serving(paths["savedmodel"], verify=False)
    exporter.export_onnx(paths["onnx"])
    exporter.export_tflite(paths["tflite"], verify=False)
    return paths


def make_wrong(monkeypatch, name):
    """Let an engine compute values that are too large by one."""
    engine = choose.engine_class(name)
    right = engine._run
    monkeypatch.setattr(engine, "_run", lambda self, inputs: [value + 1 for value in right(self, inputs)])
