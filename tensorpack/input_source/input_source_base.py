"""`InputSource`, the abstraction of where input tensors come from, and sources made from other sources.

A source yields tensors for the inputs of a model, and callbacks that keep those tensors filled while a session runs.
"""
from __future__ import annotations

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Sequence

import six

from ..callbacks.base import Callback, CallbackFactory
from ..compat import tfv1 as tf
from ..tfutils.common import build_or_reuse_placeholder
from ..utils import logger
from ..utils._arguments.names import list_of_names
from ..utils._text.keywords import KeywordsTold
from ..utils._text.spec import shown

__all__ = [
    "InputSource",
    "ProxyInputSource",
    "build_or_reuse_placeholder",
    "get_sublist_by_names",
    "get_tensors_inputs",
    "remap_input_source",
]


def _input_name(x: Any) -> str:
    return x.op.name if isinstance(x, tf.Tensor) else x.name


def _positions_by_names(lst: Sequence[Any], names: Sequence[str], who: str) -> List[int]:
    known = [_input_name(x) for x in lst]
    positions = []
    for name in list_of_names(who, "names", names):
        if name not in known:
            message = "{}: '{}' must be the name of an input; the inputs are {}".format(who, name, known)
            logger.error(message)
            raise ValueError(message)
        positions.append(known.index(name))
    return positions


def get_sublist_by_names(lst: Sequence[Any], names: Sequence[str]) -> List[Any]:
    """Select from a list of placeholders or specs those with these names, in the order of the names.

    Raises:
        ValueError: a name is unknown.
    """
    return [lst[i] for i in _positions_by_names(lst, names, "get_sublist_by_names")]


def get_tensors_inputs(placeholders: Sequence[Any], tensors: Sequence[Any], names: Sequence[str]) -> List[Any]:
    """Return `placeholders` as a list in which those with the given names are replaced by `tensors`.

    Args:
        placeholders: placeholders or specs.
        tensors: one replacement for each of `names`.
        names: names of the inputs to replace.

    Raises:
        ValueError: a name is unknown, or there are more or fewer tensors than names.
    """
    names = list_of_names("get_tensors_inputs", "names", names)
    if len(tensors) != len(names):
        raise ValueError("get_tensors_inputs: there must be one tensor for each name; got {} tensors for the names "
                         "{}".format(len(tensors), list(names)))
    inputs = list(placeholders)
    for position, tensor in zip(_positions_by_names(placeholders, names, "get_tensors_inputs"), tensors):
        inputs[position] = tensor
    return inputs


@six.add_metaclass(ABCMeta)
class InputSource(KeywordsTold):
    """Where the input tensors of a model come from.

    Its life: `setup(signature)` once, when the graph is built, gives callbacks that must be part of the run;
    `get_input_tensors()` is called for each tower; `reset_state()` starts over, under a default session.

    The callbacks run on every process of a distributed run. An input source also works where there is no trainer, such as
    in an `InferenceRunner`; hence only `setup_graph`, `before_train`, `after_train`, `before_run` and `after_run` of its
    callbacks are relied on, and they must not use `self.trainer`.

    A subclass overrides the underscore methods, `_get_input_tensors` at least.
    """

    _setup_is_done = False
    _name_scope: Optional[str] = None
    _callbacks: Optional[List[Callback]] = None
    _user: Optional[str] = None  # who has this source beside the training, for errors

    def setup(self, input_signature: Sequence[tf.TensorSpec]) -> List[Callback]:
        """Build what this source needs in the graph, once; outside of any tower.

        Args:
            input_signature: a named `tf.TensorSpec` for each input of the model.

        Returns:
            The callbacks, as `get_callbacks` does.

        Raises:
            RuntimeError: it was called before.
        """
        who = type(self).__name__
        if self._setup_is_done:
            raise RuntimeError("{}.setup: an input source can be set up once only; make another {} for another graph or "
                               "another use, and another TrainConfig for another training".format(who, who))
        for spec in input_signature:
            if getattr(spec, "name", None) is None:
                raise ValueError("{}.setup: each input must be a tf.TensorSpec with a name; got {}".format(who, shown(spec)))
        self._setup(list(input_signature))
        self._setup_is_done = True
        return self.get_callbacks()

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        """Override to add to the graph."""

    def setup_done(self) -> bool:
        """Whether `setup` has been called."""
        return self._setup_is_done

    def get_input_tensors(self) -> List[tf.Tensor]:
        """A tensor for each input, in the order of the signature; new ones at each call unless they are placeholders."""
        return self._get_input_tensors()

    @abstractmethod
    def _get_input_tensors(self) -> List[tf.Tensor]:
        """Override: the tensors for one tower."""

    def get_callbacks(self) -> List[Callback]:
        """The callbacks of this source, the same ones at each call; the first one calls `reset_state` before training.

        Raises:
            RuntimeError: `setup` has not been called.
        """
        self._require_setup("get_callbacks")
        if self._callbacks is None:
            first: Any = CallbackFactory(before_train=lambda _: self.reset_state())
            first._waits_for = self._waits_for
            self._callbacks = [cb.set_chief_only(False) for cb in [first] + list(self._get_callbacks())]
        return list(self._callbacks)

    def _get_callbacks(self) -> List[Callback]:
        """Override to take part in the run."""
        return []

    def _waits_for(self) -> str:
        """Called by another thread when a run hangs: what this source gives, and how far it is; in a line."""
        return type(self).__name__

    def _is_for(self, user: str) -> None:
        """Let errors about the data name the one whose source this is; before `setup`."""
        self._user = user

    def _who(self) -> str:
        """Who has the data, for errors."""
        return self._user or type(self).__name__

    def _look(self) -> bool:
        """Override to check the first datapoint of the next pass, which keeps it; says whether there is one."""
        return True

    def reset_state(self) -> None:
        """Start over, under a default session; called once before training, and by an InferenceRunner before each pass."""
        self._reset_state()

    def _reset_state(self) -> None:
        """Override to start over."""

    def size(self) -> int:
        """The number of datapoints in one pass.

        Raises:
            NotImplementedError: it is unknown.
        """
        return self._size()

    def _size(self) -> int:
        """Override if the size is known."""
        raise NotImplementedError("{}: the number of datapoints is unknown".format(type(self).__name__))

    @contextmanager
    def cached_name_scope(self) -> Iterator[str]:
        """A name scope called like the class; a later use enters the same scope again."""
        if self._name_scope is None:
            with tf.name_scope(type(self).__name__) as scope:
                self._name_scope = scope
        with tf.name_scope(self._name_scope) as scope:
            yield scope

    def _require_setup(self, method: str) -> None:
        if not self._setup_is_done:
            raise RuntimeError("{0}.{1}: call {0}.setup(input_signature) first".format(type(self).__name__, method))


class ProxyInputSource(InputSource):
    """Forwards everything to another source; the base of sources that change one.

    Args:
        input: the wrapped source; its `setup` is called by the proxy.
    """

    def __init__(self, input: InputSource):
        if not isinstance(input, InputSource):
            raise TypeError("{}: input must be an InputSource; got {}".format(type(self).__name__, shown(input)))
        self._input = input

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._input.setup(input_signature)

    def _is_for(self, user: str) -> None:
        self._input._is_for(user)

    def _look(self) -> bool:
        return self._input._look()

    def _get_input_tensors(self) -> List[tf.Tensor]:
        return self._input.get_input_tensors()

    def _get_callbacks(self) -> List[Callback]:
        return self._input.get_callbacks()

    def _reset_state(self) -> None:
        self._input.reset_state()

    def _waits_for(self) -> str:
        return self._input._waits_for()

    def _size(self) -> int:
        return self._input.size()


class _Remapped(ProxyInputSource):
    """Gives some inputs of the model to a source, and makes the others placeholders."""

    def __init__(self, input: InputSource, names: Sequence[str]):
        ProxyInputSource.__init__(self, input)
        self._names = list(names)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._input.setup(get_sublist_by_names(input_signature, self._names))
        self._placeholders = [None if spec.name in self._names else build_or_reuse_placeholder(spec)
                              for spec in input_signature]
        self._signature = input_signature

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        tensors = get_tensors_inputs(self._signature, self._input.get_input_tensors(), self._names)
        return [tensor if placeholder is None else placeholder for tensor, placeholder in zip(tensors, self._placeholders)]

    def __getattr__(self, name: str) -> Any:
        # `queue`, `thread`, ...: what the wrapped source holds; private state is each object's own
        if name.startswith("_"):
            raise AttributeError("'{}' object has no attribute '{}'".format(type(self).__name__, name))
        return getattr(self._input, name)


def _forwarded(name: str) -> property:
    return property(lambda self: getattr(self._input, name), doc="`{}` of the wrapped source.".format(name))


def remap_input_source(input: InputSource, names: Sequence[str]) -> InputSource:
    """Let a source provide only some inputs of a model; the others become placeholders.

    Args:
        input: a source that is not set up yet; its components become the inputs `names`, in this order.
        names: names of inputs of the model.

    Returns:
        A source that also is an instance of the class of `input`, and has its public attributes.

    Raises:
        TypeError: `input` is no InputSource, or `names` no list of names.
        ValueError: at `setup`, a name is not in the signature.

    Example: a DataFlow of (label, image) for a model with the inputs image, scale and label::

        remap_input_source(QueueInput(df), ["label", "image"])
    """
    if not isinstance(input, InputSource):
        raise TypeError("remap_input_source: input must be an InputSource; got {}; try QueueInput(dataflow)".format(
            shown(input)))
    names = list_of_names("remap_input_source", "names", names)
    wrapped_class = type(input)
    public = [name for name in dir(wrapped_class) if not name.startswith("_") and not hasattr(_Remapped, name)]
    members: Dict[str, Any] = {name: _forwarded(name) for name in public}
    members["__doc__"] = "{} that provides only some inputs of the model.".format(wrapped_class.__name__)
    bases = (wrapped_class,) if issubclass(wrapped_class, _Remapped) else (_Remapped, wrapped_class)
    remapped_class = type("Remapped" + wrapped_class.__name__, bases, members)
    return remapped_class(input, names)
