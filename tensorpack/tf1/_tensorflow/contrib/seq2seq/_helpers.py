"""Helpers: what a decoder reads in the next step, and when a sequence is finished."""
from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from .....compat import is_tensor_like
from .....compat import tfv1 as tf
from ..rnn import transpose_batch_time

__all__ = [
    "CustomHelper", "GreedyEmbeddingHelper", "Helper", "InferenceHelper", "SampleEmbeddingHelper", "TrainingHelper",
    "categorical_sample", "embedding_function", "unstacked",
]


class Helper:
    """Base class of helpers."""

    @property
    def batch_size(self) -> Any:
        """A scalar tensor."""
        raise NotImplementedError("{}: override batch_size".format(type(self).__name__))

    @property
    def sample_ids_shape(self) -> Any:
        """The shape of a sample, without the batch."""
        raise NotImplementedError("{}: override sample_ids_shape".format(type(self).__name__))

    @property
    def sample_ids_dtype(self) -> Any:
        """The dtype of samples."""
        raise NotImplementedError("{}: override sample_ids_dtype".format(type(self).__name__))

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any]:
        """Which sequences are finished (bool [batch]), and the first inputs."""
        raise NotImplementedError("{}: override initialize".format(type(self).__name__))

    def sample(self, time: Any, outputs: Any, state: Any, name: Optional[str] = None) -> Any:
        """Samples of the outputs."""
        raise NotImplementedError("{}: override sample".format(type(self).__name__))

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any,
                    name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        """Which sequences are finished, the next inputs, and the next state."""
        raise NotImplementedError("{}: override next_inputs".format(type(self).__name__))


class _HelperOfWords(Helper):
    """Samples are int32 scalars."""

    _batch_size: Any = None

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        return tf.int32


class CustomHelper(Helper):
    """A helper made of functions.

    Args:
        initialize_fn: a function without arguments, that returns what `initialize` does.
        sample_fn: a function of the keywords `time`, `outputs`, `state`.
        next_inputs_fn: a function of the keywords `time`, `outputs`, `state`, `sample_ids`.
        sample_ids_shape, sample_ids_dtype: of a sample; scalar and int32 by default.
    """

    def __init__(self, initialize_fn: Callable[[], Tuple[Any, Any]], sample_fn: Callable[..., Any],
                 next_inputs_fn: Callable[..., Tuple[Any, Any, Any]], sample_ids_shape: Any = None,
                 sample_ids_dtype: Any = None):
        self._initialize_fn = initialize_fn
        self._sample_fn = sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._batch_size: Any = None
        self._sample_ids_shape = tf.TensorShape(sample_ids_shape or [])
        self._sample_ids_dtype = sample_ids_dtype or tf.int32

    @property
    def batch_size(self) -> Any:
        if self._batch_size is None:
            raise ValueError("CustomHelper: initialize must be called before batch_size is asked for; it has not been called")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> Any:
        return self._sample_ids_dtype

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any]:
        finished, inputs = self._initialize_fn()
        if self._batch_size is None:
            self._batch_size = tf.size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: Optional[str] = None) -> Any:
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any,
                    name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class TrainingHelper(_HelperOfWords):
    """Feeds given sequences; samples are the most likely words.

    Args:
        inputs: tensor [batch, time, ...], or a structure of them.
        sequence_length: int vector [batch].
        time_major: whether inputs are [time, batch, ...].
        name: of operations.

    Raises:
        ValueError: `sequence_length` is no vector.
    """

    def __init__(self, inputs: Any, sequence_length: Any, time_major: bool = False, name: Optional[str] = None):
        with tf.name_scope(name, "TrainingHelper"):
            self._inputs = inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
            if not time_major:
                inputs = tf.nest.map_structure(transpose_batch_time, inputs)
            self._input_tas = tf.nest.map_structure(unstacked, inputs)
            self._sequence_length = tf.convert_to_tensor(sequence_length)
            if self._sequence_length.shape.ndims != 1:
                raise ValueError("{}: sequence_length must be a vector [batch]; got the shape {}".format(
                    type(self).__name__, self._sequence_length.shape))
            self._zero_inputs = tf.nest.map_structure(lambda x: tf.zeros_like(x[0, :]), inputs)
            self._batch_size = tf.size(self._sequence_length)

    @property
    def inputs(self) -> Any:
        """The inputs as given."""
        return self._inputs

    @property
    def sequence_length(self) -> Any:
        """The lengths."""
        return self._sequence_length

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any]:
        finished = tf.equal(0, self._sequence_length)
        return finished, self._read(finished, 0)

    def sample(self, time: Any, outputs: Any, name: Optional[str] = None,  # type: ignore[override]  # TensorFlow's order
               **unused_kwargs: Any) -> Any:
        return tf.cast(tf.argmax(outputs, axis=-1), tf.int32)

    def next_inputs(self, time: Any, outputs: Any, state: Any,  # type: ignore[override]  # TensorFlow's order
                    name: Optional[str] = None, **unused_kwargs: Any) -> Tuple[Any, Any, Any]:
        finished = time + 1 >= self._sequence_length
        return finished, self._read(finished, time + 1), state

    def _read(self, finished: Any, time: Any) -> Any:
        return tf.cond(tf.reduce_all(finished), lambda: self._zero_inputs,
                       lambda: tf.nest.map_structure(lambda array: array.read(time), self._input_tas))


class GreedyEmbeddingHelper(_HelperOfWords):
    """Feeds the embedding of the most likely word of the step before.

    Args:
        embedding: a matrix [words, size], or a function from ids to vectors.
        start_tokens: int32 vector [batch], the first words.
        end_token: int32 scalar; the word that finishes a sequence.

    Raises:
        ValueError: `start_tokens` is no vector, or `end_token` no scalar.
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any):
        self._embedding_fn = embedding_function(embedding)
        self._start_tokens, self._end_token = checked_tokens(type(self).__name__, start_tokens, end_token)
        self._batch_size = tf.size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any]:
        return tf.fill(tf.stack([self._batch_size]), False), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: Optional[str] = None) -> Any:
        check_outputs(self, outputs)
        return tf.argmax(outputs, axis=-1, output_type=tf.int32)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any,
                    name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(tf.reduce_all(finished), lambda: self._start_inputs, lambda: self._embedding_fn(sample_ids))
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """`GreedyEmbeddingHelper` that draws the word by its probability.

    Args:
        embedding, start_tokens, end_token: as in `GreedyEmbeddingHelper`.
        softmax_temperature: what logits are divided by.
        seed: makes the draws reproducible.
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any, softmax_temperature: Any = None,
                 seed: Optional[int] = None):
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature = softmax_temperature
        self._seed = seed

    def sample(self, time: Any, outputs: Any, state: Any, name: Optional[str] = None) -> Any:
        check_outputs(self, outputs)
        logits = outputs if self._softmax_temperature is None else outputs / self._softmax_temperature
        return categorical_sample(logits, self._seed)


class InferenceHelper(Helper):
    """Feeds samples of the outputs.

    Args:
        sample_fn: a function from outputs to samples.
        sample_shape, sample_dtype: of a sample.
        start_inputs: [batch, ...], the first inputs.
        end_fn: a function from samples to which sequences are finished.
        next_inputs_fn: a function from samples to the next inputs; these are the samples by default.
    """

    def __init__(self, sample_fn: Callable[[Any], Any], sample_shape: Any, sample_dtype: Any, start_inputs: Any,
                 end_fn: Callable[[Any], Any], next_inputs_fn: Optional[Callable[[Any], Any]] = None):
        self._sample_fn = sample_fn
        self._end_fn = end_fn
        self._sample_shape = tf.TensorShape(sample_shape)
        self._sample_dtype = sample_dtype
        self._next_inputs_fn = next_inputs_fn or (lambda sample_ids: sample_ids)
        self._start_inputs = tf.convert_to_tensor(start_inputs)
        self._batch_size = tf.shape(self._start_inputs)[0]

    @property
    def batch_size(self) -> Any:
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> Any:
        return self._sample_dtype

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any]:
        return tf.fill(tf.stack([self._batch_size]), False), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: Optional[str] = None) -> Any:
        return self._sample_fn(outputs)

    def next_inputs(self, time: Any, outputs: Any, state: Any, sample_ids: Any,
                    name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        return self._end_fn(sample_ids), self._next_inputs_fn(sample_ids), state


def embedding_function(embedding: Any) -> Callable[[Any], Any]:
    """A function from ids to vectors, from a matrix or from a function."""
    if callable(embedding):
        return embedding
    return lambda ids: tf.nn.embedding_lookup(embedding, ids)


def checked_tokens(who: str, start_tokens: Any, end_token: Any) -> Tuple[Any, Any]:
    """First words and last word as tensors."""
    start, end = tf.convert_to_tensor(start_tokens, dtype=tf.int32), tf.convert_to_tensor(end_token, dtype=tf.int32)
    if start.shape.ndims != 1:
        raise ValueError("{}: start_tokens must be a vector [batch]; got the shape {}".format(who, start.shape))
    if end.shape.ndims != 0:
        raise ValueError("{}: end_token must be a scalar; got the shape {}".format(who, end.shape))
    return start, end


def check_outputs(helper: Any, outputs: Any) -> None:
    """Refuse outputs that are no tensor of logits."""
    if not is_tensor_like(outputs):
        raise TypeError("{}: outputs must be a tensor of logits; got {!r}".format(type(helper).__name__, outputs))


def categorical_sample(logits: Any, seed: Optional[int]) -> Any:
    """Int32 draws [batch] by logits [batch, words]."""
    return tf.squeeze(tf.random.categorical(logits, 1, seed=seed, dtype=tf.int32), [1])


def unstacked(x: Any) -> Any:
    """A `TensorArray` of the elements of `x` [time, ...]."""
    return tf.TensorArray(x.dtype, size=tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)
