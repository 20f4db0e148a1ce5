"""Tower contexts and tower functions: one function that builds the graph, called once per device or purpose."""
from __future__ import annotations

import inspect
from typing import Any, List, Sequence

from ..compat import is_made_by_keras_3
from ..compat import tfv1 as tf
from ..utils._text.spec import shown
from ..utils._types import AnyFunction
from ..utils.argtools import log_once
from ._tower.advice import habits_told
from ._tower.context import BaseTowerContext, TowerContext, get_current_tower_context
from ._tower.context import PredictTowerContext as PredictTowerContext
from ._tower.context import TrainTowerContext as TrainTowerContext
from ._tower.handle import TowerTensorHandle, TowerTensorHandles

__all__ = [
    "BaseTowerContext", "TowerContext", "TowerFunc", "TowerFuncWrapper", "TowerTensorHandle", "TowerTensorHandles",
    "get_current_tower_context",
]

_BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class TowerFunc:
    """A function that builds a tower, with the signature of its inputs; it remembers the tower of every call.

    `TowerFunc(f, signature)` of a TowerFunc `f` is `f` itself.
    """

    def __new__(cls, tower_fn: Any = None, *args: Any, **kwargs: Any) -> TowerFunc:
        if isinstance(tower_fn, TowerFunc):
            return tower_fn
        return super().__new__(cls)

    def __init__(self, tower_fn: AnyFunction, input_signature: Sequence[Any]) -> None:
        """
        Args:
            tower_fn: takes one tensor per input and returns anything.
            input_signature: list of `tf.TensorSpec` with unique names.

        Raises:
            TypeError: `tower_fn` is not callable, or an element of the signature has no name and dtype.
            ValueError: a name is missing, empty, repeated, or contains ':', '/' or a blank.
        """
        if tower_fn is self:
            return
        if not callable(tower_fn):
            raise TypeError("TowerFunc(tower_fn): tower_fn must be callable; got {!r}".format(tower_fn))
        _check_signature(input_signature)
        _tell_of_other_order(tower_fn, [spec.name for spec in input_signature])
        self._tower_fn = tower_fn
        self._input_signature = list(input_signature)
        self._handles: List[TowerTensorHandle] = []

    @property
    def input_signature(self) -> List[Any]:
        """The list of TensorSpecs of the inputs."""
        return self._input_signature

    @property
    def towers(self) -> TowerTensorHandles:
        """The handles of all towers built so far, in order."""
        return TowerTensorHandles(self._handles)

    def __call__(self, *args: Any) -> Any:
        """Build a tower in the current tower context and return what the function returns.

        Raises:
            RuntimeError: outside a tower context.
            ValueError: the number of arguments differs from the signature.
            TypeError: in training, a layer of Keras 3 has made variables.
        """
        context = get_current_tower_context()
        if context is None:
            raise RuntimeError("TowerFunc: must be called inside a tower context; got none; write "
                               "`with TowerContext('', is_training=...):` around the call")
        if len(args) != len(self._input_signature):
            names = ", ".join(spec.name for spec in self._input_signature)
            raise ValueError("TowerFunc: must be called with a tensor for each of {} inputs ({}); got {} arguments".format(
                len(self._input_signature), names, len(args)))
        with habits_told(getattr(self._tower_fn, "__qualname__", type(self._tower_fn).__name__), self._input_signature):
            output = self._tower_fn(*args)
        if context.is_training:
            _refuse_keras_3(context)
        self._handles.append(TowerTensorHandle(context, args, output, self._input_signature))
        return output


TowerFuncWrapper = TowerFunc  # kept for scripts written before it was renamed


def _refuse_keras_3(context: BaseTowerContext) -> None:
    variables = [variable.op.name for variable in context.get_collection_in_tower(tf.GraphKeys.GLOBAL_VARIABLES)
                 if is_made_by_keras_3(variable)]
    if variables:
        raise TypeError("TowerFunc: the layers of a model that is trained must be those of tensorpack.models, or use "
                        "tf.get_variable; got variables of Keras 3: {}; in a graph nothing runs the updates of its "
                        "BatchNormalization and Dropout, and other towers get variables of their own; the notes on migration "
                        "translate its layers, and tensorpack.contrib.keras trains models of Keras 2".format(
                            ", ".join(variables)))


def _tell_of_other_order(function: AnyFunction, names: List[str]) -> None:
    """Inputs are given by position; who names an argument as another input may have meant that one."""
    try:
        arguments = [each.name for each in inspect.signature(function).parameters.values() if each.kind in _BY_POSITION]
    except (TypeError, ValueError):  # none that Python knows
        return
    wrong = ["{!r} gets the input {!r}".format(argument, name) for argument, name in zip(arguments, names)
             if argument != name and argument in names]
    if wrong:
        log_once("{}: inputs are given by position, in the order {}, so that the argument {}; put both into one order.".format(
            getattr(function, "__qualname__", type(function).__name__), ", ".join(names), ", ".join(wrong)), "warning")


def _check_signature(input_signature: Sequence[Any]) -> None:
    if not isinstance(input_signature, (list, tuple)):
        raise TypeError("TowerFunc(input_signature): must be a list of tf.TensorSpec; got {}".format(shown(input_signature)))
    names = []
    for position, spec in enumerate(input_signature):
        if not isinstance(spec, tf.TensorSpec):
            raise TypeError("TowerFunc(input_signature): every input must be a tf.TensorSpec; input {} is {!r}".format(
                position, spec))
        if not spec.name or any(char in spec.name for char in ":/ "):
            raise ValueError("TowerFunc(input_signature): every input must have a name without ':', '/' and blanks; input "
                             "{} is {}; try TensorSpec(shape, dtype, 'input{}')".format(position, spec, position))
        names.append(spec.name)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError("TowerFunc(input_signature): names must be unique; {} given more than once in {}".format(
            ", ".join(repeated), names))
