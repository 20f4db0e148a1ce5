"""Decoders, and the loop that runs one until all sequences are finished."""
from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Tuple

from .....compat import deprecation_silenced, is_tensor_like
from .....compat import tfv1 as tf
from .....contrib._rnn.cell import check_cell, zeros_of
from ..rnn import transpose_batch_time
from ._helpers import Helper

__all__ = ["BasicDecoder", "BasicDecoderOutput", "Decoder", "dynamic_decode", "output_shape"]


class Decoder:
    """Base class of decoders."""

    @property
    def batch_size(self) -> Any:
        """A scalar tensor."""
        raise NotImplementedError("{}: override batch_size".format(type(self).__name__))

    @property
    def output_size(self) -> Any:
        """Structure of the sizes of a step's outputs."""
        raise NotImplementedError("{}: override output_size".format(type(self).__name__))

    @property
    def output_dtype(self) -> Any:
        """Structure of the dtypes of a step's outputs."""
        raise NotImplementedError("{}: override output_dtype".format(type(self).__name__))

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        """Before the first step: which sequences are finished (bool [batch]), the inputs, and the state."""
        raise NotImplementedError("{}: override initialize".format(type(self).__name__))

    def step(self, time: Any, inputs: Any, state: Any, name: Optional[str] = None) -> Tuple[Any, Any, Any, Any]:
        """One step: outputs, next state, next inputs, and which sequences are finished."""
        raise NotImplementedError("{}: override step".format(type(self).__name__))

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Tuple[Any, Any]:
        """After the last step: outputs and state to return."""
        raise NotImplementedError("{}: override finalize".format(type(self).__name__))

    @property
    def tracks_own_finished(self) -> bool:
        """Whether a sequence that was finished may be unfinished again."""
        return False


class BasicDecoderOutput(NamedTuple("BasicDecoderOutput", [("rnn_output", Any), ("sample_id", Any)])):
    """Outputs of a cell (through the output layer), and what the helper took of them."""

    __slots__ = ()


class BasicDecoder(Decoder):
    """Runs a cell on what a helper feeds.

    Args:
        cell: a recurrent cell.
        helper: a `Helper`.
        initial_state: of the cell.
        output_layer: a layer of the outputs, or None; it has `compute_output_shape`.

    Raises:
        TypeError: something is no cell, helper or layer.
    """

    def __init__(self, cell: Any, helper: Any, initial_state: Any, output_layer: Any = None):
        check_cell("BasicDecoder", cell)
        if not isinstance(helper, Helper):
            raise TypeError("BasicDecoder: helper must be a Helper; got {!r}".format(helper))
        check_layer("BasicDecoder", output_layer)
        self._cell = cell
        self._helper = helper
        self._initial_state = initial_state
        self._output_layer = output_layer

    @property
    def batch_size(self) -> Any:
        return self._helper.batch_size

    @property
    def output_size(self) -> BasicDecoderOutput:
        return BasicDecoderOutput(output_shape(self._cell, self._output_layer), self._helper.sample_ids_shape)

    @property
    def output_dtype(self) -> BasicDecoderOutput:
        dtype = tf.nest.flatten(self._initial_state)[0].dtype
        sizes = output_shape(self._cell, self._output_layer)
        return BasicDecoderOutput(tf.nest.map_structure(lambda _: dtype, sizes), self._helper.sample_ids_dtype)

    def initialize(self, name: Optional[str] = None) -> Tuple[Any, Any, Any]:
        finished, inputs = self._helper.initialize()
        return finished, inputs, self._initial_state

    def step(self, time: Any, inputs: Any, state: Any, name: Optional[str] = None) -> Tuple[Any, Any, Any, Any]:
        with tf.name_scope(name, "BasicDecoderStep"):
            outputs, state = self._cell(inputs, state)
            if self._output_layer is not None:
                outputs = self._output_layer(outputs)
            ids = self._helper.sample(time=time, outputs=outputs, state=state)
            finished, inputs, state = self._helper.next_inputs(time=time, outputs=outputs, state=state, sample_ids=ids)
        return BasicDecoderOutput(outputs, ids), state, inputs, finished


def dynamic_decode(decoder: Any, output_time_major: bool = False, impute_finished: bool = False, maximum_iterations: Any = None,
                   parallel_iterations: int = 32, swap_memory: bool = False, scope: Any = None,
                   **kwargs: Any) -> Tuple[Any, Any, Any]:
    """Run a decoder until all sequences are finished.

    Variables are created in the scope `decoder`.

    Args:
        decoder: a `Decoder`.
        output_time_major: whether outputs are [time, batch, ...].
        impute_finished: whether a finished sequence keeps its state and has zeros as outputs.
        maximum_iterations: int or scalar tensor, the largest number of steps.
        parallel_iterations, swap_memory: as in `tf.while_loop`.
        scope: a name or VariableScope in place of `decoder`.

    Returns:
        outputs [batch, time, ...], final state, and lengths of the sequences (int32 [batch]).

    Raises:
        TypeError: this is no decoder.
        ValueError: `maximum_iterations` is no scalar, or a step returns other structures than it got.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError("dynamic_decode: decoder must be a Decoder; got {!r}".format(decoder))
    if kwargs:
        raise TypeError("dynamic_decode: arguments must be those of a Decoder; got {}".format(", ".join(sorted(kwargs))))
    with tf.variable_scope(scope, "decoder"), deprecation_silenced():
        loop = _DecoderLoop(decoder, _scalar(maximum_iterations), impute_finished)
        outputs, state, lengths = loop.run(parallel_iterations, swap_memory)
        try:
            outputs, state = decoder.finalize(outputs, state, lengths)
        except NotImplementedError:
            pass
        if not output_time_major:
            outputs = tf.nest.map_structure(transpose_batch_time, outputs)
    return outputs, state, lengths


class _DecoderLoop:
    """The `tf.while_loop` of `dynamic_decode`."""

    def __init__(self, decoder: Any, maximum_iterations: Any, impute_finished: bool):
        self._decoder = decoder
        self._maximum_iterations = maximum_iterations
        self._impute_finished = impute_finished

    def run(self, parallel_iterations: int, swap_memory: bool) -> Tuple[Any, Any, Any]:
        """Outputs [time, batch, ...], final state, lengths."""
        finished, inputs, state = self._decoder.initialize()
        batch_size, sizes, dtypes = self._decoder.batch_size, self._decoder.output_size, self._decoder.output_dtype
        self._zeros = tf.nest.map_structure(lambda size, dtype: zeros_of(size, batch_size, dtype), sizes, dtypes)
        if self._maximum_iterations is not None:
            finished = tf.logical_or(finished, 0 >= self._maximum_iterations)
        arrays = tf.nest.map_structure(lambda size, dtype: _array(size, dtype, batch_size), sizes, dtypes)
        variables = [tf.constant(0), arrays, state, inputs, finished, tf.zeros_like(finished, dtype=tf.int32)]
        _, arrays, state, _, _, lengths = tf.while_loop(
            lambda time, arrays, state, inputs, finished, lengths: tf.logical_not(tf.reduce_all(finished)), self._body,
            variables, parallel_iterations=parallel_iterations, maximum_iterations=self._maximum_iterations,
            swap_memory=swap_memory)
        return tf.nest.map_structure(lambda array: array.stack(), arrays), state, lengths

    def _body(self, time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> List[Any]:
        outputs, next_state, next_inputs, next_finished = self._decoder.step(time, inputs, state)
        if not self._decoder.tracks_own_finished:
            next_finished = tf.logical_or(next_finished, finished)
        for what, before, after in (("state", state, next_state), ("outputs", arrays, outputs),
                                    ("inputs", inputs, next_inputs)):
            _check_structure(what, before, after)
        lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
        if self._impute_finished:
            outputs = tf.nest.map_structure(lambda zero, output: tf.where(finished, zero, output), self._zeros, outputs)
            next_state = tf.nest.map_structure(lambda old, new: _kept(finished, old, new), state, next_state)
        arrays = tf.nest.map_structure(lambda array, output: array.write(time, output), arrays, outputs)
        return [time + 1, arrays, next_state, next_inputs, next_finished, lengths]


def output_shape(cell: Any, output_layer: Any) -> Any:
    """Sizes of the outputs of a cell through a layer, without the batch."""
    if output_layer is None:
        return cell.output_size
    with_batch = tf.nest.map_structure(lambda size: tf.TensorShape([None]).concatenate(size), cell.output_size)
    return tf.nest.map_structure(lambda shape: tf.TensorShape(shape)[1:], output_layer.compute_output_shape(with_batch))


def check_layer(who: str, layer: Any) -> None:
    """Refuse what is neither None nor a layer."""
    if layer is not None and not (callable(layer) and hasattr(layer, "compute_output_shape")):
        raise TypeError("{}: output_layer must be a layer, which has compute_output_shape; got {!r}; try "
                        "tf.layers.Dense(units)".format(who, layer))


def _kept(finished: Any, old: Any, new: Any) -> Any:
    """The state of a sequence before the step if it was finished; scalars and arrays belong to no sequence."""
    if not is_tensor_like(old):
        return new
    new.set_shape(old.shape)
    return new if new.shape.ndims == 0 else tf.where(finished, old, new)


def _array(size: Any, dtype: Any, batch_size: Any) -> Any:
    shape = None
    if isinstance(size, tf.TensorShape) and size.ndims != 0:
        static = tf.get_static_value(tf.convert_to_tensor(batch_size))
        shape = tf.TensorShape([None if static is None else int(static)]).concatenate(size)
    return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=shape)


def _scalar(maximum_iterations: Any) -> Any:
    if maximum_iterations is None:
        return None
    number = tf.convert_to_tensor(maximum_iterations, dtype=tf.int32)
    if number.shape.ndims != 0:
        raise ValueError("dynamic_decode: maximum_iterations must be a scalar; got the shape {}".format(number.shape))
    return number


def _check_structure(what: str, before: Any, after: Any) -> None:
    try:
        tf.nest.assert_same_structure(before, after)
    except (TypeError, ValueError) as e:
        raise type(e)("dynamic_decode: a step must return {} in the structure that it got; got {!r} for {!r}".format(
            what, after, before)) from e
