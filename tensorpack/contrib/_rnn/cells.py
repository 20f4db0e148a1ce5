"""The cells themselves: plain, LSTM and GRU; their kernels multiply the concatenation of input and recurrent state."""
from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional, Tuple, Union

from ...compat import tfv1 as tf
from ...models._affine import Activation
from ...tfutils._precision import is_half, like, widened_for_kernels
from ...utils._arguments.numbers import whole_number
from .cell import RNNCell, activation_function

Initializer = Callable[..., Any]

__all__ = ["BasicLSTMCell", "BasicRNNCell", "DenseCell", "GRUCell", "LSTMCell", "LSTMStateTuple", "affine"]


class LSTMStateTuple(NamedTuple("LSTMStateTuple", [("c", Any), ("h", Any)])):
    """State of an LSTM: the cell state `c` and the hidden state `h`, which is the output as well."""

    __slots__ = ()

    @property
    def dtype(self) -> Any:
        """The dtype of both tensors.

        Raises:
            TypeError: they differ.
        """
        if self.c.dtype != self.h.dtype:
            raise TypeError("LSTMStateTuple: c and h must have the same dtype; got {} and {}".format(
                self.c.dtype, self.h.dtype))
        return self.c.dtype


class DenseCell(RNNCell):
    """A cell of `num_units` units that reads a vector: its inputs have the shape [batch, depth], the depth being known.

    On CPUs a cell of half precision computes in float32.
    """

    def __init__(self, num_units: int, activation: Activation, reuse: Optional[bool], name: Optional[str], dtype: Any,
                 trainable: bool):
        super().__init__(trainable=trainable, name=name, dtype=dtype, _reuse=reuse)
        self._num_units = whole_number(self, "num_units", num_units, minimum=1)
        self._activation = activation_function(type(self).__name__, activation)

    @property
    def output_size(self) -> int:
        return self._num_units

    @property
    def state_size(self) -> Any:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        if not isinstance(inputs_shape, tf.TensorShape) or inputs_shape.ndims != 2 or inputs_shape.as_list()[1] is None:
            raise ValueError("{}: inputs must have the shape [batch, depth], and the depth must be known when the graph is "
                             "built; got {}; use reshape or set_shape on the inputs".format(
                                 type(self).__name__, inputs_shape))
        self._create_variables(inputs_shape.as_list()[1])

    def _create_variables(self, input_depth: int) -> None:
        raise NotImplementedError

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        if not is_half(inputs):
            return self._step(inputs, state)
        wide = tf.nest.map_structure(lambda x: widened_for_kernels(tf.convert_to_tensor(x)), (inputs, state))
        return tf.nest.map_structure(lambda x: like(x, inputs), self._step(*wide))

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        raise NotImplementedError

    def _parameter(self, name: str, shape: Any, **kwargs: Any) -> Any:
        """A variable in the dtype to compute in; cast here, outside of loops, its gradients are summed in that dtype."""
        return widened_for_kernels(self.add_variable(name, shape, **kwargs))


class BasicRNNCell(DenseCell):
    """The plain recurrent cell: output = new state = activation([input, state] * kernel + bias).

    Variables: `basic_rnn_cell/kernel` [depth + num_units, num_units], `basic_rnn_cell/bias` [num_units] (zeros).

    Args:
        num_units: size of output and state.
        activation: a function or its name; tanh by default.
        reuse: whether the variables exist.
        name: of the variable scope.
        dtype: of the variables; by default that of the inputs.
    """

    def __init__(self, num_units: int, activation: Activation = None, reuse: Optional[bool] = None,
                 name: Optional[str] = None, dtype: Any = None, *, trainable: bool = True):
        super().__init__(num_units, activation, reuse, name, dtype, trainable)

    def _create_variables(self, input_depth: int) -> None:
        self._kernel = self._parameter("kernel", [input_depth + self._num_units, self._num_units])
        self._bias = self._parameter("bias", [self._num_units], initializer=tf.zeros_initializer())

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        output = self._activation(affine(inputs, state, self._kernel, self._bias))
        return output, output


class GRUCell(DenseCell):
    """Gated recurrent unit (Cho et al. 2014, https://arxiv.org/abs/1406.1078).

        r, u = sigmoid([x, h] * gates/kernel + gates/bias)
        output = new state = u * h + (1 - u) * activation([x, r * h] * candidate/kernel + candidate/bias)

    Variables: `gru_cell/gates/kernel` [depth + num_units, 2 * num_units], `gru_cell/gates/bias` (ones),
    `gru_cell/candidate/kernel` [depth + num_units, num_units], `gru_cell/candidate/bias` (zeros).

    Args:
        num_units, activation, reuse, name, dtype: as in `BasicRNNCell`.
        kernel_initializer, bias_initializer: of both kernels, and of both biases.
    """

    def __init__(self, num_units: int, activation: Activation = None, reuse: Optional[bool] = None,
                 kernel_initializer: Optional[Initializer] = None, bias_initializer: Optional[Initializer] = None,
                 name: Optional[str] = None, dtype: Any = None, *, trainable: bool = True):
        super().__init__(num_units, activation, reuse, name, dtype, trainable)
        self._kernel_initializer = kernel_initializer
        self._bias_initializer = bias_initializer

    def _create_variables(self, input_depth: int) -> None:
        units, rows = self._num_units, input_depth + self._num_units
        self._gate_kernel, self._gate_bias = self._kernel_and_bias("gates", rows, 2 * units, tf.ones_initializer())
        self._kernel, self._bias = self._kernel_and_bias("candidate", rows, units, tf.zeros_initializer())

    def _kernel_and_bias(self, name: str, rows: int, columns: int, default_bias: Initializer) -> Tuple[Any, Any]:
        kernel = self._parameter(name + "/kernel", [rows, columns], initializer=self._kernel_initializer)
        return kernel, self._parameter(name + "/bias", [columns], initializer=self._bias_initializer or default_bias)

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        r, u = tf.split(tf.sigmoid(affine(inputs, state, self._gate_kernel, self._gate_bias)), 2, axis=1)
        candidate = self._activation(affine(inputs, r * state, self._kernel, self._bias))
        output = u * state + (1 - u) * candidate
        return output, output


class LSTMCell(DenseCell):
    """Long short-term memory with optional peepholes, clipping and projection (Sak et al. 2014,
    https://arxiv.org/abs/1402.1128).

        i, j, f, o = [x, h] * kernel + bias
        c' = sigmoid(f + forget_bias) * c + sigmoid(i) * activation(j)
        output = h' = sigmoid(o) * activation(c')

    With peepholes the gates i and f see `c` as well, and o sees `c'`, each through a diagonal matrix.

    Variables: `lstm_cell/kernel` [depth + output size, 4 * num_units], `lstm_cell/bias` [4 * num_units] (zeros); with
    peepholes `lstm_cell/w_f_diag`, `w_i_diag`, `w_o_diag` [num_units]; with `num_proj` `lstm_cell/projection/kernel`
    [num_units, num_proj]. The LSTMBlockCell of TensorFlow 1 has the same variables.

    Args:
        num_units: size of the cell state.
        use_peepholes: whether the gates see the cell state.
        cell_clip, proj_clip: bounds of the absolute values of cell state and projected output.
        initializer: of kernel, peepholes and projection; by default that of the variable scope.
        num_proj: size of the output; by default `num_units`, without a projection.
        num_unit_shards, num_proj_shards: how many parts kernel and projection are partitioned into.
        forget_bias: added to the forget gate; use 0 for kernels of CudnnLSTM.
        state_is_tuple: whether the state is an `LSTMStateTuple`, or else one tensor [c, h].
        activation, reuse, name, dtype: as in `BasicRNNCell`.
    """

    def __init__(self, num_units: int, use_peepholes: bool = False, cell_clip: Optional[float] = None,
                 initializer: Optional[Initializer] = None, num_proj: Optional[int] = None, proj_clip: Optional[float] = None,
                 num_unit_shards: Optional[int] = None, num_proj_shards: Optional[int] = None, forget_bias: float = 1.0,
                 state_is_tuple: bool = True, activation: Activation = None, reuse: Optional[bool] = None,
                 name: Optional[str] = None, dtype: Any = None, *, trainable: bool = True):
        super().__init__(num_units, activation, reuse, name, dtype, trainable)
        self._use_peepholes = use_peepholes
        self._cell_clip = cell_clip
        self._initializer = initializer
        self._num_proj = None if num_proj is None else whole_number(self, "num_proj", num_proj, minimum=0)
        self._proj_clip = proj_clip
        self._num_unit_shards, self._num_proj_shards = [
            None if number is None else whole_number(self, name, number, minimum=1)
            for name, number in (("num_unit_shards", num_unit_shards), ("num_proj_shards", num_proj_shards))]
        self._forget_bias = forget_bias
        self._state_is_tuple = state_is_tuple

    @property
    def output_size(self) -> int:
        return self._num_proj or self._num_units

    @property
    def state_size(self) -> Union[int, LSTMStateTuple]:
        if self._state_is_tuple:
            return LSTMStateTuple(self._num_units, self.output_size)
        return self._num_units + self.output_size

    def _create_variables(self, input_depth: int) -> None:
        units = self._num_units
        self._kernel = self._parameter("kernel", [input_depth + self.output_size, 4 * units],
                                       initializer=self._initializer, partitioner=_partitioner(self._num_unit_shards))
        self._bias = self._parameter("bias", [4 * units], initializer=tf.zeros_initializer())
        if self._use_peepholes:
            self._w_f, self._w_i, self._w_o = [
                self._parameter(name, [units], initializer=self._initializer)
                for name in ("w_f_diag", "w_i_diag", "w_o_diag")]
        if self._num_proj:
            self._projection = self._parameter("projection/kernel", [units, self._num_proj], initializer=self._initializer,
                                               partitioner=_partitioner(self._num_proj_shards))

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = self._split_state(state)
        i, j, f, o = tf.split(affine(inputs, h, self._kernel, self._bias), 4, axis=1)
        f = f + tf.cast(self._forget_bias, f.dtype)
        if self._use_peepholes:
            f, i = f + self._w_f * c, i + self._w_i * c
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            c = tf.clip_by_value(c, -self._cell_clip, self._cell_clip)
        if self._use_peepholes:
            o = o + self._w_o * c
        h = self._project(tf.sigmoid(o) * self._activation(c))
        return h, LSTMStateTuple(c, h) if self._state_is_tuple else tf.concat([c, h], axis=1)

    def _split_state(self, state: Any) -> Tuple[Any, Any]:
        if not self._state_is_tuple:
            return tf.split(state, [self._num_units, self.output_size], axis=1)
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise TypeError("{}: the state must be an LSTMStateTuple (c, h); got {!r}; state_is_tuple=False takes one "
                            "tensor".format(type(self).__name__, state))
        return state[0], state[1]

    def _project(self, h: Any) -> Any:
        if not self._num_proj:
            return h
        h = tf.matmul(h, self._projection)
        return h if self._proj_clip is None else tf.clip_by_value(h, -self._proj_clip, self._proj_clip)


class BasicLSTMCell(LSTMCell):
    """`LSTMCell` without its options (Zaremba et al. 2014, https://arxiv.org/abs/1409.2329).

    Variables: `basic_lstm_cell/kernel` [depth + num_units, 4 * num_units], `basic_lstm_cell/bias` [4 * num_units] (zeros).

    Args:
        num_units, forget_bias, state_is_tuple: as in `LSTMCell`.
        activation, reuse, name, dtype: as in `BasicRNNCell`.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, state_is_tuple: bool = True, activation: Activation = None,
                 reuse: Optional[bool] = None, name: Optional[str] = None, dtype: Any = None, *, trainable: bool = True):
        super().__init__(num_units, forget_bias=forget_bias, state_is_tuple=state_is_tuple, activation=activation,
                         reuse=reuse, name=name, dtype=dtype, trainable=trainable)


def affine(inputs: Any, state: Any, kernel: Any, bias: Any) -> Any:
    return tf.nn.bias_add(tf.matmul(tf.concat([inputs, state], axis=1), kernel), bias)


def _partitioner(num_shards: Optional[int]) -> Optional[Callable[..., Any]]:
    return None if num_shards is None else tf.fixed_size_partitioner(num_shards)
