"""The loss of sequences of words."""
from __future__ import annotations

from typing import Any, Callable, List, Optional

from .....compat import tfv1 as tf

__all__ = ["sequence_loss"]


def sequence_loss(logits: Any, targets: Any, weights: Any, average_across_timesteps: bool = True,
                  average_across_batch: bool = True, sum_over_timesteps: bool = False, sum_over_batch: bool = False,
                  softmax_loss_function: Optional[Callable[..., Any]] = None, name: Optional[str] = None) -> Any:
    """Weighted cross entropy of sequences.

    Args:
        logits: float [batch, time, classes].
        targets: int [batch, time].
        weights: float [batch, time].
        average_across_timesteps, average_across_batch: divide the sum over that axis by the sum of the weights.
        sum_over_timesteps, sum_over_batch: divide the sum over that axis by the number of weights that are not zero.
        softmax_loss_function: a function of keywords `labels` and `logits` in place of sparse softmax cross entropy.

    Returns:
        the loss: scalar, or [batch], [time] or [batch, time] where an axis is neither averaged nor summed.

    Raises:
        ValueError: a rank is another one, or an axis is both averaged and summed.
    """
    for what, x, rank in (("logits", logits, 3), ("targets", targets, 2), ("weights", weights, 2)):
        if x.shape.ndims != rank:
            raise ValueError("sequence_loss: {} must have {} axes, [batch, time{}]; got {}".format(
                what, rank, ", classes" if rank == 3 else "", x.shape))
    for axis, both in (("timesteps", average_across_timesteps and sum_over_timesteps),
                       ("batch", average_across_batch and sum_over_batch)):
        if both:
            raise ValueError("sequence_loss: average_across_{0} and sum_over_{0} must not both be True; got both".format(axis))
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        losses = (softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits)(
            labels=tf.reshape(targets, [-1]), logits=tf.reshape(logits, [-1, tf.shape(logits)[2]]))
        losses *= tf.reshape(weights, [-1])
        if (average_across_timesteps and average_across_batch) or (sum_over_timesteps and sum_over_batch):
            return _reduced(losses, weights, None, average_across_batch)
        losses = tf.reshape(losses, tf.shape(logits)[:2])
        if average_across_timesteps or average_across_batch:
            return _reduced(losses, weights, [0] if average_across_batch else [1], True)
        if sum_over_timesteps or sum_over_batch:
            return _reduced(losses, weights, [0] if sum_over_batch else [1], False)
        return losses


def _reduced(losses: Any, weights: Any, axis: Optional[List[int]], by_weights: bool) -> Any:
    total = tf.reduce_sum(weights, axis) if by_weights else tf.cast(tf.math.count_nonzero(weights, axis), losses.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(losses, axis), total)
