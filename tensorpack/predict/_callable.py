"""A function that runs tensors of a session on numpy values, with as little work per call as TensorFlow allows."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence

import numpy as np

from ..compat import can_make_flat_callable, make_flat_callable
from ..compat import tfv1 as tf


def make_prediction_callable(sess: tf.Session, inputs: Sequence[Any], outputs: Sequence[Any],
                             accept_options: bool = False) -> Callable[..., List[Any]]:
    """A thread-safe function from one value per input to the list of values of `outputs`, as `Session.run` gives them.

    Plain tensors take a path that skips what `Session.run` does on nested structures; anything else (sparse tensors, an
    output that is fed, run options, a debugger's session) goes through `Session.make_callable`.
    """
    if accept_options or not _is_plain(inputs, outputs) or not can_make_flat_callable(sess):
        return sess.make_callable(list(outputs), feed_list=list(inputs), accept_options=accept_options)
    run = make_flat_callable(sess, outputs, (), inputs)
    converters = [_converter(tensor) for tensor in inputs]
    if len(converters) == 1:
        convert = converters[0]
        return lambda value: run(convert(value))
    return lambda *values: run(*[convert(value) for convert, value in zip(converters, values)])


def _is_plain(inputs: Sequence[Any], outputs: Sequence[Any]) -> bool:
    tensors = list(inputs) + list(outputs)
    if not all(isinstance(t, tf.Tensor) and t.dtype not in (tf.resource, tf.variant) for t in tensors):
        return False
    return len({t.name for t in tensors}) == len(tensors)


def _converter(tensor: tf.Tensor) -> Callable[[Any], np.ndarray]:
    """A function that makes the array to feed: what `Session.run` would, which feeds casts to the tensor's dtype."""
    dtype = np.dtype(tensor.dtype.as_numpy_dtype)
    shape = None if tensor.shape.ndims is None else tuple(tensor.shape.as_list())

    def convert(value: Any) -> np.ndarray:
        if type(value) is not np.ndarray or value.dtype != dtype:
            value = _as_array(value, dtype, tensor)
        got = value.shape
        if got != shape and shape is not None:
            if len(got) != len(shape) or any(have != want for have, want in zip(got, shape) if want is not None):
                raise ValueError("input {!r}: the value must have the shape {}; got {}".format(
                    tensor.name, tensor.shape, got))
        return value

    return convert


def _as_array(value: Any, dtype: np.dtype, tensor: tf.Tensor) -> np.ndarray:
    if isinstance(value, tf.Tensor):
        raise TypeError("input {!r}: the value must be an array or a number; got the tensor {!r}; "
                        "predictors take values".format(tensor.name, value.name))
    array = np.asarray(value, dtype=dtype)
    if isinstance(value, int) and dtype.kind in "iu" and int(array) != value:
        raise TypeError("input {!r}: the value must fit {}; got {}".format(tensor.name, dtype.name, value))
    return array
