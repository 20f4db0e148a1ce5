"""Attention that never goes back in the memory (Raffel et al. 2017, https://arxiv.org/abs/1704.00784)."""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

import numpy as np

from .....compat import tfv1 as tf
from ...layers import Dense
from ._attention import MemoryAttention, bahdanau_score, luong_score

__all__ = ["BahdanauMonotonicAttention", "LuongMonotonicAttention", "monotonic_attention", "safe_cumprod"]


def safe_cumprod(x: Any, *args: Any, **kwargs: Any) -> Any:
    """The cumulative product of numbers in [0, 1], by logarithms, so that its gradient is finite at 0.

    Args:
        args, kwargs: those of `tf.cumsum`.
    """
    with tf.name_scope("SafeCumprod"):
        x = tf.convert_to_tensor(x)
        tiny = np.finfo(x.dtype.as_numpy_dtype).tiny
        return tf.exp(tf.cumsum(tf.log(tf.clip_by_value(x, tiny, 1)), *args, **kwargs))


def monotonic_attention(p_choose_i: Any, previous_attention: Any, mode: str) -> Any:
    """Probabilities [batch, time] to attend to each place, from those to stop there and the ones of the step before.

    Args:
        p_choose_i: probabilities [batch, time] to stop; 0 or 1 for `hard`.
        previous_attention: [batch, time]; at first all of it is at place 0.
        mode: `recursive` (exact), `parallel` (faster, and less exact for long memories) or `hard`.

    Raises:
        ValueError: `mode` is another one.
    """
    p, previous = tf.convert_to_tensor(p_choose_i), tf.convert_to_tensor(previous_attention)
    if mode == "recursive":
        return p * _reached(p, previous)
    if mode == "parallel":
        passed = safe_cumprod(1 - p, axis=1, exclusive=True)
        return p * passed * tf.cumsum(previous / tf.clip_by_value(passed, 1e-10, 1.0), axis=1)
    if mode == "hard":
        p *= tf.cumsum(previous, axis=1)
        return p * tf.cumprod(1 - p, axis=1, exclusive=True)
    raise ValueError("monotonic_attention: mode must be 'recursive', 'parallel' or 'hard'; got {!r}".format(mode))


class _Monotonic(MemoryAttention):
    """Base class of both mechanisms."""

    def __init__(self, name: str, num_units: int, memory: Any, memory_sequence_length: Any, query_layer: Any,
                 score_mask_value: Optional[float], sigmoid_noise: float, sigmoid_noise_seed: Optional[int],
                 score_bias_init: float, mode: str, dtype: Any):
        probability = _probability_function(sigmoid_noise, sigmoid_noise_seed, mode)
        super().__init__(name, num_units, memory, memory_sequence_length, query_layer, probability, score_mask_value, dtype)
        self._score_bias_init = score_bias_init

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """All attention is at the first place."""
        return tf.one_hot(tf.zeros(tf.stack([batch_size]), tf.int32), self._alignments_size, dtype=dtype)

    def _biased(self, score: Any) -> Any:
        return score + tf.get_variable("attention_score_bias", [], score.dtype,
                                       initializer=tf.constant_initializer(self._score_bias_init))


class BahdanauMonotonicAttention(_Monotonic):
    """`BahdanauAttention` that never goes back.

    Variables: those of `BahdanauAttention`, in `bahdanau_monotonic_attention`, and `attention_score_bias` [].

    Args:
        num_units, memory, memory_sequence_length, normalize, score_mask_value, dtype, name: as in `BahdanauAttention`.
        sigmoid_noise: standard deviation of noise that is added to scores, so that training makes them large.
        sigmoid_noise_seed: makes it reproducible.
        score_bias_init: initial value of the bias.
        mode: that of `monotonic_attention`.
    """

    def __init__(self, num_units: int, memory: Any, memory_sequence_length: Any = None, normalize: bool = False,
                 score_mask_value: Optional[float] = None, sigmoid_noise: float = 0.0,
                 sigmoid_noise_seed: Optional[int] = None, score_bias_init: float = 0.0, mode: str = "parallel",
                 dtype: Any = None, name: str = "BahdanauMonotonicAttention"):
        query_layer = Dense(num_units, name="query_layer", use_bias=False, dtype=dtype or tf.float32)
        super().__init__(name, num_units, memory, memory_sequence_length, query_layer, score_mask_value, sigmoid_noise,
                         sigmoid_noise_seed, score_bias_init, mode, dtype)
        self._normalize = normalize

    def __call__(self, query: Any, state: Any) -> Tuple[Any, Any]:
        """Alignments [batch, time] of a query [batch, depth], and the next state, which is the same."""
        with tf.variable_scope(None, "bahdanau_monotonic_attention"):
            score = self._biased(bahdanau_score(self._query_layer(query), self._keys, self._num_units, self._normalize))
        return self._alignments(score, state)


class LuongMonotonicAttention(_Monotonic):
    """`LuongAttention` that never goes back.

    Variables: those of `LuongAttention`, in `luong_monotonic_attention`, and `attention_score_bias` [].

    Args:
        num_units, memory, memory_sequence_length, scale, score_mask_value, dtype, name: as in `LuongAttention`.
        sigmoid_noise, sigmoid_noise_seed, score_bias_init, mode: as in `BahdanauMonotonicAttention`.
    """

    def __init__(self, num_units: int, memory: Any, memory_sequence_length: Any = None, scale: bool = False,
                 score_mask_value: Optional[float] = None, sigmoid_noise: float = 0.0,
                 sigmoid_noise_seed: Optional[int] = None, score_bias_init: float = 0.0, mode: str = "parallel",
                 dtype: Any = None, name: str = "LuongMonotonicAttention"):
        super().__init__(name, num_units, memory, memory_sequence_length, None, score_mask_value, sigmoid_noise,
                         sigmoid_noise_seed, score_bias_init, mode, dtype)
        self._scale = scale

    def __call__(self, query: Any, state: Any) -> Tuple[Any, Any]:
        """Alignments [batch, time] of a query [batch, num_units], and the next state, which is the same."""
        with tf.variable_scope(None, "luong_monotonic_attention"):
            score = self._biased(luong_score(self._name, query, self._keys, self._scale))
        return self._alignments(score, state)


def _probability_function(noise: float, seed: Optional[int], mode: str) -> Callable[[Any, Any], Any]:
    def probabilities(score: Any, previous: Any) -> Any:
        if noise > 0:
            score += noise * tf.random_normal(tf.shape(score), dtype=score.dtype, seed=seed)
        choices = tf.cast(score > 0, score.dtype) if mode == "hard" else tf.sigmoid(score)
        return monotonic_attention(choices, previous, mode)

    return probabilities


def _reached(p: Any, previous: Any) -> Any:
    """Probabilities that a place is reached: what passed the one before, and what begins here."""
    passing = tf.concat([tf.ones_like(p[:, :1]), 1 - p[:, :-1]], 1)
    return tf.transpose(tf.scan(lambda reached, step: step[0] * reached + step[1],
                                [tf.transpose(passing), tf.transpose(previous)], tf.zeros_like(p[:, 0])))
