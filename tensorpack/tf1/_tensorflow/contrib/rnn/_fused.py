"""Networks that run over all steps at once: inputs are [time, batch, depth], or a list of steps [batch, depth]."""
from __future__ import annotations

from typing import Any, Optional, Tuple

from .....compat import tfv1 as tf
from .....contrib._rnn.layer import ScopedLayer
from .....utils._arguments.numbers import whole_number
from ...nn.rnn_cell import LSTMStateTuple
from ._block_cells import create_lstm_variables

__all__ = ["FusedRNNCell", "FusedRNNCellAdaptor", "LSTMBlockFusedCell", "LSTMBlockWrapper", "TimeReversedFusedRNN"]


class FusedRNNCell:
    """Base class of networks over all steps."""

    def __call__(self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
                 scope: Any = None) -> Tuple[Any, Any]:
        """Run over all steps.

        Args:
            inputs: tensor [time, batch, depth], or a list of `time` tensors [batch, depth].
            initial_state: in the structure of the final state; zeros of `dtype` by default.
            sequence_length: int vector [batch].
            scope: a name or VariableScope.

        Returns:
            outputs, in the form of the inputs, and the final state.
        """
        raise NotImplementedError("{}: override __call__".format(type(self).__name__))


class FusedRNNCellAdaptor(FusedRNNCell):
    """Makes a network of a cell.

    Args:
        cell: the cell.
        use_dynamic_rnn: whether `tf.nn.dynamic_rnn` runs it, or else `tf.nn.static_rnn`.
    """

    def __init__(self, cell: Any, use_dynamic_rnn: bool = False):
        self._cell = cell
        self._use_dynamic_rnn = use_dynamic_rnn

    def __call__(self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
                 scope: Any = None) -> Tuple[Any, Any]:
        is_list = isinstance(inputs, list)
        options = {"sequence_length": sequence_length, "initial_state": initial_state, "dtype": dtype, "scope": scope}
        if self._use_dynamic_rnn:
            outputs, state = tf.nn.dynamic_rnn(self._cell, tf.stack(inputs) if is_list else inputs, time_major=True, **options)
            return tf.unstack(outputs) if is_list else outputs, state
        outputs, state = tf.nn.static_rnn(self._cell, inputs if is_list else tf.unstack(inputs), **options)
        return outputs if is_list else tf.stack(outputs), state


class TimeReversedFusedRNN(FusedRNNCell):
    """Runs a network backwards, each sequence from its own end; outputs are in the order of the inputs.

    Args:
        cell: a `FusedRNNCell`.
    """

    def __init__(self, cell: Any):
        self._cell = cell

    def __call__(self, inputs: Any, initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
                 scope: Any = None) -> Tuple[Any, Any]:
        outputs, state = self._cell(_reversed(inputs, sequence_length), initial_state=initial_state, dtype=dtype,
                                    sequence_length=sequence_length, scope=scope)
        return _reversed(outputs, sequence_length), state


class LSTMBlockWrapper(ScopedLayer):
    """Base class of LSTM networks whose loop is in an operation: a subclass has `num_units` and `_call_cell`."""

    @property
    def num_units(self) -> int:
        """Size of output and state."""
        raise NotImplementedError("{}: override num_units".format(type(self).__name__))

    def _call_cell(self, inputs: Any, initial_cell_state: Any, initial_output: Any, dtype: Any,
                   sequence_length: Any) -> Tuple[Any, Any]:
        """Cell states and outputs of all steps, each [time, batch, num_units]."""
        raise NotImplementedError("{}: override _call_cell".format(type(self).__name__))

    def __call__(self, inputs: Any, *args: Any, scope: Any = None, **kwargs: Any) -> Tuple[Any, Any]:
        is_list = isinstance(inputs, list)
        inputs = tf.stack(inputs) if is_list else tf.convert_to_tensor(inputs)
        if inputs.shape.ndims != 3 or inputs.shape.as_list()[2] is None:
            raise ValueError("{}: inputs must have the shape [time, batch, depth], the depth being known when the graph is "
                             "built; got {}".format(type(self).__name__, inputs.shape))
        with self._in_scope(scope):
            self._build_once(inputs)
            outputs, state = self.call(inputs, *args, **kwargs)
        return tf.unstack(outputs) if is_list else outputs, state

    def call(self, inputs: Any, initial_state: Any = None, dtype: Any = None,
             sequence_length: Any = None) -> Tuple[Any, Any]:
        """Run over all steps; see `FusedRNNCell`."""
        initial_c, initial_h = self._initial_state(inputs, initial_state, dtype)
        if sequence_length is not None:
            sequence_length = tf.convert_to_tensor(sequence_length)
        states, outputs = self._call_cell(inputs, initial_c, initial_h, dtype or initial_c.dtype, sequence_length)
        if sequence_length is None:
            return outputs, LSTMStateTuple(states[-1], outputs[-1])
        mask = tf.sequence_mask(sequence_length, tf.shape(inputs)[0], dtype=outputs.dtype)
        outputs *= tf.expand_dims(tf.transpose(mask), 2)
        return outputs, LSTMStateTuple(_last(initial_c, states, sequence_length), _last(initial_h, outputs, sequence_length))

    def _initial_state(self, inputs: Any, initial_state: Any, dtype: Any) -> Tuple[Any, Any]:
        who = type(self).__name__
        if initial_state is None:
            if dtype is None:
                raise ValueError("{}: without initial_state, dtype must be given; got None".format(who))
            zeros = tf.zeros(tf.stack([tf.shape(inputs)[1], self.num_units]), dtype)
            return zeros, zeros
        if not isinstance(initial_state, (tuple, list)) or len(initial_state) != 2:
            raise ValueError("{}: initial_state must be a tuple (c, h); got {!r}".format(who, initial_state))
        return tf.convert_to_tensor(initial_state[0]), tf.convert_to_tensor(initial_state[1])


class LSTMBlockFusedCell(LSTMBlockWrapper):
    """An LSTM over all steps in one operation, float32, with the variables of `LSTMCell`.

    Args:
        num_units, forget_bias, cell_clip, use_peephole, reuse, dtype: as in `LSTMBlockCell`.
        name: of the variable scope.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, cell_clip: Optional[float] = None, use_peephole: bool = False,
                 reuse: Optional[bool] = None, dtype: Any = None, name: str = "lstm_fused_cell"):
        super().__init__(name=name, dtype=dtype, _reuse=reuse)
        self._num_units = whole_number(self, "num_units", num_units, minimum=1)
        self._forget_bias = forget_bias
        self._cell_clip = cell_clip
        self._use_peephole = use_peephole

    @property
    def num_units(self) -> int:
        return self._num_units

    def build(self, inputs_shape: Any) -> None:
        self._kernel, self._bias, self._peepholes = create_lstm_variables(
            self.add_variable, inputs_shape.as_list()[2], self._num_units, self._use_peephole)

    def _call_cell(self, inputs: Any, initial_cell_state: Any, initial_output: Any, dtype: Any,
                   sequence_length: Any) -> Tuple[Any, Any]:
        w_i, w_f, w_o = self._peepholes or [tf.zeros([self._num_units], dtype)] * 3
        num_steps = tf.shape(inputs)[0] if sequence_length is None else tf.reduce_max(sequence_length)
        result = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.cast(num_steps, tf.int64), x=inputs, cs_prev=initial_cell_state, h_prev=initial_output,
            w=self._kernel, wci=w_i, wcf=w_f, wco=w_o, b=self._bias, forget_bias=self._forget_bias,
            cell_clip=-1 if self._cell_clip is None else self._cell_clip, use_peephole=self._use_peephole)
        return result.cs, result.h


def _reversed(x: Any, lengths: Any) -> Any:
    if isinstance(x, list):
        return x[::-1]
    return tf.reverse(x, [0]) if lengths is None else tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)


def _last(initial: Any, values: Any, lengths: Any) -> Any:
    """For each sequence the value of its last step; the initial one if it has no step."""
    values = tf.concat([tf.expand_dims(initial, 0), values], 0)
    lengths = tf.cast(lengths, tf.int32)
    return tf.gather_nd(values, tf.stack([lengths, tf.range(tf.shape(lengths)[0])], 1))
