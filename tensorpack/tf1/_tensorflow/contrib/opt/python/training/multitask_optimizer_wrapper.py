"""Optimizers for several tasks in turns, of which each step has gradients of some variables only."""
from __future__ import annotations

from typing import Any, Callable, List, Tuple

from .......compat import tfv1 as tf

__all__ = ["MultitaskOptimizerWrapper", "clip_gradients_by_global_norm"]


class MultitaskOptimizerWrapper:
    """Wraps `opt`, which is changed, so that a variable whose gradient is all zeros and its slots stay as they are.

    Raises:
        TypeError: `opt` is no `tf.train.Optimizer`.
    """

    def __init__(self, opt: Any):
        if not isinstance(opt, tf.train.Optimizer):
            raise TypeError("MultitaskOptimizerWrapper: opt must be a tf.train.Optimizer; got {!r}".format(opt))
        self._opt = opt
        for name in ("_apply_dense", "_resource_apply_dense", "_apply_sparse", "_resource_apply_sparse"):
            setattr(opt, name, _unless_zero(getattr(opt, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opt, name)


def _is_zero(gradient: Any) -> Any:
    values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
    return tf.equal(tf.count_nonzero(values), 0)


def _unless_zero(apply: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(grad: Any, *args: Any, **kwargs: Any) -> Any:
        def update() -> Any:
            with tf.control_dependencies([apply(grad, *args, **kwargs)]):
                return tf.no_op()

        return tf.cond(_is_zero(grad), tf.no_op, update)

    return wrapper


def clip_gradients_by_global_norm(gradients_variables: List[Tuple[Any, Any]],
                                  clip_norm: Any = 20.) -> Tuple[List[Tuple[Any, Any]], Any]:
    """(gradients scaled down to a common L2 norm of at most `clip_norm`, with their variables; the norm before that)."""
    gradients, variables = zip(*gradients_variables)
    gradients, norm = tf.clip_by_global_norm(list(gradients), clip_norm)
    return list(zip(gradients, variables)), norm
