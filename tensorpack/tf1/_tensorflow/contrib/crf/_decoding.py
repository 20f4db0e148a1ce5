"""The most likely sequences of tags (Viterbi), of numpy arrays and of tensors."""
from __future__ import annotations

from typing import Any, List, Tuple

import numpy as np

from .....compat import tfv1 as tf
from ...nn.rnn_cell import RNNCell
from ._likelihood import ChainCell, for_one_step, num_transitions

__all__ = ["CrfDecodeBackwardRnnCell", "CrfDecodeForwardRnnCell", "crf_decode", "viterbi_decode"]


def viterbi_decode(score: Any, transition_params: Any) -> Tuple[List[int], Any]:
    """The best sequence of tags, outside of graphs.

    Args:
        score: array [time, tags].
        transition_params: array [tags, tags].

    Returns:
        the list of tags, and its score.
    """
    best, backpointers = score[0], []
    for step in score[1:]:
        candidates = best[:, np.newaxis] + transition_params
        backpointers.append(np.argmax(candidates, 0))
        best = np.asarray(step + np.max(candidates, 0), dtype=score.dtype)
    tags: List[Any] = [np.argmax(best)]
    for pointers in reversed(backpointers):
        tags.append(pointers[tags[-1]])
    return tags[::-1], np.max(best)


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> Tuple[Any, Any]:
    """The best sequences of tags.

    Args:
        potentials: float [batch, time, tags], scores of tags.
        transition_params: float [tags, tags], scores of transitions.
        sequence_length: int vector [batch].

    Returns:
        int32 [batch, time], 0 beyond the length, and float [batch], their scores.
    """
    sequence_length = tf.convert_to_tensor(sequence_length)

    def of_one_step() -> Tuple[Any, Any]:
        scores = potentials[:, 0]
        return tf.cast(tf.expand_dims(tf.argmax(scores, 1), 1), tf.int32), tf.reduce_max(scores, 1)

    return for_one_step(potentials, of_one_step, lambda: _decode_chain(potentials, transition_params, sequence_length))


def _decode_chain(potentials: Any, transition_params: Any, sequence_length: Any) -> Tuple[Any, Any]:
    lengths = num_transitions(sequence_length)
    pointers, scores = tf.nn.dynamic_rnn(CrfDecodeForwardRnnCell(transition_params), potentials[:, 1:], lengths,
                                         initial_state=potentials[:, 0], dtype=tf.int32)
    last = tf.expand_dims(tf.cast(tf.argmax(scores, 1), tf.int32), 1)
    tags, _ = tf.nn.dynamic_rnn(CrfDecodeBackwardRnnCell(potentials.shape.as_list()[2]),
                                tf.reverse_sequence(pointers, lengths, seq_axis=1, batch_axis=0), lengths,
                                initial_state=last, dtype=tf.int32)
    tags = tf.concat([last, tf.squeeze(tags, [2])], 1)
    return tf.reverse_sequence(tags, sequence_length, seq_axis=1, batch_axis=0), tf.reduce_max(scores, 1)


class CrfDecodeForwardRnnCell(ChainCell):
    """The best score of a sequence that ends in a tag; outputs are the tags before, int32.

    Args:
        transition_params: float [tags, tags].
    """

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        candidates = tf.expand_dims(state, 2) + self._transition_params
        return tf.cast(tf.argmax(candidates, 1), tf.int32), inputs + tf.reduce_max(candidates, [1])


class CrfDecodeBackwardRnnCell(RNNCell):
    """Follows the tags before; the state is the tag, int32 [batch, 1].

    Args:
        num_tags: how many tags there are.
    """

    def __init__(self, num_tags: int):
        super().__init__()
        self._num_tags = num_tags

    @property
    def state_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        rows = tf.expand_dims(tf.range(tf.shape(inputs)[0]), 1)
        tags = tf.expand_dims(tf.gather_nd(inputs, tf.concat([rows, state], 1)), 1)
        return tags, tags
