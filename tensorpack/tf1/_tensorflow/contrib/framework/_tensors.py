"""Checks of tensors, and small operations on them."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from .....compat import tfv1 as tf
from ...layers._core.branches import constant_value
from ...layers._core.branches import smart_cond as _smart_cond

__all__ = ["assert_same_float_dtype", "assert_scalar", "assert_scalar_int", "convert_to_tensor_or_sparse_tensor",
           "get_name_scope", "get_placeholders", "is_tensor", "reduce_sum_n", "remove_squeezable_dimensions", "smart_cond",
           "smart_constant_value", "with_same_shape", "with_shape"]


def is_tensor(x: Any) -> bool:
    """Whether it is a tensor of any kind, or a variable."""
    return bool(tf.is_tensor(x))


def convert_to_tensor_or_sparse_tensor(value: Any, dtype: Any = None, name: Optional[str] = None) -> Any:
    """A sparse tensor as it is, and anything else as a tensor."""
    return tf.convert_to_tensor_or_sparse_tensor(value, dtype=dtype, name=name)


def assert_same_float_dtype(tensors: Optional[Sequence[Any]] = None, dtype: Any = None) -> Any:
    """The dtype of floating point numbers that all tensors have; ValueError if there is none."""
    return tf.debugging.assert_same_float_dtype(tensors, dtype)


def assert_scalar(tensor: Any, name: Optional[str] = None, message: Optional[str] = None) -> Any:
    """The tensor; ValueError unless its rank is 0."""
    return tf.debugging.assert_scalar(tensor, name=name, message=message)


def assert_scalar_int(tensor: Any, name: Optional[str] = None) -> Any:
    """The tensor; ValueError unless it is a scalar of whole numbers."""
    with tf.name_scope(name, "assert_scalar_int", [tensor]) as scope:
        tensor = tf.convert_to_tensor(tensor)
        if not tensor.dtype.base_dtype.is_integer:
            raise ValueError("assert_scalar_int: the tensor must be of whole numbers; got {}".format(tensor))
        return assert_scalar(tensor, name=scope)


def get_name_scope() -> str:
    """The name scope of the default graph, without a slash at its end."""
    scope: str = tf.get_default_graph().get_name_scope()
    return scope


def get_placeholders(graph: Any) -> List[Any]:
    """The placeholders of a graph, in the order of their creation."""
    if not isinstance(graph, tf.Graph):
        raise TypeError("get_placeholders: it takes a tf.Graph; got {!r}".format(graph))
    return [op.outputs[0] for op in graph.get_operations() if op.type == "Placeholder"]


def reduce_sum_n(tensors: Sequence[Any], name: Optional[str] = None) -> Any:
    """The sum of all elements of all tensors, of which there must be some."""
    if not tensors:
        raise ValueError("reduce_sum_n: there must be tensors; got {!r}".format(tensors))
    with tf.name_scope(name, "reduce_sum_n", tensors) as scope:
        sums = [tf.reduce_sum(each, name="{}/sum".format(each.op.name)) for each in tensors]
        return sums[0] if len(sums) == 1 else tf.add_n(sums, name=scope)


def remove_squeezable_dimensions(predictions: Any, labels: Any, name: Optional[str] = None) -> Tuple[Any, Any]:
    """Predictions and labels; the last axis of that which has one axis more, of size 1, is left out."""
    with tf.name_scope(name, "remove_squeezable_dimensions", [predictions, labels]):
        predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
        if predictions.shape.ndims is not None and labels.shape.ndims is not None:
            excess: Any = predictions.shape.ndims - labels.shape.ndims
        else:
            excess = tf.rank(predictions) - tf.rank(labels)
        return _squeezed_if(predictions, excess, 1), _squeezed_if(labels, excess, -1)


def _squeezed_if(x: Any, excess: Any, wanted: int) -> Any:
    if isinstance(excess, int):
        return tf.squeeze(x, [-1]) if excess == wanted else x
    if x.shape.ndims is not None and not x.shape[-1:].is_compatible_with([1]):
        return x
    return tf.cond(tf.equal(wanted, excess), lambda: tf.squeeze(x, [-1]), lambda: x)


def smart_constant_value(pred: Any) -> Optional[bool]:
    """The boolean, of a tensor if it is known when the graph is built; None otherwise.

    Raises:
        TypeError: it is neither a boolean, 0, 1 nor a tensor.
    """
    if isinstance(pred, (bool, int)) and pred in (0, 1):
        return bool(pred)
    if not is_tensor(pred):
        raise TypeError("smart_constant_value: it takes a boolean, 0, 1 or a tensor; got {!r}".format(pred))
    value = constant_value(pred)
    return None if value is None else bool(value)


def smart_cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: Optional[str] = None) -> Any:
    """What the chosen function returns, or a `tf.cond` of both if `pred` is known in a step only."""
    for which, function in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(function):
            raise TypeError("smart_cond: {} must be a function; got {!r}".format(which, function))
    known = smart_constant_value(pred)
    return _smart_cond(pred if known is None else known, true_fn, false_fn, name)


def with_same_shape(expected_tensor: Any, tensor: Any) -> Any:
    """`with_shape` of the shape of another tensor."""
    with tf.name_scope("{}/".format(tensor.op.name)):
        shape = expected_tensor.shape
        return with_shape(shape.as_list() if shape.is_fully_defined() else tf.shape(expected_tensor), tensor)


def with_shape(expected_shape: Any, tensor: Any) -> Any:
    """The tensor, with this shape: checked when the graph is built, as far as it is known then, and by a step otherwise.

    Args:
        expected_shape: whole numbers, or an int32 vector. Of the scalar's shape, a tensor of one element is made a scalar.

    Raises:
        ValueError: the shapes differ, or the expected one is none.
    """
    if isinstance(tensor, tf.SparseTensor):
        raise ValueError("with_shape: it takes no sparse tensor; got {}".format(tensor))
    dynamic = is_tensor(expected_shape)
    shape: Any = expected_shape if dynamic else np.asarray(expected_shape, "int64").astype("int32")
    if (dynamic and shape.dtype.base_dtype != tf.int32) or len(shape.shape) > 1:
        raise ValueError("with_shape: the shape must be an int32 vector; got {!r}".format(expected_shape))
    if not dynamic and shape.size == 0 and (not tensor.shape.is_fully_defined() or tensor.shape.as_list() == [1]):
        with tf.name_scope("{}/".format(tensor.op.name)):
            return tf.reshape(tensor, [])
    if not dynamic and tensor.shape.is_fully_defined():
        if tensor.shape.as_list() != list(shape):
            raise ValueError("with_shape: {} must have the shape {}; got {}".format(tensor.name, list(shape), tensor.shape))
        return tensor
    return _checked_in_steps(shape, tensor, dynamic)


def _checked_in_steps(shape: Any, tensor: Any, dynamic: bool) -> Any:
    with tf.name_scope("{}/".format(tensor.op.name)):
        actual = tf.shape(tensor, name="actual")
        same = tf.cond(tf.equal(tf.size(shape), tf.rank(tensor)), lambda: tf.reduce_all(tf.equal(shape, actual)),
                       lambda: tf.constant(False))
        check = tf.Assert(same, ["Wrong shape for {} [expected] [actual].".format(tensor.name), shape, actual])
        with tf.control_dependencies([check]):
            result = tf.identity(tensor)
        if not dynamic:
            result.set_shape(shape)
        return result
