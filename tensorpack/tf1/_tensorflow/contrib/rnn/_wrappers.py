"""Cells around cells that have variables of their own: embeddings, projections, highways, attention to former outputs."""
from __future__ import annotations

import math
from typing import Any, Callable, Optional, Tuple

from .....compat import tfv1 as tf
from .....contrib._rnn.cell import check_cell
from ...nn.rnn_cell import RNNCell
from ._linear import linear

__all__ = [
    "AttentionCellWrapper", "EmbeddingWrapper", "HighwayWrapper", "InputProjectionWrapper", "OutputProjectionWrapper",
]


class _CellAround(RNNCell):
    """A cell with variables of its own, in whose scope the cell inside lives."""

    def __init__(self, cell: Any, reuse: Optional[bool]):
        super().__init__(_reuse=reuse)
        check_cell(type(self).__name__, cell)
        self._cell = cell

    @property
    def state_size(self) -> Any:
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The zero state of the cell inside."""
        return self._cell.zero_state(batch_size, dtype)


class EmbeddingWrapper(_CellAround):
    """Looks the inputs up in an embedding, on the CPU.

    Variables: `embedding_wrapper/embedding` [embedding_classes, embedding_size] in the dtype of the state, by default uniform
    with variance 1; and those of the cell in `embedding_wrapper`.

    Args:
        cell: the cell inside; inputs of this one are int [batch].
        embedding_classes, embedding_size: number and size of the vectors.
        initializer: of the embedding; by default that of the variable scope.
        reuse: whether the variables exist.

    Raises:
        ValueError: a size is not positive.
    """

    def __init__(self, cell: Any, embedding_classes: int, embedding_size: int, initializer: Any = None,
                 reuse: Optional[bool] = None):
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError("EmbeddingWrapper: embedding_classes and embedding_size must be positive; got {} and {}".format(
                embedding_classes, embedding_size))
        self._shape = [embedding_classes, embedding_size]
        self._initializer = initializer

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        with tf.device("/cpu:0"):
            bound = math.sqrt(3)
            initializer = (self._initializer or tf.get_variable_scope().initializer
                           or tf.random_uniform_initializer(-bound, bound))
            embedding = tf.get_variable("embedding", self._shape, tf.nest.flatten(state)[0].dtype, initializer=initializer)
            return self._cell(tf.nn.embedding_lookup(embedding, tf.reshape(inputs, [-1])), state)


class InputProjectionWrapper(_CellAround):
    """A linear map of the inputs of a cell.

    Variables: `input_projection_wrapper/kernel`, `input_projection_wrapper/bias`; and those of the cell in
    `input_projection_wrapper`.

    Args:
        cell: the cell inside.
        num_proj: size of the inputs of the cell.
        activation: a function of them.
        input_size: has no effect.
        reuse: whether the variables exist.
    """

    def __init__(self, cell: Any, num_proj: int, activation: Optional[Callable[[Any], Any]] = None, input_size: Any = None,
                 reuse: Optional[bool] = None):
        super().__init__(cell, reuse)
        self._num_proj = num_proj
        self._activation = activation or tf.identity

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        return self._cell(self._activation(linear(inputs, self._num_proj, True)), state)


class OutputProjectionWrapper(_CellAround):
    """A linear map of the outputs of a cell.

    Variables: `output_projection_wrapper/kernel`, `output_projection_wrapper/bias`; and those of the cell in
    `output_projection_wrapper`.

    Args:
        cell: the cell inside.
        output_size: size of the outputs.
        activation: a function of them.
        reuse: whether the variables exist.

    Raises:
        ValueError: the size is not positive.
    """

    def __init__(self, cell: Any, output_size: int, activation: Optional[Callable[[Any], Any]] = None,
                 reuse: Optional[bool] = None):
        super().__init__(cell, reuse)
        if output_size < 1:
            raise ValueError("OutputProjectionWrapper: output_size must be positive; got {}".format(output_size))
        self._output_size = output_size
        self._activation = activation or tf.identity

    @property
    def output_size(self) -> int:
        return self._output_size

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        output, new_state = self._cell(inputs, state)
        return self._activation(linear(output, self._output_size, True)), new_state


class HighwayWrapper(_CellAround):
    """Adds the inputs to the outputs of a cell, through gates (Srivastava et al. 2015, https://arxiv.org/abs/1505.00387).

    Variables, in the scope of the loop: `carry_w` [depth, depth], `carry_b`; with gates of their own `transform_w`,
    `transform_b`.

    Args:
        cell: outputs must have the shapes of its inputs.
        couple_carry_transform_gates: whether the gate of the outputs is one minus that of the inputs.
        carry_bias_init: initial value of `carry_b`; that of `transform_b` is its negative.
    """

    def __init__(self, cell: Any, couple_carry_transform_gates: bool = True, carry_bias_init: float = 1.0):
        super().__init__(cell, None)
        self._couple_carry_transform_gates = couple_carry_transform_gates
        self._carry_bias_init = carry_bias_init

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        outputs, new_state = self._cell(inputs, state, scope=scope)
        return tf.nest.map_structure(self._highway, inputs, outputs), new_state

    def _highway(self, x: Any, output: Any) -> Any:
        x.shape.assert_is_compatible_with(output.shape)
        carry = _gate(x, "carry", self._carry_bias_init)
        if self._couple_carry_transform_gates:
            return x * carry + output * (1 - carry)
        return x * carry + output * _gate(x, "transform", -self._carry_bias_init)


class AttentionCellWrapper(_CellAround):
    """Attention to the last outputs (Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473).

    The state is that of the cell, the attention [batch, attn_size], and the outputs [batch, attn_size * attn_length].

    Variables in `attention_cell_wrapper`: `kernel`, `bias` (of the inputs), those of the cell, `attention/attn_w`,
    `attention/attn_v`, `attention/kernel`, `attention/bias`, `attn_output_projection/kernel`, `attn_output_projection/bias`.

    Args:
        cell: the cell inside.
        attn_length: to how many outputs.
        attn_size: size of the output; by default that of the output of the cell.
        attn_vec_size: size of the vectors that are compared; `attn_size` by default.
        input_size: size of the inputs of the cell; by default that of the inputs.
        state_is_tuple: whether the state is a tuple, or else one tensor.
        reuse: whether the variables exist.

    Raises:
        ValueError: `attn_length` is not positive, or the state of the cell is a tuple that cannot be concatenated.
    """

    def __init__(self, cell: Any, attn_length: int, attn_size: Optional[int] = None, attn_vec_size: Optional[int] = None,
                 input_size: Optional[int] = None, state_is_tuple: bool = True, reuse: Optional[bool] = None):
        super().__init__(cell, reuse)
        if isinstance(cell.state_size, (tuple, list)) and not state_is_tuple:
            raise ValueError("AttentionCellWrapper(state_is_tuple=False): the state of the cell must be one tensor; got {!r}; "
                             "give the cell state_is_tuple=False, too".format(cell.state_size))
        if attn_length <= 0:
            raise ValueError("AttentionCellWrapper: attn_length must be positive; got {}".format(attn_length))
        self._attn_length = attn_length
        self._attn_size = attn_size or cell.output_size
        self._attn_vec_size = attn_vec_size or self._attn_size
        self._input_size = input_size
        self._state_is_tuple = state_is_tuple

    @property
    def state_size(self) -> Any:
        sizes = (self._cell.state_size, self._attn_size, self._attn_size * self._attn_length)
        return sizes if self._state_is_tuple else sum(sizes)

    @property
    def output_size(self) -> int:
        return self._attn_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """Zeros in the structure of the state."""
        return RNNCell.zero_state(self, batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        if not self._state_is_tuple:
            state = tf.split(state, [self._cell.state_size, self._attn_size, self._attn_size * self._attn_length], axis=1)
        state, attention, outputs = state
        size = self._input_size or inputs.shape.as_list()[1]
        output, state = self._cell(linear([inputs, attention], size, True), state)
        outputs = tf.reshape(outputs, [-1, self._attn_length, self._attn_size])
        attention = self._attention(tf.concat(tf.nest.flatten(state), 1), outputs)
        with tf.variable_scope("attn_output_projection"):
            output = linear([output, attention], self._attn_size, True)
        outputs = tf.concat([outputs[:, 1:], tf.expand_dims(output, 1)], 1)
        new_state = state, attention, tf.reshape(outputs, [-1, self._attn_length * self._attn_size])
        return output, new_state if self._state_is_tuple else tf.concat(new_state, 1)

    def _attention(self, query: Any, outputs: Any) -> Any:
        size, vector_size = self._attn_size, self._attn_vec_size
        with tf.variable_scope("attention"):
            kernel = tf.get_variable("attn_w", [1, 1, size, vector_size])
            v = tf.get_variable("attn_v", [vector_size])
            keys = tf.tensordot(outputs, tf.reshape(kernel, [size, vector_size]), 1)
            scores = tf.reduce_sum(v * tf.tanh(keys + tf.expand_dims(linear(query, vector_size, True), 1)), 2)
            return tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * outputs, 1)


def _gate(x: Any, name: str, initial_bias: float) -> Any:
    size = x.shape.as_list()[1]
    weights = tf.get_variable(name + "_w", [size, size])
    bias = tf.get_variable(name + "_b", [size], initializer=tf.constant_initializer(initial_bias))
    return tf.sigmoid(tf.nn.xw_plus_b(x, weights, bias))
