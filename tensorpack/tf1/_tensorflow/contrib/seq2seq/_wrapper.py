"""`AttentionWrapper`, a cell that attends to memories."""
from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

from .....compat import is_tensor_like
from .....compat import tfv1 as tf
from .....contrib._rnn.cell import check_cell
from ...layers import Dense
from ...nn.rnn_cell import RNNCell
from ._attention import AttentionMechanism, zeros_of_length

__all__ = ["AttentionWrapper", "AttentionWrapperState", "hardmax"]


class AttentionWrapperState(NamedTuple("AttentionWrapperState", [
        ("cell_state", Any), ("attention", Any), ("time", Any), ("alignments", Any), ("alignment_history", Any),
        ("attention_state", Any)])):
    """State of an `AttentionWrapper`; of several mechanisms the last three fields are tuples.

    `cell_state` is that of the cell, `attention` [batch, attention size] what the step before has given, `time` the number of
    steps, `alignments` [batch, time of memory] where it has looked, `alignment_history` a `TensorArray` of them (or `()`), and
    `attention_state` that of the mechanism.
    """

    __slots__ = ()

    def clone(self, **kwargs: Any) -> AttentionWrapperState:
        """The state with other values of some fields, which must have the shapes of the old ones.

        Raises:
            ValueError: a shape differs.
        """
        replaced = self._replace(**kwargs)
        return tf.nest.map_structure(_with_shape, self, replaced)


class AttentionWrapper(RNNCell):
    """A cell that reads the attention of the step before, and whose output is attention to a memory.

    Variables: those of the cell and of the mechanisms in `attention_wrapper`, and with `attention_layer_size`
    `attention_layer/kernel` [output size of the cell + depth of the memory, size].

    Args:
        cell: the cell inside.
        attention_mechanism: a mechanism, or a list of them.
        attention_layer_size: size of a linear map of output and context, the result of which is the attention; one for each
            mechanism. By default attention is the context.
        alignment_history: whether the state has the alignments of all steps.
        cell_input_fn: a function from inputs and attention to the inputs of the cell; concatenates them by default.
        output_attention: whether the output is the attention, or else that of the cell.
        initial_cell_state: the state of the cell in `zero_state`.
        name: of the variable scope.
        attention_layer: layers in place of the linear maps of `attention_layer_size`.
        attention_fn: a function of mechanism, output of the cell, state of the mechanism and layer, that returns attention,
            alignments and the next state.
        dtype: of the cell.

    Raises:
        TypeError: something is no cell, mechanism or function.
        ValueError: the number of layers is not that of mechanisms, or both kinds of layers are given.
    """

    def __init__(self, cell: Any, attention_mechanism: Any, attention_layer_size: Any = None, alignment_history: bool = False,
                 cell_input_fn: Optional[Callable[[Any, Any], Any]] = None, output_attention: bool = True,
                 initial_cell_state: Any = None, name: Optional[str] = None, attention_layer: Any = None,
                 attention_fn: Optional[Callable[..., Any]] = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        check_cell("AttentionWrapper", cell)
        if cell_input_fn is not None and not callable(cell_input_fn):
            raise TypeError("AttentionWrapper: cell_input_fn must be a function of inputs and attention; got {!r}".format(
                cell_input_fn))
        self._cell = cell
        self._is_multi = isinstance(attention_mechanism, (list, tuple))
        self._mechanisms = _checked_mechanisms(attention_mechanism if self._is_multi else [attention_mechanism])
        self._attention_layers = _layers(self._mechanisms, attention_layer_size, attention_layer)
        self._attention_layer_size = sum(self._sizes(attention_layer_size))
        self._cell_input_fn = cell_input_fn or (lambda inputs, attention: tf.concat([inputs, attention], -1))
        self._attention_fn = attention_fn or _attend
        self._output_attention = output_attention
        self._alignment_history = alignment_history
        self._initial_cell_state = None
        if initial_cell_state is not None:
            batch_size = _batch_size(tf.nest.flatten(initial_cell_state)[-1])
            self._initial_cell_state = self._checked("initial_cell_state", batch_size, initial_cell_state)

    def _sizes(self, attention_layer_size: Any) -> List[int]:
        """Of the attention of each mechanism."""
        if attention_layer_size is not None:
            return list(attention_layer_size) if isinstance(attention_layer_size, (list, tuple)) else [attention_layer_size]
        depths = [mechanism.values.shape.as_list()[-1] for mechanism in self._mechanisms]
        if self._attention_layers is None:
            return depths
        inputs = [tf.TensorShape([None, self._cell.output_size + depth]) for depth in depths]
        return [tf.TensorShape(layer.compute_output_shape(shape)).as_list()[-1]
                for layer, shape in zip(self._attention_layers, inputs)]

    @property
    def output_size(self) -> Any:
        return self._attention_layer_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        sizes = [mechanism.alignments_size for mechanism in self._mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size, time=tf.TensorShape([]), attention=self._attention_layer_size,
            alignments=self._one_or_all(sizes),
            alignment_history=self._one_or_all(sizes if self._alignment_history else [()] * len(sizes)),
            attention_state=self._one_or_all([mechanism.state_size for mechanism in self._mechanisms]))

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """The state before the first step; that of the cell is `initial_cell_state` if there is one."""
        with tf.name_scope(type(self).__name__ + "ZeroState"):
            cell_state = self._initial_cell_state
            if cell_state is None:
                cell_state = self._cell.zero_state(batch_size, dtype)
            cell_state = self._checked("the batch of zero_state", batch_size, cell_state)
            alignments = [mechanism.initial_alignments(batch_size, dtype) for mechanism in self._mechanisms]
            history = [tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=one.shape)
                       if self._alignment_history else () for one in alignments]
            return AttentionWrapperState(
                cell_state=cell_state, time=tf.zeros([], tf.int32),
                attention=zeros_of_length(self._attention_layer_size, batch_size, dtype),
                alignments=self._one_or_all(alignments), alignment_history=self._one_or_all(history),
                attention_state=self._one_or_all([mechanism.initial_state(batch_size, dtype)
                                                  for mechanism in self._mechanisms]))

    def call(self, inputs: Any, state: Any) -> Tuple[Any, AttentionWrapperState]:
        if not isinstance(state, AttentionWrapperState):
            raise TypeError("AttentionWrapper: the state must be an AttentionWrapperState; got {!r}; use zero_state(...), and "
                            ".clone(cell_state=...) to begin with the state of an encoder".format(state))
        output, cell_state = self._cell(self._cell_input_fn(inputs, state.attention), state.cell_state)
        output = self._checked("the output of the cell", _batch_size(output), output)
        states, histories = ([getattr(state, field)] if not self._is_multi else getattr(state, field)
                             for field in ("attention_state", "alignment_history"))
        layers: Sequence[Any] = self._attention_layers or [None] * len(self._mechanisms)
        attentions, alignments, states = zip(*(
            self._attention_fn(mechanism, output, one, layer)
            for mechanism, one, layer in zip(self._mechanisms, states, layers)))
        histories = [history.write(state.time, one) if self._alignment_history else ()
                     for history, one in zip(histories, alignments)]
        attention = tf.concat(list(attentions), 1)
        next_state = AttentionWrapperState(
            cell_state=cell_state, attention=attention, time=state.time + 1, alignments=self._one_or_all(alignments),
            alignment_history=self._one_or_all(histories), attention_state=self._one_or_all(states))
        return attention if self._output_attention else output, next_state

    def _one_or_all(self, values: Sequence[Any]) -> Any:
        return tuple(values) if self._is_multi else values[0]

    def _checked(self, what: str, batch_size: Any, value: Any) -> Any:
        """The value, whose batch must be that of the memories."""
        message = ("AttentionWrapper {}: {} and the memory must have the same batch size; for a BeamSearchDecoder give both to "
                   "tile_batch(..., multiplier=beam_width)".format(self._name, what))
        checks = [tf.assert_equal(batch_size, mechanism.batch_size, message=message) for mechanism in self._mechanisms]
        with tf.control_dependencies([check for check in checks if check is not None]):
            return tf.nest.map_structure(tf.identity, value)


def hardmax(logits: Any, name: Optional[str] = None) -> Any:
    """One at the largest element of the last axis, zeros elsewhere, in the dtype and shape of `logits`."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits)
        depth = logits.shape.as_list()[-1]
        return tf.one_hot(tf.argmax(logits, -1), tf.shape(logits)[-1] if depth is None else depth, dtype=logits.dtype)


def _attend(mechanism: Any, output: Any, state: Any, layer: Any) -> Tuple[Any, Any, Any]:
    alignments, next_state = mechanism(output, state=state)
    context = tf.squeeze(tf.matmul(tf.expand_dims(alignments, 1), mechanism.values), [1])
    attention = context if layer is None else layer(tf.concat([output, context], 1))
    return attention, alignments, next_state


def _checked_mechanisms(mechanisms: Sequence[Any]) -> Tuple[Any, ...]:
    for mechanism in mechanisms:
        if not isinstance(mechanism, AttentionMechanism):
            raise TypeError("AttentionWrapper: attention_mechanism must be an AttentionMechanism or a list of them; got "
                            "{!r}".format(mechanism))
    return tuple(mechanisms)


def _layers(mechanisms: Sequence[Any], sizes: Any, layers: Any) -> Optional[Tuple[Any, ...]]:
    if sizes is not None and layers is not None:
        raise ValueError("AttentionWrapper: only one of attention_layer_size and attention_layer may be given; got {!r} and "
                         "{!r}".format(sizes, layers))
    given = sizes if layers is None else layers
    if given is None:
        return None
    given = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    if len(given) != len(mechanisms):
        raise ValueError("AttentionWrapper: there must be a layer for each of {} mechanisms; got {!r}".format(
            len(mechanisms), given))
    if layers is not None:
        return given
    return tuple(Dense(size, name="attention_layer", use_bias=False, dtype=mechanism.dtype)
                 for size, mechanism in zip(given, mechanisms))


def _batch_size(x: Any) -> Any:
    static = x.shape.as_list()[0]
    return tf.shape(x)[0] if static is None else static


def _with_shape(old: Any, new: Any) -> Any:
    if not is_tensor_like(old) or not is_tensor_like(new):
        return new
    if not old.shape.is_compatible_with(new.shape):
        raise ValueError("AttentionWrapperState.clone: values must have the shapes of the state, {}; got {}".format(
            old.shape, new.shape))
    return tf.ensure_shape(new, old.shape)
