"""Conv2D and Conv2DTranspose against numpy: values, gradients, variables, names, formats, regularisers."""
import os
import subprocess
import sys

import layer_reference as ref
import numpy as np
import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.models import BatchNorm, BNReLU, Conv2D, Conv2DTranspose, Deconv2D, FullyConnected
from tensorpack.tfutils.argscope import argscope

CONVOLUTIONS = {
    "same": dict(kernel_size=3),
    "valid": dict(kernel_size=3, padding="VALID"),
    "rectangular": dict(kernel_size=(1, 3), strides=(2, 1)),
    "even-kernel-stride-2": dict(kernel_size=[2, 4], strides=2),
    "valid-stride-2": dict(kernel_size=3, strides=2, padding="valid"),
    "dilated": dict(kernel_size=3, dilation_rate=2),
    "dilated-valid": dict(kernel_size=3, dilation_rate=(2, 1), padding="valid"),
    "dilated-stride-2": dict(kernel_size=3, dilation_rate=2, strides=2),
    "dilated-valid-stride": dict(kernel_size=2, dilation_rate=(1, 2), strides=(2, 3), padding="valid"),
    "grouped": dict(kernel_size=3, split=2),
    "grouped-dilated": dict(kernel_size=3, split=2, dilation_rate=2),
    "depthwise-stride-2": dict(kernel_size=3, split=4, strides=2),
    "no-bias": dict(kernel_size=3, use_bias=False),
}


def pair(a):
    return (a, a) if isinstance(a, int) else tuple(a)


def expected_convolution(x, values, options):
    y = ref.conv2d(x, values["c/W"], pair(options.get("strides", 1)), options.get("padding", "same"),
                   pair(options.get("dilation_rate", 1)), options.get("split", 1))
    return y + values.get("c/b", 0)


@pytest.mark.parametrize("data_format", ["channels_last", "NHWC", "channels_first", "NCHW"])
@pytest.mark.parametrize("case", sorted(CONVOLUTIONS))
def test_convolution_equals_numpy(case, data_format):
    options = CONVOLUTIONS[case]
    x = ref.random_array(2, 7, 6, 4)
    first = data_format in ("channels_first", "NCHW")
    placeholder = tf.placeholder(tf.float32, [None, 4, None, 6] if first else [None, None, 6, 4])
    y = Conv2D("c", placeholder, 8, data_format=data_format, **options)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: ref.to_nchw(x) if first else x})
    expected = expected_convolution(x, values, options)
    np.testing.assert_allclose(ref.to_nhwc(got) if first else got, expected, rtol=1e-4, atol=1e-5)
    assert y.shape.as_list()[1 if first else 3] == 8


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", ["same", "dilated-stride-2", "grouped", "grouped-dilated", "valid-stride-2"])
def test_gradients_equal_finite_differences(case, dtype, data_format):
    x = ref.random_array(2, 4, 5, 4, dtype=dtype)
    placeholder = tf.placeholder(dtype, x.shape)
    y = Conv2D("c", placeholder, 4, data_format=data_format, **dict(CONVOLUTIONS[case], padding="same"))
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x, epsilon=0.5, tolerance=1e-4)


SPECIAL = sorted(case for case, options in CONVOLUTIONS.items() if "split" in options or "dilation_rate" in options)


@pytest.mark.parametrize("case", SPECIAL)
def test_without_kernels_for_groups_and_dilation_the_numbers_are_the_same(case, monkeypatch):
    monkeypatch.setattr(compat, "has_onednn", lambda: False)
    x = ref.random_array(2, 7, 6, 4)
    placeholder = tf.placeholder(tf.float32, [None, None, 6, 4])
    y = Conv2D("c", placeholder, 8, **CONVOLUTIONS[case])
    kernels = [op for op in tf.get_default_graph().get_operations() if op.type == "Conv2D"]
    assert kernels and all(op.get_attr("dilations") == [1, 1, 1, 1] for op in kernels)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: x})
        ref.check_gradients(sess, y, placeholder, x, epsilon=0.5, tolerance=1e-4)
    np.testing.assert_allclose(got, expected_convolution(x, values, CONVOLUTIONS[case]), rtol=1e-4, atol=1e-5)


def test_grouped_and_dilated_convolutions_are_one_kernel_where_that_exists(monkeypatch):
    x = tf.placeholder(tf.float32, [1, 8, 8, 4])
    for has_onednn in (True, False):
        monkeypatch.setattr(compat, "has_onednn", lambda value=has_onednn: value)
        Conv2D("c{:d}".format(has_onednn), x, 8, 3, split=4, dilation_rate=2)
    kernels = [op.name for op in tf.get_default_graph().get_operations() if op.type == "Conv2D"]
    assert [name for name in kernels if name.startswith("c1/")] == ["c1/Conv2D"]
    assert len([name for name in kernels if name.startswith("c0/")]) == 4


TRAIN_WITHOUT_ONEDNN = """
from tensorpack import Conv2D, tfv1 as tf
y = Conv2D("b", Conv2D("a", tf.ones([1, 8, 8, 4]), 8, 3, split=2), 8, 3, dilation_rate=2)
step = tf.gradients(tf.reduce_sum(y), tf.trainable_variables())
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    sess.run(step)
"""


@pytest.mark.slow_on(1)
def test_training_works_where_the_environment_turns_onednn_off():
    environment = dict(os.environ, TF_ENABLE_ONEDNN_OPTS="0", PYTHONPATH=os.pathsep.join(sys.path))
    subprocess.run([sys.executable, "-c", TRAIN_WITHOUT_ONEDNN], env=environment, check=True)


def test_static_shape_is_known_where_possible():
    x = tf.placeholder(tf.float32, [None, 9, None, 3])
    assert Conv2D("a", x, 5, 3, strides=2).shape.as_list() == [None, 5, None, 5]
    y = tf.placeholder(tf.float32, [2, 3, 9, 8])
    assert Conv2D("b", y, 5, 3, data_format="NCHW").shape.as_list() == [2, 5, 9, 8]
    z = Conv2D("d", tf.placeholder(tf.float32, [2, 9, 9, 3]), 5, 3, dilation_rate=2, padding="valid")
    assert z.shape.as_list() == [2, 5, 5, 5]


@pytest.mark.parametrize("options,shape", [
    (dict(), [3, 5, 4, 8]), (dict(split=2), [3, 5, 2, 8]), (dict(dilation_rate=2), [3, 5, 4, 8]),
    (dict(data_format="NCHW"), [3, 5, 4, 8])], ids=["plain", "split", "dilated", "nchw"])
def test_variables_names_and_holder(options, shape):
    x = tf.placeholder(tf.float32, [2, 4, 4, 4])
    y = Conv2D("c", x, 8, (3, 5), **options)
    variables = tf.trainable_variables()
    assert [v.op.name for v in variables] == ["c/W", "c/b"]
    assert [v.shape.as_list() for v in variables] == [shape, [8]]
    assert y.variables.all() == [y.variables.W, y.variables.b] == variables
    assert y.name == "c/output:0"
    assert "c/BiasAdd" in ref.op_names()


def test_common_operation_names():
    Conv2D("c", tf.placeholder(tf.float32, [1, 4, 4, 2]), 3, 3, activation=tf.nn.relu)
    assert {"c/Conv2D", "c/BiasAdd", "c/Relu", "c/output"} <= ref.op_names()


def test_half_precision_input_makes_half_precision_variables():
    y = Conv2D("c", tf.placeholder(tf.float16, [1, 4, 4, 2]), 3, 3)
    assert y.dtype == tf.float16
    assert {v.dtype.base_dtype for v in tf.trainable_variables()} == {tf.float16}


@pytest.mark.parametrize("layer,std", [
    (lambda: Conv2D("l", tf.placeholder(tf.float32, [1, 8, 8, 64]), 128, 3), (2.0 / (9 * 64)) ** 0.5),
    (lambda: Conv2D("l", tf.placeholder(tf.float32, [1, 8, 8, 64]), 128, 3, split=4), (2.0 / (9 * 16)) ** 0.5),
    (lambda: Conv2DTranspose("l", tf.placeholder(tf.float32, [1, 8, 8, 128]), 64, 3), (2.0 / (9 * 64)) ** 0.5),
    (lambda: FullyConnected("l", tf.placeholder(tf.float32, [1, 500]), 200), (2.0 / 500) ** 0.5),
], ids=["conv", "grouped", "transposed", "fc"])
def test_default_kernel_is_an_untruncated_normal_and_bias_zero(layer, std):
    tf.set_random_seed(1)
    output = layer()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        W, b = sess.run([output.variables.W, output.variables.b])
    assert abs(W.std() / std - 1) < 0.02
    assert abs(W.mean()) < 0.02 * std
    assert np.abs(W).max() > 2.5 * std  # a truncated normal ends at about 2.3
    assert not b.any()


def test_old_argument_names():
    def nl(x, name):
        assert name is None
        return tf.tanh(x, name=name)

    y = Conv2D("c", tf.placeholder(tf.float32, [1, 8, 8, 2]), out_channel=3, kernel_shape=5, stride=2, nl=nl,
               W_init=tf.constant_initializer(2), b_init=tf.constant_initializer(3))
    assert y.shape.as_list() == [1, 4, 4, 3]
    assert "c/Tanh" in ref.op_names()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert (sess.run(y.variables.W) == 2).all() and (sess.run(y.variables.b) == 3).all()


def test_old_nl_wins_and_may_be_none():
    x = tf.placeholder(tf.float32, [1, 8, 8, 2])
    Conv2D("c", x, 3, 3, activation=tf.nn.relu, nl=None)
    assert "c/Relu" not in ref.op_names()


@pytest.mark.parametrize("activation,function", [
    ("relu", lambda x: np.maximum(x, 0)), ("tanh", np.tanh), ("linear", lambda x: x),
    ("hard_sigmoid", lambda x: np.clip(0.2 * x + 0.5, 0, 1)), (tf.nn.relu, lambda x: np.maximum(x, 0))],
    ids=["relu", "tanh", "linear", "hard_sigmoid", "function"])
def test_activation_by_name_or_function(activation, function):
    x = ref.random_array(1, 3, 3, 2)
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = Conv2D("c", placeholder, 2, 1, activation=activation)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: x})
    np.testing.assert_allclose(got, function(ref.conv2d(x, values["c/W"]) + values["c/b"]), rtol=1e-5, atol=1e-5)


def test_unknown_activation_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="relu.*got 'reluu'"):
        Conv2D("c", tf.placeholder(tf.float32, [1, 3, 3, 2]), 2, 1, activation="reluu")


def test_activation_bnrelu_puts_its_variables_below_the_layer():
    with ref.training_tower():
        Conv2D("c", tf.placeholder(tf.float32, [2, 4, 4, 2]), 3, 3, activation=BNReLU, use_bias=False)
    assert ref.collection_names("variables") == [
        "c/W", "c/bn/gamma", "c/bn/beta", "c/bn/mean/EMA", "c/bn/variance/EMA"]
    assert {"c/bn/output", "c/Relu", "c/output"} <= ref.op_names()


def make_kernel(x):
    with tf.variable_scope("inner"):
        return x * tf.get_variable("kernel", []) + tf.get_variable("bias", [])


@pytest.mark.parametrize("options,names", [
    (dict(), ["c/inner/W", "c/inner/b"]),
    (dict(split=2), ["c/inner/kernel", "c/inner/bias"]),
    (dict(dilation_rate=2), ["c/inner/kernel", "c/inner/bias"])], ids=["plain", "split", "dilated"])
def test_variables_of_an_activation_are_renamed_in_the_plain_path_only(options, names):
    Conv2D("c", tf.placeholder(tf.float32, [1, 4, 4, 2]), 4, 3, activation=make_kernel, **options)
    assert ref.collection_names("variables") == ["c/W", "c/b"] + names


def half_square(w):
    return 0.5 * tf.reduce_sum(tf.square(w))


@pytest.mark.parametrize("make", [
    lambda x, **kw: Conv2D("c", x, 4, 3, **kw),
    lambda x, **kw: Conv2D("c", x, 4, 3, split=2, **kw),
    lambda x, **kw: Conv2D("c", x, 4, 3, dilation_rate=2, **kw),
    lambda x, **kw: Conv2DTranspose("c", x, 4, 3, **kw),
    lambda x, **kw: FullyConnected("c", x, 4, **kw),
], ids=["plain", "split", "dilated", "transposed", "fc"])
def test_regularizers_add_their_losses_once_per_variable(make):
    x = ref.random_array(2, 4, 4, 2)
    options = dict(kernel_regularizer=half_square, bias_regularizer=tf.reduce_sum,
                   activity_regularizer=lambda y: tf.reduce_sum(tf.abs(y)))
    outputs = [make(tf.constant(x), **options)]
    with tf.variable_scope("", reuse=True):
        outputs.append(make(tf.constant(x), **options))
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert [loss.name.split("/Regularizer")[0] for loss in losses[:2]] == ["c/kernel", "c/bias"]
    assert len(losses) == 4  # one activity loss for each of the two outputs
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got, y = sess.run([losses, outputs])
    expected = [0.5 * (values["c/W"] ** 2).sum(), values["c/b"].sum(), np.abs(y[0]).sum() / 2, np.abs(y[1]).sum() / 2]
    np.testing.assert_allclose(got, expected, rtol=1e-4)


@pytest.mark.parametrize("options,text", [
    (dict(filters=8, kernel_size=3, split=3), "multiples of split; got 4 and 8"),
    (dict(filters=6, kernel_size=3, split=4), "multiples of split; got 4 and 6"),
    (dict(filters=8, kernel_size=3, padding="full"), "padding must be 'same' or 'valid'; got 'full'"),
    (dict(filters=8, kernel_size=3, data_format="NHCW"), "Unknown data_format"),
    (dict(filters=8, kernel_size=3, out_channel=8), "'out_channel' is the old name of 'filters'; got both"),
], ids=["channels-split", "filters-split", "padding", "data-format", "both-names"])
def test_wrong_options_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        Conv2D("c", tf.placeholder(tf.float32, [1, 8, 8, 4]), **options)


@pytest.mark.parametrize("layer", [Conv2D, Conv2DTranspose], ids=["conv", "transposed"])
def test_wrong_inputs_are_refused(layer):
    with pytest.raises(ValueError, match="must be 4-D; got shape"):
        layer("c", tf.placeholder(tf.float32, [1, 8, 4]), 8, 3)
    with pytest.raises(ValueError, match="number of channels must be known"):
        layer("d", tf.placeholder(tf.float32, [1, 8, 8, None]), 8, 3)


def test_only_filters_and_kernel_size_are_positional():
    with pytest.raises(ValueError, match=r"positional after the inputs: \['filters', 'kernel_size'\]; got 3"):
        Conv2D("c", tf.placeholder(tf.float32, [1, 8, 8, 4]), 8, 3, 2)


def test_new_spelling_at_the_call_overrides_old_spelling_in_argscope():
    with argscope(Conv2D, kernel_shape=3):
        y = Conv2D("c", tf.placeholder(tf.float32, [1, 8, 8, 4]), 8, kernel_size=5)
    assert y.variables.W.shape.as_list() == [5, 5, 4, 8]


def test_positional_arguments_override_argscope():
    with argscope(Conv2D, kernel_size=3, filters=2):
        y = Conv2D("c", tf.placeholder(tf.float32, [1, 8, 8, 4]), 8, 5)
    assert y.variables.W.shape.as_list() == [5, 5, 4, 8]


TRANSPOSED = {
    "same-1": dict(kernel_size=3, strides=1),
    "same-2": dict(kernel_size=3, strides=2),
    "valid-1": dict(kernel_size=3, strides=1, padding="valid"),
    "valid-2": dict(kernel_size=3, strides=2, padding="VALID"),
    "valid-gaps": dict(kernel_size=2, strides=3, padding="valid"),
    "same-gaps": dict(kernel_size=2, strides=3),
    "rectangular": dict(kernel_size=(2, 4), strides=(3, 2), use_bias=False),
}


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("case", sorted(TRANSPOSED))
def test_transposed_convolution_equals_numpy(case, data_format):
    options = TRANSPOSED[case]
    first = data_format == "NCHW"
    x = ref.random_array(2, 4, 5, 3)
    placeholder = tf.placeholder(tf.float32, [None, 3, 4, None] if first else [None, 4, None, 3])
    y = Conv2DTranspose("c", placeholder, 6, data_format=data_format, **options)
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: ref.to_nchw(x) if first else x})
    expected = ref.conv2d_transpose(x, values["c/W"], pair(options["strides"]), options.get("padding", "same"))
    expected = expected + values.get("c/b", 0)
    np.testing.assert_allclose(ref.to_nhwc(got) if first else got, expected, rtol=1e-4, atol=1e-5)
    static = [None, 6, got.shape[2], None] if first else [None, got.shape[1], None, 6]
    assert y.shape.as_list() == static
    assert y.name == "c/output:0"


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_transposed_gradients_equal_finite_differences(data_format):
    x = ref.random_array(2, 3, 4, 2)
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = Conv2DTranspose("c", placeholder, 2, 3, 2, data_format=data_format)
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x, epsilon=0.5, tolerance=1e-4)


def test_deconv2d_is_conv2dtranspose():
    assert Deconv2D is Conv2DTranspose
    with argscope(Deconv2D, kernel_size=5):
        y = Deconv2D("d", tf.placeholder(tf.float32, [1, 4, 4, 2]), 3, strides=2)
    assert y.variables.W.shape.as_list() == [5, 5, 3, 2]
    assert y.shape.as_list() == [1, 8, 8, 3]


def test_resource_variables_work():
    with ref.training_tower(), tf.variable_scope("", use_resource=True):
        x = Conv2D("c", tf.ones([1, 4, 4, 2]), 3, 3, kernel_regularizer=half_square)
        y = BatchNorm("bn", Conv2D("g", x, 3, 3, split=3))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run([y] + tf.get_collection(tf.GraphKeys.UPDATE_OPS) + tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
