"""The arithmetic of BatchNorm: normalising by given statistics, by those of a batch, of groups in it, or of many devices.

Each `normalize_*` function returns (normalised tensor in the dtype of `x`, batch mean, batch variance for the average).
"""
from __future__ import annotations

from typing import Any, List, Tuple

from ...compat import tfv1 as tf
from .._layout import run_kernel
from .synchronize import mean_over_devices

__all__ = ["FUSED_TYPES", "affine", "moments", "normalize_by_moments", "normalize_fused", "normalize_synchronized",
           "normalize_virtual_batches", "normalize_with"]

Normalized = Tuple[Any, Any, Any]

FUSED_TYPES = (tf.float32, tf.float16)

# TF 1.15 silently raises a smaller epsilon of the fused kernel to this; 2.x does not, and numbers should agree.
_MIN_FUSED_EPSILON = 1.001e-5


def normalize_with(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, axis: int) -> Any:
    """Normalise by given statistics, each [C]; fused for 4-D tensors of `FUSED_TYPES`."""
    if x.shape.ndims != 4 or x.dtype.base_dtype not in FUSED_TYPES:
        return affine(x, mean, variance, gamma, beta, epsilon, axis)

    def kernel(x: Any, data_format: str) -> Any:
        return tf.nn.fused_batch_norm(x, gamma, beta, mean=mean, variance=variance, is_training=False,
                                      epsilon=max(epsilon, _MIN_FUSED_EPSILON), data_format=data_format)[0]

    return run_kernel(kernel, x, _format(axis))


def normalize_fused(x: Any, gamma: Any, beta: Any, epsilon: float, axis: int) -> Normalized:
    """Normalise a 4-D tensor by its own statistics in one kernel; the returned variance is the unbiased one."""
    statistics: List[Any] = []

    def kernel(x: Any, data_format: str) -> Any:
        y, mean, variance = tf.nn.fused_batch_norm(x, gamma, beta, epsilon=max(epsilon, _MIN_FUSED_EPSILON),
                                                   is_training=True, data_format=data_format)
        statistics.extend([mean, variance])
        return y

    y = run_kernel(kernel, x, _format(axis))
    return y, statistics[0], statistics[1]


def normalize_by_moments(x: Any, gamma: Any, beta: Any, epsilon: float, axis: int) -> Normalized:
    """Normalise by the tensor's own statistics; the returned variance is unbiased for 4-D and biased for 2-D tensors."""
    dtype = gamma.dtype.base_dtype
    mean, variance = moments(x, dtype, axis)
    y = affine(x, mean, variance, gamma, beta, epsilon, axis)
    if x.shape.ndims == 4:
        count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), _other_axes(x, axis))), dtype)
        variance = variance * (count / tf.maximum(count - 1, 1))
    return y, mean, variance


def normalize_virtual_batches(x: Any, gamma: Any, beta: Any, epsilon: float, axis: int, size: int) -> Normalized:
    """Normalise each `size` samples by their own statistics; the returned ones are those of the first group, biased."""
    batch = x.shape.as_list()[0]
    if batch is not None and batch % size:
        raise ValueError("BatchNorm(virtual_batch_size={}): the batch must be a multiple of it; got {} samples".format(
            size, batch))
    shape = tf.shape(x)
    groups = tf.reshape(x, tf.concat([[-1, size], shape[1:]], axis=0))
    groups.set_shape([None if batch is None else batch // size, size] + x.shape.as_list()[1:])
    groups = tf.cast(groups, gamma.dtype.base_dtype)
    axis += 1
    mean, variance = tf.nn.moments(groups, [a for a in range(1, groups.shape.ndims) if a != axis], keep_dims=True)
    y = tf.nn.batch_normalization(groups, mean, variance, _spread(beta, groups, axis), _spread(gamma, groups, axis), epsilon)
    y = tf.cast(tf.reshape(y, shape), x.dtype)
    y.set_shape(x.shape)
    return y, tf.reshape(mean[0], [-1]), tf.reshape(variance[0], [-1])


def normalize_synchronized(x: Any, gamma: Any, beta: Any, epsilon: float, axis: int, method: str) -> Normalized:
    """Normalise by statistics averaged over devices ('nccl' or 'horovod'); the returned variance is biased."""
    wide = tf.cast(x, gamma.dtype.base_dtype)
    axes = _other_axes(x, axis)
    mean = tf.reduce_mean(wide, axes)
    mean_square = tf.reduce_mean(tf.square(wide), axes)
    mean, mean_square = mean_over_devices(mean, mean_square, method)
    # rounding can make the difference negative
    variance = tf.nn.relu(mean_square - tf.square(mean))
    return affine(x, mean, variance, gamma, beta, epsilon, axis), mean, variance


def moments(x: Any, dtype: Any, axis: int) -> Tuple[Any, Any]:
    """Mean and biased variance of each channel, in `dtype`: each [C]."""
    return tf.nn.moments(tf.cast(x, dtype), _other_axes(x, axis))


def affine(x: Any, mean: Any, variance: Any, gamma: Any, beta: Any, epsilon: float, axis: int) -> Any:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta; the last four are [C], in the dtype of the arithmetic."""
    dtype = gamma.dtype.base_dtype
    mean, variance, gamma, beta = [_spread(each, x, axis) for each in (mean, variance, gamma, beta)]
    return tf.cast(tf.nn.batch_normalization(tf.cast(x, dtype), mean, variance, beta, gamma, epsilon), x.dtype)


def _spread(vector: Any, x: Any, axis: int) -> Any:
    """[C] -> the shape that broadcasts along the channel axis of `x`."""
    if axis == x.shape.ndims - 1:
        return vector
    shape = [1] * x.shape.ndims
    shape[axis] = -1
    return tf.reshape(vector, shape)


def _other_axes(x: Any, axis: int) -> List[int]:
    return [each for each in range(x.shape.ndims) if each != axis]


def _format(axis: int) -> str:
    return "NHWC" if axis == 3 else "NCHW"
