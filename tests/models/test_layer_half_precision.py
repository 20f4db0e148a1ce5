"""Layers add numbers of half precision in single precision, forward and backward; the truth is float64 numpy.

In half precision a sum of ones stops at 2048 (float16) or 256 (bfloat16), and a sum above 65504 is infinite (float16).
"""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import (
    AvgPooling,
    BatchNorm,
    BatchRenorm,
    Conv2D,
    Conv2DTranspose,
    FixedUnPooling,
    FullyConnected,
    GlobalAvgPooling,
    InstanceNorm,
    LayerNorm,
    Maxout,
    MaxPooling,
    PReLU,
    l1_regularizer,
    l2_regularizer,
    regularize_cost_from_collection,
)

DTYPES = {"float16": 2e-3, "bfloat16": 8e-3}  # relative error of two roundings


def rounded(value, dtype):
    """The number of this dtype that is nearest, as a Python float."""
    return float(np.asarray(value).astype(tf.as_dtype(dtype).as_numpy_dtype).astype("float64"))


def full(shape, value, dtype):
    """A tensor of equal numbers, which TensorFlow cannot fold into a constant."""
    array = np.full(shape, value, "float32")
    return tf.cast(tf.placeholder_with_default(array, array.shape), dtype)


def variables(**values):
    """Initialisers of equal numbers."""
    return {name: tf.constant_initializer(value) for name, value in values.items()}


def gradients(y, *xs):
    return tf.gradients(y, list(xs))


def global_pool(shape, value, data_format="NHWC"):
    def build(dtype):
        x = full(shape, value, dtype)
        y = GlobalAvgPooling("p", x, data_format=data_format)
        pixels = np.prod(shape[1:3] if data_format == "NHWC" else shape[2:])
        return [(y, value), (gradients(y, x)[0], 1 / pixels)]

    return build


def large_windows(dtype):
    x = full([1, 60, 60, 2], 100, dtype)
    y = AvgPooling("p", x, 50, 1)
    return [(y, 100), (gradients(y, x)[0][0, 30, 30], 11 * 11 / 2500)]


def avg_gradient(dtype):
    x = full([1, 80, 80, 1], 1, dtype)
    return [(gradients(AvgPooling("p", x, 40, 1) * full([], 1600, dtype), x)[0][0, 40, 40], 1600)]


def max_gradient(dtype):
    peak = np.zeros([1, 121, 121, 1], "float32")
    peak[0, 60, 60, 0] = 1
    x = tf.cast(tf.placeholder_with_default(peak, peak.shape), dtype)
    return [(gradients(MaxPooling("p", x, 60, 1), x)[0][0, 60, 60], 3600)]


def maxout_gradient(dtype):
    x = full([2, 3000], 1, dtype)
    return [(gradients(Maxout(x, 3000), x)[0], 1 / 3000)]


def convolution(dtype, **options):
    x = full([1, 102, 102, 4], rounded(0.1, dtype), dtype)
    y = Conv2D("c", x, 2, 3, padding="valid", **dict(variables(kernel_initializer=rounded(0.7, dtype)), **options))
    extent = (options.get("dilation_rate", 1)) * 2 + 1
    pixels = (102 - extent + 1) ** 2
    channels = 4 // options.get("split", 1)
    grad_x, grad_w, grad_b = gradients(y, x, *tf.trainable_variables())
    filters = 2 // options.get("split", 1)
    return [(y, 9 * channels * rounded(0.1, dtype) * rounded(0.7, dtype)), (grad_w, pixels * rounded(0.1, dtype)),
            (grad_b, pixels), (grad_x[0, 50, 50], 9 * filters * rounded(0.7, dtype))]


def deep_convolution(dtype):
    x = full([1, 5, 5, 1500], rounded(0.1, dtype), dtype)
    y = Conv2D("c", x, 2, 3, padding="valid", use_bias=False, **variables(kernel_initializer=rounded(0.7, dtype)))
    return [(y, 13500 * rounded(0.1, dtype) * rounded(0.7, dtype))]


def transposed_convolution(dtype):
    x = full([1, 100, 100, 400], rounded(0.1, dtype), dtype)
    y = Conv2DTranspose("c", x, 2, 3, **variables(kernel_initializer=rounded(0.7, dtype)))
    grad_x, grad_w, grad_b = gradients(y, x, *tf.trainable_variables())
    return [(y[0, 50, 50], 3600 * rounded(0.1, dtype) * rounded(0.7, dtype)), (grad_w[1, 1], 10000 * rounded(0.1, dtype)),
            (grad_b, 10000), (grad_x[0, 50, 50], 18 * rounded(0.7, dtype))]


def fully_connected(dtype):
    x = full([3000, 3000], rounded(0.1, dtype), dtype)
    y = FullyConnected("f", x, 3, **variables(kernel_initializer=rounded(0.7, dtype)))
    grad_x, grad_w, grad_b = gradients(y, x, *tf.trainable_variables())
    return [(y, 3000 * rounded(0.1, dtype) * rounded(0.7, dtype)), (grad_w, 3000 * rounded(0.1, dtype)), (grad_b, 3000),
            (grad_x, 3 * rounded(0.7, dtype))]


def prelu(dtype):
    y = PReLU("p", full([300, 300], -1, dtype), init=0.5)
    return [(y, -0.5), (gradients(y, *tf.trainable_variables())[0], -90000)]


def unpooling(dtype):
    x, matrix = full([1, 64, 64, 2], 1, dtype), full([20, 20], 1, tf.float32)
    y = FixedUnPooling("u", x, 20, matrix)
    grad_x, grad_matrix = gradients(y, x, matrix)
    return [(y, 1), (grad_x, 400), (grad_matrix, 8192)]


def normalization(layer, shape, axes, **options):
    """The mean and variance that the layer subtracts and divides by, and the gradients of its parameters."""
    def build(dtype):
        values = np.where(np.arange(np.prod(shape)).reshape(shape) % 2, 96, 104).astype("float32")
        x = tf.cast(tf.placeholder_with_default(values, values.shape), dtype)
        with ref.training_tower():
            y = layer("n", x, **options)
        beta = y.variables.beta if hasattr(y, "variables") and "beta" in y.variables.__dict__ else None
        mean = values.astype("float64").mean(axis=axes, keepdims=True)
        std = values.astype("float64").std(axis=axes, keepdims=True)
        normalized = [(y, (values - mean) / std)]
        return normalized if beta is None else normalized + [(gradients(y, beta)[0], np.prod(shape) / shape[-1])]

    return build


def weight_decay(make, expected):
    def build(dtype):
        return [(make(1e-4)(full([300, 300], 2, dtype)), expected)]

    return build


def activity_regularizer(dtype):
    with ref.training_tower():
        FullyConnected("f", full([70000, 1], 1, dtype), 1, activity_regularizer=l1_regularizer(0.5),
                       **variables(kernel_initializer=1))
        return [(regularize_cost_from_collection(), 0.5)]


CASES = {
    "GlobalAvgPooling-56": global_pool([1, 56, 56, 8], 1),
    "GlobalAvgPooling-112": global_pool([1, 112, 112, 8], 1),
    "GlobalAvgPooling-256": global_pool([2, 256, 256, 1], 1),
    "GlobalAvgPooling-NCHW": global_pool([1, 8, 112, 112], 1, "NCHW"),
    "GlobalAvgPooling-large": global_pool([1, 56, 56, 8], 600),
    "AvgPooling": large_windows,
    "AvgPooling-gradient": avg_gradient,
    "MaxPooling-gradient": max_gradient,
    "Maxout-gradient": maxout_gradient,
    "Conv2D": convolution,
    "Conv2D-deep": deep_convolution,
    "Conv2D-groups": lambda dtype: convolution(dtype, split=2),
    "Conv2D-dilated": lambda dtype: convolution(dtype, dilation_rate=2),
    "Conv2DTranspose": transposed_convolution,
    "FullyConnected": fully_connected,
    "PReLU": prelu,
    "FixedUnPooling": unpooling,
    "BatchNorm-4d": normalization(BatchNorm, [2, 60, 61, 3], (0, 1, 2)),
    "BatchNorm-2d": normalization(BatchNorm, [6000, 3], (0,)),
    "BatchNorm-internal": normalization(BatchNorm, [2, 60, 61, 3], (0, 1, 2), ema_update="internal"),
    "BatchNorm-virtual": normalization(BatchNorm, [2, 60, 61, 3], (1, 2), virtual_batch_size=1, ema_update="internal"),
    "BatchRenorm": normalization(BatchRenorm, [2, 60, 61, 3], (0, 1, 2), rmax=1, dmax=0),
    "LayerNorm": normalization(LayerNorm, [2, 60, 60, 2], (1, 2, 3)),
    "InstanceNorm": normalization(InstanceNorm, [2, 60, 61, 3], (1, 2)),
    "l1_regularizer": weight_decay(l1_regularizer, 18),
    "l2_regularizer": weight_decay(l2_regularizer, 18),
    "activity_regularizer": activity_regularizer,
}


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("case", sorted(CASES))
def test_sums_are_those_of_numpy(case, dtype):
    pairs = CASES[case](tf.as_dtype(dtype))
    tensors = [tf.cast(tensor, tf.float64) for tensor, _ in pairs]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for got, (tensor, expected) in zip(sess.run(tensors), pairs):
            np.testing.assert_allclose(got, np.broadcast_to(expected, got.shape), rtol=DTYPES[dtype], err_msg=tensor.name)


@pytest.mark.parametrize("dtype", sorted(DTYPES))
@pytest.mark.parametrize("call, output", [
    (lambda x: GlobalAvgPooling("l", x), "l/output:0"), (lambda x: AvgPooling("l", x, 2), "l/output:0"),
    (lambda x: MaxPooling("l", x, 2), "l/output:0"), (lambda x: Conv2D("l", x, 2, 3), "l/output:0"),
    (lambda x: Conv2DTranspose("l", x, 2, 3), "l/output:0"), (lambda x: FullyConnected("l", x, 2), "l/output:0"),
    (lambda x: PReLU("l", x), "l/Mul_2:0"), (lambda x: Maxout("l", x, 2), "l/output:0")],
    ids=["GlobalAvgPooling", "AvgPooling", "MaxPooling", "Conv2D", "Conv2DTranspose", "FullyConnected", "PReLU", "Maxout"])
def test_name_and_dtype_of_the_output_stay(call, output, dtype):
    y = call(tf.placeholder(dtype, [2, 6, 6, 4]))
    assert (y.name, y.dtype) == (output, dtype)


@pytest.mark.parametrize("name,make", [("l1_regularizer", l1_regularizer), ("l2_regularizer", l2_regularizer)])
def test_a_regularizer_keeps_dtype_and_name(name, make):
    cost = make(0.1)(tf.placeholder(tf.float16, [3]))
    assert (cost.op.name, cost.dtype) == (name, tf.float16)


def test_graphs_of_single_precision_have_no_casts():
    x = tf.placeholder(tf.float32, [2, 8, 8, 4])
    with ref.training_tower():
        Conv2D("c", x, 2, 3, kernel_regularizer=l2_regularizer(1.))
        FullyConnected("f", x, 2, bias_regularizer=l1_regularizer(1.))
        Conv2DTranspose("t", x, 2, 3), PReLU("r", x), AvgPooling("a", x, 2), MaxPooling("m", x, 2), GlobalAvgPooling("g", x)
        FixedUnPooling("u", x, 2), Maxout("o", x, 2), BatchNorm("b", x), LayerNorm("n", x)
    assert [op.name for op in tf.get_default_graph().get_operations() if op.type == "Cast"] == []
