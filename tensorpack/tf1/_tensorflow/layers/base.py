"""The base of all layers: an object that makes its variables when it is first called, and shares them after that."""
from __future__ import annotations

import copy
import inspect
import re
from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from ....compat import is_tensor_like
from ....compat import tfv1 as tf
from ....tfutils._graph_state import graph_state
from ._core import spellings
from ._core.inputs import InputSpec, check_inputs

__all__ = ["InputSpec", "Layer"]

# What Keras would take as well, and what means nothing for a layer of a graph.
_IGNORED = ("autocast", "batch_input_shape", "batch_size", "dynamic", "input_dim", "input_shape")


class Layer:
    """A layer. Subclasses make variables in `build`, by `add_weight`, and tensors in `call`.

    The variables live in a scope of their own, `self.scope_name`: that of the argument `_scope`, or of the first call, or a
    new one that is named after the layer. Calls after the first share them.

    Args:
        trainable: whether variables may be in TRAINABLE_VARIABLES, and updates in UPDATE_OPS.
        name: name of the scope, made unique; None takes that of the class, as `batch_normalization`.
        dtype: of the variables; None takes that of the first input.
        activity_regularizer: a function from an output to a scalar loss; divided by the batch size, it is added at each call.
        _scope: scope, or name of a scope, for the variables.
        _reuse: whether the variables exist; None as the scope around says, and tf.AUTO_REUSE makes those that do not.
    """

    # Of cells and others that do not call this constructor
    built = False
    _scope: Any = None
    _reuse: Any = None
    _activity_regularizer: Optional[Callable[[Any], Any]] = None

    def __init__(self, trainable: bool = True, name: Optional[str] = None, dtype: Any = None, **kwargs: Any) -> None:
        scope, self._reuse = kwargs.pop("_scope", None), kwargs.pop("_reuse", None)
        self._activity_regularizer = spellings.regularizer(kwargs.pop("activity_regularizer", None))
        self._initial_weights = kwargs.pop("weights", None)
        unknown = sorted(set(kwargs) - set(_IGNORED))
        if unknown:
            raise TypeError("{}: unexpected keyword argument {}".format(type(self).__name__, ", ".join(unknown)))
        self.trainable = trainable
        self.stateful = False
        self.built = False
        self.input_spec: Any = None
        self._dtype = None if dtype is None else tf.as_dtype(dtype).base_dtype.name
        self._trainable_weights: List[Any] = []
        self._non_trainable_weights: List[Any] = []
        self._losses: List[Any] = []
        self._updates: List[Any] = []
        self._set_name(name)
        if scope:
            with tf.variable_scope(scope) as self._scope:
                pass

    def _set_name(self, name: Any) -> None:
        default = _snake_case(type(self).__name__)
        self._base_name = getattr(name, "name", name) or default
        self._name = name if isinstance(name, str) and name else _unique_name(default)

    # ---- what a layer is made of

    @property
    def name(self) -> str:
        """The name given, or one of the class that no other layer of the graph has."""
        return self._name

    @property
    def dtype(self) -> Optional[str]:
        """The name of the variables' dtype; None before the first call tells it."""
        return self._dtype

    @property
    def scope_name(self) -> str:
        """The full name of the variable scope."""
        if not self._scope:
            raise ValueError("layer {}: it has no scope before its first call; call it first".format(self._name))
        name: str = self._scope.name
        return name

    @property
    def graph(self) -> None:
        """None: layers do not remember a graph."""
        return None

    @property
    def activity_regularizer(self) -> Optional[Callable[[Any], Any]]:
        """The function from an output to a loss, or None."""
        return self._activity_regularizer

    @property
    def trainable_weights(self) -> List[Any]:
        """Variables that training changes; none if the layer is not trainable."""
        return list(self._trainable_weights) if self.trainable else []

    @property
    def non_trainable_weights(self) -> List[Any]:
        """The other variables, as averages; all of them if the layer is not trainable."""
        return ([] if self.trainable else list(self._trainable_weights)) + list(self._non_trainable_weights)

    @property
    def weights(self) -> List[Any]:
        """All variables, the trainable ones first."""
        return self.trainable_weights + self.non_trainable_weights

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights
    variables = weights

    @property
    def losses(self) -> List[Any]:
        """Scalar tensors: of regularisers and of `add_loss`."""
        return list(self._losses)

    @property
    def updates(self) -> List[Any]:
        """Operations that a training step must run; none if the layer is not trainable."""
        return list(self._updates) if self.trainable or self.stateful else []

    def count_params(self) -> int:
        """The number of elements of all variables.

        Raises:
            ValueError: the layer has not been called.
        """
        if not self.built:
            raise ValueError("layer {}: it has no variables before its first call; call or build it first".format(self._name))
        return int(sum(np.prod(each.shape.as_list()) for each in self.weights))

    def get_weights(self) -> List[Any]:
        """The values of all variables in the default session, in the order of `weights`."""
        return list(self._session("get_weights").run(self.weights))

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give the variables these values in the default session.

        Raises:
            ValueError: there are more or fewer values than variables.
        """
        if len(weights) != len(self.weights):
            raise ValueError("layer {}: set_weights takes one array for each of the {} variables; got {}".format(
                self._name, len(self.weights), len(weights)))
        session = self._session("set_weights")
        for variable, value in zip(self.weights, weights):
            variable.load(value, session)

    def _session(self, method: str) -> Any:
        session = tf.get_default_session()
        if session is None:
            raise RuntimeError("layer {}: {} needs a default session; call it inside `with session.as_default():`".format(
                self._name, method))
        return session

    # ---- what subclasses define

    def build(self, input_shape: Any) -> None:
        """Make the variables; called once, with the shape of the input (a structure of shapes, as the input is)."""
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The outputs."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The static shape of the output for an input of this shape."""
        raise NotImplementedError("layer {}: {} does not tell its output shape".format(self._name, type(self).__name__))

    # ---- what subclasses use

    def add_weight(self, name: str, shape: Any = (), dtype: Any = None, initializer: Any = None, regularizer: Any = None,
                   trainable: Optional[bool] = None, constraint: Any = None, use_resource: Optional[bool] = None,
                   synchronization: Any = tf.VariableSynchronization.AUTO, aggregation: Any = tf.VariableAggregation.NONE,
                   partitioner: Any = None, **kwargs: Any) -> Any:
        """`tf.get_variable` in the layer's scope.

        Args:
            dtype: None takes the layer's.
            initializer: None takes that of the scope, else Glorot's uniform one, or zeros for whole numbers and booleans.
            regularizer: a function from the variable to a scalar, which goes to REGULARIZATION_LOSSES unless the variable is
                shared; besides that of the scope.
        """
        if synchronization == tf.VariableSynchronization.ON_READ:
            if trainable:
                raise ValueError("layer {}: a variable that is synchronized on read cannot be trainable; got {!r}".format(
                    self._name, name))
            trainable = False
        trainable = self.trainable and trainable is not False
        self._set_scope(None)
        with tf.variable_scope(self._scope, reuse=self.built or self._reuse, auxiliary_name_scope=False) as scope:
            self._current_scope = scope
            with tf.name_scope(scope.original_name_scope):
                existing = {id(each) for each in tf.global_variables()} if regularizer else set()
                dtype = tf.as_dtype(dtype or self._dtype or tf.float32)
                default = scope.initializer or (tf.glorot_uniform_initializer() if dtype.is_floating else None)
                variable = tf.get_variable(
                    name, shape, dtype, initializer=spellings.initializer(initializer) or default, trainable=trainable,
                    constraint=spellings.constraint(constraint), partitioner=partitioner,
                    use_resource=use_resource or scope.use_resource, synchronization=synchronization, aggregation=aggregation)
                if regularizer:
                    self._regularize(variable, spellings.regularizer(regularizer), existing)
        # a custom getter may have decided otherwise
        really = trainable and any(variable is each for each in tf.trainable_variables())
        (self._trainable_weights if really else self._non_trainable_weights).append(variable)
        return variable

    add_variable = add_weight

    def _regularize(self, variable: Any, regularizer: Any, existing: Any) -> None:
        parts = list(variable) if _is_partitioned(variable) else [variable]
        if any(id(each) in existing for each in parts):
            return
        for part in parts:
            with tf.name_scope(variable.name.split(":")[0] + "/Regularizer"):
                self.add_loss(regularizer(part))

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Add scalars, or functions that make them, to `self.losses` and to REGULARIZATION_LOSSES; None is left out."""
        values = [each() if callable(each) else each for each in tf.nest.flatten(losses)]
        tensors = [tf.convert_to_tensor(each) for each in values if each is not None]
        self._losses.extend(tensors)
        _add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tensors)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Add operations (or what has one, or functions that make them) to `self.updates`; the call puts them in UPDATE_OPS."""
        for each in updates if isinstance(updates, (list, tuple)) else [updates]:
            each = each() if callable(each) else each
            self._updates.append(each if isinstance(each, tf.Operation) else getattr(each, "op", None)
                                 or tf.convert_to_tensor(each))

    # ---- calling it

    def apply(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer."""
        return self.__call__(inputs, *args, **kwargs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The outputs for these inputs; the keyword `scope` of the first call is the variable scope, or its name.

        Collections: REGULARIZATION_LOSSES, UPDATE_OPS.
        """
        self._set_scope(kwargs.pop("scope", None))
        reuse = True if self.built else self._reuse
        with tf.variable_scope(self._scope, reuse=reuse, auxiliary_name_scope=False) as scope:
            self._current_scope = scope
            kwargs = self._arguments_of_call(kwargs, scope)
            with tf.name_scope(scope.original_name_scope):
                inputs = tf.nest.map_structure(_as_tensor, inputs)
                self._build_once(inputs)
                outputs = self.call(inputs, *args, **kwargs)
                if outputs is None:
                    raise ValueError("layer {}: call must return tensors; got None".format(self._name))
                self._regularize_activity(outputs)
        _add_to_collection(tf.GraphKeys.UPDATE_OPS, self.updates)
        return outputs

    def _set_scope(self, scope: Any) -> None:
        if self._scope is not None:
            return
        if self._reuse:
            context = tf.variable_scope(self._base_name if scope is None else scope)
        else:
            context = tf.variable_scope(scope, default_name=self._base_name)
        with context as self._scope:
            pass

    def _arguments_of_call(self, kwargs: Any, scope: Any) -> Any:
        parameters = inspect.signature(self.call).parameters
        if "scope" in parameters:
            kwargs["scope"] = scope
        takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
        if not takes_any and "training" not in parameters:
            kwargs.pop("training", None)
        return kwargs

    def _build_once(self, inputs: Any) -> None:
        check_inputs(self.input_spec, inputs, self._name)
        if not self.built:
            tensors = tf.nest.flatten(inputs)
            if self._dtype is None and tensors and hasattr(tensors[0], "dtype"):
                self._dtype = tensors[0].dtype.base_dtype.name
            known = all(hasattr(each, "shape") for each in tensors)
            self.build(tf.nest.map_structure(lambda each: each.shape, inputs) if known else None)
            self.built = True
        if self._initial_weights is not None:
            weights, self._initial_weights = self._initial_weights, None
            self.set_weights(weights)

    def _regularize_activity(self, outputs: Any) -> None:
        if self._activity_regularizer is None:
            return
        with tf.name_scope("ActivityRegularizer"):
            for output in tf.nest.flatten(outputs):
                loss = self._activity_regularizer(output)
                self.add_loss(loss / tf.cast(tf.shape(output)[0], loss.dtype))

    def __deepcopy__(self, memo: Any) -> Any:
        """A layer of its own, with the same variables, tensors and graph where this one has any."""
        result = type(self).__new__(type(self))
        memo[id(self)] = result
        for name, value in vars(self).items():
            if name in ("_scope", "_current_scope"):
                value = copy.copy(value)
            elif not _holds_tensors(value):
                value = copy.deepcopy(value, memo)
            setattr(result, name, value)
        return result


def _as_tensor(x: Any) -> Any:
    return tf.convert_to_tensor(x) if isinstance(x, (np.ndarray, float, int)) else x


def _is_partitioned(variable: Any) -> Any:
    return hasattr(variable, "_get_partitions")


def _holds_tensors(value: Any) -> Any:
    return isinstance(value, tf.Graph) or any(is_tensor_like(each) or isinstance(each, tf.Operation) or _is_partitioned(each)
                                              for each in (value if isinstance(value, (list, tuple)) else [value]))


def _add_to_collection(key: str, elements: Sequence[Any]) -> None:
    present = {id(each) for each in tf.get_collection(key)}
    for each in elements:
        if id(each) not in present:
            tf.add_to_collection(key, each)


def _snake_case(name: str) -> str:
    name = re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    return "private" + name if name.startswith("_") else name


def _unique_name(base: str) -> str:
    counts = graph_state("tf1 names of layers")
    counts[base] = counts.get(base, 0) + 1
    return "{}_{}".format(base, counts[base])
