"""Helpers that feed what the decoder has sampled, sometimes (Bengio et al. 2015, https://arxiv.org/abs/1506.03099)."""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from ..rnn import transpose_batch_time
from ._helpers import TrainingHelper, categorical_sample, embedding_function, unstacked

__all__ = ["ScheduledEmbeddingTrainingHelper", "ScheduledOutputTrainingHelper"]


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """`TrainingHelper` that feeds, at random, the embedding of a word drawn by the outputs; samples are -1 elsewhere.

    Args:
        inputs, sequence_length, time_major, name: as in `TrainingHelper`.
        embedding: a matrix [words, size], or a function from ids to vectors.
        sampling_probability: scalar or vector [batch], how often a word is drawn.
        seed: makes the draws of words reproducible.
        scheduling_seed: makes it reproducible where words are drawn.

    Raises:
        ValueError: `sampling_probability` is neither a scalar nor a vector.
    """

    def __init__(self, inputs: Any, sequence_length: Any, embedding: Any, sampling_probability: Any, time_major: bool = False,
                 seed: Optional[int] = None, scheduling_seed: Optional[int] = None, name: Optional[str] = None):
        self._embedding_fn = embedding_function(embedding)
        self._sampling_probability = _probability(self, sampling_probability)
        self._seed = seed
        self._scheduling_seed = scheduling_seed
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time: Any, outputs: Any, state: Any = None,  # type: ignore[override]  # TensorFlow's order
               name: Optional[str] = None, **unused_kwargs: Any) -> Any:
        draws = _is_drawn(self._sampling_probability, self.batch_size, self._scheduling_seed)
        ids = categorical_sample(outputs, self._seed)
        return tf.where(draws, ids, -tf.ones_like(ids))

    def next_inputs(self, time: Any, outputs: Any, state: Any,  # type: ignore[override]  # TensorFlow's order
                    sample_ids: Any = None, name: Optional[str] = None, **unused_kwargs: Any) -> Tuple[Any, Any, Any]:
        finished, inputs, state = super().next_inputs(time, outputs, state)
        mixed = tf.cond(tf.reduce_all(finished), lambda: inputs, lambda: _mixed(
            sample_ids > -1, lambda where: self._embedding_fn(tf.gather_nd(sample_ids, where)), inputs))
        return finished, mixed, state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """`TrainingHelper` that feeds, at random, the outputs; samples (int32) tell where.

    Args:
        inputs, sequence_length, time_major, name: as in `TrainingHelper`.
        sampling_probability: scalar or vector [batch], how often outputs are fed.
        seed: makes it reproducible where.
        next_inputs_fn: a function from outputs to inputs; these are the outputs by default.
        auxiliary_inputs: tensor [batch, time, ...], appended to inputs and to outputs.

    Raises:
        ValueError: `sampling_probability` is neither a scalar nor a vector.
    """

    def __init__(self, inputs: Any, sequence_length: Any, sampling_probability: Any, time_major: bool = False,
                 seed: Optional[int] = None, next_inputs_fn: Optional[Callable[[Any], Any]] = None,
                 auxiliary_inputs: Any = None, name: Optional[str] = None):
        self._sampling_probability = _probability(self, sampling_probability)
        self._seed = seed
        self._next_inputs_fn = next_inputs_fn
        self._auxiliary: Any = None
        if auxiliary_inputs is not None:
            auxiliary = tf.convert_to_tensor(auxiliary_inputs)
            inputs = tf.concat([inputs, auxiliary], -1)
            self._auxiliary = unstacked(auxiliary if time_major else transpose_batch_time(auxiliary))
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time: Any, outputs: Any, state: Any = None,  # type: ignore[override]  # TensorFlow's order
               name: Optional[str] = None, **unused_kwargs: Any) -> Any:
        return tf.cast(_is_drawn(self._sampling_probability, self.batch_size, self._seed), tf.int32)

    def next_inputs(self, time: Any, outputs: Any, state: Any,  # type: ignore[override]  # TensorFlow's order
                    sample_ids: Any = None, name: Optional[str] = None, **unused_kwargs: Any) -> Tuple[Any, Any, Any]:
        finished, inputs, state = super().next_inputs(time, outputs, state)
        draws = tf.cast(sample_ids, tf.bool)
        nothing_to_do = tf.logical_or(tf.reduce_all(finished), tf.logical_not(tf.reduce_any(draws)))
        mixed = tf.cond(nothing_to_do, lambda: inputs, lambda: self._fed(time, draws, outputs, inputs))
        return finished, mixed, state

    def _fed(self, time: Any, draws: Any, outputs: Any, inputs: Any) -> Any:
        function = self._next_inputs_fn
        if function is None:
            with deprecation_silenced():
                return tf.where(draws, self._with_auxiliary(time, outputs, None), inputs)
        return _mixed(draws, lambda where: self._with_auxiliary(
            time, function(tf.gather_nd(outputs, where)), where), inputs)

    def _with_auxiliary(self, time: Any, outputs: Any, where: Any) -> Any:
        if self._auxiliary is None:
            return outputs
        auxiliary = self._auxiliary.read(time + 1)
        return tf.concat([outputs, auxiliary if where is None else tf.gather_nd(auxiliary, where)], -1)


def _probability(helper: Any, probability: Any) -> Any:
    probability = tf.convert_to_tensor(probability)
    if probability.shape.ndims not in (0, 1):
        raise ValueError("{}: sampling_probability must be a scalar or a vector [batch]; got the shape {}".format(
            type(helper).__name__, probability.shape))
    return probability


def _is_drawn(probability: Any, batch_size: Any, seed: Optional[int]) -> Any:
    """Bool vector [batch]."""
    return tf.random_uniform(tf.stack([batch_size]), dtype=probability.dtype, seed=seed) < probability


def _mixed(draws: Any, drawn: Callable[[Any], Any], inputs: Any) -> Any:
    """Inputs, in whose rows that `draws` tells are those of `drawn`, a function of their indices [rows, 1]."""
    where, others = (tf.cast(tf.where(mask), tf.int32) for mask in (draws, tf.logical_not(draws)))
    shape = tf.shape(inputs)
    return tf.scatter_nd(where, drawn(where), shape) + tf.scatter_nd(others, tf.gather_nd(inputs, others), shape)
