"""Losses of lists, which have an element for each step."""
from __future__ import annotations

from typing import Any, Callable, Optional, Sequence

from .....compat import tfv1 as tf

__all__ = ["sequence_loss", "sequence_loss_by_example"]


def sequence_loss_by_example(logits: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any],
                             average_across_timesteps: bool = True,
                             softmax_loss_function: Optional[Callable[..., Any]] = None, name: Optional[str] = None) -> Any:
    """Weighted cross entropies [batch] of sequences.

    Args:
        logits: list of float [batch, classes].
        targets: list of int [batch].
        weights: list of float [batch].
        average_across_timesteps: divide by the sum of the weights.
        softmax_loss_function: a function of keywords `labels` and `logits` in place of sparse softmax cross entropy.

    Raises:
        ValueError: the lists have different lengths.
    """
    if not len(logits) == len(targets) == len(weights):
        raise ValueError("sequence_loss_by_example: logits, targets and weights must be lists of one length; got {}, {} and "
                         "{}".format(len(logits), len(targets), len(weights)))
    with tf.name_scope(name, "sequence_loss_by_example", list(logits) + list(targets) + list(weights)):
        losses = tf.add_n([_loss(one, target, softmax_loss_function) * weight
                           for one, target, weight in zip(logits, targets, weights)])
        return losses / (tf.add_n(list(weights)) + 1e-12) if average_across_timesteps else losses


def sequence_loss(logits: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any], average_across_timesteps: bool = True,
                  average_across_batch: bool = True, softmax_loss_function: Optional[Callable[..., Any]] = None,
                  name: Optional[str] = None) -> Any:
    """The scalar sum of `sequence_loss_by_example`, divided by the batch size if asked for."""
    with tf.name_scope(name, "sequence_loss", list(logits) + list(targets) + list(weights)):
        cost = tf.reduce_sum(sequence_loss_by_example(logits, targets, weights, average_across_timesteps,
                                                      softmax_loss_function))
        return cost / tf.cast(tf.shape(targets[0])[0], cost.dtype) if average_across_batch else cost


def _loss(logits: Any, target: Any, function: Optional[Callable[..., Any]]) -> Any:
    if function is None:
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(target, [-1]), logits=logits)
    return function(labels=target, logits=logits)
