"""Weight decay by regular expression or from the collection, and Dropout."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..tfutils._graph_state import graph_state
from ..tfutils._no_match import warn_of_no_match, without_tower
from ..tfutils._precision import in_float32
from ..tfutils.tower import BaseTowerContext, get_current_tower_context
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._text.counted import counted
from ..utils._text.keywords import keywords_told
from ._by_name import regularizer_of
from ._layout import float_tensor
from .registry import layer_register

__all__ = ["Dropout", "l1_regularizer", "l2_regularizer", "regularize_cost", "regularize_cost_from_collection"]

_COSTS = "costs of regularization"


@keywords_told
def l2_regularizer(x: float) -> Callable[[Any], Any]:
    """The function from a tensor w to the scalar 0.5 * x * sum(w ** 2), in the dtype of w.

    Half precision is summed in float32.
    """
    return lambda w: in_float32(lambda w, name=None: _times(tf.nn.l2_loss(w), x, name), w, name="l2_regularizer")


@keywords_told
def l1_regularizer(x: float) -> Callable[[Any], Any]:
    """The function from a tensor w to the scalar x * sum(abs(w)), in the dtype of w.

    Half precision is summed in float32.
    """
    return lambda w: in_float32(lambda w, name=None: _times(tf.reduce_sum(tf.abs(w)), x, name), w, name="l1_regularizer")


def _times(total: Any, x: Any, name: Optional[str]) -> Any:
    return tf.multiply(total, tf.cast(x, total.dtype.base_dtype), name=name)


@keywords_told
def regularize_cost(regex: str, func: Callable[[Any], Any], name: str = "regularize_cost") -> Any:
    """Sum of `func(variable)` over the trainable variables in whose name `regex` is found; add it to the cost yourself.

    In a training tower the variables are those of the tower, if it has its own, or else all. At inference it is 0.

    Args:
        regex: searched for anywhere in the name, which is also tried without the variable scope of a tower. One that is found
            in no variable of the graph, frozen ones included, is warned of.
        func: from a variable to a scalar, such as `l2_regularizer(1e-4)`.
        name: of the resulting tensor, a float32 scalar.
    """
    check_function("regularize_cost", "func", func, "of a variable, one argument, such as l2_regularizer(1e-4)")
    regularizer_of(func, "regularize_cost: func")
    context = _tower_context("regularize_cost")
    if not context.is_training:
        return tf.constant(0, tf.float32, name="empty_" + name)
    candidates = _in_tower(context, tf.GraphKeys.TRAINABLE_VARIABLES)
    variables = [variable for variable in candidates if _matches(regex, variable.op.name, context.vs_name)]
    if not variables:
        warn_of_no_match("regularize_cost", regex, [variable.op.name for variable in candidates],
                         lambda name: _matches(regex, name, context.vs_name),
                         hint="the cost is 0; it is searched for in the names of trainable variables that were made before")
    logger.info("regularize_cost('%s') found %s to regularize", regex, counted(len(variables), "variable"))
    with tf.name_scope(name + "_internals"):
        if not variables:
            return tf.constant(0, tf.float32, name="empty_" + name)
        costs = [_as_float32(func(variable)) for variable in variables]
    _log_names_once([variable.op.name for variable in variables])
    return _noted(tf.add_n(costs, name=name))


def regularize_cost_from_collection(name: str = "regularize_cost") -> Any:
    """Sum of REGULARIZATION_LOSSES, to which the regularisers of layers add; add it to the cost yourself.

    In a training tower the losses are those of the tower, if it has its own variables, or else all. At inference it is 0.

    Args:
        name: of the resulting tensor, a float32 scalar.
    """
    context = _tower_context("regularize_cost_from_collection")
    losses = _in_tower(context, tf.GraphKeys.REGULARIZATION_LOSSES) if context.is_training else []
    if not losses:
        return tf.constant(0, tf.float32, name="empty_" + name)
    logger.info("regularize_cost_from_collection() found %s in the collection", counted(len(losses), "loss"))
    return _noted(tf.add_n([_as_float32(loss) for loss in losses], name=name))


def unused_costs() -> List[Any]:
    """What `regularize_cost` and `regularize_cost_from_collection` gave in this graph, and what no operation takes."""
    return [cost for cost in graph_state(_COSTS, list) if not cost.consumers()]


def _noted(cost: Any) -> Any:
    graph_state(_COSTS, list).append(cost)
    return cost


def _tower_context(who: str) -> BaseTowerContext:
    context = get_current_tower_context()
    if context is None:
        raise RuntimeError("{}: it must be called inside a tower context, which says whether this is training; got none; "
                           "use `with TowerContext('', is_training=...):`".format(who))
    return context


def _in_tower(context: BaseTowerContext, key: str) -> List[Any]:
    return context.get_collection_in_tower(key) if context.has_own_variables else tf.get_collection(key)


def _matches(regex: str, name: str, tower_scope: str) -> bool:
    prefix = tower_scope + "/"
    inner_name = name[len(prefix):] if tower_scope and name.startswith(prefix) else name
    return bool(re.search(regex, name) or re.search(regex, inner_name))


def _as_float32(cost: Any) -> Any:
    # TF 2.x puts objects in the collection that become tensors when converted
    return tf.cast(tf.convert_to_tensor(cost), tf.float32)


def _log_names_once(names: List[str]) -> None:
    seen = graph_state("regularized_variables")
    if not seen:
        seen["logged"] = True
        logger.info("The following variables will be regularized: %s", ", ".join(without_tower(n) for n in names))


@layer_register(use_scope=None)
def Dropout(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Dropout (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html), as `Dropout(x, rate=0.5)` or
    `Dropout("name", x, rate=0.5)`.

    In training each element is set to zero with probability `rate`, and the others are multiplied by 1 / (1 - rate). At
    inference the input tensor itself is returned.

    Args:
        rate: probability of dropping, 0.5 by default. The old forms, `keep_prob=` and a positional number, are the
            probability of keeping; a positional one wins over `rate`.
        training (or is_training): bool, or a scalar bool tensor; by default as the tower context says.
        noise_shape, seed, name: as in `tf.nn.dropout`.
    """
    x = float_tensor("Dropout", x)
    rate = _drop_rate(args, kwargs)
    training = _dropout_training(kwargs)
    options = {key: kwargs.pop(key) for key in ("noise_shape", "seed", "name") if key in kwargs}
    if kwargs:
        raise TypeError("Dropout: unknown arguments {}; it takes rate, keep_prob, training, noise_shape, seed, name".format(
            ", ".join(sorted(kwargs))))
    if is_tensor_like(training):
        return tf.cond(training, lambda: tf.nn.dropout(x, rate=rate, **options), lambda: tf.identity(x))
    return tf.nn.dropout(x, rate=rate, **options) if training else x


def _drop_rate(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    if len(args) > 1:
        raise TypeError("Dropout: only the probability of keeping may be positional after the inputs; got {!r}; "
                        "use rate= and other keywords".format(args))
    rate, keep_prob = kwargs.pop("rate", None), kwargs.pop("keep_prob", None)
    if rate is not None and keep_prob is not None:
        raise ValueError("Dropout: rate (to drop) and keep_prob (to keep) say the same; got rate={} and keep_prob={}; "
                         "use rate".format(rate, keep_prob))
    if args:
        keep_prob = args[0]
        if is_tensor_like(keep_prob) or keep_prob != 0.5:
            _warn_of_keeping(keep_prob)
    if keep_prob is not None:
        return 1 - keep_prob
    return 0.5 if rate is None else rate


def _warn_of_keeping(keep_prob: Any) -> None:
    scope = tf.get_variable_scope().name
    value = keep_prob.name if is_tensor_like(keep_prob) else keep_prob
    logger.warning("Dropout%s: a positional probability is that of *keeping*, so %s is kept of its input; if it is that of "
                   "dropping, write rate=%s, else keep_prob=%s.", " '{}'".format(scope) if scope else "",
                   "{:g} %".format(100 * value) if isinstance(value, (int, float)) else value, value, value)


def _dropout_training(kwargs: Dict[str, Any]) -> Any:
    if "training" in kwargs and "is_training" in kwargs:
        raise ValueError("Dropout: is_training is the old name of training; got both; give one of them")
    training: Optional[Any] = kwargs.pop("training", kwargs.pop("is_training", None))
    if training is None:
        return _tower_context("Dropout").is_training
    if is_tensor_like(training) or isinstance(training, (bool, np.bool_)):
        return training
    raise ValueError("Dropout: training must be a bool or a scalar bool tensor; got {!r}".format(training))
