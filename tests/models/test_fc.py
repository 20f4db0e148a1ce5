"""FullyConnected and batch_flatten against numpy."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import BNReLU, FullyConnected
from tensorpack.models.fc import batch_flatten


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(4, 6), (3, 2, 5), (2, 3, 4, 2), (5,)], ids=str)
def test_equals_numpy(shape, use_bias):
    x = ref.random_array(*shape)
    placeholder = tf.placeholder(tf.float32, (None,) + shape[1:])
    y = FullyConnected("fc", placeholder, 7, use_bias=use_bias)
    assert y.shape.as_list() == [None, 7]
    with tf.Session() as sess:
        values = ref.randomize(sess)
        got = sess.run(y, {placeholder: x})
    expected = x.reshape(shape[0], -1).astype("float64").dot(values["fc/W"]) + values.get("fc/b", 0)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_gradients_equal_finite_differences():
    x = ref.random_array(3, 2, 2)
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = FullyConnected("fc", placeholder, 4, activation=tf.tanh)
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x)


def test_names():
    y = FullyConnected("fc", tf.placeholder(tf.float32, [2, 3]), out_dim=4, nl=tf.nn.relu)
    assert y.name == "fc/output:0"
    assert ref.collection_names("variables") == ["fc/W", "fc/b"]
    assert {"fc/MatMul", "fc/BiasAdd", "fc/Relu"} <= ref.op_names()
    assert y.variables.all() == tf.global_variables()


def test_variables_of_an_activation_are_renamed():
    def inner(x):
        with tf.variable_scope("inner"):
            return x + tf.get_variable("bias", [])

    FullyConnected("fc", tf.placeholder(tf.float32, [2, 3]), 4, activation=inner)
    assert ref.collection_names("variables")[-1] == "fc/inner/b"


def test_activation_bnrelu_puts_its_variables_below_the_layer():
    with ref.training_tower():
        FullyConnected("fc", tf.placeholder(tf.float32, [2, 3]), 4, activation=BNReLU)
    assert ref.collection_names("variables") == [
        "fc/W", "fc/b", "fc/bn/gamma", "fc/bn/beta", "fc/bn/mean/EMA", "fc/bn/variance/EMA"]


def test_variables_have_the_dtype_of_the_input():
    assert FullyConnected("fc", tf.placeholder(tf.float16, [2, 3]), 4).dtype == tf.float16
    assert {v.dtype.base_dtype for v in tf.global_variables()} == {tf.float16}


@pytest.mark.parametrize("shape", [[None, None, 4], [2, None], None], ids=str)
def test_unknown_features_are_refused(shape):
    with pytest.raises(ValueError, match="all dimensions but the first must be known"):
        FullyConnected("fc", tf.placeholder(tf.float32, shape), 4)


@pytest.mark.parametrize("static,shape,flat", [
    ([None, 3, 4], (2, 3, 4), [None, 12]), ([2, None, 4], (2, 3, 4), [2, None]), ([None, 3, 0], (2, 3, 0), [None, 0]),
    ([3, 2, 2], (3, 2, 2), [3, 4])], ids=["batch", "inner", "empty", "static"])
def test_batch_flatten(static, shape, flat):
    x = ref.random_array(*shape)
    placeholder = tf.placeholder(tf.float32, static)
    y = batch_flatten(placeholder)
    assert y.shape.as_list() == flat
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(y, {placeholder: x}), x.reshape(shape[0], int(np.prod(shape[1:]))))
