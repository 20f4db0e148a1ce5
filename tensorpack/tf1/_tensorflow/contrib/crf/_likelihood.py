"""How likely sequences of tags are: inputs are scores [batch, time, tags], transitions are scores [tags, tags]."""
from __future__ import annotations

from typing import Any, Callable, Tuple

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from ...nn.rnn_cell import RNNCell

__all__ = [
    "ChainCell", "CrfForwardRnnCell", "crf_binary_score", "crf_log_likelihood", "crf_log_norm", "crf_multitag_sequence_score",
    "crf_sequence_score", "crf_unary_score", "for_one_step", "num_transitions",
]


def crf_log_likelihood(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None) -> Tuple[Any, Any]:
    """Log likelihood of tags.

    Variables: `transitions` [tags, tags], in the current scope, without `transition_params`.

    Args:
        inputs: float [batch, time, tags], scores of tags.
        tag_indices: int [batch, time].
        sequence_lengths: int vector [batch].
        transition_params: float [tags, tags], scores of transitions.

    Returns:
        log likelihoods [batch], and the transitions.
    """
    if transition_params is None:
        num_tags = inputs.shape.as_list()[2]
        transition_params = tf.get_variable("transitions", [num_tags, num_tags])
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def crf_sequence_score(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Scores [batch] of tags, without normalisation; the arguments are those of `crf_log_likelihood`."""
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return for_one_step(inputs, lambda: unary,
                        lambda: unary + crf_binary_score(tag_indices, sequence_lengths, transition_params))


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> Any:
    """Sums [batch] of the scores of the tags themselves."""
    shape = tf.cast(tf.shape(inputs), tag_indices.dtype)
    places = tf.reshape(tf.range(shape[0] * shape[1]), shape[:2])
    scores = tf.gather(tf.reshape(inputs, [-1]), places * shape[2] + tag_indices)
    return tf.reduce_sum(scores * tf.sequence_mask(sequence_lengths, shape[1], dtype=scores.dtype), 1)


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Sums [batch] of the scores of transitions between tags."""
    num_tags = tf.cast(tf.shape(transition_params)[0], tag_indices.dtype)
    scores = tf.gather(tf.reshape(transition_params, [-1]), tag_indices[:, :-1] * num_tags + tag_indices[:, 1:])
    mask = tf.sequence_mask(sequence_lengths, tf.shape(tag_indices)[1], dtype=scores.dtype)
    return tf.reduce_sum(scores * mask[:, 1:], 1)


def crf_multitag_sequence_score(inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Log of the sum of exponential scores [batch] of all sequences of tags that a bool tensor [batch, time, tags] allows."""
    nowhere = tf.fill(tf.shape(inputs), tf.constant(float("-inf"), inputs.dtype))
    with deprecation_silenced():
        allowed = tf.where(tag_bitmap, inputs, nowhere)
    return for_one_step(inputs, lambda: tf.reduce_logsumexp(allowed, axis=[1, 2]),
                        lambda: crf_log_norm(allowed, sequence_lengths, transition_params))


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> Any:
    """Log of the sum of exponential scores [batch] of all sequences of tags; 0 for a sequence without steps."""
    sequence_lengths = tf.convert_to_tensor(sequence_lengths)
    first = inputs[:, 0]

    def of_chain() -> Any:
        _, state = tf.nn.dynamic_rnn(CrfForwardRnnCell(transition_params), inputs[:, 1:], num_transitions(sequence_lengths),
                                     initial_state=first)
        return state

    with deprecation_silenced():
        norm = tf.reduce_logsumexp(for_one_step(inputs, lambda: first, of_chain), [1])
        return tf.where(sequence_lengths <= 0, tf.zeros_like(norm), norm)


class ChainCell(RNNCell):
    """Base class of cells whose state is a score of each tag."""

    def __init__(self, transition_params: Any):
        super().__init__()
        self._transition_params = tf.expand_dims(transition_params, 0)
        self._num_tags = self._transition_params.shape.as_list()[1]

    @property
    def state_size(self) -> Any:
        return self._num_tags

    @property
    def output_size(self) -> Any:
        return self._num_tags


class CrfForwardRnnCell(ChainCell):
    """Log of the sum of exponential scores of all sequences that end in a tag.

    Args:
        transition_params: float [tags, tags].
    """

    def __call__(self, inputs: Any, state: Any, scope: Any = None) -> Tuple[Any, Any]:
        scores = tf.reduce_logsumexp(tf.expand_dims(state, 2) + self._transition_params, [1])
        return inputs + scores, inputs + scores


def for_one_step(inputs: Any, one: Callable[[], Any], more: Callable[[], Any]) -> Any:
    """`one()` where inputs have one step, which has no transitions, else `more()`."""
    time = inputs.shape.as_list()[1]
    if time is None:
        return tf.cond(tf.equal(tf.shape(inputs)[1], 1), one, more)
    return one() if time == 1 else more()


def num_transitions(sequence_lengths: Any) -> Any:
    """One less than the lengths, and at least 0."""
    return tf.maximum(tf.constant(0, sequence_lengths.dtype), sequence_lengths - 1)
