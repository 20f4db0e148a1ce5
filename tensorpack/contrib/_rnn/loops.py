"""Loops that apply a recurrent cell to sequences: `dynamic_rnn`, `static_rnn` and `bidirectional_dynamic_rnn`."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from ...compat import deprecation_silenced
from ...compat import tfv1 as tf
from ...tfutils._precision import like, widened
from ...utils._text.spec import shown
from .cell import check_cell, zeros_of

__all__ = ["bidirectional_dynamic_rnn", "dynamic_rnn", "static_rnn"]


def dynamic_rnn(cell: Any, inputs: Any, sequence_length: Any = None, initial_state: Any = None, dtype: Any = None,
                parallel_iterations: Optional[int] = None, swap_memory: bool = False, time_major: bool = False,
                scope: Any = None) -> Tuple[Any, Any]:
    """Apply a cell to all steps of sequences, in a `tf.while_loop`; the number of steps may be unknown.

    Variables are those of the cell, in the scope `rnn`: `rnn/lstm_cell/kernel`, ...

    Args:
        cell: a cell of `tensorpack.contrib.rnn`, or anything with its methods.
        inputs: tensor [batch, time, ...], or a structure of such tensors.
        sequence_length: int vector [batch], the number of steps of each sequence. Beyond it outputs are zero and the state
            stays as it is; steps beyond the longest sequence are not computed.
        initial_state: in the structure of `cell.state_size`; zeros of dtype `dtype` by default.
        dtype: of initial state and outputs; needed without `initial_state`.
        parallel_iterations: how many steps may run at the same time, 32 by default.
        swap_memory: whether what the gradient needs may be moved from GPU to CPU memory.
        time_major: whether inputs and outputs are [time, batch, ...], which saves transposing them.
        scope: a name or VariableScope in place of `rnn`.

    Returns:
        outputs [batch, time, ...] in the structure of `cell.output_size`, and the final state of each sequence.

    Raises:
        ValueError: neither initial_state nor dtype is given, or shapes of inputs, lengths or state do not fit.
    """
    check_cell("dynamic_rnn", cell)
    with tf.variable_scope(scope or "rnn"):
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        _check_sequences(inputs)
        if not time_major:
            inputs = tf.nest.map_structure(_transposed, inputs)
        first = tf.nest.flatten(inputs)[0]
        batch_size = _dimension(first, 1)
        sequence_length = _lengths("dynamic_rnn", sequence_length, batch_size)
        state = _initial_state("dynamic_rnn", cell, initial_state, batch_size, dtype)
        loop = _Loop(cell, inputs, state, sequence_length)
        outputs, state = loop.run(_dimension(first, 0), batch_size, parallel_iterations or 32, swap_memory)
        if not time_major:
            outputs = tf.nest.map_structure(_transposed, outputs)
        return outputs, state


class _Loop:
    """The `tf.while_loop` over time-major inputs."""

    def __init__(self, cell: Any, inputs: Any, initial_state: Any, sequence_length: Any):
        self._cell = cell
        self._inputs = inputs
        self._initial_state = tf.nest.map_structure(tf.convert_to_tensor, initial_state)
        self._sequence_length = sequence_length

    def run(self, num_steps: Any, batch_size: Any, parallel_iterations: int, swap_memory: bool) -> Tuple[Any, Any]:
        """Outputs [time, batch, ...] and final state."""
        flat_inputs = tf.nest.flatten(self._inputs)
        self._input_arrays = [tf.TensorArray(x.dtype, size=num_steps).unstack(x) for x in flat_inputs]
        flat_state = tf.nest.flatten(self._initial_state)
        outputs = [tf.TensorArray(flat_state[0].dtype, size=num_steps, element_shape=_batched(batch_size, size))
                   for size in tf.nest.flatten(self._cell.output_size)]
        end = self._num_computed(num_steps)
        _, outputs, flat_state = tf.while_loop(
            lambda time, *_: time < end, self._body, [tf.constant(0), outputs, [widened(x) for x in flat_state]],
            parallel_iterations=parallel_iterations, swap_memory=swap_memory, maximum_iterations=num_steps)
        stacked = [_stack(array, num_steps) for array in outputs]
        return (tf.nest.pack_sequence_as(self._cell.output_size, stacked),
                self._as_state(flat_state))

    def _as_state(self, flat_state: Sequence[Any]) -> Any:
        """The state of the cell from what the loop carries, which is float32 in place of half precision.

        TF 1.15 has no gradient by way of a bfloat16 variable of a loop whose last value nobody uses.
        """
        pairs = zip(flat_state, tf.nest.flatten(self._initial_state))
        return tf.nest.pack_sequence_as(self._initial_state, [like(x, initial) for x, initial in pairs])

    def _num_computed(self, num_steps: Any) -> Any:
        if self._sequence_length is None:
            return num_steps
        # at least one, without which the arrays would not know the shape of the steps that are not computed
        return tf.minimum(num_steps, tf.maximum(1, tf.reduce_max(self._sequence_length)))

    def _body(self, time: Any, outputs: List[Any], flat_state: List[Any]) -> List[Any]:
        step_inputs = [array.read(time) for array in self._input_arrays]
        for step_input, x in zip(step_inputs, tf.nest.flatten(self._inputs)):
            step_input.set_shape(x.shape[1:])
        state = self._as_state(flat_state)
        finished = None if self._sequence_length is None else time >= self._sequence_length
        output, state = _step(self._cell, tf.nest.pack_sequence_as(self._inputs, step_inputs), state, finished)
        outputs = [array.write(time, value) for array, value in zip(outputs, tf.nest.flatten(output))]
        return [time + 1, outputs, [widened(x) for x in tf.nest.flatten(state)]]


def static_rnn(cell: Any, inputs: Sequence[Any], initial_state: Any = None, dtype: Any = None, sequence_length: Any = None,
               scope: Any = None) -> Tuple[List[Any], Any]:
    """Apply a cell to a list of steps; the graph has a copy of the cell for each step.

    Variables are those of the cell, in the scope `rnn`.

    Args:
        inputs: a list with the inputs of each step: tensor [batch, ...], or a structure of tensors.
        cell, initial_state, dtype, scope: as in `dynamic_rnn`.
        sequence_length: int vector [batch]; beyond it outputs are zero and the state stays as it is.

    Returns:
        the list of outputs, and the final state.

    Raises:
        TypeError: `inputs` is no list.
        ValueError: it is empty; neither initial_state nor dtype is given; or shapes do not fit.
    """
    check_cell("static_rnn", cell)
    if not isinstance(inputs, (list, tuple)):
        raise TypeError("static_rnn: inputs must be a list with a tensor for each step; got {}; tf.unstack(x, axis=1) makes "
                        "one of [batch, time, ...]".format(shown(inputs)))
    if not inputs:
        raise ValueError("static_rnn: inputs must have at least one step; got an empty list")
    outputs = []
    with tf.variable_scope(scope or "rnn") as opened:
        inputs = [tf.nest.map_structure(tf.convert_to_tensor, step_inputs) for step_inputs in inputs]
        batch_size = _dimension(tf.nest.flatten(inputs[0])[0], 0)
        sequence_length = _lengths("static_rnn", sequence_length, batch_size)
        state = _initial_state("static_rnn", cell, initial_state, batch_size, dtype)
        for time, step_inputs in enumerate(inputs):
            if time == 1:
                opened.reuse_variables()
            finished = None if sequence_length is None else time >= sequence_length
            output, state = _step(cell, step_inputs, state, finished)
            outputs.append(output)
    return outputs, state


def bidirectional_dynamic_rnn(cell_fw: Any, cell_bw: Any, inputs: Any, sequence_length: Any = None,
                              initial_state_fw: Any = None, initial_state_bw: Any = None, dtype: Any = None,
                              parallel_iterations: Optional[int] = None, swap_memory: bool = False,
                              time_major: bool = False, scope: Any = None) -> Tuple[Tuple[Any, Any], Tuple[Any, Any]]:
    """Apply one cell forwards and another one backwards, each sequence from its own end.

    Variables are those of the cells, in `bidirectional_rnn/fw` and `bidirectional_rnn/bw`.

    Args:
        cell_fw, cell_bw: two different cells.
        initial_state_fw, initial_state_bw: as `initial_state` of `dynamic_rnn`, like all other arguments.
        scope: a name or VariableScope in place of `bidirectional_rnn`.

    Returns:
        the pair of outputs (forward, backward), both in the order of the inputs, and the pair of final states.
    """
    check_cell("bidirectional_dynamic_rnn", cell_fw)
    check_cell("bidirectional_dynamic_rnn", cell_bw)
    options = {"sequence_length": sequence_length, "dtype": dtype, "parallel_iterations": parallel_iterations,
               "swap_memory": swap_memory, "time_major": time_major}
    time_axis = 0 if time_major else 1

    def reverse(x: Any) -> Any:
        if sequence_length is None:
            return tf.reverse(x, [time_axis])
        return tf.reverse_sequence(x, tf.cast(sequence_length, tf.int32), seq_axis=time_axis, batch_axis=1 - time_axis)

    with tf.variable_scope(scope or "bidirectional_rnn"):
        with tf.variable_scope("fw") as forward:
            outputs_fw, state_fw = dynamic_rnn(cell_fw, inputs, initial_state=initial_state_fw, scope=forward, **options)
        with tf.variable_scope("bw") as backward:
            inputs = tf.nest.map_structure(lambda x: reverse(tf.convert_to_tensor(x)), inputs)
            outputs_bw, state_bw = dynamic_rnn(cell_bw, inputs, initial_state=initial_state_bw, scope=backward, **options)
            outputs_bw = tf.nest.map_structure(reverse, outputs_bw)
    return (outputs_fw, outputs_bw), (state_fw, state_bw)


def _step(cell: Any, inputs: Any, state: Any, finished: Any) -> Tuple[Any, Any]:
    """One step of a cell; where `finished` (bool vector [batch] or None), the output is zero and the state is kept."""
    output, new_state = cell(inputs, state)
    _check_structure("output", output, cell.output_size, "output_size")
    _check_structure("new state", new_state, state, "state before")
    if finished is not None:
        output = tf.nest.map_structure(lambda x: _select(finished, tf.zeros_like(x), x), output)
    pairs = zip(tf.nest.flatten(state), tf.nest.flatten(new_state))
    return output, tf.nest.pack_sequence_as(state, [_next_state(old, new, finished) for old, new in pairs])


def _next_state(old: Any, new: Any, finished: Any) -> Any:
    if finished is not None and old.shape.ndims != 0:  # a scalar belongs to no sequence
        new = _select(finished, old, new)
    new.set_shape(old.shape)
    return new


def _select(condition: Any, x: Any, y: Any) -> Any:
    """Rows of `x` where the condition, a vector, holds, else those of `y`; `tf.where` of TF 2 does not take a vector."""
    with deprecation_silenced():
        return tf.where(condition, x, y)


def _check_structure(what: str, value: Any, expected: Any, name: str) -> None:
    try:
        tf.nest.assert_same_structure(value, expected, check_types=False)  # (c, h) is as good as LSTMStateTuple(c, h)
    except (TypeError, ValueError) as e:
        raise ValueError("RNN: the {} of a cell must have the structure of its {}; got {!r} for {!r}".format(
            what, name, value, expected)) from e


def _check_sequences(inputs: Any) -> None:
    for x in tf.nest.flatten(inputs):
        if x.shape.ndims is None or x.shape.ndims < 2:
            raise ValueError("dynamic_rnn: inputs must have the shape [batch, time, ...] of known rank; got {}".format(x.shape))


def _initial_state(who: str, cell: Any, initial_state: Any, batch_size: Any, dtype: Any) -> Any:
    if initial_state is not None:
        initial_state = tf.nest.map_structure(tf.convert_to_tensor, initial_state)
        _check_structure("initial state", initial_state, cell.state_size, "state_size")
        return tf.nest.pack_sequence_as(cell.state_size, tf.nest.flatten(initial_state))
    if dtype is None:
        raise ValueError("{}: without initial_state, dtype must be given; got None; try dtype=tf.float32".format(who))
    if hasattr(cell, "zero_state"):
        return cell.zero_state(batch_size, dtype)
    return zeros_of(cell.state_size, batch_size, dtype)


def _lengths(who: str, sequence_length: Any, batch_size: Any) -> Any:
    if sequence_length is None:
        return None
    lengths = tf.cast(sequence_length, tf.int32)
    expected = _batched(batch_size, [])
    if not lengths.shape.is_compatible_with(expected):
        raise ValueError("{}: sequence_length must have the shape [batch] = {}; got {}".format(who, expected, lengths.shape))
    return lengths


def _dimension(x: Any, axis: int) -> Any:
    """A size of `x`: an int if it is known, else a scalar tensor."""
    static = x.shape.as_list()[axis]
    return tf.shape(x)[axis] if static is None else static


def _batched(batch_size: Any, size: Any) -> tf.TensorShape:
    """The shape [batch size, size], unknown where the batch size is a tensor."""
    return tf.TensorShape([batch_size if isinstance(batch_size, int) else None]).concatenate(size)


def _stack(array: Any, num_steps: Any) -> Any:
    x = array.stack()
    x.set_shape(_batched(num_steps, x.shape[1:]))  # TF 1.15 forgets how many there are
    return x


def _transposed(x: Any) -> Any:
    """With the first two dimensions exchanged."""
    return tf.transpose(x, [1, 0] + list(range(2, x.shape.ndims)))
