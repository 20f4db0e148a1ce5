"""LSTM cells: with layer normalisation, with coupled gates, with groups of units."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Tuple

from .....compat import is_tensor_like
from .....compat import tfv1 as tf
from ...nn.rnn_cell import LSTMStateTuple
from ._bases import TupleCell
from ._linear import input_depth, layer_norm, linear

__all__ = ["CoupledInputForgetGateLSTMCell", "GLSTMCell", "LayerNormBasicLSTMCell"]


class LayerNormBasicLSTMCell(TupleCell):
    """LSTM with layer normalisation of gates and cell state (Ba et al. 2016, https://arxiv.org/abs/1607.06450), and dropout of
    what is added to the cell state (Semeniuta et al. 2016, https://arxiv.org/abs/1603.05118).

    Variables in `layer_norm_basic_lstm_cell`: `kernel` [depth + num_units, 4 * num_units]; `gamma` and `beta` [num_units] in
    `input`, `transform`, `forget`, `output` and `state`, or, without normalisation, `bias`.

    Args:
        num_units: size of output and state.
        forget_bias: added to the forget gate.
        input_size: has no effect.
        activation: a function.
        layer_norm: whether to normalise.
        norm_gain, norm_shift: initial values of `gamma` and `beta`.
        dropout_keep_prob: float or scalar tensor, probability to keep an element; 1 keeps all.
        dropout_prob_seed: makes the masks reproducible.
        reuse: whether the variables exist.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, input_size: Any = None,
                 activation: Callable[[Any], Any] = tf.tanh, layer_norm: bool = True, norm_gain: float = 1.0,
                 norm_shift: float = 0.0, dropout_keep_prob: Any = 1.0, dropout_prob_seed: Optional[int] = None,
                 reuse: Optional[bool] = None):
        super().__init__(num_units, reuse)
        self._forget_bias = forget_bias
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift
        self._keep_prob = dropout_keep_prob
        self._seed = dropout_prob_seed

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state
        i, j, f, o = tf.split(self._sums(tf.concat([inputs, h], 1)), 4, axis=1)
        i, j, f, o = (self._norm(x, scope) for x, scope in ((i, "input"), (j, "transform"), (f, "forget"), (o, "output")))
        c = c * tf.sigmoid(f + self._forget_bias) + tf.sigmoid(i) * self._dropped(self._activation(j))
        c = self._norm(c, "state")
        h = self._activation(c) * tf.sigmoid(o)
        return h, LSTMStateTuple(c, h)

    def _sums(self, x: Any) -> Any:
        columns = 4 * self._num_units
        sums = tf.matmul(x, tf.get_variable("kernel", [input_depth(self, x.shape), columns], x.dtype))
        return sums if self._layer_norm else tf.nn.bias_add(sums, tf.get_variable("bias", [columns], x.dtype))

    def _norm(self, x: Any, scope: str) -> Any:
        return layer_norm(x, scope, self._norm_gain, self._norm_shift) if self._layer_norm else x

    def _dropped(self, x: Any) -> Any:
        if not is_tensor_like(self._keep_prob) and self._keep_prob >= 1:
            return x
        return tf.nn.dropout(x, rate=1 - self._keep_prob, seed=self._seed)


class CoupledInputForgetGateLSTMCell(TupleCell):
    """LSTM whose input gate is one minus the forget gate (Greff et al. 2015, https://arxiv.org/abs/1503.04069).

    Variables in `coupled_input_forget_gate_lstm_cell`: `W_0` [depth + output size, 3 * num_units] and `B`; with peepholes
    `W_F_diag`, `W_O_diag` [num_units]; with `num_proj` `W_P_0` [num_units, num_proj]; with `layer_norm` `gamma` and `beta` in
    `transform`, `forget`, `output` and `state`.

    Args:
        num_units, num_proj, forget_bias, use_peepholes, state_is_tuple: as in `LSTMCell`.
        initializer: has no effect, as in TensorFlow 1; use that of the variable scope.
        proj_clip: bound of the absolute values of the projected output.
        num_unit_shards, num_proj_shards: how many variables `W_<i>` and `W_P_<i>` the matrices are made of.
        activation: a function.
        reuse: whether the variables exist.
        layer_norm, norm_gain, norm_shift: as in `LayerNormBasicLSTMCell`.
    """

    def __init__(self, num_units: int, use_peepholes: bool = False, initializer: Any = None, num_proj: Optional[int] = None,
                 proj_clip: Optional[float] = None, num_unit_shards: int = 1, num_proj_shards: int = 1,
                 forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Callable[[Any], Any] = tf.tanh,
                 reuse: Optional[bool] = None, layer_norm: bool = False, norm_gain: float = 1.0, norm_shift: float = 0.0):
        super().__init__(num_units, reuse, num_proj=num_proj)
        self._use_peepholes = use_peepholes
        self._proj_clip = proj_clip
        self._num_unit_shards = num_unit_shards
        self._num_proj_shards = num_proj_shards
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple
        self._activation = activation
        self._layer_norm = layer_norm
        self._norm_gain = norm_gain
        self._norm_shift = norm_shift

    @property
    def state_size(self) -> Any:
        return super().state_size if self._state_is_tuple else self._num_units + self.output_size

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state if self._state_is_tuple else tf.split(state, [self._num_units, self.output_size], axis=1)
        j, f, o = self._gates(tf.concat([inputs, h], 1))
        f, peephole = self._with_peephole(f, c)
        f = tf.sigmoid(f + self._forget_bias)
        c = self._norm(f * c + (1 - f) * self._activation(j), "state")
        h = self._project(tf.sigmoid(o if peephole is None else o + peephole * c) * self._activation(c))
        return h, LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], 1)

    def _gates(self, x: Any) -> List[Any]:
        columns = 3 * self._num_units
        sums = tf.matmul(x, _sharded("W", [input_depth(self, x.shape), columns], x.dtype, self._num_unit_shards))
        bias = tf.get_variable("B", [columns], x.dtype, initializer=tf.zeros_initializer())
        if not self._layer_norm:
            return tf.split(tf.nn.bias_add(sums, bias), 3, axis=1)
        return [self._norm(gate, scope) for gate, scope in zip(tf.split(sums, 3, axis=1), ("transform", "forget", "output"))]

    def _with_peephole(self, f: Any, c: Any) -> Tuple[Any, Any]:
        """The forget gate, and the peephole of the output gate."""
        if not self._use_peepholes:
            return f, None
        w_f, w_o = (tf.get_variable(name, [self._num_units], f.dtype) for name in ("W_F_diag", "W_O_diag"))
        return f + w_f * c, w_o

    def _norm(self, x: Any, scope: str) -> Any:
        return layer_norm(x, scope, self._norm_gain, self._norm_shift) if self._layer_norm else x

    def _project(self, h: Any) -> Any:
        if self._num_proj is None:
            return h
        h = tf.matmul(h, _sharded("W_P", [self._num_units, self._num_proj], h.dtype, self._num_proj_shards))
        return h if self._proj_clip is None else tf.clip_by_value(h, -self._proj_clip, self._proj_clip)


class GLSTMCell(TupleCell):
    """LSTM of groups of units that do not see each other (Kuchaiev and Ginsburg 2017, https://arxiv.org/abs/1703.10722).

    Variables in `glstm_cell`: `group<i>/kernel`, `bias_i`, `bias_j`, `bias_f`, `bias_o` [num_units]; with `num_proj`
    `projection/kernel` [num_units, num_proj].

    Args:
        num_units, num_proj, forget_bias: as in `LSTMCell`.
        initializer: of the kernels of the groups; by default that of the variable scope.
        number_of_groups: divides `num_units`, `num_proj` and the size of the inputs.
        activation: a function of the cell state.
        reuse: whether the variables exist.

    Raises:
        ValueError: a size is not divisible by the number of groups.
    """

    def __init__(self, num_units: int, initializer: Any = None, num_proj: Optional[int] = None, number_of_groups: int = 1,
                 forget_bias: float = 1.0, activation: Callable[[Any], Any] = tf.tanh, reuse: Optional[bool] = None):
        super().__init__(num_units, reuse, num_proj=num_proj)
        self._initializer = initializer
        self._number_of_groups = number_of_groups
        self._forget_bias = forget_bias
        self._activation = activation
        self._per_group("num_units", num_units)
        self._per_group("num_proj", self.output_size)

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state
        i, j, f, o = self._gates(inputs, h)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.sigmoid(o) * self._activation(c)
        if self._num_proj is not None:
            with tf.variable_scope("projection"):
                h = linear(h, self._num_proj, False)
        return h, LSTMStateTuple(c, h)

    def _gates(self, inputs: Any, h: Any) -> List[Any]:
        self._per_group("the size of the inputs", input_depth(self, inputs.shape))
        units = self._per_group("num_units", self._num_units)
        parts = []
        for index, group in enumerate(zip(*(tf.split(x, self._number_of_groups, axis=1) for x in (inputs, h)))):
            with tf.variable_scope("group{}".format(index)):
                sums = linear(list(group), 4 * units, False, kernel_initializer=self._initializer)
            parts.append(tf.split(sums, 4, axis=1))
        gates = []
        for name, gate in zip("ijfo", zip(*parts)):
            bias = tf.get_variable("bias_" + name, [self._num_units], inputs.dtype, initializer=tf.zeros_initializer())
            gates.append(tf.nn.bias_add(tf.concat(gate, 1), bias))
        return gates

    def _per_group(self, what: str, size: int) -> int:
        if size % self._number_of_groups:
            raise ValueError("GLSTMCell: {} must be divisible by number_of_groups={}; got {}".format(
                what, self._number_of_groups, size))
        return size // self._number_of_groups


def _sharded(name: str, shape: List[int], dtype: Any, num_shards: int) -> Any:
    """A matrix made of variables `<name>_<i>`, which share its rows."""
    if num_shards > shape[0]:
        raise ValueError("{}: there must be at most a shard for each of {} rows; got {}".format(name, shape[0], num_shards))
    rows, longer = divmod(shape[0], num_shards)
    shards = [tf.get_variable("{}_{}".format(name, index), [rows + (index < longer)] + shape[1:], dtype)
              for index in range(num_shards)]
    return shards[0] if num_shards == 1 else tf.concat(shards, 0, name=name + "/concat")
