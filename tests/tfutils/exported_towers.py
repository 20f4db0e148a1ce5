"""Exports of small towers, and what the engines compute from the files, for the tests of conversions."""
import importlib.util

import numpy as np
import pytest
from inference_towers import of

from tensorpack.compat import tfv1 as tf
from tensorpack.predict import ExportedPredictor, OfflinePredictor
from tensorpack.tfutils.export import ModelExporter

RNG = np.random.RandomState(0)
IMAGES = RNG.rand(2, 7, 6, 3).astype("float32")
ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")


def signature(value, batch=None):
    return [tf.TensorSpec((batch,) + value.shape[1:], value.dtype, "x")]


def exported(tmp_path, kind, tower, value, batch=None, **options):
    """The path of an export, and what the predictor computes for the value."""
    config = of(tower, ["y"], ["x"], signature(value, batch))
    path = str(tmp_path / "model")
    getattr(ModelExporter(config), "export_" + kind)(path, **options)
    with OfflinePredictor(config) as predictor:
        return path, predictor(value)[0]


def run_onnx(path, value):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # no threads that a later test would fork
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(["y:0"], {"x:0": value})[0]


def exported_together(folder, functions, value, has_batch=False):
    """Name -> what ONNX Runtime and TensorFlow compute: one export of all functions.

    Args:
        has_batch: whether the first size is open, as that of a batch; else the export has the sizes of `value`.
    """
    names = {name: "y{}".format(i) for i, name in enumerate(functions)}

    def tower(x):
        for name, function in functions.items():
            tf.identity(function(x), name=names[name])

    config = of(tower, list(names.values()), ["x"], signature(value, None if has_batch else len(value)))
    ModelExporter(config).export_onnx(str(folder / "model"))
    with OfflinePredictor(config) as predictor:
        expected = predictor(value)
    with ExportedPredictor(str(folder / "model"), "onnxruntime", threads=1) as predictor:
        return {name: pair for name, *pair in zip(functions, predictor(value), expected)}


def run_tflite(path, value):
    interpreter = tf.lite.Interpreter(model_path=path)
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, value.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def named(function):
    """A tower whose output is what the function makes."""
    return lambda x: tf.identity(function(x), name="y")
