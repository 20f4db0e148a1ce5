"""How beams are ranked: log probabilities, divided for their length, less what attention has not seen."""
from __future__ import annotations

from typing import Any, List

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from ._wrapper import AttentionWrapperState

__all__ = ["attention_probabilities", "beam_scores"]


def beam_scores(log_probs: Any, lengths: Any, finished: Any, attention: Any, length_weight: Any, coverage_weight: Any) -> Any:
    """Scores [batch, beam, words].

    Args:
        log_probs: [batch, beam, words].
        lengths: int64 [batch, beam, words], of the sequences with each word.
        finished: bool [batch, beam].
        attention: [batch, beam, time of memory], what each sequence has looked at; None without a coverage penalty.
        length_weight, coverage_weight: weights (Wu et al. 2016, https://arxiv.org/abs/1609.08144).
    """
    scores = log_probs / tf.cast(_length_penalty(lengths, length_weight), log_probs.dtype)
    if attention is None:
        return scores
    with deprecation_silenced():
        seen = tf.where(tf.equal(attention, 0.0), tf.ones_like(attention), attention)
    penalty = tf.reduce_sum(tf.log(tf.minimum(seen, 1.0)), 2) * tf.cast(finished, seen.dtype)
    return scores + tf.expand_dims(penalty * coverage_weight, 2)


def attention_probabilities(cell_state: Any, coverage_weight: Any) -> Any:
    """Alignments of the cells that attend, averaged over cells and mechanisms; None if coverage has no weight.

    Raises:
        ValueError: it has, and no cell attends.
    """
    if isinstance(coverage_weight, (int, float)) and coverage_weight == 0:
        return None
    states = [cell_state] if isinstance(cell_state, AttentionWrapperState) else cell_state
    states = states if isinstance(states, tuple) and not hasattr(states, "_fields") or isinstance(states, list) else []
    alignments = [_mean(state.alignments) for state in states if isinstance(state, AttentionWrapperState)]
    if not alignments:
        raise ValueError("BeamSearchDecoder: coverage_penalty_weight must be 0.0 where no cell is an AttentionWrapper; got "
                         "{!r}".format(coverage_weight))
    return _mean(tuple(alignments))


def _mean(alignments: Any) -> Any:
    parts: List[Any] = list(alignments) if isinstance(alignments, tuple) else [alignments]
    return parts[0] if len(parts) == 1 else tf.add_n(parts) / len(parts)


def _length_penalty(lengths: Any, weight: Any) -> Any:
    if isinstance(weight, (int, float)) and weight == 0:
        return 1.0
    return ((5.0 + tf.cast(lengths, tf.float32)) ** weight) / ((5.0 + 1.0) ** weight)
