"""Cells whose units see only their own state, so that the recurrent kernel is a diagonal or is not there."""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from .....compat import tfv1 as tf
from ...nn.rnn_cell import LSTMStateTuple
from ._bases import PlainCell, TupleCell
from ._linear import input_depth

__all__ = ["IndRNNCell", "IndyGRUCell", "IndyLSTMCell", "SRUCell"]

Activation = Optional[Callable[[Any], Any]]


class IndRNNCell(PlainCell):
    """output = new state = activation(x * kernel_w + kernel_u . state + bias) (Li et al. 2018, https://arxiv.org/abs/1803.04831).

    Variables: `ind_rnn_cell/kernel_w` [depth, num_units], `ind_rnn_cell/kernel_u` [1, num_units], `ind_rnn_cell/bias`.

    Args:
        num_units: size of output and state.
        activation: a function; tanh by default.
        reuse: whether the variables exist.
        name: of the variable scope.
        dtype: of the variables; by default that of the inputs.
    """

    def __init__(self, num_units: int, activation: Activation = None, reuse: Optional[bool] = None, name: Optional[str] = None,
                 dtype: Any = None):
        super().__init__(num_units, reuse, name, dtype)
        self._activation = activation or tf.tanh

    def build(self, inputs_shape: Any) -> None:
        self._kernel_w = self.add_variable("kernel_w", [input_depth(self, inputs_shape), self._num_units])
        self._kernel_u = self.add_variable("kernel_u", [1, self._num_units], initializer=_diagonal())
        self._bias = self.add_variable("bias", [self._num_units], initializer=tf.zeros_initializer())

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        sums = tf.matmul(inputs, self._kernel_w) + state * self._kernel_u
        output = self._activation(tf.nn.bias_add(sums, self._bias))
        return output, output


class IndyGRUCell(PlainCell):
    """`GRUCell` with diagonal recurrent kernels (Gonnet and Deselaers 2019, https://arxiv.org/abs/1903.08023).

    Variables: `indy_gru_cell/gates/{kernel_w,kernel_u,bias}`, `indy_gru_cell/candidate/{kernel,kernel_u,bias}`.

    Args:
        num_units, activation, reuse, name, dtype: as in `IndRNNCell`.
        kernel_initializer, bias_initializer: of the kernels of the inputs, and of both biases.
    """

    def __init__(self, num_units: int, activation: Activation = None, reuse: Optional[bool] = None,
                 kernel_initializer: Any = None, bias_initializer: Any = None, name: Optional[str] = None, dtype: Any = None):
        super().__init__(num_units, reuse, name, dtype)
        self._activation = activation or tf.tanh
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    def build(self, inputs_shape: Any) -> None:
        depth = input_depth(self, inputs_shape)
        self._gates = self._map("gates", "kernel_w", depth, 2 * self._num_units, tf.ones_initializer())
        self._candidate = self._map("candidate", "kernel", depth, self._num_units, tf.zeros_initializer())

    def _map(self, scope: str, kernel: str, depth: int, columns: int, default_bias: Any) -> Tuple[Any, Any, Any]:
        return (self.add_variable(scope + "/" + kernel, [depth, columns], initializer=self._kernel_initializer),
                self.add_variable(scope + "/kernel_u", [1, columns], initializer=_diagonal()),
                self.add_variable(scope + "/bias", [columns], initializer=self._bias_initializer or default_bias))

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        r, u = tf.split(tf.sigmoid(_independent(inputs, tf.tile(state, [1, 2]), self._gates)), 2, axis=1)
        candidate = self._activation(_independent(inputs, r * state, self._candidate))
        output = u * state + (1 - u) * candidate
        return output, output


class IndyLSTMCell(TupleCell):
    """`BasicLSTMCell` with a diagonal recurrent kernel (Gonnet and Deselaers 2019, https://arxiv.org/abs/1903.08023).

    Variables: `indy_lstm_cell/kernel_w` [depth, 4 * num_units], `indy_lstm_cell/kernel_u` [1, 4 * num_units],
    `indy_lstm_cell/bias`.

    Args:
        num_units, activation, reuse, kernel_initializer, bias_initializer, name, dtype: as in `IndyGRUCell`.
        forget_bias: added to the forget gate.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, activation: Activation = None, reuse: Optional[bool] = None,
                 kernel_initializer: Any = None, bias_initializer: Any = None, name: Optional[str] = None, dtype: Any = None):
        super().__init__(num_units, reuse, name, dtype)
        self._forget_bias = forget_bias
        self._activation = activation or tf.tanh
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    def build(self, inputs_shape: Any) -> None:
        columns = 4 * self._num_units
        self._kernel_w = self.add_variable("kernel_w", [input_depth(self, inputs_shape), columns],
                                           initializer=self._kernel_initializer)
        self._kernel_u = self.add_variable("kernel_u", [1, columns], initializer=_diagonal())
        self._bias = self.add_variable("bias", [columns], initializer=self._bias_initializer or tf.zeros_initializer())

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state
        gates = _independent(inputs, tf.tile(h, [1, 4]), (self._kernel_w, self._kernel_u, self._bias))
        i, j, f, o = tf.split(gates, 4, axis=1)
        c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._activation(j)
        h = self._activation(c) * tf.sigmoid(o)
        return h, LSTMStateTuple(c, h)


class SRUCell(PlainCell):
    """Simple recurrent unit (Lei et al. 2017, https://arxiv.org/abs/1709.02755); the output differs from the state.

    Variables: `sru_cell/kernel` [depth, 4 * num_units], `sru_cell/bias` [2 * num_units] (zeros).

    Args:
        num_units, activation, reuse, name: as in `IndRNNCell`.
        kwargs: `trainable` and `dtype`, as in `RNNCell`.
    """

    def __init__(self, num_units: int, activation: Activation = None, reuse: Optional[bool] = None, name: Optional[str] = None,
                 **kwargs: Any):
        super().__init__(num_units, reuse, name, **kwargs)
        self._activation = activation or tf.tanh

    def build(self, inputs_shape: Any) -> None:
        self._kernel = self.add_variable("kernel", [input_depth(self, inputs_shape), 4 * self._num_units])
        self._bias = self.add_variable("bias", [2 * self._num_units], initializer=tf.zeros_initializer())

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        x, f, r, skipped = tf.split(tf.matmul(inputs, self._kernel), 4, axis=1)
        f, r = tf.split(tf.sigmoid(tf.nn.bias_add(tf.concat([f, r], 1), self._bias)), 2, axis=1)
        c = f * state + (1.0 - f) * x
        return r * self._activation(c) + (1.0 - r) * skipped, c


def _independent(inputs: Any, state: Any, variables: Any) -> Any:
    kernel, diagonal, bias = variables
    return tf.nn.bias_add(tf.matmul(inputs, kernel) + state * diagonal, bias)


def _diagonal() -> Any:
    return tf.random_uniform_initializer(-1, 1)
