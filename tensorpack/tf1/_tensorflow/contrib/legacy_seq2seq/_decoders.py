"""Decoders of lists of steps; the graph has a copy of the cell for each step."""
from __future__ import annotations

import copy
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple

from .....compat import tfv1 as tf

__all__ = [
    "LoopFunction", "basic_rnn_seq2seq", "embedding_rnn_decoder", "feeding_most_likely", "rnn_decoder", "tied_rnn_seq2seq",
]

LoopFunction = Callable[[Any, int], Any]


def rnn_decoder(decoder_inputs: Iterable[Any], initial_state: Any, cell: Any, loop_function: Optional[LoopFunction] = None,
                scope: Any = None) -> Tuple[List[Any], Any]:
    """Run a cell from a state over a list of steps.

    Variables are those of the cell, in the scope `rnn_decoder`.

    Args:
        decoder_inputs: list of inputs [batch, depth].
        initial_state: of the cell.
        loop_function: a function of the output before and the index of the step, that returns the inputs from the second
            step on.
        scope: a name or VariableScope in place of `rnn_decoder`.

    Returns:
        the list of outputs, and the final state.
    """
    outputs: List[Any] = []
    state = initial_state
    with tf.variable_scope(scope or "rnn_decoder"):
        for index, inputs in enumerate(decoder_inputs):
            if index > 0 and loop_function is not None:
                with tf.variable_scope("loop_function", reuse=True):
                    inputs = loop_function(outputs[-1], index)
            if index > 0:
                tf.get_variable_scope().reuse_variables()
            output, state = cell(inputs, state)
            outputs.append(output)
    return outputs, state


def basic_rnn_seq2seq(encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any, dtype: Any = tf.float32,
                      scope: Any = None) -> Tuple[List[Any], Any]:
    """An encoder, whose final state a decoder starts from; each has its own copy of the cell, which must be unused.

    Variables are those of the cell, in `basic_rnn_seq2seq/rnn` and `basic_rnn_seq2seq/rnn_decoder`.
    """
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = tf.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


def tied_rnn_seq2seq(encoder_inputs: Sequence[Any], decoder_inputs: Sequence[Any], cell: Any,
                     loop_function: Optional[LoopFunction] = None, dtype: Any = tf.float32,
                     scope: Any = None) -> Tuple[List[Any], Any]:
    """`basic_rnn_seq2seq` with one cell for both, in `combined_tied_rnn_seq2seq/tied_rnn_seq2seq`."""
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        scope = scope or "tied_rnn_seq2seq"
        _, state = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=scope)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function=loop_function, scope=scope)


def embedding_rnn_decoder(decoder_inputs: Sequence[Any], initial_state: Any, cell: Any, num_symbols: int, embedding_size: int,
                          output_projection: Any = None, feed_previous: bool = False,
                          update_embedding_for_previous: bool = True, scope: Any = None) -> Tuple[List[Any], Any]:
    """`rnn_decoder` of words.

    Variables: `embedding_rnn_decoder/embedding` [num_symbols, embedding_size], and those of the cell in
    `embedding_rnn_decoder/rnn_decoder`.

    Args:
        decoder_inputs: list of int [batch], words.
        output_projection: pair of weights [output size, num_symbols] and biases, to find the most likely word.
        feed_previous: whether that word is the next input, and `decoder_inputs` are not, but for the first.
        update_embedding_for_previous: whether the embedding gets gradients by way of it.
    """
    with tf.variable_scope(scope or "embedding_rnn_decoder"):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        loop_function = feeding_most_likely(embedding, output_projection, update_embedding_for_previous)
        inputs = (tf.nn.embedding_lookup(embedding, ids) for ids in decoder_inputs)
        return rnn_decoder(inputs, initial_state, cell, loop_function=loop_function if feed_previous else None)


def feeding_most_likely(embedding: Any, output_projection: Any, update_embedding: bool) -> LoopFunction:
    """A loop function that feeds the vector of the most likely word."""
    def most_likely(output: Any, index: int) -> Any:
        if output_projection is not None:
            output = tf.nn.xw_plus_b(output, output_projection[0], output_projection[1])
        vectors = tf.nn.embedding_lookup(embedding, tf.argmax(output, 1))
        return vectors if update_embedding else tf.stop_gradient(vectors)

    return most_likely
