"""`ScopedLayer`, the base of what creates variables: in which variable scope an object lives, and that it shares them later."""
from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional

from ...compat import is_tensor_like, is_variable
from ...compat import tfv1 as tf

__all__ = ["ScopedLayer"]


class ScopedLayer:
    """Base class of objects that create variables at their first call and share them at further calls.

    The variable scope is chosen by the first call: it is `scope`, or else the name of the object, which gets `_1`, `_2`, ...
    appended if it is taken in the current scope. Custom getters, regularizers, `reuse`, ... that were in effect there stay.

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
        self.built = False
        self._variables: List[Any] = []

    def build(self, inputs_shape: Any) -> None:
        """Create variables; called once, before the first `call`, with the shape of the inputs (a structure of shapes)."""

    def add_variable(self, name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, regularizer: Any = None,
                     trainable: Optional[bool] = None, constraint: Any = None, partitioner: Any = None, **kwargs: Any) -> Any:
        """Create or share a variable in the current scope, with the dtype of the layer by default.

        Args:
            name, shape, dtype, initializer, regularizer, constraint, partitioner, kwargs: as in `tf.get_variable`.
            trainable: by default that of the layer.
        """
        return tf.get_variable(name, shape, dtype or self._dtype, initializer=initializer, regularizer=regularizer,
                               trainable=self.trainable if trainable is None else trainable, constraint=constraint,
                               partitioner=partitioner, **kwargs)

    add_weight = add_variable

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
        """The variables of the object and of those in it; empty before the first call."""
        return list(self._variables)

    @property
    def trainable_variables(self) -> List[Any]:
        """Those of `variables` that are trained."""
        trained = tf.trainable_variables()
        return [variable for variable in self.variables if any(variable is other for other in trained)]

    @property
    def weights(self) -> List[Any]:
        """The same as `variables`."""
        return self.variables

    @property
    def trainable_weights(self) -> List[Any]:
        """The same as `trainable_variables`."""
        return self.trainable_variables

    def _build_once(self, inputs: Any) -> None:
        if self.built:
            return
        self._dtype = self._dtype or tf.nest.flatten(inputs)[0].dtype.base_dtype
        with tf.init_scope():  # not in a loop: what custom getters make of variables serves all calls
            self.build(tf.nest.map_structure(lambda x: x.shape, inputs))
        self.built = True

    @contextmanager
    def _in_scope(self, scope: Any) -> Iterator[None]:
        graph = _outermost(tf.get_default_graph())
        if self._scope is None:
            self._scope, self._graph = self._open(scope), graph
        elif graph is not self._graph:
            raise RuntimeError("{}: it must stay in the graph in which it was first used; got another one; make a "
                               "new one".format(type(self).__name__))
        with tf.variable_scope(self._scope, reuse=True if self.built else self._reuse, custom_getter=self._remember,
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


def _outermost(graph: tf.Graph) -> tf.Graph:
    """The graph of the user, from inside a loop or branch that is a function of its own."""
    while getattr(graph, "outer_graph", None) is not None:
        graph = graph.outer_graph
    return graph


def _snake_case(name: str) -> str:
    words = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    words = re.sub("([a-z])([A-Z])", r"\1_\2", words).lower()
    return "private" + words if words.startswith("_") else words
