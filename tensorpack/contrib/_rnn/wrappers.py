"""Cells made of cells: stacked, with dropout, with residual connections, on a device. They create no variables of their own."""
from __future__ import annotations

import hashlib
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ...compat import is_tensor_like
from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._text.spec import shown
from .cell import RNNCell, check_cell
from .cells import LSTMStateTuple

__all__ = ["DeviceWrapper", "DropoutWrapper", "MultiRNNCell", "ResidualWrapper"]


class MultiRNNCell(RNNCell):
    """A stack of cells, each of which reads the output of the one before.

    Variables are those of the cells, in the scopes `multi_rnn_cell/cell_0`, `multi_rnn_cell/cell_1`, ...

    Args:
        cells: a list of cells, from the first to the last one.
        state_is_tuple: whether the state is the tuple of the states of the cells, or else their concatenation.

    Raises:
        TypeError: `cells` is no list of cells.
        ValueError: it is empty, or the state of a cell is a tuple that cannot be concatenated.
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True):
        super().__init__()
        if not isinstance(cells, (list, tuple)):
            raise TypeError("MultiRNNCell: cells must be a list of cells; got {}".format(shown(cells)))
        if not cells:
            raise ValueError("MultiRNNCell: cells must have at least one cell; got none")
        for cell in cells:
            check_cell("MultiRNNCell", cell)
        if not state_is_tuple and any(isinstance(cell.state_size, (tuple, list)) for cell in cells):
            raise ValueError("MultiRNNCell(state_is_tuple=False): states that are tuples cannot be concatenated; give the "
                             "cells state_is_tuple=False, too")
        if len({id(cell) for cell in cells}) < len(cells):
            logger.warning("MultiRNNCell: two of the cells are the same object, so they share their variables; make one cell "
                           "for each layer.")
        self._cells = list(cells)
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        sizes = tuple(cell.state_size for cell in self._cells)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        return self._cells[-1].output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The zero states of the cells."""
        if not self._state_is_tuple:
            return super().zero_state(batch_size, dtype)
        with tf.name_scope("MultiRNNCellZeroState"):
            return tuple(cell.zero_state(batch_size, dtype) for cell in self._cells)

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        if self._state_is_tuple:
            states = state
            if not isinstance(states, (tuple, list)) or len(states) != len(self._cells):
                raise ValueError("MultiRNNCell: the state must be a tuple with the state of each of {} cells; got {}".format(
                    len(self._cells), shown(state)))
        else:
            states = tf.split(state, [cell.state_size for cell in self._cells], axis=1)
        new_states = []
        for index, (cell, cell_state) in enumerate(zip(self._cells, states)):
            with tf.variable_scope("cell_{}".format(index)):
                inputs, new_state = cell(inputs, cell_state)
            new_states.append(new_state)
        return inputs, tuple(new_states) if self._state_is_tuple else tf.concat(new_states, axis=1)


class _Wrapper(RNNCell):
    """A cell that calls another one in the same variable scope."""

    def __init__(self, cell: Any):
        super().__init__()
        check_cell(type(self).__name__, cell)
        self._cell = cell

    @property
    def wrapped_cell(self) -> Any:
        """The cell inside."""
        return self._cell

    cell = wrapped_cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    @property
    def dtype(self) -> Any:
        return self._cell.dtype

    @property
    def variables(self) -> List[Any]:
        return list(self._cell.variables)

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The zero state of the cell inside."""
        return self._cell.zero_state(batch_size, dtype)

    def _call_wrapped(self, inputs: Any, state: Any, scope: Any) -> Tuple[Any, Any]:
        # cells of users may take no scope
        return self._cell(inputs, state) if scope is None else self._cell(inputs, state, scope=scope)


class ResidualWrapper(_Wrapper):
    """Adds the inputs to the outputs of a cell (Wu et al. 2016, https://arxiv.org/abs/1609.08144).

    Args:
        cell: outputs must have the shapes of its inputs, unless there is a `residual_fn`.
        residual_fn: a function from inputs and outputs to the outputs of the wrapper.
    """

    def __init__(self, cell: Any, residual_fn: Optional[Callable[..., Any]] = None):
        super().__init__(cell)
        self._residual_fn = residual_fn or _add_all

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        outputs, new_state = self._call_wrapped(inputs, state, scope)
        return self._residual_fn(inputs, outputs), new_state


class DropoutWrapper(_Wrapper):
    """Dropout of inputs, outputs and state of a cell; what is kept is divided by the probability of keeping it.

    It drops whenever it is called: build it in training towers only.

    Args:
        cell: the cell inside.
        input_keep_prob, output_keep_prob, state_keep_prob: probabilities to keep an element, floats or scalar tensors. The
            cell state `c` of an LSTM is always kept.
        variational_recurrent: one mask for all steps, new in each session run, and the same for the whole batch (Gal and
            Ghahramani 2016, https://arxiv.org/abs/1512.05287). It needs `dtype`.
        input_size: for variational dropout of inputs, their size: an int, or a structure of TensorShapes.
        dtype: for variational dropout, the dtype of inputs, outputs and state.
        seed: makes the masks reproducible, together with the seed of the graph.
        dropout_state_filter_visitor: which states are dropped: a function of a state or a part of it, that returns whether
            it is dropped, or such answers for its parts.

    Raises:
        ValueError: a probability is not in [0, 1], or variational dropout lacks `dtype` or `input_size`.
    """

    def __init__(self, cell: Any, input_keep_prob: Any = 1.0, output_keep_prob: Any = 1.0, state_keep_prob: Any = 1.0,
                 variational_recurrent: bool = False, input_size: Any = None, dtype: Any = None, seed: Optional[int] = None,
                 dropout_state_filter_visitor: Optional[Callable[[Any], Any]] = None):
        super().__init__(cell)
        self._keep_prob = {"input": input_keep_prob, "output": output_keep_prob, "state": state_keep_prob}
        for place, probability in self._keep_prob.items():
            self._keep_prob[place] = _check_probability(place, probability)
        self._seed = seed
        self._is_dropped = dropout_state_filter_visitor or _all_but_cell_states
        self._noise = None
        if variational_recurrent:
            self._noise = self._make_noise(input_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        inputs = self._drop("input", tf.nest.map_structure(tf.convert_to_tensor, inputs))
        output, new_state = self._call_wrapped(inputs, state, scope)
        return self._drop("output", output), self._drop("state", new_state)

    def _drop(self, place: str, values: Any) -> Any:
        if not self._drops(place):
            return values
        flat = tf.nest.flatten(values)
        flags = _dropped_parts(self._is_dropped, values) if place == "state" else [True] * len(flat)
        return tf.nest.pack_sequence_as(values, [
            self._drop_one(place, index, value) if flag else value
            for index, (value, flag) in enumerate(zip(flat, flags))])

    def _drop_one(self, place: str, index: int, value: Any) -> Any:
        keep_prob = self._keep_prob[place]
        if self._noise is None:
            rate = 1 - tf.cast(keep_prob, value.dtype) if is_tensor_like(keep_prob) else 1 - keep_prob
            return tf.nn.dropout(value, rate=rate, seed=self._seed_of(place, index))
        mask = tf.floor(tf.cast(keep_prob, value.dtype) + self._noise[place][index])
        return value / tf.cast(keep_prob, value.dtype) * mask

    def _drops(self, place: str) -> bool:
        keep_prob = self._keep_prob[place]
        return is_tensor_like(keep_prob) or keep_prob < 1

    def _make_noise(self, input_size: Any, dtype: Any) -> Dict[str, List[tf.Tensor]]:
        """Uniform noise for each tensor of inputs, outputs and state that may be dropped; of batch size one."""
        if dtype is None:
            raise ValueError("DropoutWrapper(variational_recurrent=True): dtype must be given, that of the inputs")
        if self._drops("input") and input_size is None:
            raise ValueError("DropoutWrapper(variational_recurrent=True): input_size must be given to drop inputs; got "
                             "input_keep_prob={!r}".format(self._keep_prob["input"]))
        sizes = {"input": input_size, "output": self.output_size, "state": self.state_size}
        return {place: [tf.random_uniform([1] + tf.TensorShape(size).as_list(), seed=self._seed_of(place, index), dtype=dtype)
                        for index, size in enumerate(tf.nest.flatten(sizes[place]))]
                for place in sizes if self._drops(place)}

    def _seed_of(self, place: str, index: int) -> Optional[int]:
        """A seed for each tensor; the same ones as in TensorFlow."""
        if self._seed is None:
            return None
        text = "{}{}_{}".format(self._seed, place, index)
        return int(hashlib.md5(text.encode("utf-8")).hexdigest()[:8], 16) & 0x7FFFFFFF


class DeviceWrapper(_Wrapper):
    """Runs a cell on a device.

    Args:
        cell: the cell inside.
        device: a name such as `/gpu:0`, or a function, as in `tf.device`.
    """

    def __init__(self, cell: Any, device: Any):
        super().__init__(cell)
        self._device = device

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The zero state of the cell inside, made on the device."""
        with tf.device(self._device):
            return super().zero_state(batch_size, dtype)

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        with tf.device(self._device):
            return self._call_wrapped(inputs, state, scope)


def _check_probability(place: str, probability: Any) -> Any:
    if is_tensor_like(probability):
        return probability
    if isinstance(probability, bool) or not 0 <= probability <= 1:
        raise ValueError("DropoutWrapper: {}_keep_prob must be in [0, 1]; got {!r}".format(place, probability))
    return float(probability)


def _all_but_cell_states(state: Any) -> Any:
    if isinstance(state, tuple) and getattr(state, "_fields", None) == LSTMStateTuple._fields:
        return LSTMStateTuple(c=False, h=True)
    return True


def _dropped_parts(is_dropped: Callable[[Any], Any], state: Any) -> List[bool]:
    """For each tensor of a state, in the order of `tf.nest.flatten`, whether it is dropped."""
    return _expand(is_dropped, is_dropped(state), state)


def _expand(is_dropped: Callable[[Any], Any], answer: Any, state: Any) -> List[bool]:
    parts = _parts(state)
    if answer is False or parts is None:
        return [answer] * len(tf.nest.flatten(state))
    answers: Any = [is_dropped(part) for part in parts] if answer is True else _parts(answer)
    return [flag for one, part in zip(answers, parts) for flag in _expand(is_dropped, one, part)]


def _parts(structure: Any) -> Optional[List[Any]]:
    if isinstance(structure, dict):
        return [structure[key] for key in sorted(structure)]
    return list(structure) if isinstance(structure, (list, tuple)) else None


def _add_all(inputs: Any, outputs: Any) -> Any:
    for one, other in zip(tf.nest.flatten(inputs), tf.nest.flatten(outputs)):
        if not one.shape.is_compatible_with(other.shape):
            raise ValueError("ResidualWrapper: inputs and outputs must have the same shape; got {} and {}; use a cell of the "
                             "size of the inputs, or residual_fn".format(one.shape, other.shape))
    return tf.nest.map_structure(tf.add, inputs, outputs)
