"""`tfutils.symbolic_functions`: small functions from tensors to tensors."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Sequence, Union

from ...compat import tfv1 as tf


def prediction_incorrect(logits: Any, label: Any, topk: int = 1, name: str = "incorrect_vector") -> Any:
    """float32 [N], the tensor `name`: 1 where the label is not among the `topk` largest logits, else 0.

    Args:
        logits: float [N, classes].
        label: int [N].
    """
    return tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, topk)), tf.float32, name=name)


def accuracy(logits: Any, label: Any, topk: int = 1, name: str = "accuracy") -> Any:
    """How often the label is among the `topk` largest logits: a scalar in [0, 1], the tensor `name`."""
    return tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, topk), tf.float32), name=name)


def get_scalar_var(name: str, init_value: float, summary: bool = False, trainable: bool = False) -> Any:
    """The float32 scalar variable `name`.

    Args:
        init_value: its value at first.
        summary: summarize it as the scalar `<name>-summary`.
    """
    variable = tf.get_variable(name, initializer=float(init_value), trainable=trainable)
    if summary:
        tf.summary.scalar(name + "-summary", variable)
    return variable


def flatten(x: Any) -> Any:
    """All elements in one dimension."""
    return tf.reshape(x, [-1])


def logSoftmax(x: Any) -> Any:
    """Logarithm of the softmax over the last axis."""
    return tf.nn.log_softmax(x)


def one_hot(y: Any, num_labels: int) -> Any:
    """float32 [N, num_labels] of int [N]."""
    return tf.one_hot(y, num_labels, dtype=tf.float32)


def huber_loss(x: Any, delta: float = 1, name: str = "huber_loss") -> Any:
    """Of each element 0.5 * x ** 2, or delta * (abs(x) - delta / 2) where abs(x) is not below delta: the tensor `name`."""
    with tf.name_scope(name + "_internals"):
        size = tf.abs(x)
        square, linear = 0.5 * tf.square(x), delta * (size - delta * 0.5)
    return tf.where(size < delta, square, linear, name=name)


@contextmanager
def guided_relu() -> Iterator[None]:
    """A context: ReLUs made inside pass on gradients only where they are positive, and so is the output."""
    with tf.get_default_graph().gradient_override_map({"Relu": "GuidedReLU"}):
        yield


def _guided_gradient(op: Any, grad: Any) -> Any:
    return tf.where((grad > 0) & (op.outputs[0] > 0), grad, tf.zeros_like(grad))


tf.RegisterGradient("GuidedReLU")(_guided_gradient)


def saliency_map(output: Any, input: Any, name: str = "saliency_map") -> Any:
    """The gradient of the largest value of each sample of `output`, [N, classes], for `input`: the tensor `name`."""
    return tf.identity(tf.gradients(tf.reduce_max(output, 1), input)[0], name=name)


def shapeless_placeholder(x: Any, axis: Union[int, Sequence[int]], name: str) -> Any:
    """A tensor `name` equal to `x` where nothing else is fed, whose sizes along the axes are unknown.

    Raises:
        ValueError: one of these sizes is unknown already.
    """
    shape = x.shape.as_list()
    for each in axis if isinstance(axis, (list, tuple)) else [axis]:
        if shape[each] is None:
            raise ValueError("shapeless_placeholder: the size along axis {} must be known; got shape {}".format(each, x.shape))
        shape[each] = None
    return tf.placeholder_with_default(x, shape=shape, name=name)
