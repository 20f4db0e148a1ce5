"""Attention mechanisms: where in a memory a query looks."""
from __future__ import annotations

import math
from typing import Any, Callable, Optional, Tuple

import numpy as np

from .....compat import deprecation_silenced
from .....compat import tfv1 as tf
from .....contrib._rnn.cell import zeros_of
from .....utils._arguments.numbers import whole_number
from ...layers import Dense

__all__ = ["AttentionMechanism", "BahdanauAttention", "LuongAttention", "MemoryAttention", "bahdanau_score", "luong_score"]

ProbabilityFunction = Callable[[Any], Any]


class AttentionMechanism:
    """Base class of attention mechanisms."""

    @property
    def alignments_size(self) -> Any:
        """Length of the memory: an int or a scalar tensor."""
        raise NotImplementedError("{}: override alignments_size".format(type(self).__name__))

    @property
    def state_size(self) -> Any:
        """Size of what a step gives to the next one."""
        raise NotImplementedError("{}: override state_size".format(type(self).__name__))


class MemoryAttention(AttentionMechanism):
    """Base class of mechanisms that compare a query with each place of a memory [batch, time, depth].

    Beyond `memory_sequence_length` values are zero, and so are alignments.

    Args:
        who: the name of the mechanism.
        num_units: depth in which query and memory are compared.
        memory: tensor [batch, time, depth], whose depth is known.
        memory_sequence_length: int vector [batch], all positive.
        query_layer: a layer of queries, or None.
        probability_fn: a function from scores [batch, time] and the state of the mechanism to alignments.
        score_mask_value: score of places beyond the length; minus infinity by default.
        dtype: of the variables; float32 by default.
        custom_key_value_fn: a function from keys and values to both.
    """

    def __init__(self, who: str, num_units: int, memory: Any, memory_sequence_length: Any, query_layer: Any,
                 probability_fn: Callable[[Any, Any], Any], score_mask_value: Optional[float], dtype: Any,
                 custom_key_value_fn: Optional[Callable[[Any, Any], Tuple[Any, Any]]] = None):
        if not callable(probability_fn):
            raise TypeError("{}: probability_fn must be a function of scores; got {!r}".format(who, probability_fn))
        self._name = who
        self._num_units = whole_number(who, "num_units", num_units, minimum=1)
        self.dtype = tf.as_dtype(dtype or tf.float32)
        self._query_layer = query_layer
        self._memory_layer = Dense(self._num_units, name="memory_layer", use_bias=False, dtype=self.dtype)
        self._probability_fn = probability_fn
        self._score_mask_value = -np.inf if score_mask_value is None else score_mask_value
        with tf.name_scope(who):
            self._lengths = None if memory_sequence_length is None else tf.convert_to_tensor(memory_sequence_length)
            self._values = _masked_memory(who, tf.convert_to_tensor(memory), self._lengths)
            self._keys = self._memory_layer(self._values)
            if custom_key_value_fn is not None:
                self._keys, self._values = custom_key_value_fn(self._keys, self._values)
            sizes, dynamic = self._keys.shape.as_list(), tf.shape(self._keys)
            self._batch_size, self._alignments_size = (dynamic[axis] if sizes[axis] is None else sizes[axis] for axis in (0, 1))

    @property
    def memory_layer(self) -> Any:
        """The layer that makes keys of the memory."""
        return self._memory_layer

    @property
    def query_layer(self) -> Any:
        """The layer of queries, or None."""
        return self._query_layer

    @property
    def values(self) -> Any:
        """The memory, zero beyond the lengths."""
        return self._values

    @property
    def keys(self) -> Any:
        """What queries are compared with: [batch, time, num_units]."""
        return self._keys

    @property
    def batch_size(self) -> Any:
        """An int, or a scalar tensor."""
        return self._batch_size

    @property
    def alignments_size(self) -> Any:
        return self._alignments_size

    @property
    def state_size(self) -> Any:
        return self._alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Any:
        """Alignments before the first step: zeros [batch, time]."""
        return zeros_of_length(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        """The state before the first step."""
        return self.initial_alignments(batch_size, dtype)

    def _alignments(self, score: Any, state: Any) -> Tuple[Any, Any]:
        alignments = self._probability_fn(self._masked(score), state)
        return alignments, alignments

    def _masked(self, score: Any) -> Any:
        if self._lengths is None:
            return score
        check = tf.assert_positive(self._lengths, message="All values in memory_sequence_length must be greater than zero.")
        with tf.control_dependencies([check]):
            mask = tf.sequence_mask(self._lengths, maxlen=tf.shape(score)[1])
        with deprecation_silenced():
            return tf.where(mask, score, self._score_mask_value * tf.ones_like(score))


class LuongAttention(MemoryAttention):
    """The scalar product of query and key (Luong et al. 2015, https://arxiv.org/abs/1508.04025).

    Variables: `memory_layer/kernel` [depth, num_units]; with `scale` `luong_attention/attention_g` [] (one).

    Args:
        num_units: size of queries.
        memory: tensor [batch, time, depth], whose depth is known.
        memory_sequence_length: int vector [batch]; values beyond it are not looked at.
        scale: whether the score is multiplied by a variable.
        probability_fn: a function from scores to alignments; softmax by default.
        score_mask_value: score of places beyond the length; minus infinity by default.
        dtype: of the variables; float32 by default.
        custom_key_value_fn: a function from keys and values to both.
        name: of operations.

    Raises:
        ValueError: at a call, queries have not the size of keys.
    """

    def __init__(self, num_units: int, memory: Any, memory_sequence_length: Any = None, scale: bool = False,
                 probability_fn: Optional[ProbabilityFunction] = None, score_mask_value: Optional[float] = None,
                 dtype: Any = None, custom_key_value_fn: Optional[Callable[[Any, Any], Tuple[Any, Any]]] = None,
                 name: str = "LuongAttention"):
        super().__init__(name, num_units, memory, memory_sequence_length, None, _of_score(name, probability_fn),
                         score_mask_value, dtype, custom_key_value_fn)
        self._scale = scale

    def __call__(self, query: Any, state: Any) -> Tuple[Any, Any]:
        """Alignments [batch, time] of a query [batch, num_units], and the next state, which is the same."""
        with tf.variable_scope(None, "luong_attention"):
            score = luong_score(self._name, query, self._keys, self._scale)
        return self._alignments(score, state)


class BahdanauAttention(MemoryAttention):
    """A layer of tanh over query and key (Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473).

    Variables: `memory_layer/kernel` [depth, num_units]; in `bahdanau_attention` `query_layer/kernel` and `attention_v`
    [num_units]; with `normalize` `attention_g` [] (sqrt(1 / num_units)) and `attention_b` (zeros).

    Args:
        num_units: size of the layer.
        normalize: whether `attention_v` is normalised (Salimans and Kingma 2016, https://arxiv.org/abs/1602.07868).
        memory, memory_sequence_length, probability_fn, score_mask_value, dtype, custom_key_value_fn, name: as in
            `LuongAttention`.
    """

    def __init__(self, num_units: int, memory: Any, memory_sequence_length: Any = None, normalize: bool = False,
                 probability_fn: Optional[ProbabilityFunction] = None, score_mask_value: Optional[float] = None,
                 dtype: Any = None, custom_key_value_fn: Optional[Callable[[Any, Any], Tuple[Any, Any]]] = None,
                 name: str = "BahdanauAttention"):
        super().__init__(name, num_units, memory, memory_sequence_length,
                         Dense(num_units, name="query_layer", use_bias=False, dtype=dtype or tf.float32),
                         _of_score(name, probability_fn), score_mask_value, dtype, custom_key_value_fn)
        self._normalize = normalize

    def __call__(self, query: Any, state: Any) -> Tuple[Any, Any]:
        """Alignments [batch, time] of a query [batch, depth], and the next state, which is the same."""
        with tf.variable_scope(None, "bahdanau_attention"):
            score = bahdanau_score(self._query_layer(query), self._keys, self._num_units, self._normalize)
        return self._alignments(score, state)


def luong_score(who: str, query: Any, keys: Any, scale: bool) -> Any:
    """Scalar products [batch, time]; variable `attention_g` if they are scaled."""
    if query.shape.as_list()[-1] != keys.shape.as_list()[-1]:
        raise ValueError("{}: queries must have the size of keys; got {} and {}; set num_units={}".format(
            who, query.shape, keys.shape, query.shape.as_list()[-1]))
    score = tf.squeeze(tf.matmul(tf.expand_dims(query, 1), keys, transpose_b=True), [1])
    if not scale:
        return score
    return tf.get_variable("attention_g", [], query.dtype, initializer=tf.ones_initializer()) * score


def bahdanau_score(query: Any, keys: Any, num_units: int, normalize: bool) -> Any:
    """v * tanh(key + query + b) [batch, time]; variables `attention_v`, and `attention_g`, `attention_b` if normalised."""
    sums = keys + tf.expand_dims(query, 1)
    v = tf.get_variable("attention_v", [num_units], query.dtype)
    if not normalize:
        return tf.reduce_sum(v * tf.tanh(sums), [2])
    g = tf.get_variable("attention_g", [], query.dtype, initializer=tf.constant_initializer(math.sqrt(1.0 / num_units)))
    b = tf.get_variable("attention_b", [num_units], query.dtype, initializer=tf.zeros_initializer())
    return tf.reduce_sum(g * v * tf.rsqrt(tf.reduce_sum(tf.square(v))) * tf.tanh(sums + b), [2])


def zeros_of_length(length: Any, batch_size: Any, dtype: Any) -> Any:
    """Zeros [batch, length], either of which may be a scalar tensor."""
    return zeros_of(length, batch_size, dtype) if isinstance(length, int) else tf.zeros(tf.stack([batch_size, length]), dtype)


def _of_score(who: str, probability_fn: Optional[ProbabilityFunction]) -> Callable[[Any, Any], Any]:
    function = tf.nn.softmax if probability_fn is None else probability_fn
    if not callable(function):
        raise TypeError("{}: probability_fn must be a function of scores; got {!r}".format(who, probability_fn))
    return lambda score, state: function(score)


def _masked_memory(who: str, memory: Any, lengths: Any) -> Any:
    if memory.shape.ndims is None or memory.shape.ndims < 3 or not memory.shape[2:].is_fully_defined():
        raise ValueError("{}: memory must have the shape [batch, time, depth], the depth being known when the graph is built; "
                         "got {}".format(who, memory.shape))
    if lengths is None:
        return memory
    mask = tf.sequence_mask(lengths, maxlen=tf.shape(memory)[1], dtype=memory.dtype)
    for axis in range(2, memory.shape.ndims):
        mask = tf.expand_dims(mask, axis)
    return memory * mask
