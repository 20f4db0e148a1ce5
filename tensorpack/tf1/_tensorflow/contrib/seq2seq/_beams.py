"""Batches of beams: how they are made, and how the sequence of each beam is found in the end."""
from __future__ import annotations

from typing import Any, Optional, Tuple

from .....compat import tfv1 as tf

__all__ = ["gather_beams", "gather_tree", "gather_tree_from_array", "tile_batch"]


def tile_batch(t: Any, multiplier: int, name: Optional[str] = None) -> Any:
    """Each element of the batch `multiplier` times, one after another: [batch, ...] -> [batch * multiplier, ...].

    Args:
        t: a tensor, or a structure of tensors, of known rank of at least 1.

    Raises:
        ValueError: the rank is unknown, or 0.
    """
    with tf.name_scope(name, "tile_batch"):
        return tf.nest.map_structure(lambda x: _tiled(tf.convert_to_tensor(x), multiplier), t)


def _tiled(x: Any, multiplier: int) -> Any:
    if x.shape.ndims is None or x.shape.ndims < 1:
        raise ValueError("tile_batch: tensors must have a known rank of at least 1; got the shape {}".format(x.shape))
    tiled = tf.tile(tf.expand_dims(x, 1), [1, multiplier] + [1] * (x.shape.ndims - 1))
    result = tf.reshape(tiled, tf.concat([[-1], tf.shape(x)[1:]], 0))
    batch = x.shape.as_list()[0]
    result.set_shape(tf.TensorShape([None if batch is None else batch * multiplier]).concatenate(x.shape[1:]))
    return result


def gather_beams(x: Any, beams: Any) -> Any:
    """For each batch the elements of these beams: x [batch, beams, ...], beams int [batch, n] -> [batch, n, ...]."""
    return tf.gather(x, beams, axis=1, batch_dims=1)


def gather_tree(step_ids: Any, parent_ids: Any, max_sequence_lengths: Any, end_token: Any, name: Optional[str] = None) -> Any:
    """The sequences of all beams, each followed back from its last word.

    Args:
        step_ids: int32 [time, batch, beam], the words that were added.
        parent_ids: int32 [time, batch, beam], the beam of the step before to which they were added.
        max_sequence_lengths: int32 [batch]; what is beyond is `end_token`.
        end_token: int32 scalar; what follows it in a sequence is `end_token` as well.

    Returns:
        int32 [time, batch, beam].
    """
    with tf.name_scope(name, "GatherTree"):
        step_ids, parent_ids, end_token = (tf.convert_to_tensor(x) for x in (step_ids, parent_ids, end_token))
        shape = tf.shape(step_ids)
        own = tf.zeros(shape[1:], tf.int32) + tf.range(shape[2])
        is_inside = tf.transpose(tf.sequence_mask(max_sequence_lengths, shape[0]))[:, :, tf.newaxis]
        masks = tf.logical_and(is_inside, tf.ones_like(step_ids, dtype=tf.bool))
        ends = tf.zeros(shape[1:], step_ids.dtype) + end_token

        def step_back(later: Tuple[Any, Any], step: Tuple[Any, Any, Any]) -> Tuple[Any, Any]:
            (_, beam), (ids, parents, mask) = later, step
            return tf.where(mask, gather_beams(ids, beam), ends), tf.where(mask, gather_beams(parents, beam), own)

        found, _ = tf.scan(step_back, (step_ids, parent_ids, masks), (ends, own), reverse=True, back_prop=False)
        is_end = tf.cast(tf.equal(found, end_token), tf.int32)
        result = tf.where(tf.cumsum(is_end, exclusive=True) > 0, tf.zeros_like(found) + end_token, found)
        result.set_shape(step_ids.shape)
        return result


def gather_tree_from_array(t: Any, parent_ids: Any, sequence_length: Any) -> Any:
    """What a `TensorArray` of a decoder's state holds, in the order of the final beams.

    Args:
        t: tensor [time, batch * beam, ...] or [time, batch, beam, ...].
        parent_ids: int32 [time, batch, beam].
        sequence_length: int [batch, beam], lengths of the final sequences; what is beyond keeps its order.

    Returns:
        a tensor of the shape of `t`.
    """
    shape = tf.shape(parent_ids)
    own = tf.zeros_like(parent_ids) + tf.range(shape[2])
    beams = gather_tree(own, parent_ids, tf.cast(tf.reduce_max(sequence_length, axis=1), tf.int32), shape[2] + 1)
    is_inside = tf.transpose(tf.sequence_mask(sequence_length, maxlen=shape[0]), [2, 0, 1])
    beams = tf.where(is_inside, beams, own)
    values = tf.reshape(t, tf.concat([shape, [-1]], 0))
    return tf.reshape(tf.gather(values, beams, axis=2, batch_dims=2), tf.shape(t))
