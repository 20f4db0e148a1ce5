"""`RNNCell`, the base of recurrent cells: in which variable scope a cell lives, and what its state is made of."""
from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Tuple

from ...compat import is_tensor_like, is_variable
from ...compat import tfv1 as tf
from ...models._affine import Activation, _resolve
from ...utils._numbers import whole_number

__all__ = ["RNNCell", "activation_function", "check_cell", "zeros_of"]


class RNNCell:
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

    def __init__(self, trainable: bool = True, name: Optional[str] = None, dtype: Any = None, *,
                 _reuse: Optional[bool] = None):
        self.trainable = trainable
        self._name = name or _snake_case(type(self).__name__)
        self._dtype = None if dtype is None else tf.as_dtype(dtype).base_dtype
        self._reuse = _reuse
        self._scope: Optional[tf.VariableScope] = None
        self._graph: Optional[tf.Graph] = None
        self._built = False
        self._variables: List[Any] = []

    @property
    def state_size(self) -> Any:
        """Size of the state: an int or a TensorShape for each tensor, in the structure of the state."""
        raise NotImplementedError("{}: override state_size".format(type(self).__name__))

    @property
    def output_size(self) -> Any:
        """Size of the output: an int or a TensorShape for each tensor, in the structure of the output."""
        raise NotImplementedError("{}: override output_size".format(type(self).__name__))

    def build(self, inputs_shape: Any) -> None:
        """Create variables; called once, before the first `call`, with the shape of the inputs (a structure of shapes)."""

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
            if not self._built:
                self._dtype = self._dtype or tf.nest.flatten(inputs)[0].dtype.base_dtype
                with tf.init_scope():  # not in a loop: what custom getters make of variables serves all calls
                    self.build(tf.nest.map_structure(lambda x: x.shape, inputs))
                self._built = True
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

    def add_variable(self, name: str, shape: Any, dtype: Any = None, initializer: Any = None, regularizer: Any = None,
                     trainable: Optional[bool] = None, partitioner: Any = None) -> Any:
        """Create or share a variable in the current scope, with the dtype of the cell by default."""
        return tf.get_variable(name, shape, dtype or self._dtype, initializer=initializer, regularizer=regularizer,
                               trainable=self.trainable if trainable is None else trainable, partitioner=partitioner)

    @property
    def name(self) -> str:
        """The name that the variable scope is made of."""
        return self._name

    @property
    def dtype(self) -> Any:
        """The dtype of the variables; None until it is known."""
        return self._dtype

    @property
    def variables(self) -> List[Any]:
        """The variables of the cell and of the cells in it; empty before the first call."""
        return list(self._variables)

    @property
    def trainable_variables(self) -> List[Any]:
        """Those of `variables` that are trained."""
        trained = tf.trainable_variables()
        return [variable for variable in self.variables if any(variable is other for other in trained)]

    @contextmanager
    def _in_scope(self, scope: Any) -> Iterator[None]:
        graph = _outermost(tf.get_default_graph())
        if self._scope is None:
            self._scope, self._graph = self._open(scope), graph
        elif graph is not self._graph:
            raise RuntimeError("{}: a cell must stay in the graph in which it was first used; got another one; make a new "
                               "cell".format(type(self).__name__))
        with tf.variable_scope(self._scope, reuse=True if self._built else self._reuse, custom_getter=self._remember,
                               auxiliary_name_scope=False), tf.name_scope(self._name):
            yield

    def _open(self, scope: Any) -> tf.VariableScope:
        # TensorFlow looks for an unused name where none is given, which makes no sense for variables that exist
        given = self._name if scope is None and self._reuse else scope
        with tf.variable_scope(given, default_name=self._name, auxiliary_name_scope=False) as opened:
            return opened

    def _remember(self, getter: Any, *args: Any, **kwargs: Any) -> Any:
        variable = getter(*args, **kwargs)
        parts = [variable] if is_tensor_like(variable) else variable  # else it is partitioned
        for part in parts:
            if is_variable(part) and not any(part is known for known in self._variables):
                self._variables.append(part)
        return variable


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
        return _resolve(activation)
    except ValueError as e:
        raise ValueError("{}: {}".format(who, e)) from e


def check_cell(who: str, cell: Any) -> None:
    """Refuse what has not the methods of a cell."""
    if isinstance(cell, type) or not callable(cell) or not hasattr(cell, "state_size") or not hasattr(cell, "output_size"):
        raise TypeError("{}: cell must be a recurrent cell, which has state_size and output_size; got {!r}; try "
                        "LSTMCell(num_units)".format(who, cell))


def _outermost(graph: tf.Graph) -> tf.Graph:
    """The graph of the user, from inside a loop or branch that is a function of its own."""
    while getattr(graph, "outer_graph", None) is not None:
        graph = graph.outer_graph
    return graph


def _snake_case(name: str) -> str:
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    words = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
    return "private" + words if words.startswith("_") else words
