"""`BeamSearchDecoder`, which keeps the best sequences of each batch element."""
from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from .....compat import deprecation_silenced, is_tensor_like
from .....compat import tfv1 as tf
from .....contrib._rnn.cell import check_cell
from .....utils import logger
from .....utils._arguments.numbers import whole_number
from ._beam_scores import attention_probabilities, beam_scores
from ._beams import gather_beams, gather_tree, gather_tree_from_array
from ._decoder import Decoder, check_layer, output_shape
from ._helpers import checked_tokens, embedding_function

__all__ = ["BeamSearchDecoder", "BeamSearchDecoderOutput", "BeamSearchDecoderState", "FinalBeamSearchDecoderOutput"]


class BeamSearchDecoderState(NamedTuple("BeamSearchDecoderState", [
        ("cell_state", Any), ("log_probs", Any), ("finished", Any), ("lengths", Any), ("accumulated_attention_probs", Any)])):
    """State of all beams: that of the cell, and [batch, beam] log probabilities, whether finished, int64 lengths."""

    __slots__ = ()


class BeamSearchDecoderOutput(NamedTuple("BeamSearchDecoderOutput", [
        ("scores", Any), ("predicted_ids", Any), ("parent_ids", Any)])):
    """What a step adds to beams, each [batch, beam]."""

    __slots__ = ()


class FinalBeamSearchDecoderOutput(NamedTuple("FinalBeamDecoderOutput", [
        ("predicted_ids", Any), ("beam_search_decoder_output", Any)])):
    """The sequences, int32 [batch, time, beam], the best first; and the outputs of all steps."""

    __slots__ = ()


class BeamSearchDecoder(Decoder):
    """Beam search: keeps `beam_width` sequences of each batch element.

    Give memories and states of encoders to `tile_batch(..., multiplier=beam_width)` first.

    Args:
        cell: a recurrent cell, whose outputs (through the layer) are logits.
        embedding: a matrix [words, size], or a function from ids to vectors.
        start_tokens: int32 vector [batch], the first words.
        end_token: int32 scalar; the word that finishes a sequence.
        initial_state: of the cell, for batch * beam_width sequences.
        beam_width: number of sequences.
        output_layer: a layer of the outputs, or None; it has `compute_output_shape`.
        length_penalty_weight: exponent of the length by which log probabilities are divided; 0 prefers short sequences.
        coverage_penalty_weight: weight of what attention has not looked at.
        reorder_tensor_arrays: whether a `TensorArray` in the state, such as the alignment history, becomes a tensor in the
            order of the final sequences; unless batch size and size of the elements are known when the graph is built.

    Raises:
        TypeError: something is no cell or layer.
        ValueError: tokens have another rank, or the state another batch size.
    """

    def __init__(self, cell: Any, embedding: Any, start_tokens: Any, end_token: Any, initial_state: Any, beam_width: int,
                 output_layer: Any = None, length_penalty_weight: float = 0.0, coverage_penalty_weight: float = 0.0,
                 reorder_tensor_arrays: bool = True):
        check_cell("BeamSearchDecoder", cell)
        check_layer("BeamSearchDecoder", output_layer)
        self._cell = cell
        self._output_layer = output_layer
        self._beam_width = whole_number("BeamSearchDecoder", "beam_width", beam_width, minimum=1)
        self._length_penalty_weight = length_penalty_weight
        self._coverage_penalty_weight = coverage_penalty_weight
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = embedding_function(embedding)
        start, self._end_token = checked_tokens("BeamSearchDecoder", start_tokens, end_token)
        self._batch_size = tf.size(start)
        self._static_batch_size = start.shape.as_list()[0]
        self._initial_cell_state = tf.nest.map_structure(self._split, initial_state)
        self._start_inputs = self._embedding_fn(tf.tile(tf.expand_dims(start, 1), [1, self._beam_width]))

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        """True: a beam is replaced by another one, which may not be finished."""
        return True

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        return BeamSearchDecoderOutput(*[tf.TensorShape([self._beam_width])] * 3)

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        sizes = output_shape(self._cell, self._output_layer)
        return BeamSearchDecoderOutput(tf.nest.map_structure(lambda _: dtype, sizes), tf.int32, tf.int32)

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        first = tf.zeros(tf.stack([self._batch_size]), tf.int32)
        finished = tf.one_hot(first, self._beam_width, on_value=False, off_value=True, dtype=tf.bool)
        # all beams are equal at first; only one of them may go on
        log_probs = tf.one_hot(first, self._beam_width, on_value=tf.constant(0.0, dtype),
                               off_value=tf.constant(-np.inf, dtype), dtype=dtype)
        attention = attention_probabilities(self._initial_cell_state, self._coverage_penalty_weight)
        state = BeamSearchDecoderState(
            self._initial_cell_state, log_probs, finished, tf.zeros_like(log_probs, dtype=tf.int64),
            () if attention is None else attention)
        return finished, self._start_inputs, state

    def step(self, time: Any, inputs: Any, state: Any, name: Optional[str] = None) -> Tuple[Any, Any, Any, Any]:
        with tf.name_scope(name, "BeamSearchDecoderStep"), deprecation_silenced():
            logits, cell_state = self._cell(tf.nest.map_structure(self._merge, inputs),
                                            tf.nest.map_structure(self._merge, state.cell_state))
            logits, cell_state = tf.nest.map_structure(self._split, (logits, cell_state))
            if self._output_layer is not None:
                logits = self._output_layer(logits)
            output, state = self._choose(logits, cell_state, state)
            inputs = tf.cond(tf.reduce_all(state.finished), lambda: self._start_inputs,
                             lambda: self._embedding_fn(output.predicted_ids))
            return output, state, inputs, state.finished

    def _choose(self, logits: Any, cell_state: Any, state: Any) -> Tuple[Any, Any]:
        """The best continuations of all beams, and the state after them."""
        num_words = logits.shape.as_list()[-1] or tf.shape(logits)[-1]
        log_probs = tf.expand_dims(state.log_probs, 2) + _only_end(tf.nn.log_softmax(logits), state.finished, self._end_token)
        not_finished = tf.cast(tf.logical_not(state.finished), tf.int64)
        is_word = tf.not_equal(tf.range(num_words), self._end_token)
        lengths = tf.expand_dims(state.lengths, 2) + tf.expand_dims(not_finished, 2) * tf.cast(is_word, tf.int64)
        attention = attention_probabilities(cell_state, self._coverage_penalty_weight)
        if attention is not None:
            attention = state.accumulated_attention_probs + attention * tf.expand_dims(
                tf.cast(not_finished, attention.dtype), 2)
        scores = beam_scores(log_probs, lengths, state.finished, attention, self._length_penalty_weight,
                             self._coverage_penalty_weight)
        scores, places = tf.nn.top_k(tf.reshape(scores, [self._batch_size, -1]), k=self._beam_width)
        words, beams = tf.cast(places % num_words, tf.int32), places // num_words
        was_finished = gather_beams(state.finished, beams)
        next_state = BeamSearchDecoderState(
            cell_state=tf.nest.map_structure(lambda x: self._of_beams(x, beams), cell_state),
            log_probs=gather_beams(tf.reshape(log_probs, [self._batch_size, -1]), places),
            lengths=gather_beams(state.lengths, beams) + tf.cast(tf.logical_not(was_finished), tf.int64),
            finished=tf.logical_or(was_finished, tf.equal(words, self._end_token)),
            accumulated_attention_probs=() if attention is None else gather_beams(attention, beams))
        return BeamSearchDecoderOutput(scores, words, beams), next_state

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Tuple[Any, Any]:
        lengths = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        ids = gather_tree(outputs.predicted_ids, outputs.parent_ids, lengths, self._end_token)
        if self._reorder_tensor_arrays:
            final_state = final_state._replace(cell_state=tf.nest.map_structure(
                lambda x: self._sorted(x, outputs.parent_ids, final_state.lengths), final_state.cell_state))
        return FinalBeamSearchDecoderOutput(ids, outputs), final_state

    def _split(self, x: Any) -> Any:
        """[batch * beam, ...] -> [batch, beam, ...]; scalars and arrays belong to no sequence."""
        if not is_tensor_like(x) or x.shape.ndims == 0:
            return x
        _check_rank(x)
        batch, static = x.shape.as_list()[0], self._static_batch_size
        if None not in (batch, static) and batch != static * self._beam_width:
            raise ValueError("BeamSearchDecoder: states must be of batch_size * beam_width = {} * {} sequences; got {}; "
                             "use tile_batch, and zero_state(batch_size * beam_width, ...)".format(
                                 static, self._beam_width, x.shape))
        split = tf.reshape(x, tf.concat([[self._batch_size, self._beam_width], tf.shape(x)[1:]], 0))
        split.set_shape(tf.TensorShape([static, self._beam_width]).concatenate(x.shape[1:]))
        return split

    def _merge(self, x: Any) -> Any:
        """[batch, beam, ...] -> [batch * beam, ...]."""
        if not is_tensor_like(x) or x.shape.ndims == 0:
            return x
        _check_rank(x)
        merged = tf.reshape(x, tf.concat([[self._batch_size * self._beam_width], tf.shape(x)[2:]], 0))
        batch = None if self._static_batch_size is None else self._static_batch_size * self._beam_width
        merged.set_shape(tf.TensorShape([batch]).concatenate(x.shape[2:]))
        return merged

    def _of_beams(self, x: Any, beams: Any) -> Any:
        if not is_tensor_like(x) or x.shape.ndims == 0:
            return x
        chosen = gather_beams(x, beams)
        chosen.set_shape(x.shape)
        return chosen

    def _sorted(self, x: Any, parent_ids: Any, lengths: Any) -> Any:
        if is_tensor_like(x) or not hasattr(x, "stack"):
            return x
        if not self._can_be_sorted(x.element_shape):
            logger.warn("BeamSearchDecoder: an array of the state has elements of shape %s, which cannot be put in the order "
                        "of the beams; it is returned as it is.", x.element_shape)
            return x
        return gather_tree_from_array(x.stack(), parent_ids, lengths)

    def _can_be_sorted(self, shape: Any) -> bool:
        if shape.ndims is None or shape.ndims < 1:
            return False
        sizes, static = shape.as_list(), self._static_batch_size
        if None in (static, sizes[0]):
            return True
        # TensorFlow 1 leaves arrays [batch * beam, known size] as they are, and programs stack() them
        merged = sizes[0] == static * self._beam_width and (len(sizes) == 1 or sizes[1] is None)
        return merged or sizes[:2] == [static, self._beam_width]


def _check_rank(x: Any) -> None:
    if x.shape.ndims is None:
        raise ValueError("BeamSearchDecoder: states and inputs must have a known rank; got {!r}".format(x))


def _only_end(log_probs: Any, finished: Any, end_token: Any) -> Any:
    """Log probabilities of which a finished beam has only the end."""
    num_words = tf.shape(log_probs)[2]
    end = tf.one_hot(end_token, num_words, dtype=log_probs.dtype, on_value=tf.constant(0.0, log_probs.dtype),
                     off_value=log_probs.dtype.min)
    mask = tf.logical_and(tf.expand_dims(finished, 2), tf.ones_like(log_probs, dtype=tf.bool))
    return tf.where(mask, tf.zeros_like(log_probs) + end, log_probs)
