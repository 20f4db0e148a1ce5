#!/usr/bin/env python
"""Write `notes/engines.md`: which operations each format and engine computes as TensorFlow does, found by trying.

Usage: make_engine_table.py [OUTPUT.md]
"""
import os
import sys
import tempfile

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))

from tensorpack.compat import tfv1 as tf  # noqa: E402
from tensorpack.predict import OfflinePredictor, PredictConfig  # noqa: E402
from tensorpack.tfutils._engines.litert import LiteRTEngine  # noqa: E402
from tensorpack.tfutils._engines.onnx_runtime import OnnxRuntimeEngine  # noqa: E402
from tensorpack.tfutils._engines.opencv import OpenCVEngine  # noqa: E402
from tensorpack.tfutils._engines.openvino import OpenVinoEngine  # noqa: E402
from tensorpack.tfutils._engines.process import EngineError  # noqa: E402
from tensorpack.tfutils._engines.tensorflow import TensorFlowEngine  # noqa: E402
from tensorpack.tfutils._export._proof.compare import difference  # noqa: E402
from tensorpack.tfutils._export._proof.verify import run_engine  # noqa: E402
from tensorpack.tfutils.export import ModelExporter  # noqa: E402
from tensorpack.utils import logger  # noqa: E402

HEAD = """\
# Operations, formats and engines

Every `export_*` of `ModelExporter` runs what it wrote and compares it with the session, so that a wrong file is an error when
it is written; see [inference](../tutorial/inference.md). This table says beforehand what to expect of an operation. It is made
by `docs/make_engine_table.py`, which exports each as a small model, runs the file and compares the numbers: with {versions}.

`=`: computes what TensorFlow computes. `wrong`: other numbers or another shape. `refused`: the converter knows no counterpart,
and the error names the operation. `fails`: the file is written, and the engine does not run it.

For OpenCV the ONNX file is the better one: it keeps the order of dimensions, names and dtypes. A frozen graph for OpenCV is
written by `export_compact(target="opencv")`, which puts operations that OpenCV computes rightly in the place of those that it
does not; the last column but one shows the graph without that.

"""
COLUMNS = [  # title, exporting, engine
    ("frozen, TensorFlow", lambda e, path: e.export_compact(path, verify=False), TensorFlowEngine),
    ("TFLite, LiteRT", lambda e, path: e.export_tflite(path, verify=False), LiteRTEngine),
    ("ONNX, ONNX Runtime", lambda e, path: e.export_onnx(path, verify=False), OnnxRuntimeEngine),
    ("ONNX, OpenVINO", lambda e, path: e.export_onnx(path, verify=False), OpenVinoEngine),
    ("ONNX, OpenCV", lambda e, path: e.export_onnx(path, verify=False), OpenCVEngine),
    ("frozen, OpenCV", lambda e, path: e.export_compact(path, verify=False), OpenCVEngine),
    ('`target="opencv"`, OpenCV', lambda e, path: e.export_compact(path, verify=False, target="opencv"), OpenCVEngine),
]
RANDOM = np.random.RandomState(0)
IMAGE = RANDOM.uniform(-1, 1, (2, 8, 8, 4)).astype("float32")
INTEGERS = np.arange(-9, 9).reshape(6, 3).astype("int32")
SQUARE = RANDOM.uniform(-1, 1, (4, 4)).astype("float32")
EYE = np.eye(4, dtype="float32")
BOXES = np.float32([[0, 0, 2, 2, .9], [0, 0, 2, 2.1, .8], [5, 5, 8, 8, .95], [5, 5, 8, 8.2, .3], [20, 20, 22, 22, .2]])


def weight(name, *shape):
    return tf.get_variable(name, shape, initializer=tf.random_normal_initializer(seed=1))


def conv(x, channels=6, **options):
    return tf.nn.conv2d(x, weight("w", 3, 3, x.shape.as_list()[-1], channels), [1, 1, 1, 1], "SAME", **options)


def halves(x):
    first, second = tf.split(conv(x), 2, axis=3)
    return first + 2 * second


def loop(x):
    return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, y * 2 - x), [0, x])[1]


OPERATIONS = [
    ("convolution", conv, IMAGE),
    ("convolution, dilated", lambda x: conv(x, dilations=[1, 2, 2, 1]), IMAGE),
    ("convolution, depthwise", lambda x: tf.nn.depthwise_conv2d(x, weight("w", 3, 3, 4, 2), [1, 1, 1, 1], "SAME"), IMAGE),
    ("convolution, transposed", lambda x: tf.nn.conv2d_transpose(
        x, weight("w", 3, 3, 5, 4), tf.stack([tf.shape(x)[0], 16, 16, 5]), [1, 2, 2, 1], "SAME"), IMAGE),
    ("batch normalisation, fused", lambda x: tf.nn.fused_batch_norm(
        conv(x), tf.ones([6]) * 2, tf.ones([6]), tf.ones([6]) / 2, tf.ones([6]) * 3, is_training=False)[0], IMAGE),
    ("max pooling", lambda x: tf.nn.max_pool2d(conv(x), 2, 2, "VALID"), IMAGE),
    ("average pooling, `SAME`", lambda x: tf.nn.avg_pool2d(conv(x), 3, 2, "SAME"), IMAGE),
    ("mean of an image", lambda x: tf.reduce_mean(conv(x), [1, 2]), IMAGE),
    ("fully connected", lambda x: tf.matmul(tf.reshape(conv(x), [-1, 384]), weight("m", 384, 3)), IMAGE),
    ("softmax of rows", lambda x: tf.nn.softmax(tf.matmul(tf.reshape(x, [-1, 256]), weight("m", 256, 3))), IMAGE),
    ("softmax over channels", lambda x: tf.nn.softmax(conv(x)), IMAGE),
    ("`argmax`", lambda x: tf.argmax(tf.reshape(conv(x), [-1, 384]), 1), IMAGE),
    ("`top_k`", lambda x: tf.nn.top_k(tf.reshape(conv(x), [-1, 384]), 5)[0], IMAGE),
    ("`1 - x`", lambda x: 1 - conv(x), IMAGE),
    ("`1 / x`", lambda x: 1 / (2 + tf.sigmoid(conv(x))), IMAGE),
    ("split of channels", halves, IMAGE),
    ("concatenation", lambda x: tf.concat([conv(x), x], 3), IMAGE),
    ("padding, reflected", lambda x: tf.pad(conv(x), [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"), IMAGE),
    ("padding, symmetric", lambda x: tf.pad(conv(x), [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC"), IMAGE),
    ("slice, reversed", lambda x: conv(x)[:, ::-1], IMAGE),
    ("channels, reversed", lambda x: conv(x[..., ::-1]), IMAGE),
    ("resizing, bilinear", lambda x: tf.image.resize_bilinear(conv(x), [16, 16]), IMAGE),
    ("resizing, nearest", lambda x: tf.image.resize_nearest_neighbor(conv(x), [11, 13]), IMAGE),
    ("resizing, bicubic", lambda x: tf.image.resize_bicubic(conv(x), [11, 13]), IMAGE),
    ("resizing, areas", lambda x: tf.image.resize_area(conv(x), [5, 6]), IMAGE),
    ("`//` of negative integers", lambda x: x // 4, INTEGERS),
    ("`%` of negative integers", lambda x: x % 4, INTEGERS),
    ("`one_hot` of negative integers", lambda x: tf.one_hot(x[:, 0], 5), INTEGERS),
    ("`where` beside NaN", lambda x: tf.where_v2(x > 0, tf.math.log(x), 0.), IMAGE),
    ("`where` of rows", lambda x: tf.where(x[:, 0] > 0, x, -x), SQUARE),
    ("`band_part` beside NaN", lambda x: tf.linalg.band_part(tf.math.log(tf.abs(x) + EYE - 1), 0, 0), SQUARE),
    ("`unsorted_segment_sum` with negative integers", lambda x: tf.math.unsorted_segment_sum(x, x[:, 0], 7), INTEGERS),
    ("embedding", lambda x: tf.nn.embedding_lookup(weight("table", 9, 4), tf.abs(x) % 9), INTEGERS),
    ("non-maximum suppression", lambda x: tf.image.non_max_suppression(x[:, :4], x[:, 4], 10, .3), BOXES),
    ("`while_loop`", loop, IMAGE),
]


def config_of(function, value):
    signature = [tf.TensorSpec((None,) + value.shape[1:], value.dtype, "x")]

    with tf.Graph().as_default():  # an operation more behind it would be another test
        name = function(tf.placeholder(value.dtype, signature[0].shape, "x")).name
    return PredictConfig(tower_func=function, input_signature=signature, input_names=["x"], output_names=[name])


def tried(config, value, export, engine, folder):
    """A cell of the table."""
    path = os.path.join(folder, "model")
    with OfflinePredictor(config) as predictor:
        expected = predictor(value)[0]
    try:
        export(ModelExporter(config), path)
    except ValueError:
        return "refused"
    try:
        result = run_engine(engine, path, [[value]]).results[0]
    except EngineError:
        return "fails"
    if isinstance(result, str):
        return "fails"
    return "wrong" if difference(result[0], expected) else "="


def rows():
    for title, function, value in OPERATIONS:
        cells = []
        for _, export, engine in COLUMNS:
            with tempfile.TemporaryDirectory() as folder:
                cells.append(tried(config_of(function, value), value, export, engine, folder))
        yield title, cells


def versions():
    import ai_edge_litert  # noqa: F401
    import cv2
    import onnxruntime
    import openvino
    import tf2onnx

    return "TensorFlow {}, tf2onnx {}, ONNX Runtime {}, OpenVINO {} and OpenCV {}".format(
        tf.VERSION, tf2onnx.__version__, onnxruntime.__version__, openvino.__version__.split("-")[0], cv2.__version__)


def main(output):
    logger._logger.setLevel("ERROR")
    lines = ["| operation | " + " | ".join(title for title, _, _ in COLUMNS) + " |", "|---|" + "---|" * len(COLUMNS)]
    for title, cells in rows():
        lines.append("| {} | {} |".format(title, " | ".join(cells)))
        print(lines[-1], flush=True)
    with open(output, "w") as f:
        f.write(HEAD.format(versions=versions()) + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(FOLDER, "notes", "engines.md"))
