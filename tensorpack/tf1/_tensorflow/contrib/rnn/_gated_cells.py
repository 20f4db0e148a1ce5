"""Cells with gates of other kinds than those of LSTM and GRU."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from .....compat import tfv1 as tf
from ...nn.rnn_cell import LSTMStateTuple
from ._bases import PlainCell, TupleCell
from ._linear import input_depth, linear

__all__ = ["IntersectionRNNCell", "NASCell", "PhasedLSTMCell", "UGRNNCell"]


class UGRNNCell(PlainCell):
    """Update gate cell (Collins et al. 2016, https://arxiv.org/abs/1611.09913).

    Variables: `ugrnn_cell/kernel` [depth + num_units, 2 * num_units], `ugrnn_cell/bias` (zeros).

    Args:
        num_units: size of output and state.
        initializer: of the kernel; by default that of the variable scope.
        forget_bias: added to the gate.
        activation: a function of the candidate.
        reuse: whether the variables exist.
    """

    def __init__(self, num_units: int, initializer: Any = None, forget_bias: float = 1.0,
                 activation: Callable[[Any], Any] = tf.tanh, reuse: Optional[bool] = None):
        super().__init__(num_units, reuse)
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._activation = activation

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        input_depth(self, inputs.shape)
        sums = linear([inputs, state], 2 * self._num_units, True, kernel_initializer=self._initializer)
        gate, candidate = tf.split(sums, 2, axis=1)
        gate = tf.sigmoid(gate + self._forget_bias)
        output = gate * state + (1.0 - gate) * self._activation(candidate)
        return output, output


class IntersectionRNNCell(PlainCell):
    """Intersection cell, gated along depth and time (Collins et al. 2016, https://arxiv.org/abs/1611.09913).

    Variables: `intersection_rnn_cell/kernel` [2 * num_units, 4 * num_units], `intersection_rnn_cell/bias`; and
    `in_projection/kernel`, `in_projection/bias` where inputs have another size than `num_units`.

    Args:
        num_units, initializer, reuse: as in `UGRNNCell`.
        num_in_proj: give it (equal to `num_units`) to project inputs of another size.
        forget_bias: added to both gates.
        y_activation: a function of the output gate's candidate.

    Raises:
        ValueError: at the first call, inputs have another size than `num_units` and are not projected.
    """

    def __init__(self, num_units: int, num_in_proj: Optional[int] = None, initializer: Any = None, forget_bias: float = 1.0,
                 y_activation: Callable[[Any], Any] = tf.nn.relu, reuse: Optional[bool] = None):
        super().__init__(num_units, reuse)
        self._num_input_proj = num_in_proj
        self._initializer = initializer
        self._forget_bias = forget_bias
        self._y_activation = y_activation

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        inputs = self._projected(inputs)
        sums = linear([inputs, state], 4 * self._num_units, True, kernel_initializer=self._initializer)
        gate_h, h, gate_y, y = tf.split(sums, 4, axis=1)
        gate_h, gate_y = tf.sigmoid(gate_h + self._forget_bias), tf.sigmoid(gate_y + self._forget_bias)
        new_state = gate_h * state + (1.0 - gate_h) * tf.tanh(h)
        return gate_y * inputs + (1.0 - gate_y) * self._y_activation(y), new_state

    def _projected(self, inputs: Any) -> Any:
        depth = input_depth(self, inputs.shape)
        if depth == self._num_units:
            return inputs
        if not self._num_input_proj:
            raise ValueError("IntersectionRNNCell: inputs must have the size of the output, {}; got {}; or give "
                             "num_in_proj={}".format(self._num_units, depth, self._num_units))
        with tf.variable_scope("in_projection"):
            return linear(inputs, self._num_units, True, kernel_initializer=self._initializer)


class NASCell(TupleCell):
    """The cell found by architecture search (Zoph and Le 2016, https://arxiv.org/abs/1611.01578).

    Variables: `nas_cell/recurrent_kernel` [output size, 8 * num_units], `nas_cell/kernel` [depth, 8 * num_units]; with
    `use_bias` `nas_cell/bias`; with `num_proj` `nas_cell/projection_weights` [num_units, num_proj].

    Args:
        num_units: size of the cell state.
        num_proj: size of the output; by default `num_units`, without a projection.
        use_bias: whether there is a bias.
        reuse: whether the variables exist.
        kwargs: `name`, `dtype`, `trainable`, as in `RNNCell`.
    """

    def __init__(self, num_units: int, num_proj: Optional[int] = None, use_bias: bool = False, reuse: Optional[bool] = None,
                 **kwargs: Any):
        super().__init__(num_units, reuse, num_proj=num_proj, **kwargs)
        self._use_bias = use_bias

    def build(self, inputs_shape: Any) -> None:
        columns = 8 * self._num_units
        depth = input_depth(self, inputs_shape)
        self.recurrent_kernel = self.add_variable("recurrent_kernel", [self.output_size, columns])
        self.kernel = self.add_variable("kernel", [depth, columns])
        if self._use_bias:
            self.bias = self.add_variable("bias", [columns], initializer=tf.zeros_initializer())
        if self._num_proj is not None:
            self.projection_weights = self.add_variable("projection_weights", [self._num_units, self._num_proj])

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state
        recurrent = tf.matmul(h, self.recurrent_kernel)
        if self._use_bias:
            recurrent = tf.nn.bias_add(recurrent, self.bias)
        a, b = (tf.split(x, 8, axis=1) for x in (tf.matmul(inputs, self.kernel), recurrent))
        first = tf.tanh(tf.sigmoid(a[0] + b[0]) * tf.nn.relu(a[1] + b[1]))
        second = tf.tanh(tf.sigmoid(a[2] + b[2]) + tf.nn.relu(a[3] * b[3]))
        third = tf.tanh(tf.tanh(a[4] + b[4]) * tf.sigmoid(a[5] + b[5]))
        fourth = tf.sigmoid(tf.tanh(a[6] + b[6]) + tf.sigmoid(a[7] + b[7]))
        c = tf.tanh(first + c) * second
        h = tf.tanh(c * tf.tanh(third + fourth))
        if self._num_proj is not None:
            h = tf.matmul(h, self.projection_weights)
        return h, LSTMStateTuple(c, h)


class PhasedLSTMCell(TupleCell):
    """LSTM with a gate that opens periodically (Neil et al. 2016, https://arxiv.org/abs/1610.09513).

    Inputs are a pair: time [batch, 1], and features [batch, depth].

    Variables in `phased_lstm_cell`: `mask_gates/{kernel,bias}`, `new_input/{kernel,bias}`, `output_gate/{kernel,bias}`,
    `period`, `phase` and `ratio_on` [num_units].

    Args:
        num_units: size of output and state.
        use_peepholes: whether the gates see the cell state.
        leak: how much passes a closed gate.
        ratio_on: initial share of its period during which the gate is open.
        trainable_ratio_on: whether that share is trained.
        period_init_min, period_init_max: bounds of the initial periods, which are uniform in logarithm.
        reuse: whether the variables exist.
    """

    def __init__(self, num_units: int, use_peepholes: bool = False, leak: float = 0.001, ratio_on: float = 0.1,
                 trainable_ratio_on: bool = True, period_init_min: float = 1.0, period_init_max: float = 1000.0,
                 reuse: Optional[bool] = None):
        super().__init__(num_units, reuse)
        self._use_peepholes = use_peepholes
        self._leak = leak
        self._ratio_on = ratio_on
        self._trainable_ratio_on = trainable_ratio_on
        self._period_bounds = period_init_min, period_init_max

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        (time, x), (c, h) = inputs, state
        i, f = tf.split(tf.sigmoid(self._map("mask_gates", [x, h], c, 2)), 2, axis=1)
        new_c = c * f + i * tf.tanh(self._map("new_input", [x, h], None, 1))
        new_h = tf.tanh(new_c) * tf.sigmoid(self._map("output_gate", [x, h], new_c, 1))
        openness = self._openness(time)
        new_c, new_h = openness * new_c + (1 - openness) * c, openness * new_h + (1 - openness) * h
        return new_h, LSTMStateTuple(new_c, new_h)

    def _map(self, scope: str, inputs: List[Any], peephole: Any, factor: int) -> Any:
        if self._use_peepholes and peephole is not None:
            inputs = inputs + [peephole]
        with tf.variable_scope(scope):
            return linear(inputs, factor * self._num_units, True)

    def _openness(self, time: Any) -> Any:
        shape = [self._num_units]
        period = tf.get_variable("period", shape, initializer=self._initial_period)
        phase = tf.get_variable("phase", shape, initializer=lambda *args, **kwargs: tf.random_uniform(
            shape, 0.0, period.initial_value))
        ratio_on = tf.get_variable("ratio_on", shape, initializer=tf.constant_initializer(self._ratio_on),
                                   trainable=self._trainable_ratio_on)
        ratio = _cycle_ratio(time, phase, period)
        rising = 2 * ratio / ratio_on
        openness = tf.where(ratio < ratio_on, 2 - rising, self._leak * ratio)
        return tf.where(ratio < 0.5 * ratio_on, rising, openness)

    def _initial_period(self, shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> Any:
        low, high = (tf.log(tf.constant(bound, dtype)) for bound in self._period_bounds)
        return tf.exp(tf.random_uniform(shape, low, high, dtype))


def _cycle_ratio(time: Any, phase: Any, period: Any) -> Any:
    """Where in its cycle each unit is, in [0, 1); the gradient is that of a ramp without jumps."""
    shifted, period = time - tf.cast(phase, time.dtype), tf.cast(period, time.dtype)
    modulo = tf.stop_gradient(tf.mod(shifted, period) - shifted) + shifted
    return tf.cast(modulo / period, tf.float32)
