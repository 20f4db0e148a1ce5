"""Sums of numbers of half precision, in single precision.

TensorFlow's kernels on CPUs add in the precision of their input: a float16 sum of ones stops at 2048, a bfloat16 one at 256,
and a float16 sum above 65504 is infinite. Which kernels do depends on the version and on the processor.
"""
from __future__ import annotations

from typing import Any, Callable, Sequence

from .. import compat
from ..compat import tfv1 as tf

__all__ = ["finish_in", "floating", "in_float32", "is_half", "kernel_in_float32", "like", "narrowed", "widened",
           "widened_for_kernels"]

_HALF_TYPES = (tf.float16, tf.bfloat16)


def is_half(x: Any) -> bool:
    """Whether a tensor or variable is of half precision."""
    return x.dtype.base_dtype in _HALF_TYPES


def widened(x: Any) -> Any:
    """`x` in float32 if it is of half precision; else `x` itself."""
    return tf.cast(x, tf.float32) if is_half(x) else x


def narrowed(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`; `x` itself if it has it."""
    return x if x.dtype.base_dtype == dtype else tf.cast(x, dtype)


def like(x: Any, other: Any) -> Any:
    """`x` in the dtype of `other`; `x` itself if it has it."""
    return narrowed(x, other.dtype.base_dtype)


def floating(x: Any) -> Any:
    """`x` in a dtype to sum it in: itself in float32 and float64, else in float32."""
    return x if x.dtype.is_floating and not is_half(x) else tf.cast(x, tf.float32)


def finish_in(dtype: Any, function: Callable[..., Any], arguments: Sequence[Any], name: str) -> Any:
    """`function(*arguments)` in `dtype`, as a tensor of this name."""
    if arguments[0].dtype.base_dtype == dtype:
        return function(*arguments, name=name)
    with tf.name_scope(name + "_internals"):
        result = function(*arguments)
    return tf.cast(result, dtype, name=name)


def in_float32(function: Callable[..., Any], x: Any, name: str) -> Any:
    """`function(x)` in the dtype of `x`, as a tensor of this name; computed in float32 if `x` is of half precision."""
    return finish_in(x.dtype.base_dtype, function, [widened(x)], name)


def kernel_in_float32(kernel: Callable[[Any], Any], x: Any) -> Any:
    """`kernel(x)` in the dtype of `x`, computed in float32 on CPUs if `x` is of half precision.

    It is for convolutions, products of matrices and pooling: on GPUs their kernels take half precision and add in single
    precision, which is what makes them fast.
    """
    return like(kernel(widened_for_kernels(x)), x)


def widened_for_kernels(x: Any) -> Any:
    """`widened(x)` on CPUs; `x` itself where there is a GPU."""
    return x if compat.has_gpu() else widened(x)
