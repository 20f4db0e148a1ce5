"""Small functions from tensors to tensors. Half precision is summed in float32."""
from __future__ import annotations

import sys
from typing import Any, Optional

from ..compat import tfv1 as tf
from ._precision import finish_in, floating, is_half, widened

__all__ = ["print_stat", "psnr", "rms"]

_NUM_PRINTED = 20  # elements of the tensor


def print_stat(x: Any, message: Optional[str] = None) -> Any:
    """A tensor equal to `x`, named `print_<name of x>`; each evaluation prints statistics of `x` to stderr.

    They are the message, the shape, the mean (of numbers), the root mean square (of floats), and the first 20 elements.

    Args:
        message: the operation's name by default.
    """
    name = x.op.name
    with tf.name_scope("print_stat"):
        value = tf.convert_to_tensor(x)
        parts = ["shape:", tf.shape(value)]
        if value.dtype.is_floating or value.dtype.is_integer:
            parts += ["mean:", tf.reduce_mean(floating(value))]
        if value.dtype.is_floating:
            parts += ["rms:", rms(widened(value), name="rms")]
        first = widened(tf.reshape(value, [-1])[:_NUM_PRINTED])  # TF 1.15 prints [?] for bfloat16
        printed = tf.print((name if message is None else message) + ":", *parts, "values:", first,
                           output_stream=sys.stderr, summarize=-1)
    with tf.control_dependencies([printed]):
        return tf.identity(value, name="print_" + name)


def rms(x: Any, name: Optional[str] = None) -> Any:
    """The root mean square of a tensor, a scalar.

    Args:
        name: of the result, in the current name scope; by default `<name of x>/rms` from the root.
    """
    if name is None:
        with tf.name_scope(None):
            return rms(x, name=x.op.name + "/rms")
    with tf.name_scope(name + "_internals"):
        mean_square = tf.reduce_mean(tf.square(floating(x)))
    return finish_in(x.dtype.base_dtype if is_half(x) else mean_square.dtype, tf.sqrt, [mean_square], name)


def psnr(prediction: Any, ground_truth: Any, maxp: Optional[Any] = None, name: str = "psnr") -> Any:
    """The peak signal-to-noise ratio in decibel: `20 * log10(maxp) - 10 * log10(mean squared error)`, a scalar.

    Args:
        prediction, ground_truth: tensors of one shape; what is no float is cast to float32.
        maxp: the largest possible value of the signal, 255 for uint8 images; None means 1.
        name: of the result.
    """
    with tf.name_scope(name + "_internals"):
        prediction, ground_truth = tf.convert_to_tensor(prediction), tf.convert_to_tensor(ground_truth)
        difference = floating(prediction) - floating(ground_truth)
        error = tf.reduce_mean(tf.square(difference))
        peak = tf.cast(1 if maxp is None else maxp, error.dtype)
        noise, signal = 10 * _log10(error), 20 * _log10(peak)
    is_narrow = is_half(prediction) and prediction.dtype == ground_truth.dtype
    return finish_in(prediction.dtype if is_narrow else error.dtype, tf.subtract, [signal, noise], name)


def _log10(x: Any) -> Any:
    return tf.math.log(x) / tf.math.log(tf.constant(10, x.dtype))
