"""Decoders of lists of steps that attend to the outputs of an encoder (Vinyals et al. 2014, https://arxiv.org/abs/1412.7449)."""
from __future__ import annotations

import copy
from typing import Any, List, Optional, Sequence, Tuple

from .....compat import tfv1 as tf
from ..rnn import EmbeddingWrapper, OutputProjectionWrapper
from ..rnn._linear import linear
from ._decoders import LoopFunction, feeding_most_likely

__all__ = ["attention_decoder", "embedding_attention_decoder", "embedding_attention_seq2seq"]


def attention_decoder(decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any,
                      output_size: Optional[int] = None, num_heads: int = 1, loop_function: Optional[LoopFunction] = None,
                      dtype: Any = None, scope: Any = None, initial_state_attention: bool = False) -> Tuple[List[Any], Any]:
    """`rnn_decoder` that attends.

    Variables in `attention_decoder`: `AttnW_<head>` [1, 1, size, size], `AttnV_<head>` [size], `kernel` and `bias` of the
    inputs, those of the cell, `Attention_<head>/kernel`, `Attention_<head>/bias`, `AttnOutputProjection/kernel`,
    `AttnOutputProjection/bias`.

    Args:
        decoder_inputs, initial_state, cell, loop_function, scope: as in `rnn_decoder`.
        attention_states: float [batch, time, size], whose size is known.
        output_size: of the outputs; by default that of the cell.
        num_heads: how many attentions there are.
        dtype: of the variables; by default that of the variable scope.
        initial_state_attention: whether the first step attends by the initial state, or else to nothing.

    Raises:
        ValueError: there are no inputs or no heads, or the size is not known.
    """
    if not decoder_inputs or num_heads < 1 or attention_states.shape.as_list()[2] is None:
        raise ValueError("attention_decoder: there must be inputs and heads, and attention_states of a known size; got "
                         "{} inputs, {} heads and {}".format(len(decoder_inputs), num_heads, attention_states.shape))
    outputs: List[Any] = []
    state, output_size = initial_state, output_size or cell.output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as opened:
        heads = _Heads(attention_states, num_heads, opened.dtype)
        attentions = heads.attend(state) if initial_state_attention else heads.nothing(decoder_inputs[0])
        for index, inputs in enumerate(decoder_inputs):
            if index > 0:
                opened.reuse_variables()
                if loop_function is not None:
                    with tf.variable_scope("loop_function", reuse=True):
                        inputs = loop_function(outputs[-1], index)
            output, state = cell(linear([inputs] + attentions, inputs.shape.as_list()[1], True), state)
            with tf.variable_scope(opened, reuse=True if index > 0 or initial_state_attention else None,
                                   auxiliary_name_scope=False):
                attentions = heads.attend(state)
            with tf.variable_scope("AttnOutputProjection"):
                outputs.append(linear([output] + attentions, output_size, True))
    return outputs, state


def embedding_attention_decoder(decoder_inputs: Sequence[Any], initial_state: Any, attention_states: Any, cell: Any,
                                num_symbols: int, embedding_size: int, num_heads: int = 1, output_size: Optional[int] = None,
                                output_projection: Any = None, feed_previous: bool = False,
                                update_embedding_for_previous: bool = True, dtype: Any = None, scope: Any = None,
                                initial_state_attention: bool = False) -> Tuple[List[Any], Any]:
    """`attention_decoder` of words; variables are in `embedding_attention_decoder`, among them `embedding`.

    Args:
        num_symbols, embedding_size, output_projection, feed_previous, update_embedding_for_previous: as in
            `embedding_rnn_decoder`.
        attention_states, num_heads, output_size, dtype, initial_state_attention: as in `attention_decoder`.
    """
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = feeding_most_likely(embedding, output_projection, update_embedding_for_previous)
        inputs = [tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs]
        return attention_decoder(inputs, initial_state, attention_states, cell, output_size=output_size, num_heads=num_heads,
                                 loop_function=loop_function if feed_previous else None,
                                 initial_state_attention=initial_state_attention)


def embedding_attention_seq2seq(encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any,
                                num_encoder_symbols: int, num_decoder_symbols: int, embedding_size: int, num_heads: int = 1,
                                output_projection: Any = None, feed_previous: Any = False, dtype: Any = None, scope: Any = None,
                                initial_state_attention: bool = False) -> Tuple[List[Any], Any]:
    """An encoder of words, and an `embedding_attention_decoder` of its outputs; variables are in `embedding_attention_seq2seq`.

    Args:
        encoder_inputs, decoder_inputs: lists of int [batch], words.
        cell: both have a copy of it, which must be unused.
        num_encoder_symbols, num_decoder_symbols, embedding_size: of the embeddings.
        output_projection: as in `embedding_rnn_decoder`; without it outputs are projected to `num_decoder_symbols`.
        feed_previous: whether a word that the decoder finds is its next input; may be a bool tensor.
        num_heads, dtype, initial_state_attention: as in `attention_decoder`.
    """
    with tf.variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        outputs, state = tf.nn.static_rnn(encoder, encoder_inputs, dtype=opened.dtype)
        memory = tf.concat([tf.reshape(output, [-1, 1, cell.output_size]) for output in outputs], 1)
        output_size = None
        if output_projection is None:
            cell, output_size = OutputProjectionWrapper(cell, num_decoder_symbols), num_decoder_symbols

        def decode(feed: bool, **options: Any) -> Tuple[List[Any], Any]:
            return embedding_attention_decoder(
                decoder_inputs, state, memory, cell, num_decoder_symbols, embedding_size, num_heads=num_heads,
                output_size=output_size, output_projection=output_projection, feed_previous=feed,
                initial_state_attention=initial_state_attention, **options)

        if isinstance(feed_previous, bool):
            return decode(feed_previous)

        def decode_flat(feed: bool) -> List[Any]:
            with tf.variable_scope(tf.get_variable_scope(), reuse=None if feed else True):
                return tf.nest.flatten(decode(feed, update_embedding_for_previous=False))

        flat = tf.cond(feed_previous, lambda: decode_flat(True), lambda: decode_flat(False))
        number = len(decoder_inputs)
        return flat[:number], tf.nest.pack_sequence_as(state, flat[number:])


class _Heads:
    """The attentions to a memory; each is a layer of tanh over query and key."""

    def __init__(self, memory: Any, number: int, dtype: Any):
        self._memory, self._dtype = memory, dtype
        self._size = memory.shape.as_list()[2]
        self._keys, self._v = [], []
        for head in range(number):
            kernel = tf.get_variable("AttnW_{}".format(head), [1, 1, self._size, self._size], dtype)
            self._keys.append(tf.tensordot(memory, tf.reshape(kernel, [self._size, self._size]), 1))
            self._v.append(tf.get_variable("AttnV_{}".format(head), [self._size], dtype))

    def nothing(self, inputs: Any) -> List[Any]:
        """Zeros in place of attentions."""
        zeros = tf.zeros(tf.stack([tf.shape(inputs)[0], self._size]), self._dtype)
        zeros.set_shape([None, self._size])
        return [zeros] * len(self._v)

    def attend(self, state: Any) -> List[Any]:
        """The attention [batch, size] of each head, by the state of a cell."""
        query = tf.concat(tf.nest.flatten(state), 1)
        attentions = []
        for head, (keys, v) in enumerate(zip(self._keys, self._v)):
            with tf.variable_scope("Attention_{}".format(head)):
                scores = tf.reduce_sum(v * tf.tanh(keys + tf.expand_dims(linear(query, self._size, True), 1)), 2)
            attentions.append(tf.reduce_sum(tf.expand_dims(tf.nn.softmax(scores), 2) * self._memory, 1))
        return attentions
