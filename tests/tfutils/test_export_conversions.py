"""Conversions that tf2onnx, LiteRT or OpenCV get wrong by themselves: the files compute what the model computes."""
import importlib.util
from functools import partial

import numpy as np
import pytest
from inference_towers import of

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import ExportedPredictor, OfflinePredictor
from tensorpack.tfutils.export import ExportMismatch, ModelExporter

RNG = np.random.RandomState(0)
IMAGES = RNG.rand(2, 7, 6, 3).astype("float32")
INTEGERS = np.arange(-9, 10).astype("int32")
ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


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


def exported_together(folder, functions, value):
    """Name -> what ONNX Runtime and TensorFlow compute: one export of all functions, which has fixed sizes."""
    names = {name: "y{}".format(i) for i, name in enumerate(functions)}

    def tower(x):
        for name, function in functions.items():
            tf.identity(function(x), name=names[name])

    config = of(tower, list(names.values()), ["x"], signature(value, len(value)))
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


def resized(method, size, x, **options):
    tf.identity(getattr(tf.image, "resize_" + method)(x, size, **options), name="y")


def with_integers(operation, divisor, x):
    operation(x, tf.constant(divisor, x.dtype), name="y")


RESIZED = {
    "area": partial(resized, "area", [5, 4]),
    "area, larger": partial(resized, "area", [9, 12]),
    "bicubic of old": partial(resized, "bicubic", [9, 12]),
    "bicubic, half pixel centers": partial(resized, "bicubic", [9, 12], half_pixel_centers=True),
    "bicubic, aligned corners": partial(resized, "bicubic", [9, 12], align_corners=True),
    "bilinear, 7 to 9": partial(resized, "bilinear", [9, 12]),
    "bilinear, half pixel centers": partial(resized, "bilinear", [9, 11], half_pixel_centers=True),
    "nearest, 7 to 9": partial(resized, "nearest_neighbor", [9, 12]),
}


@ONNX_PACKAGES
@pytest.mark.parametrize("name", RESIZED)
def test_onnx_resizes_as_tensorflow_does(tmp_path, name):
    path, expected = exported(tmp_path, "onnx", RESIZED[name], IMAGES)
    np.testing.assert_allclose(run_onnx(path, IMAGES), expected, atol=1e-5)


@ONNX_PACKAGES
@pytest.mark.parametrize("sizes", [(7, 9), (14, 18), (6, 8), (3, 41), (10, 7), (41, 12)], ids=str)
def test_onnx_takes_the_nearest_pixel_that_tensorflow_takes(tmp_path, sizes):
    images = np.arange(sizes[0], dtype="float32").reshape(1, -1, 1, 1)
    path, expected = exported(tmp_path, "onnx", partial(resized, "nearest_neighbor", [sizes[1], 1]), images)
    np.testing.assert_array_equal(run_onnx(path, images), expected)


DIVISIONS = {"//": tf.floordiv, "%": tf.floormod, "truncated %": tf.truncatemod}


@ONNX_PACKAGES
@pytest.mark.parametrize("divisor", [4, -3])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", DIVISIONS)
def test_onnx_divides_negative_integers_as_tensorflow_does(tmp_path, name, dtype, divisor):
    path, expected = exported(tmp_path, "onnx", partial(with_integers, DIVISIONS[name], divisor), INTEGERS.astype(dtype))
    np.testing.assert_array_equal(run_onnx(path, INTEGERS.astype(dtype)), expected)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", ["//", "%"])
def test_onnx_divides_floats_as_tensorflow_does(tmp_path, name):
    values = np.float32([-1.7, -.4, .3, 2.2])
    path, expected = exported(tmp_path, "onnx", partial(with_integers, DIVISIONS[name], .3), values)
    np.testing.assert_allclose(run_onnx(path, values), expected, atol=1e-6)


def chosen_boxes(x, with_threshold=False):
    """Indices of few boxes that do not overlap."""
    threshold = dict(score_threshold=.5) if with_threshold else {}
    tf.identity(tf.image.non_max_suppression(x[:, :4], x[:, 4], 10, .3, **threshold), name="y")


BOXES = np.float32([[0, 0, 2, 2, .9], [0, 0, 2, 2.1, .8], [5, 5, 8, 8, .95], [5, 5, 8, 8.2, .3], [20, 20, 22, 22, .2]])
BOX_TOWERS = {"all": chosen_boxes, "above a score": partial(chosen_boxes, with_threshold=True)}


@pytest.mark.skipif(VERSION < (2, 0), reason="the converter of TF 1.15 refuses it")
@pytest.mark.parametrize("name", BOX_TOWERS)
def test_tflite_gives_the_boxes_that_are_left_and_no_more(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", BOX_TOWERS[name], BOXES, batch=5)
    assert len(expected) < 5
    np.testing.assert_array_equal(run_tflite(path, BOXES), expected)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", BOX_TOWERS)
def test_onnx_gives_the_boxes_that_are_left_and_no_more(tmp_path, name):
    path, expected = exported(tmp_path, "onnx", BOX_TOWERS[name], BOXES, batch=5)
    np.testing.assert_array_equal(run_onnx(path, BOXES), expected)


def cropped(x, size=(3, 4), dtype="float32", **options):
    images = tf.constant((IMAGES * 200).astype(dtype))
    tf.identity(tf.image.crop_and_resize(images, x[:, :4], box_indices=tf.cast(x[:, 4], tf.int32), crop_size=size,
                                         **options), name="y")


# y1, x1, y2, x2, index of the image: within it, around it, mirrored, a point, outside
CROPS = np.float32([[.1, .2, .7, .9, 0], [-.3, -.2, 1.4, 1.2, 1], [.87, .77, .22, .13, 0], [.5, .5, .5, .5, 1],
                    [2, 2, 3, 3, 0]])
CROPPED = {
    "bilinear": cropped,
    "nearest": partial(cropped, method="nearest"),
    "another value outside": partial(cropped, extrapolation_value=7.),
    "one sample": partial(cropped, size=(1, 1)),
    "bytes": partial(cropped, dtype="uint8"),
}


@ONNX_PACKAGES
@pytest.mark.parametrize("name", CROPPED)
def test_onnx_crops_and_resizes_as_tensorflow_does(tmp_path, name):
    path, expected = exported(tmp_path, "onnx", CROPPED[name], CROPS)
    np.testing.assert_allclose(run_onnx(path, CROPS), expected, atol=1e-4)


@pytest.mark.skipif(VERSION >= (2, 0), reason="that of TF 2 has operations for it")
def test_the_tflite_converter_of_old_refuses_crops_by_name(tmp_path):
    with pytest.raises(ValueError, match="got none for .*CropAndResize"):
        exported(tmp_path, "tflite", cropped, CROPS, batch=5)


@pytest.mark.skipif(VERSION < (2, 0), reason="the converter of TF 1.15 refuses it")
@pytest.mark.parametrize("name", CROPPED)
def test_tflite_crops_and_resizes_as_tensorflow_does(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", CROPPED[name], CROPS, batch=5)
    np.testing.assert_allclose(run_tflite(path, CROPS), expected, atol=1e-4)


@ONNX_PACKAGES
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="pip install openvino")
def test_openvino_reads_crops_of_computed_boxes(tmp_path):
    path, expected = exported(tmp_path, "onnx", cropped, CROPS)
    with ExportedPredictor(path, "openvino") as predictor:
        np.testing.assert_allclose(predictor(CROPS)[0], expected, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in RESIZED if name.startswith(("area", "bicubic"))])
def test_tflite_resizes_by_areas_and_cubes(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", RESIZED[name], IMAGES)
    for image, wanted in zip(IMAGES, expected):
        np.testing.assert_allclose(run_tflite(path, image[np.newaxis]), wanted[np.newaxis], atol=1e-5)


def rows(x):
    """One number of each row."""
    return tf.reduce_sum(x, 1)


def in_a_loop(x):
    return tf.while_loop(lambda i, _: i < 2, lambda i, y: (i + 1, tf.where(x > 0, y / x, y)), [0, x])[1]


NUMBERS = np.float32([[-1, 0, 1], [2, np.nan, np.inf], [-np.inf, 3, -4]])
FINITE = np.float32([[-1, 0, 1], [2, -2, .5], [-3, 3, -4]])  # engines compare and compute NaN and infinity each in its way
CHOSEN = {  # what is not chosen is NaN or infinite for some of the numbers
    "1 / x": lambda x: tf.where_v2(x > 0, 1 / x, 0.),
    "log(x)": lambda x: tf.where_v2(x > 0, tf.math.log(x), 0.),
    "finite": lambda x: tf.where_v2(tf.math.is_finite(x), x, 0.),
    "no infinity": lambda x: tf.where_v2(tf.math.is_inf(x), 0., x),
    "no NaN": lambda x: tf.where_v2(tf.math.is_nan(x), 0., x),
    "of the same shape": lambda x: tf.where(x > 0, tf.math.log(x), -x),
    "whole rows": lambda x: tf.where(x[:, 0] > 0, x, tf.zeros_like(x)),
    "whole columns": lambda x: tf.where_v2([False, True, False], 1 / x, x),
    "all or nothing": lambda x: tf.where_v2(rows(x[:1])[0] > 0, x, 1.),
    "another constant": lambda x: tf.where_v2(x > 0, 2., x * np.float32(np.inf)),
    "doubles": lambda x: tf.where_v2(x > 0, 1 / tf.cast(x, tf.float64), 0.),
    "halves": lambda x: tf.where_v2(x > 0, 1 / tf.cast(x, tf.float16), 0.),
    "twice": lambda x: tf.where_v2(x > 0, tf.where_v2(x > 1, tf.math.log(x), x), 0.),
    "in a loop": in_a_loop,
    "a triangle": lambda x: tf.linalg.band_part(x, -1, 0),
    "a band": lambda x: tf.linalg.band_part(tf.tile(x, [2, 2])[tf.newaxis], 1, 2),
}
BRANCHES = {  # no numbers that could be NaN
    "integers": lambda x: tf.where_v2(x > 0, 1, tf.cast(x < 0, tf.int32) * 5),
    "int64": lambda x: tf.where_v2(x > 0, tf.constant(1 << 40, tf.int64), -3),
    "bytes": lambda x: tf.where_v2(x > 0, tf.constant(200, tf.uint8), tf.constant(7, tf.uint8)),
    "bool": lambda x: tf.where_v2(x > 0, x > 1, x < -1),
    "a triangle of integers": lambda x: tf.linalg.band_part(tf.cast(x > 0, tf.int32) + 4, -1, 0),
}


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    return exported_together(tmp_path_factory.mktemp("chosen"), {**CHOSEN, **BRANCHES}, NUMBERS)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", [*CHOSEN, *BRANCHES])
def test_onnx_chooses_as_tensorflow_does(chosen, name):
    got, expected = chosen[name]
    np.testing.assert_allclose(got, expected, rtol=1e-3 if name == "halves" else 1e-6)


@ONNX_PACKAGES
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="pip install openvino")
def test_openvino_chooses_and_leaves_out_as_tensorflow_does(tmp_path):
    def tower(x):
        chosen = tf.where_v2(x > 0, tf.math.log(x), 0.)
        tf.concat([chosen, tf.one_hot(tf.cast(x[:, 0], tf.int32), 3, 2., 1.)], 1, name="y")

    path, expected = exported(tmp_path, "onnx", tower, FINITE)
    with ExportedPredictor(path, "openvino", threads=1) as predictor:
        np.testing.assert_allclose(predictor(FINITE)[0], expected, rtol=1e-5)


@ONNX_PACKAGES
def test_an_opset_without_a_choice_refuses_it(tmp_path):
    with pytest.raises(ValueError, match="Select.* opset of at least 9; got 8"):
        exported(tmp_path, "onnx", named(CHOSEN["1 / x"]), NUMBERS, opset=8)


def test_tflite_chooses_as_tensorflow_does(tmp_path):
    names = ["1 / x", "log(x)", "of the same shape", "whole rows", "whole columns", "all or nothing"]

    def tower(x):
        tf.stack([CHOSEN[name](x) for name in names], name="y")

    path, expected = exported(tmp_path, "tflite", tower, FINITE, batch=3)
    largest = np.finfo("float32").max  # the interpreter of old clips to it
    for name, got, wanted in zip(names, run_tflite(path, FINITE), np.clip(expected, -largest, largest)):
        np.testing.assert_allclose(np.clip(got, -largest, largest), wanted, rtol=1e-6, err_msg=name)


LABELS = np.array([0, 2, 3, -1, -3, -4], "int32")


def in_segments(name, dtype, x):
    return getattr(tf.math, name)(tf.cast(tf.reshape(tf.range(12), [6, 2]) + 1, dtype), x, 4)


ONE_HOT = {
    "last": lambda x: tf.one_hot(x, 3),
    "first": lambda x: tf.one_hot(x, 3, axis=0),
    "between": lambda x: tf.one_hot(tf.reshape(x, [2, 3]), 3, axis=1),
    "more than one dimension": lambda x: tf.one_hot(tf.reshape(x, [3, 2]), 3),
    "of one": lambda x: tf.one_hot(x[3], 3),
    "other values": lambda x: tf.one_hot(x, 3, on_value=.9, off_value=.05),
    "infinity": lambda x: tf.one_hot(x, 3, on_value=0., off_value=-np.inf),
    "integers": lambda x: tf.one_hot(x, 3, dtype=tf.int32),
    "int64": lambda x: tf.one_hot(tf.cast(x, tf.int64), 3, on_value=tf.constant(5, tf.int64),
                                  off_value=tf.constant(-1, tf.int64)),
    "bool": lambda x: tf.one_hot(x, 3, True, False),
    "bytes": lambda x: tf.one_hot(tf.cast(tf.abs(x), tf.uint8), 3, dtype=tf.float64),
    "as many as there are": lambda x: tf.one_hot(x, tf.size(x)),
    "in a loop": lambda x: tf.while_loop(
        lambda i, _: i < 2, lambda i, y: (i + 1, y + tf.one_hot(x - i, 3)), [0, tf.zeros([6, 3])])[1],
}


SEGMENTS = {"{} of {}".format(name, dtype): partial(in_segments, "unsorted_segment_" + name, dtype)
            for name, dtype in [("sum", "float32"), ("sum", "int64"), ("prod", "float32"), ("max", "float32"),
                                ("min", "float32"), ("mean", "float32"), ("sqrt_n", "float32")]}


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return exported_together(tmp_path_factory.mktemp("labelled"), {**ONE_HOT, **SEGMENTS}, LABELS)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", [*ONE_HOT, *SEGMENTS])
def test_onnx_leaves_out_labels_out_of_range(labelled, name):
    got, expected = labelled[name]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


# ---- OpenCV


def weight(name, *shape):
    return tf.get_variable(name, shape, initializer=tf.random_normal_initializer(seed=1))


def convolved(x, channels=5, name="c"):
    return tf.nn.conv2d(x, weight(name, 3, 3, x.shape.as_list()[-1], channels), strides=[1, 1, 1, 1], padding="SAME")


def between_space_and_batch(x):
    x = tf.space_to_batch_nd(x, [2, 3], [[2, 4], [3, 6]])
    x = tf.nn.conv2d(x, weight("w", 3, 3, 4, 5), strides=[1, 1, 1, 1], padding="VALID")
    return tf.batch_to_space_nd(x, [2, 3], [[0, 2], [1, 3]])


def in_halves(x):
    first, second = tf.split(convolved(x, 6), 2, axis=3)
    return first * 2 + tf.nn.relu(second)


def in_parts(x):
    first, second, third = tf.split(x, [1, 2, 1], axis=3)
    return tf.concat([convolved(first, name="a"), second, convolved(third, name="b")], 3)


def padded(x, mode, *sizes):
    return tf.pad(convolved(x), [[0, 0], *sizes, [0, 0]], mode)


OPENCV = {
    "dilated": lambda x: tf.nn.conv2d(x, weight("w", 3, 3, 4, 5), [1, 1, 1, 1], "SAME", dilations=[1, 2, 3, 1]),
    "dilated, valid": lambda x: tf.nn.convolution(x, weight("w", 3, 3, 4, 5), "VALID", dilation_rate=[2, 3]),
    "dilated by space to batch": between_space_and_batch,
    "dilated depthwise": lambda x: tf.nn.depthwise_conv2d(x, weight("w", 3, 3, 4, 1), [1, 1, 1, 1], "SAME", rate=[2, 2]),
    "softmax over channels": lambda x: tf.nn.softmax(30 * convolved(x)),
    "1 - x": lambda x: 1 - tf.sigmoid(convolved(x)),
    "-x": lambda x: -convolved(x),
    "x - channels": lambda x: convolved(x) - tf.constant([1., 2, 3, 4, 5]),
    "split": in_halves,
    "split in parts": in_parts,
    "symmetric padding": lambda x: padded(x, "SYMMETRIC", [1, 2], [3, 0]),
    "reflected padding": lambda x: padded(x, "REFLECT", [1, 2], [3, 0]),
    "reversed channels": lambda x: convolved(x[..., ::-1]),
    "reversed channels behind": lambda x: convolved(x)[:, :, :, ::-1],
    "reversed rows": lambda x: convolved(x)[:, ::-1],
    "reversed part of columns": lambda x: convolved(x)[:, :, 6:1:-2, 1:4],
    "flipped": lambda x: tf.reverse(convolved(x), [1, 2]),
    "a bias at the end": lambda x: tf.nn.bias_add(convolved(x), [1., 2, 3, 4, 5]),
    "larger": lambda x: tf.image.resize_bilinear(convolved(x), [16, 18]),
}


@pytest.mark.parametrize("name", OPENCV)
def test_opencv_computes_a_frozen_graph_made_for_it(tmp_path, name):
    cv2 = pytest.importorskip("cv2")
    image = RNG.uniform(-1, 1, (2, 8, 9, 4)).astype("float32")
    path, expected = exported(tmp_path, "compact", named(OPENCV[name]), image, target="opencv")
    net = cv2.dnn.readNetFromTensorflow(path)
    net.setInput(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(net.forward("y").transpose(0, 2, 3, 1), expected, atol=1e-4)


def test_what_opencv_computes_otherwise_is_refused_with_its_name(tmp_path):
    pytest.importorskip("cv2")
    config = of(named(lambda x: 1 / (2 + tf.sigmoid(convolved(x)))), ["y"], ["x"], signature(np.zeros([1, 8, 8, 4], "float32")))
    with pytest.raises(ExportMismatch, match="OpenCV must run the file.*Division of constant"):
        ModelExporter(config).export_compact(str(tmp_path / "model"), target="opencv")
    with pytest.raises(ValueError, match="target must be None, or 'opencv' with optimize=True; got 'x'"):
        ModelExporter(config).export_compact(str(tmp_path / "model"), target="x")
