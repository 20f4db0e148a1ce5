"""PReLU, Maxout and BNReLU against numpy."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import BatchNorm, BNReLU, Maxout, PReLU
from tensorpack.tfutils.argscope import argscope


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_prelu_equals_numpy(dtype):
    x = ref.random_array(4, 5).astype(dtype)
    x[0, 0] = 0
    placeholder = tf.placeholder(dtype, x.shape)
    y = PReLU("p", placeholder, init=0.25)
    assert y.dtype == dtype and y.variables.alpha.dtype.base_dtype == tf.float32
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
    np.testing.assert_array_equal(got, np.where(x > 0, x, x * np.array(0.25, dtype)))


def test_prelu_names_and_default():
    y = PReLU("p", tf.placeholder(tf.float32, [2]))
    assert y.name == "p/Mul_2:0" and "p/output" in ref.op_names()
    assert ref.collection_names("trainable_variables") == ["p/alpha"]
    assert y.variables.alpha.shape.as_list() == []
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert abs(sess.run(y.variables.alpha) - 0.001) < 1e-9


def test_prelu_name_argument_is_deprecated_and_works(log_records):
    PReLU("p", tf.placeholder(tf.float32, [2]), name="old")
    assert "p/old" in ref.op_names() and "p/Mul_2" not in ref.op_names()
    assert [r.levelname for r in log_records] == ["WARNING"]


def test_prelu_gradients_equal_finite_differences():
    x = ref.random_array(4, 5)
    x += 0.2 * np.sign(x)  # away from the kink
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = PReLU("p", placeholder)
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x, epsilon=1e-2)


@pytest.mark.parametrize("static,shape,num_unit", [
    ([None, 6], (3, 6), 2), ([None, None, 4, 6], (2, 3, 4, 6), 3), ([2, 3, 3, 4], (2, 3, 3, 4), 4)], ids=["2d", "4d", "all"])
def test_maxout_takes_the_maximum_of_consecutive_channels(static, shape, num_unit):
    x = ref.random_array(*shape)
    placeholder = tf.placeholder(tf.float32, static)
    y = Maxout("m", placeholder, num_unit)
    assert y.name == "m/output:0" and Maxout(placeholder, num_unit).name == "output:0"
    assert y.shape.as_list() == static[:-1] + [static[-1] // num_unit]
    with tf.Session() as sess:
        got = sess.run(y, {placeholder: x})
    expected = np.stack([x[..., i::num_unit] for i in range(num_unit)]).max(axis=0)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("shape,num_unit", [([2, 5], 2), ([2, None], 2), ([2, 3, 4], 2)], ids=["odd", "unknown", "3d"])
def test_maxout_refuses_what_does_not_fit(shape, num_unit):
    with pytest.raises(ValueError, match="known multiple of 2"):
        Maxout(tf.placeholder(tf.float32, shape), num_unit)


def test_bnrelu_is_batchnorm_then_relu():
    x = ref.random_array(8, 3)
    placeholder = tf.placeholder(tf.float32, x.shape)
    with ref.training_tower(), argscope(BatchNorm, epsilon=0.5):
        y, named = BNReLU(placeholder), BNReLU("s", placeholder)
    assert (y.name, named.name) == ("Relu:0", "s/Relu:0")
    assert ref.collection_names("trainable_variables") == ["bn/gamma", "bn/beta", "s/bn/gamma", "s/bn/beta"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        got = sess.run(y, {placeholder: x})
    np.testing.assert_allclose(got, np.maximum(ref.normalize(x, (0,), 1, 0, 0.5), 0), atol=1e-5)


def test_bnrelu_name_argument_names_the_relu():
    with ref.training_tower():
        assert BNReLU(tf.placeholder(tf.float32, [2, 3]), name="act").name == "act:0"
