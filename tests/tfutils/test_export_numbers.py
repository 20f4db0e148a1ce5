"""Divisions, choices and labels that converters get wrong by themselves: the files compute what the model computes."""
import importlib.util
from functools import partial

import numpy as np
import pytest
from exported_towers import ONNX_PACKAGES, exported, exported_together, named, run_tflite

from tensorpack.compat import tfv1 as tf
from tensorpack.predict import ExportedPredictor

INTEGERS = np.arange(-9, 10).astype("int32")
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


DIVISIONS = {"//": tf.floordiv, "%": tf.floormod, "truncated %": tf.truncatemod}
DIVISORS = [4, -3]
FRACTIONS = np.float32([-1.7, -.4, .3, 2.2])


def divided(name, divisor, dtype, x):
    return DIVISIONS[name](tf.cast(x, dtype), tf.constant(divisor, dtype))


def divided_together(folder, value, dtypes, names, divisors):
    keys = [(name, divisor, dtype) for name in names for divisor in divisors for dtype in dtypes]
    return exported_together(folder, {key: partial(divided, *key) for key in keys}, value, has_batch=True)


@pytest.fixture(scope="module")
def divided_integers(tmp_path_factory):
    return divided_together(tmp_path_factory.mktemp("divided"), INTEGERS, ["int32", "int64"], DIVISIONS, DIVISORS)


@ONNX_PACKAGES
@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", DIVISIONS)
def test_onnx_divides_negative_integers_as_tensorflow_does(divided_integers, name, dtype, divisor):
    got, expected = divided_integers[name, divisor, dtype]
    assert got.dtype == dtype
    np.testing.assert_array_equal(got, expected)


@ONNX_PACKAGES
def test_onnx_divides_floats_as_tensorflow_does(tmp_path):
    for got, expected in divided_together(tmp_path, FRACTIONS, ["float32"], ["//", "%"], [.3]).values():
        np.testing.assert_allclose(got, expected, atol=1e-6)


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


def test_tflite_leaves_out_labels_out_of_range(tmp_path):
    names = ["last", "first", "between", "more than one dimension", "of one", "other values"]

    def tower(x):
        tf.concat([tf.reshape(ONE_HOT[name](x), [-1]) for name in names], 0, name="y")

    path, expected = exported(tmp_path, "tflite", tower, LABELS, batch=len(LABELS))
    np.testing.assert_allclose(run_tflite(path, LABELS), expected, rtol=1e-6)
