"""Loops over layers of bidirectional networks; those over one layer are TensorFlow's own."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple

from .....compat import tfv1 as tf

static_bidirectional_rnn = tf.nn.static_bidirectional_rnn
static_rnn = tf.nn.static_rnn
static_state_saving_rnn = tf.nn.static_state_saving_rnn

__all__ = [
    "best_effort_input_batch_size", "stack_bidirectional_dynamic_rnn", "stack_bidirectional_rnn", "static_bidirectional_rnn",
    "static_rnn", "static_state_saving_rnn", "transpose_batch_time",
]


def stack_bidirectional_dynamic_rnn(
        cells_fw: Sequence[Any], cells_bw: Sequence[Any], inputs: Any, initial_states_fw: Any = None,
        initial_states_bw: Any = None, dtype: Any = None, sequence_length: Any = None,
        parallel_iterations: Optional[int] = None, time_major: bool = False, scope: Any = None,
        swap_memory: bool = False) -> Tuple[Any, Tuple[Any, ...], Tuple[Any, ...]]:
    """Bidirectional networks, each of which reads the concatenated outputs of the one before.

    Variables are those of the cells, in `stack_bidirectional_rnn/cell_<i>/bidirectional_rnn/{fw,bw}`.

    Args:
        cells_fw, cells_bw: lists of cells, one for each layer.
        inputs: tensor [batch, time, ...], or [time, batch, ...] if `time_major`.
        initial_states_fw, initial_states_bw: lists of initial states; zeros of `dtype` by default.
        dtype, sequence_length, parallel_iterations, time_major, scope, swap_memory: as in `tf.nn.bidirectional_dynamic_rnn`.

    Returns:
        outputs [batch, time, depth] of the last layer, and the final states of all layers, forward and backward.

    Raises:
        ValueError: the lists are empty, no lists, or of different lengths.
    """
    def run(cell_fw: Any, cell_bw: Any, x: Any, state_fw: Any, state_bw: Any, opened: Any) -> Tuple[Any, Any, Any]:
        outputs, states = tf.nn.bidirectional_dynamic_rnn(
            cell_fw, cell_bw, x, initial_state_fw=state_fw, initial_state_bw=state_bw, sequence_length=sequence_length,
            parallel_iterations=parallel_iterations, dtype=dtype, swap_memory=swap_memory, time_major=time_major)
        return tf.concat(outputs, 2), states[0], states[1]

    return _stack("stack_bidirectional_dynamic_rnn", run, cells_fw, cells_bw, inputs, initial_states_fw, initial_states_bw,
                  scope)


def stack_bidirectional_rnn(
        cells_fw: Sequence[Any], cells_bw: Sequence[Any], inputs: Sequence[Any], initial_states_fw: Any = None,
        initial_states_bw: Any = None, dtype: Any = None, sequence_length: Any = None,
        scope: Any = None) -> Tuple[Any, Tuple[Any, ...], Tuple[Any, ...]]:
    """`stack_bidirectional_dynamic_rnn` for a list of steps [batch, depth]; returns a list of outputs.

    Variables are those of the cells, in `stack_bidirectional_rnn/cell_<i>/{fw,bw}`.
    """
    def run(cell_fw: Any, cell_bw: Any, x: Any, state_fw: Any, state_bw: Any, opened: Any) -> Any:
        return static_bidirectional_rnn(cell_fw, cell_bw, x, initial_state_fw=state_fw, initial_state_bw=state_bw,
                                        sequence_length=sequence_length, dtype=dtype, scope=opened)

    return _stack("stack_bidirectional_rnn", run, cells_fw, cells_bw, inputs, initial_states_fw, initial_states_bw, scope)


def _stack(who: str, run: Callable[..., Any], cells_fw: Any, cells_bw: Any, x: Any, initial_states_fw: Any,
           initial_states_bw: Any, scope: Any) -> Tuple[Any, Tuple[Any, ...], Tuple[Any, ...]]:
    _check_lists(who, cells_fw, cells_bw, initial_states_fw, initial_states_bw)
    nothing: List[Any] = [None] * len(cells_fw)
    states_fw, states_bw = [], []
    layers = zip(cells_fw, cells_bw, initial_states_fw or nothing, initial_states_bw or nothing)
    with tf.variable_scope(scope or "stack_bidirectional_rnn"):
        for index, (cell_fw, cell_bw, initial_fw, initial_bw) in enumerate(layers):
            with tf.variable_scope("cell_{}".format(index)) as opened:
                x, state_fw, state_bw = run(cell_fw, cell_bw, x, initial_fw, initial_bw, opened)
            states_fw.append(state_fw)
            states_bw.append(state_bw)
    return x, tuple(states_fw), tuple(states_bw)


def _check_lists(who: str, cells_fw: Any, cells_bw: Any, initial_states_fw: Any, initial_states_bw: Any) -> None:
    for name, cells in (("cells_fw", cells_fw), ("cells_bw", cells_bw)):
        if not isinstance(cells, list) or not cells:
            raise ValueError("{}: {} must be a list with a cell for each layer; got {!r}".format(who, name, cells))
    if len(cells_fw) != len(cells_bw):
        raise ValueError("{}: cells_fw and cells_bw must have the same number of layers; got {} and {}".format(
            who, len(cells_fw), len(cells_bw)))
    for name, states in (("initial_states_fw", initial_states_fw), ("initial_states_bw", initial_states_bw)):
        if states is not None and (not isinstance(states, list) or len(states) != len(cells_fw)):
            raise ValueError("{}: {} must be a list with a state for each of {} layers; got {!r}".format(
                who, name, len(cells_fw), states))


def transpose_batch_time(x: Any) -> Any:
    """`x` with the first two dimensions exchanged; `x` itself if it has fewer, or nobody knows how many."""
    x = tf.convert_to_tensor(x)
    if x.shape.ndims is None or x.shape.ndims < 2:
        return x
    return tf.transpose(x, [1, 0] + list(range(2, x.shape.ndims)))


def best_effort_input_batch_size(flat_input: Sequence[Any]) -> Any:
    """The batch size of time-major inputs [time, batch, ...]: an int if one of them knows it, else a scalar tensor."""
    for x in flat_input:
        if x.shape.ndims is not None and x.shape.ndims > 1 and x.shape.as_list()[1] is not None:
            return x.shape.as_list()[1]
    return tf.shape(flat_input[0])[1]
