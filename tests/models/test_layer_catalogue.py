"""Promises that hold for every layer, over one catalogue; a layer that is missing from it fails the test."""
import inspect

import layer_reference as ref
import numpy as np
import pytest

from tensorpack import compat, models
from tensorpack.compat import tfv1 as tf
from tensorpack.models import batch_norm, registry
from tensorpack.models.registry import get_registered_layer
from tensorpack.tfutils.argscope import argscope
from tensorpack.tfutils.tower import TowerContext


class Entry:
    """One layer: its call, an NHWC (or NC) input shape, its variables, and the name of its output in training.

    `exact` are the options with which the layer's gradients are those of the function that it computes.
    """

    def __init__(self, call, variables, output="l/output:0", shape=(4, 6, 6, 4), formats=True, exact=None):
        self.call = call
        self.variables = variables
        self.output = output
        self.shape = shape
        self.formats = formats
        self.exact = exact or {}


NORM = {"l/gamma": [4], "l/beta": [4], "l/mean/EMA": [4], "l/variance/EMA": [4]}
RENORM = ["moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev"]
BNRELU = {"l/bn/gamma": [4], "l/bn/beta": [4], "l/bn/mean/EMA": [4], "l/bn/variance/EMA": [4]}

CATALOGUE = {
    "AvgPooling": Entry(lambda x, **k: models.AvgPooling("l", x, 2, **k), {}),
    "BNReLU": Entry(lambda x: models.BNReLU("l", x), BNRELU, "l/Relu:0", formats=False),
    "BatchNorm": Entry(lambda x, **k: models.BatchNorm("l", x, **k), NORM),
    "BatchRenorm": Entry(
        lambda x, **k: batch_norm.BatchRenorm("l", x, **dict(dict(rmax=1.5, dmax=0.5), **k)),
        dict([("l/" + name, [4]) for name in ["gamma", "beta"] + RENORM]), exact=dict(rmax=1, dmax=0)),
    "ConcatWith": Entry(lambda x: models.ConcatWith("l", x, [x], 0), {}, "l/concat:0", formats=False),
    "Conv2D": Entry(lambda x, **k: models.Conv2D("l", x, 3, 5, **k), {"l/W": [5, 5, 4, 3], "l/b": [3]}),
    "Conv2DTranspose": Entry(
        lambda x, **k: models.Conv2DTranspose("l", x, 3, 5, 2, **k), {"l/W": [5, 5, 3, 4], "l/b": [3]}),
    "Dropout": Entry(lambda x: models.Dropout("l", x, rate=0.0, name="d"), {}, None, formats=False),
    "FixedUnPooling": Entry(lambda x, **k: models.FixedUnPooling("l", x, 2, **k), {}, "l/Reshape:0"),
    "FullyConnected": Entry(
        lambda x: models.FullyConnected("l", x, 3), {"l/W": [6 * 6 * 4, 3], "l/b": [3]}, formats=False),
    "GlobalAvgPooling": Entry(lambda x, **k: models.GlobalAvgPooling("l", x, **k), {}),
    "InstanceNorm": Entry(
        lambda x, **k: models.InstanceNorm("l", x, **k), {"l/beta": [4], "l/gamma": [4]}, "l/output/add_1:0"),
    "LayerNorm": Entry(lambda x, **k: models.LayerNorm("l", x, **k), {"l/beta": [4], "l/gamma": [4]}, "l/output/add_1:0"),
    "MaxPooling": Entry(lambda x, **k: models.MaxPooling("l", x, 2, **k), {}),
    "Maxout": Entry(lambda x: models.Maxout("l", x, 2), {}, formats=False),
    "PReLU": Entry(lambda x: models.PReLU("l", x), {"l/alpha": []}, "l/Mul_2:0", formats=False),
}

LAYERS = pytest.mark.parametrize("entry", [CATALOGUE[name] for name in sorted(CATALOGUE)], ids=sorted(CATALOGUE))
WITH_FORMATS = pytest.mark.parametrize(
    "entry", [e for _, e in sorted(CATALOGUE.items()) if e.formats], ids=[n for n, e in sorted(CATALOGUE.items()) if e.formats])


def build(entry, is_training=True, **kwargs):
    placeholder = tf.placeholder(tf.float32, (None,) + entry.shape[1:])
    with TowerContext("", is_training=is_training):
        return placeholder, entry.call(placeholder, **kwargs)


def test_the_catalogue_covers_all_layers():
    """Whatever the library registers, whether or not it is exported."""
    layers = {layer.__name__ for layer in registry._layers.values()
              if layer is not None and inspect.getmodule(inspect.unwrap(layer)).__name__.startswith("tensorpack.models.")}
    assert layers == set(CATALOGUE)


def test_all_is_sorted_and_bound():
    assert sorted(models.__all__) == models.__all__
    assert all(hasattr(models, name) for name in models.__all__)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_layers_are_exported_and_found_by_name(name):
    assert name in models.__all__
    assert get_registered_layer(name) is getattr(models, name)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_docstrings_name_the_variables_and_the_output(name):
    entry, text = CATALOGUE[name], inspect.getdoc(get_registered_layer(name))
    assert len(text) > 100
    names = list(entry.variables) + ([entry.output.split(":")[0]] if entry.output else [])
    for each in names:
        assert each.split("/", 1)[1] in text, each
    if entry.variables:
        assert "Variable" in text


@LAYERS
def test_variables_and_output_have_their_names_and_shapes(entry):
    _, y = build(entry)
    assert {v.op.name: v.shape.as_list() for v in tf.global_variables()} == entry.variables
    assert tf.local_variables() == []
    assert all(v.dtype.base_dtype == tf.float32 for v in tf.global_variables())
    if entry.output:
        assert y.name == entry.output


@LAYERS
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
def test_the_static_shape_is_that_of_the_result(entry, is_training):
    placeholder, y = build(entry, is_training)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        result = sess.run(y, {placeholder: ref.random_array(*entry.shape)})
    assert np.isfinite(result).all()
    assert y.shape.as_list()[1:] == list(result.shape[1:])
    assert y.dtype == tf.float32


@LAYERS
def test_the_second_tower_shares_variables(entry):
    build(entry)
    variables = tf.global_variables()
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        placeholder = tf.placeholder(tf.float32, (None,) + entry.shape[1:])
        with TowerContext("inference", is_training=False):
            y = entry.call(placeholder)
    assert tf.global_variables() == variables
    if entry.variables:
        assert y.name == "inference/" + entry.output


@LAYERS
def test_resource_variables_have_the_same_names(entry):
    with tf.variable_scope("", use_resource=True):
        placeholder, y = build(entry)
    assert {v.op.name: v.shape.as_list() for v in tf.global_variables()} == entry.variables
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run([y] + tf.get_collection(tf.GraphKeys.UPDATE_OPS), {placeholder: ref.random_array(*entry.shape)})


def distinct_values(shape):
    """Values that differ from each other, and from zero, by more than a finite difference moves them."""
    count = int(np.prod(shape))
    return ((np.random.RandomState(1).permutation(count) + 0.5) * (4.0 / count) - 2).reshape(shape)


@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("name,data_format", [(name, "NHWC") for name in sorted(CATALOGUE)] + [
    (name, "NCHW") for name in sorted(CATALOGUE) if CATALOGUE[name].formats])
def test_gradients_equal_finite_differences(name, data_format, is_training):
    entry = CATALOGUE[name]
    value, options = distinct_values(entry.shape), dict(entry.exact)
    if data_format == "NCHW":
        value, options["data_format"] = ref.to_nchw(value), "NCHW"
    placeholder = tf.placeholder(tf.float64, value.shape)
    with TowerContext("", is_training=is_training):
        y = entry.call(placeholder, **options)
    # variables are float64 too, but for PReLU's
    tolerance = 1e-6 if all(v.dtype.base_dtype == tf.float64 for v in tf.global_variables()) else 1e-3
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, value, epsilon=1e-4, tolerance=tolerance)


def result_and_gradient(entry, dtype, is_training):
    """Of the layer with input of this dtype, from the same values in a graph of its own; both float32."""
    with tf.Graph().as_default():
        placeholder = tf.placeholder(tf.float32, entry.shape)
        with TowerContext("", is_training=is_training):
            y = entry.call(tf.cast(placeholder, dtype))
        assert y.dtype == dtype
        y = tf.cast(y, tf.float32)
        gradient = tf.gradients(tf.reduce_sum(y * ref.random_array(*y.shape.as_list(), seed=1)), placeholder)[0]
        with tf.Session() as sess:
            for name, value in ref.randomize(sess).items():
                variable = [v for v in tf.trainable_variables() if v.op.name == name][0]
                variable.load((value / 4).astype(variable.dtype.base_dtype.as_numpy_dtype), sess)
            return sess.run([y, gradient], {placeholder: ref.random_array(*entry.shape)})


@LAYERS
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
def test_half_precision_input_gives_nearly_the_same_numbers(entry, is_training):
    single = result_and_gradient(entry, "float32", is_training)
    for dtype, tolerance in (("float16", 1e-2), ("bfloat16", 5e-2)):
        for got, expected in zip(result_and_gradient(entry, dtype, is_training), single):
            np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * np.abs(expected).max(), err_msg=dtype)


@LAYERS
def test_an_empty_batch_gives_an_empty_result(entry):
    """Of its shape, only the first size is checked: that of oneDNN's convolution of nothing has other channels."""
    placeholder, y = build(entry, is_training=False)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert len(sess.run(y, {placeholder: np.zeros((0,) + entry.shape[1:])})) == 0


@WITH_FORMATS
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
def test_channels_first_gives_the_same_numbers_with_the_same_variables(entry, is_training):
    x = ref.random_array(*entry.shape)
    placeholder, y = build(entry, is_training)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        first = tf.placeholder(tf.float32, (None,) + ref.to_nchw(x).shape[1:])
        with TowerContext("first", is_training=is_training):
            z = entry.call(first, data_format="NCHW")
        with TowerContext("keras", is_training=is_training):
            w = entry.call(first, data_format="channels_first")
    with tf.Session() as sess:
        ref.randomize(sess)
        a, b, c = sess.run([y, z, w], {placeholder: x, first: ref.to_nchw(x)})
    for other in (b, c):
        np.testing.assert_allclose(ref.to_nhwc(other) if other.ndim == 4 else other, a, rtol=1e-4, atol=1e-5)


def shapes(entry, **kwargs):
    """Static shapes of the output and of the variables, in a graph of their own."""
    with tf.Graph().as_default():
        _, y = build(entry, **kwargs)
        return y.shape.as_list(), [v.shape.as_list() for v in tf.global_variables()]


@WITH_FORMATS
def test_argscope_gives_the_data_format(entry):
    layer = get_registered_layer([name for name, e in CATALOGUE.items() if e is entry][0])
    with argscope(layer, data_format="NCHW"):
        scoped = shapes(entry)
    assert scoped == shapes(entry, data_format="NCHW") != shapes(entry)


@WITH_FORMATS
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
def test_with_a_gpu_channels_first_needs_no_transposes(entry, is_training, monkeypatch):
    without_gpu = shapes(entry, data_format="NCHW")
    monkeypatch.setattr(compat, "has_gpu", lambda: True)
    _, y = build(entry, is_training, data_format="NCHW")
    assert (y.shape.as_list(), [v.shape.as_list() for v in tf.global_variables()]) == without_gpu
    transposes = [op for op in tf.get_default_graph().get_operations() if op.type == "Transpose"]
    assert all(op.outputs[0].shape.ndims != 4 for op in transposes)


@LAYERS
def test_inference_leaves_nothing_in_the_collections_of_training(entry):
    build(entry, is_training=False)
    for key in (tf.GraphKeys.UPDATE_OPS, tf.GraphKeys.MODEL_VARIABLES, tf.GraphKeys.REGULARIZATION_LOSSES):
        assert tf.get_collection(key) == []
