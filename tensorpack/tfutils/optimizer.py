"""Optimizers made of another optimizer and something before, after or in place of its update."""
from __future__ import annotations

import re
from typing import Any, Callable, Optional, Sequence, Tuple

from .._exports import tell_near_names
from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.spec import shown
from ._optimizer.accum_grad import AccumGradOptimizer
from ._optimizer.loss_scale import LossScaleOptimizer
from ._optimizer.proxy import ProxyOptimizer
from .gradproc import GradientProcessor, ScaleGradient

__all__ = [
    "AccumGradOptimizer",
    "LossScaleOptimizer",
    "PostProcessOptimizer",
    "ProxyOptimizer",
    "VariableAssignmentOptimizer",
    "apply_grad_processors",
]

tell_near_names(__name__)

GradsAndVars = Sequence[Tuple[Any, Any]]

# Classes of optimizers, or their bases, whose updates stay the same when a gradient is always multiplied by the same number.
_OF_ANY_SCALE = re.compile("(Adadelta|Adagrad|Adam|AdaMax|LazyAdam|Nadam|RMSProp)(W|DA)?Optimizer$")


def apply_grad_processors(opt: tf.train.Optimizer, gradprocs: Sequence[GradientProcessor]) -> tf.train.Optimizer:
    """An optimizer that runs gradient processors, in order, before each `apply_gradients` of `opt`.

    Names of variables and operations are those of `opt`.

    Args:
        opt: a `tf.train.Optimizer`. That `ScaleGradient` has hardly any effect on Adam and its like is warned of.
        gradprocs: a list of `GradientProcessor`.
    """
    if not isinstance(gradprocs, (list, tuple)):
        raise TypeError("apply_grad_processors(gradprocs): must be a list of GradientProcessor; got {}{}".format(
            shown(gradprocs), "; write [it]" if isinstance(gradprocs, GradientProcessor) else
            "; the optimizer comes first" if isinstance(gradprocs, tf.train.Optimizer) else ""))
    for processor in gradprocs:
        if not isinstance(processor, GradientProcessor):
            raise TypeError("apply_grad_processors(gradprocs): each element must be a GradientProcessor; got {}; wrap a "
                            "function in MapGradient".format(shown(processor)))
    _warn_of_scaling_in_vain(opt, gradprocs)
    return _ProcessedGradients(opt, gradprocs)


def _warn_of_scaling_in_vain(opt: tf.train.Optimizer, gradprocs: Sequence[GradientProcessor]) -> None:
    while isinstance(opt, ProxyOptimizer):
        opt = opt._opt
    if any(isinstance(each, ScaleGradient) and each._scales_any() for each in gradprocs) and any(
            _OF_ANY_SCALE.match(base.__name__) for base in type(opt).__mro__):
        logger.warning("ScaleGradient: %s divides by the size of the gradients, so that their multiples make hardly any "
                       "difference. MomentumOptimizer and GradientDescentOptimizer heed them; a multiplier of 0 leaves a "
                       "variable out of the update with each.", type(opt).__name__)


class _ProcessedGradients(ProxyOptimizer):
    def __init__(self, opt: tf.train.Optimizer, gradprocs: Sequence[GradientProcessor]):
        super().__init__(opt, "apply_grad_processors")
        self._gradprocs = list(gradprocs)

    def apply_gradients(self, grads_and_vars: GradsAndVars, global_step: Optional[Any] = None,
                        name: Optional[str] = None) -> tf.Operation:
        grads = list(grads_and_vars)
        for processor in self._gradprocs:
            grads = processor.process(grads)
        return self._opt.apply_gradients(grads, global_step, name)


class PostProcessOptimizer(ProxyOptimizer):
    """Runs an operation for each variable after it was updated.

    Args:
        opt: a `tf.train.Optimizer`.
        func: from a variable to an operation, or None for nothing. It is called where all updates are done, for each
            variable that is given to `apply_gradients`.
        colocate: place the operations on the device of the variable.
    """

    def __init__(self, opt: tf.train.Optimizer, func: Callable[[Any], Optional[tf.Operation]], colocate: bool = True):
        super().__init__(opt)
        self._func = func
        self._colocate = colocate

    def apply_gradients(self, grads_and_vars: GradsAndVars, global_step: Optional[Any] = None,
                        name: Optional[str] = None) -> tf.Operation:
        """The operation `name` that updates, then post-processes.

        Raises:
            TypeError: the function returned neither an operation nor None.
        """
        pairs = list(grads_and_vars)
        update = self._opt.apply_gradients(pairs, global_step)
        with tf.control_dependencies([update]):
            operations = [self._post_process(variable) for _, variable in pairs]
        return tf.group(update, *[operation for operation in operations if operation is not None], name=name)

    def _post_process(self, variable: Any) -> Optional[tf.Operation]:
        if self._colocate:
            with tf.get_default_graph().colocate_with(variable.op):
                operation = self._func(variable)
        else:
            operation = self._func(variable)
        if operation is not None and not isinstance(operation, tf.Operation):
            raise TypeError("PostProcessOptimizer(func): must return a tf.Operation or None; got {!r} for {}; return `.op` "
                            "of a tensor".format(operation, variable.op.name))
        return operation


class VariableAssignmentOptimizer(PostProcessOptimizer):
    """Assigns a new value to variables after each update, as to clip weights.

    Args:
        opt: a `tf.train.Optimizer`.
        func: from a variable to the tensor to assign to it, or None to leave it.

    Example: `VariableAssignmentOptimizer(opt, lambda v: tf.clip_by_value(v, -0.01, 0.01))`
    """

    def __init__(self, opt: tf.train.Optimizer, func: Callable[[Any], Optional[Any]]):
        def assign(variable: Any) -> Optional[tf.Operation]:
            value = func(variable)
            if value is None:
                return None
            if not is_tensor_like(value):
                raise TypeError("VariableAssignmentOptimizer(func): must return a tensor or None; got {!r} for {}".format(
                    value, variable.op.name))
            return variable.assign(value, read_value=False)

        super().__init__(opt, assign)
