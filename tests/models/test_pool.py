"""Pooling and un-pooling against numpy."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import AvgPooling, FixedUnPooling, GlobalAvgPooling, MaxPooling

WINDOWS = {
    "default": dict(pool_size=2),
    "overlapping": dict(pool_size=3, strides=2),
    "same": dict(pool_size=3, strides=2, padding="SAME"),
    "same-rectangular": dict(pool_size=(3, 2), strides=(1, 2), padding="same"),
    "old-names": dict(shape=(2, 3), stride=1),
}


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("layer,reduce", [(MaxPooling, np.max), (AvgPooling, np.mean)], ids=["max", "avg"])
@pytest.mark.parametrize("case", sorted(WINDOWS))
def test_pooling_equals_numpy(case, layer, reduce, data_format):
    options = WINDOWS[case]
    x = ref.random_array(2, 7, 6, 3)
    first = data_format == "NCHW"
    value = ref.to_nchw(x) if first else x
    placeholder = tf.placeholder(tf.float32, (None,) + value.shape[1:])
    y = layer("p", placeholder, data_format=data_format, **options)
    with tf.Session() as sess:
        got = sess.run(y, {placeholder: value})
    size = options.get("pool_size", options.get("shape"))
    strides = options.get("strides", options.get("stride", size))
    size, strides = [(a, a) if isinstance(a, int) else a for a in (size, strides)]
    expected = ref.pool(x, size, strides, options.get("padding", "valid"), reduce)
    np.testing.assert_allclose(ref.to_nhwc(got) if first else got, expected, rtol=1e-5, atol=1e-6)
    assert y.name == "p/output:0" and y.shape.as_list()[1:] == list(got.shape[1:])
    assert not tf.global_variables()


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("layer", [MaxPooling, AvgPooling], ids=["max", "avg"])
def test_pooling_gradients_equal_finite_differences(layer, data_format):
    x = np.random.RandomState(0).permutation(2 * 4 * 4 * 4).reshape(2, 4, 4, 4).astype("float32")
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = layer("p", placeholder, 3, 2, padding="same", data_format=data_format)
    with tf.Session() as sess:
        ref.check_gradients(sess, y, placeholder, x, epsilon=0.05)


def test_positional_size_and_strides_and_op_name():
    x = tf.placeholder(tf.float32, [None, 8, 8, 3])
    assert MaxPooling("m", x, 3, 1).shape.as_list() == [None, 6, 6, 3]
    assert AvgPooling("a", x, 4).shape.as_list() == [None, 2, 2, 3]
    assert {"m/MaxPool", "a/AvgPool"} <= ref.op_names()
    with pytest.raises(ValueError, match="positional"):
        MaxPooling("n", x, 3, 1, 1)


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
def test_global_average(data_format):
    x = ref.random_array(2, 3, 4, 5)
    value = ref.to_nchw(x) if data_format == "NCHW" else x
    placeholder = tf.placeholder(tf.float32, value.shape)
    y = GlobalAvgPooling("g", placeholder, data_format=data_format)
    with tf.Session() as sess:
        got = sess.run(y, {placeholder: value})
    np.testing.assert_allclose(got, x.mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)
    assert y.name == "g/output:0"


@pytest.mark.parametrize("data_format", ["NHWC", "NCHW"])
@pytest.mark.parametrize("shape,matrix", [(2, None), ((2, 3), None), ((2, 3), [[1.0, 2, 3], [4, 5, 6]])],
                         ids=["square", "pair", "matrix"])
def test_unpooling_is_a_kronecker_product(shape, matrix, data_format):
    x = ref.random_array(2, 3, 4, 2)
    first = data_format == "NCHW"
    value = ref.to_nchw(x) if first else x
    static = [None, 2, 3, None] if first else [None, 3, None, 2]
    placeholder = tf.placeholder(tf.float32, static)
    array = None if matrix is None else np.array(matrix, "float32")
    y = FixedUnPooling("u", placeholder, shape, unpool_mat=array, data_format=data_format)
    with tf.Session() as sess:
        got = sess.run(y, {placeholder: value})
    height, width = (shape, shape) if isinstance(shape, int) else shape
    if array is None:
        array = np.zeros((height, width))
        array[0, 0] = 1
    expected = np.stack([np.stack([np.kron(x[n, :, :, c], array) for c in range(2)], axis=-1) for n in range(2)])
    np.testing.assert_allclose(ref.to_nhwc(got) if first else got, expected, rtol=1e-6)
    assert y.name == "u/Reshape:0"
    assert y.shape.as_list() == ([None, 2, 3 * height, None] if first else [None, 3 * height, None, 2])


def test_unpooling_gradients_reach_a_trained_matrix():
    x = ref.random_array(1, 2, 2, 2)
    placeholder = tf.placeholder(tf.float32, x.shape)
    y = FixedUnPooling("u", placeholder, 2, unpool_mat=tf.get_variable("m", [2, 2]))
    with tf.Session() as sess:
        ref.randomize(sess)
        ref.check_gradients(sess, y, placeholder, x, epsilon=0.5, tolerance=1e-4)


def test_unpooling_refuses_a_matrix_of_another_shape():
    with pytest.raises(ValueError, match=r"must have that shape; got \(3, 3\)"):
        FixedUnPooling("u", tf.placeholder(tf.float32, [1, 2, 2, 1]), 2, unpool_mat=np.ones((3, 3), "float32"))


@pytest.mark.parametrize("make", [
    lambda x: MaxPooling("p", x, 2), lambda x: AvgPooling("p", x, 2), lambda x: GlobalAvgPooling("p", x),
    lambda x: FixedUnPooling("p", x, 2)], ids=["max", "avg", "global", "unpool"])
def test_inputs_must_be_4d(make):
    with pytest.raises(ValueError, match="must be 4-D"):
        make(tf.placeholder(tf.float32, [2, 3, 4]))


def test_padding_must_be_known():
    with pytest.raises(ValueError, match="'same' or 'valid'; got 'full'"):
        MaxPooling("p", tf.placeholder(tf.float32, [1, 4, 4, 1]), 2, padding="full")
