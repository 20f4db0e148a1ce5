"""`RNNCell`, the base of recurrent cells: what its state is made of, and one step in the variable scope of the cell."""
from __future__ import annotations

from typing import Any, List, Tuple

from ...compat import is_tensor_like
from ...compat import tfv1 as tf
from ...models._affine import Activation
from ...models._by_name import activation_of
from ...utils._arguments.numbers import whole_number
from .layer import ScopedLayer

__all__ = ["RNNCell", "activation_function", "check_cell", "zeros_of"]


class RNNCell(ScopedLayer):
    """Base class of recurrent cells: `output, new_state = cell(inputs, state)` is one step.

    A subclass implements `call`, `state_size` and `output_size`. It creates its variables in `build`, or by
    `tf.get_variable` in `call`; both run in the variable scope of the cell. That scope is chosen by the first call: it is
    `scope`, or else the name of the cell, which gets `_1`, `_2`, ... appended if it is taken in the current scope. All further
    calls share the variables of the first one, and custom getters, regularizers, `reuse`, ... that were in effect there.

    Args:
        trainable: whether `add_variable` creates trainable variables.
        name: of the variable scope; by default that of the class in small letters, `MyRNNCell` -> `my_rnn_cell`.
        dtype: of the variables; by default that of the first inputs.
    """

    @property
    def state_size(self) -> Any:
        """Size of the state: an int or a TensorShape for each tensor, in the structure of the state."""
        raise NotImplementedError("{}: override state_size".format(type(self).__name__))

    @property
    def output_size(self) -> Any:
        """Size of the output: an int or a TensorShape for each tensor, in the structure of the output."""
        raise NotImplementedError("{}: override output_size".format(type(self).__name__))

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        """One step, from inputs [batch, ...] and the state to the output and the new state."""
        raise NotImplementedError("{}: override call()".format(type(self).__name__))

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        """One step in the variable scope of the cell.

        Args:
            inputs: tensor [batch, input size], or a structure of tensors where the cell takes one.
            state: in the structure of `state_size`, each [batch, size].
            scope: at the first call, a name or VariableScope to live in.

        Raises:
            RuntimeError: the cell has been used in another graph.
        """
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        with self._in_scope(scope):
            self._build_once(inputs)
            return self.call(inputs, state)

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """The state of zeros, each [batch_size, size].

        Args:
            batch_size: an int, or a scalar int32 tensor.

        Raises:
            TypeError, ValueError: `batch_size` is neither a tensor nor a whole number of at least 0.
        """
        with tf.name_scope(type(self).__name__.lstrip("_") + "ZeroState"):
            return zeros_of(self.state_size, batch_size, dtype)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> Any:
        """`zero_state` for the batch size and dtype of `inputs`, or else for those given.

        Raises:
            ValueError: neither `inputs` nor both of the others are given, or they differ.
        """
        if inputs is not None:
            inputs = tf.convert_to_tensor(inputs)
            _check_initial_state(self, inputs, batch_size, dtype)
            static = inputs.shape.as_list()[0]
            batch_size, dtype = tf.shape(inputs)[0] if static is None else static, inputs.dtype
        if batch_size is None or dtype is None:
            raise ValueError("{}.get_initial_state: batch_size and dtype must be given where there are no inputs; got "
                             "batch_size={!r}, dtype={!r}".format(type(self).__name__, batch_size, dtype))
        return self.zero_state(batch_size, dtype)


def zeros_of(size: Any, batch_size: Any, dtype: Any) -> Any:
    """Zeros [batch_size, ...] for each size in a structure of ints and TensorShapes."""
    if not is_tensor_like(batch_size):
        batch_size = whole_number("zero_state", "batch_size", batch_size, minimum=0)
    return tf.nest.map_structure(lambda one: _zeros(tf.TensorShape(one).as_list(), batch_size, dtype), size)


def _zeros(sizes: List[int], batch_size: Any, dtype: Any) -> tf.Tensor:
    batch_size = tf.cast(batch_size, tf.int32)
    static = tf.get_static_value(batch_size)
    if static is not None:
        return tf.zeros([int(static)] + sizes, dtype)
    zeros = tf.zeros(tf.stack([batch_size] + sizes), dtype)
    zeros.set_shape([None] + sizes)
    return zeros


def activation_function(who: str, activation: Activation) -> Any:
    """The function that an argument `activation` means; tanh by default."""
    if activation is None:
        return tf.tanh
    try:
        return activation_of(activation)
    except ValueError as e:
        raise ValueError("{}: {}".format(who, e)) from e


def check_cell(who: str, cell: Any) -> None:
    """Refuse what has not the methods of a cell."""
    if isinstance(cell, type) or not callable(cell) or not hasattr(cell, "state_size") or not hasattr(cell, "output_size"):
        raise TypeError("{}: cell must be a recurrent cell, which has state_size and output_size; got {!r}; try "
                        "LSTMCell(num_units)".format(who, cell))


def _check_initial_state(cell: RNNCell, inputs: Any, batch_size: Any, dtype: Any) -> None:
    who, size = type(cell).__name__ + ".get_initial_state", inputs.shape.as_list()[0]
    static = tf.get_static_value(batch_size) if is_tensor_like(batch_size) else batch_size
    if static is not None and size is not None and int(static) != size:
        raise ValueError("{}: batch_size must be that of the inputs, {}; got {!r}".format(who, size, batch_size))
    if dtype is not None and inputs.dtype != dtype:
        raise ValueError("{}: dtype must be that of the inputs, {!r}; got {!r}".format(who, inputs.dtype.name, dtype))
