"""Losses that keep weights small."""
from __future__ import annotations

import numbers
from typing import Any, Callable, List, Optional, Sequence

from .....compat import tfv1 as tf

__all__ = ["apply_regularization", "l1_l2_regularizer", "l1_regularizer", "l2_regularizer", "sum_regularizer"]

Regularizer = Callable[..., Any]  # weights -> a scalar, or None


def l1_regularizer(scale: Any, scope: Optional[str] = None) -> Regularizer:
    """weights -> scale * sum(|weights|); a scale of 0.0 gives None for any weights.

    Args:
        scale: a number that is not an integer and not below 0, or a scalar tensor.

    Raises:
        ValueError: it is an integer or below 0.
    """
    return _scaled("l1_regularizer", scale, scope, lambda weights: tf.reduce_sum(tf.abs(weights)))


def l2_regularizer(scale: Any, scope: Optional[str] = None) -> Regularizer:
    """weights -> scale * sum(weights ** 2) / 2; a scale of 0.0 gives None for any weights.

    Args:
        scale: a number that is not an integer and not below 0, or a scalar tensor.

    Raises:
        ValueError: it is an integer or below 0.
    """
    return _scaled("l2_regularizer", scale, scope, tf.nn.l2_loss)


def _scaled(who: str, scale: Any, scope: Optional[str], norm: Callable[[Any], Any]) -> Regularizer:
    _check_no_integer(who, "scale", scale)
    if isinstance(scale, numbers.Real):
        if scale < 0.0:
            raise ValueError("{}: scale must not be below 0; got {!r}".format(who, scale))
        if scale == 0.0:
            return lambda weights: None

    def regularizer(weights: Any, name: Optional[str] = None) -> Any:
        with tf.name_scope(scope, who, [weights]) as full_name:
            factor = tf.convert_to_tensor(scale, dtype=weights.dtype.base_dtype, name="scale")
            return tf.multiply(factor, norm(weights), name=full_name)

    return regularizer


def _check_no_integer(who: str, name: str, scale: Any) -> None:
    if isinstance(scale, numbers.Integral):
        raise ValueError("{}: {} must not be an integer; got {!r}; write {}".format(who, name, scale, float(scale)))


def l1_l2_regularizer(scale_l1: Any = 1.0, scale_l2: Any = 1.0, scope: Optional[str] = None) -> Regularizer:
    """The sum of `l1_regularizer(scale_l1)` and `l2_regularizer(scale_l2)`."""
    _check_no_integer("l1_l2_regularizer", "scale_l1", scale_l1)
    _check_no_integer("l1_l2_regularizer", "scale_l2", scale_l2)
    scope = scope or "l1_l2_regularizer"
    if isinstance(scale_l1, numbers.Real) and scale_l1 == 0.0:
        return l2_regularizer(scale_l2, scope)
    if isinstance(scale_l2, numbers.Real) and scale_l2 == 0.0:
        return l1_regularizer(scale_l1, scope)
    both: Any = sum_regularizer([l1_regularizer(scale_l1), l2_regularizer(scale_l2)], scope=scope)
    return both


def sum_regularizer(regularizer_list: Sequence[Optional[Regularizer]], scope: Optional[str] = None) -> Optional[Regularizer]:
    """The sum of regularisers; None if all are None."""
    regularizers = [each for each in regularizer_list if each is not None]
    if not regularizers:
        return None

    def sum_reg(weights: Any) -> Any:
        with tf.name_scope(scope, "sum_regularizer", [weights]) as name:
            losses = [loss for loss in (each(weights) for each in regularizers) if loss is not None]
            return tf.add_n(losses, name=name) if losses else None

    return sum_reg


def apply_regularization(regularizer: Regularizer, weights_list: Optional[Sequence[Any]] = None) -> Any:
    """The sum of a regulariser over weights (those in the collection WEIGHTS, if None); it goes to REGULARIZATION_LOSSES.

    Raises:
        ValueError: there are no weights, or the regulariser gives something other than scalars.
    """
    weights_list = weights_list or tf.get_collection(tf.GraphKeys.WEIGHTS)
    if not weights_list:
        raise ValueError("apply_regularization: there are no weights; pass weights_list, or add them to the collection "
                         "{!r}".format(tf.GraphKeys.WEIGHTS))
    with tf.name_scope("get_regularization_penalty", values=weights_list) as scope:
        losses: List[Any] = [regularizer(weights) for weights in weights_list]
        losses = [tf.constant(0.0) if loss is None else loss for loss in losses]
        for loss in losses:
            if loss.shape.ndims != 0:
                raise ValueError("apply_regularization: the regularizer must return a scalar; got {}".format(loss))
        total = tf.add_n(losses, name=scope)
        tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, total)
        return total
