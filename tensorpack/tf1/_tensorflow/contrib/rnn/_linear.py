"""Linear maps of several inputs, whose variables `kernel` and `bias` live in the current variable scope."""
from __future__ import annotations

from typing import Any, Optional, Sequence, Union

from .....compat import tfv1 as tf

__all__ = ["Linear", "input_depth", "layer_norm", "linear"]


class Linear:
    """The map `sum_i(args[i] * W[i]) + bias`; its variables are created, or found, when the object is made.

    Args:
        args: a tensor [batch, depth], or a list of such tensors.
        output_size: number of columns of the result.
        build_bias: whether there is a `bias`.
        bias_initializer: zeros by default.
        kernel_initializer: by default that of the variable scope.

    Raises:
        ValueError: there are no tensors, or one has not the shape [batch, depth] of known depth.
    """

    def __init__(self, args: Any, output_size: int, build_bias: bool, bias_initializer: Any = None,
                 kernel_initializer: Any = None):
        inputs = _as_list(args)
        rows, dtype = sum(input_depth("linear", x.shape) for x in inputs), inputs[0].dtype
        self._weights = tf.get_variable("kernel", [rows, output_size], dtype, initializer=kernel_initializer)
        self._biases = None
        if build_bias:
            with tf.variable_scope(tf.get_variable_scope(), auxiliary_name_scope=False) as scope:
                scope.set_partitioner(None)
                self._biases = tf.get_variable("bias", [output_size], dtype,
                                               initializer=bias_initializer or tf.zeros_initializer())

    def __call__(self, args: Any) -> Any:
        inputs = _as_list(args)
        result = tf.matmul(inputs[0] if len(inputs) == 1 else tf.concat(inputs, 1), self._weights)
        return result if self._biases is None else tf.nn.bias_add(result, self._biases)


def linear(args: Any, output_size: int, bias: bool, bias_initializer: Any = None, kernel_initializer: Any = None) -> Any:
    """`Linear` and its value at once; further calls in the scope must reuse variables."""
    return Linear(args, output_size, bias, bias_initializer, kernel_initializer)(args)


def layer_norm(x: Any, scope: str, gain: float, shift: float) -> Any:
    """Normalise the rows of `x`; variables `gamma` and `beta` [depth] in `scope`."""
    with tf.variable_scope(scope):
        gamma = tf.get_variable("gamma", x.shape[-1:], x.dtype, initializer=tf.constant_initializer(gain))
        beta = tf.get_variable("beta", x.shape[-1:], x.dtype, initializer=tf.constant_initializer(shift))
        mean, variance = tf.nn.moments(x, [1], keep_dims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3 if x.dtype == tf.float16 else 1e-12)


def input_depth(who: Any, shape: Any) -> int:
    """The number of columns of a matrix of this shape.

    Raises:
        ValueError: it is not known when the graph is built, or this is no matrix.
    """
    sizes = tf.TensorShape(shape)
    if sizes.ndims != 2 or sizes.as_list()[1] is None:
        raise ValueError("{}: inputs must have the shape [batch, depth], and the depth must be known when the graph is built; "
                         "got {}; use reshape or set_shape on the inputs".format(
                             who if isinstance(who, str) else type(who).__name__, sizes))
    return int(sizes.as_list()[1])


def _as_list(args: Union[Any, Sequence[Any]]) -> Sequence[Any]:
    inputs: Optional[Sequence[Any]] = list(args) if isinstance(args, (list, tuple)) else None if args is None else [args]
    if not inputs:
        raise ValueError("linear: args must be a tensor or a list of tensors; got {!r}".format(args))
    return inputs
