"""From a datapoint to the arrays to feed, checked against the input signature; and the sources that are fed by each run.

TensorFlow casts what it is fed without a word (1.7 becomes 1, 300 becomes 44), so what does not fit is refused here.
"""
from __future__ import annotations

import itertools
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..callbacks.base import Callback, CallbackFactory
from ..compat import tfv1 as tf
from ..dataflow._passes import whole_pass
from ..dataflow.base import DataFlow, require_dataflow
from ..dataflow.common import RepeatedData
from ..tfutils.common import build_or_reuse_placeholder
from ..utils._buffers import aligned_empty
from ..utils._text.spec import about_none, describe
from .input_source_base import InputSource

# Looked up once: needed for each datapoint, while the thread that feeds holds up the one that trains.
_Array = np.ndarray
_SEQUENCES = (list, tuple)


class DatapointFeed:
    """A function from datapoints to sequences of arrays, one array for each input, of exactly its dtype.

    A list or tuple gives the components by position, a dict by input name (other keys are ignored). Arrays that fit are
    passed on as they are. Other numbers are converted when no integer changes its value: float64 to float32, int64 to int32
    if all fit, uint8 to float32, but never floats to integers.

    Args:
        who: who checks, for messages.
        signature: a named TensorSpec for each input.

    Attributes:
        count: how many datapoints it has seen.
        who: as given.
    """

    def __init__(self, who: str, signature: Sequence[tf.TensorSpec]):
        self.count = 0
        self.who = who
        self._components = [_Component(position, spec) for position, spec in enumerate(signature)]
        self._last: List[Tuple[np.dtype, Tuple[int, ...]]] = []  # of the last datapoint, if all of it was fed as it is

    def __call__(self, datapoint: Any) -> Sequence[np.ndarray]:
        """Convert one datapoint.

        Raises:
            TypeError: it is no list, tuple or dict, or a component cannot become the dtype of its input.
            KeyError: a dict lacks an input.
            ValueError: another number of components, a shape that does not fit, an integer that the dtype cannot hold.
        """
        self.count += 1
        if self._last and type(datapoint) in _SEQUENCES and len(datapoint) == len(self._last):
            for value, (dtype, shape) in zip(datapoint, self._last):
                if type(value) is not _Array or value.dtype is not dtype or value.shape != shape:
                    break
            else:  # nearly always
                return datapoint
        return self._check(datapoint)

    def _check(self, datapoint: Any) -> List[np.ndarray]:
        if isinstance(datapoint, dict):
            values: Sequence[Any] = self._from_dict(datapoint)
        elif isinstance(datapoint, (list, tuple)):
            values = datapoint
        else:
            raise TypeError("{} must be a list or tuple of components, or a dict of them by input name; got {}; "
                            "try to yield [component]".format(self._where(), describe(datapoint)))
        if len(values) != len(self._components):
            raise ValueError("{} must have {} components, one for each of the inputs {}; got {}: {}".format(
                self._where(), len(self._components), self._names(), len(values), describe(datapoint)))
        taken = [component.takes(value) for component, value in zip(self._components, values)]
        self._last = [(value.dtype, value.shape) for value in values] if all(taken) else []
        return [value if takes else self._convert(component, value, values)
                for takes, component, value in zip(taken, self._components, values)]

    def _from_dict(self, datapoint: Dict[Any, Any]) -> List[Any]:
        missing = [name for name in self._names() if name not in datapoint]
        if missing:
            raise KeyError("{} must have a value for each of the inputs {}; got none for {} among its keys {}".format(
                self._where(), self._names(), missing, sorted(map(str, datapoint))))
        return [datapoint[component.name] for component in self._components]

    def _convert(self, component: _Component, value: Any, values: Sequence[Any]) -> np.ndarray:
        try:
            return component.convert(value)
        except (TypeError, ValueError) as e:
            message = "{}, component {} (input '{}'), must be {}; got {}; {}".format(
                self._where(), component.position, component.name, component.expected, describe(value),
                about_none(value)[2:] or self._swapped_with(component, values) or e)
            raise type(e)(message) from e.__cause__

    def _swapped_with(self, component: _Component, values: Sequence[Any]) -> Optional[str]:
        """Words about another component that fits here, as this one fits there."""
        for other in self._components:
            if other is not component and _fits(component, values[other.position]) and _fits(other, values[component.position]):
                return "components {} and {} seem to be swapped: yield them in the order of the inputs, {}".format(
                    *sorted([component.position, other.position]), self._names())
        return None

    def _where(self) -> str:
        return "{}: datapoint {} of the DataFlow (counted from 0)".format(self.who, self.count - 1)

    def _names(self) -> List[str]:
        return [component.name for component in self._components]


def _fits(component: _Component, value: Any) -> bool:
    try:
        component.convert(value)
    except (TypeError, ValueError):
        return False
    return True


# Kinds of numpy dtypes that may become a dtype of this sort. Integers are compared by value besides.
_ONE_HOT = "the labels are one-hot: yield their indices, x.argmax(axis=-1), or let the input have this shape"
_KINDS_FOR_INTEGERS, _KINDS_FOR_FLOATS, _KINDS_FOR_COMPLEX = "biu", "biuf", "biufc"


class _Component:
    """What one input accepts. Its errors only say what to try; the caller adds where, what was expected and what came."""

    def __init__(self, position: int, spec: tf.TensorSpec):
        self.position = position
        self.name = spec.name
        self._tf_dtype = spec.dtype.base_dtype
        self._dtype = np.dtype(self._tf_dtype.as_numpy_dtype)
        self._is_plain = self._dtype.kind != "O"
        self._shape = None if spec.shape.ndims is None else tuple(spec.shape.as_list())
        shape = "of any shape" if self._shape is None else \
            "({})".format(", ".join(["?" if n is None else str(n) for n in self._shape]))
        self.expected = "{} {}".format(self._tf_dtype.name, shape)

    def takes(self, value: Any) -> bool:
        """Whether the value can be fed as it is. Says False to strings, whose objects need a look."""
        return type(value) is _Array and value.dtype == self._dtype and self._is_plain and self._fits(value.shape)

    def convert(self, value: Any) -> np.ndarray:
        """The array to feed."""
        array = _to_strings(value) if self._tf_dtype == tf.string else self._to_numbers(_as_array(value))
        if not self._fits(array.shape):
            raise ValueError("its shape {} does not fit: {}".format(array.shape, self._advice_on_shape(array)))
        return array

    def _fits(self, shape: Sequence[int]) -> bool:
        expected = self._shape
        if expected is None or expected == shape:
            return True
        if len(expected) != len(shape):
            return False
        for want, got in zip(expected, shape):
            if want != got and want is not None:
                return False
        return True

    def _advice_on_shape(self, array: np.ndarray) -> str:
        shape = array.shape
        if self._is_one_hot(array):
            return _ONE_HOT
        if self._fits((1,) + shape):
            return "the axis of the batch is missing: put BatchData around the DataFlow, or yield x[np.newaxis]"
        if self._fits(shape + (1,)):
            return "the last axis, of one element, is missing: yield x[..., np.newaxis]"
        if shape[-1:] == (1,) and self._fits(shape[:-1]):
            return "it has a last axis of one element: yield x[..., 0]"
        if shape[:1] == (1,) and self._fits(shape[1:]):
            return "it has a first axis of one element: yield x[0]"
        if len(shape) > 1 and self._fits(shape[1:]):
            return "it has one axis more: is it batched twice?"
        return "resize or batch it in the DataFlow, or write None for sizes that vary into the input signature"

    def _is_one_hot(self, array: np.ndarray) -> bool:
        """Whether it has a row with a single 1 for each of the labels that this input takes."""
        if not self._tf_dtype.is_integer or array.dtype.kind not in "biuf":
            return False
        if array.ndim < 2 or not self._fits(array.shape[:-1]):
            return False
        return array.size > 0 and bool(np.all((array == 0) | (array == 1)) and np.all(array.sum(axis=-1) == 1))

    def _to_numbers(self, array: np.ndarray) -> np.ndarray:
        if array.dtype == self._dtype:
            return array
        if not self._fits(array.shape) and self._is_one_hot(array):
            raise ValueError(_ONE_HOT)
        if not self._accepts(array):
            scale = "(x * 255)" if self._tf_dtype == tf.uint8 and _is_between_0_and_1(array) else "x"
            raise TypeError("convert it in the DataFlow (such as {}.astype('{}')), or change the dtype in the input "
                            "signature".format(scale, self._tf_dtype.name))
        if self._is_integer() and array.size and not np.can_cast(array.dtype, self._dtype, "safe"):
            self._check_range(array)
        converted = aligned_empty(array.shape, self._dtype)
        np.copyto(converted, array, casting="unsafe")
        return converted

    def _is_integer(self) -> bool:
        return self._tf_dtype.is_bool or self._tf_dtype.is_integer

    def _accepts(self, array: np.ndarray) -> bool:
        kind = array.dtype.kind
        if self._is_integer():
            # an empty list is an array of floats to numpy
            return kind in _KINDS_FOR_INTEGERS or (array.size == 0 and kind == "f")
        if self._tf_dtype.is_floating:
            # "V": bfloat16 is no kind of its own
            return kind in _KINDS_FOR_FLOATS or (kind == "V" and np.can_cast(array.dtype, self._dtype, "same_kind"))
        return self._tf_dtype.is_complex and kind in _KINDS_FOR_COMPLEX

    def _check_range(self, array: np.ndarray) -> None:
        low, high = (0, 1) if self._tf_dtype.is_bool else (np.iinfo(self._dtype).min, np.iinfo(self._dtype).max)
        smallest, largest = int(array.min()), int(array.max())
        if smallest < low or largest > high:
            raise ValueError("its values lie between {} and {}, but {} holds {} to {} only: use a larger dtype in the input "
                             "signature".format(smallest, largest, self._tf_dtype.name, low, high))


def _as_array(value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
        # objects that are numbers become numbers
        return np.array(array.tolist()) if array.dtype.kind == "O" else array
    except ValueError as e:
        raise ValueError("it is no array: its parts must have equal shapes") from e


def _is_between_0_and_1(array: np.ndarray) -> bool:
    """Whether it looks like an image of floats, whose conversion to integers would leave zeros."""
    return array.dtype.kind == "f" and array.size > 0 and bool(array.min() >= 0 and array.max() <= 1)


def _to_strings(value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=object)
    if not all([isinstance(x, (str, bytes)) for x in array.flat]):
        raise TypeError("its elements must be str or bytes")
    return array


class PlaceholderInput(InputSource):
    """Placeholders with the names of the inputs, the same ones at each call; whoever runs the graph feeds them."""

    _placeholders: List[tf.Tensor]

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._placeholders = [build_or_reuse_placeholder(spec) for spec in input_signature]

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        return list(self._placeholders)


class FeedInput(InputSource):
    """Feed one datapoint of a DataFlow to the placeholders of the inputs in each run of the hooked session.

    The placeholders are the same at each `get_input_tensors`, hence it serves one tower only. `QueueInput` is faster.
    The DataFlow is reset when the callbacks are set up, and iterated anew after each `reset_state`. What it raises, and what
    does not fit the signature, is raised by the run.

    Args:
        ds: the DataFlow; see `DatapointFeed` for what its datapoints may be.
        infinite: whether to repeat it forever. If not, the run after the last datapoint raises StopIteration.

    Raises:
        ValueError: `ds` is no DataFlow.
    """

    _placeholders: List[tf.Tensor]
    _feeder: _FeedCallback

    def __init__(self, ds: DataFlow, infinite: bool = True):
        self.ds = require_dataflow(type(self).__name__, "ds", ds, error=ValueError)
        self._infinite = infinite

    def _size(self) -> int:
        return len(self.ds)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._placeholders = [build_or_reuse_placeholder(spec) for spec in input_signature]
        ds = RepeatedData(self.ds, -1) if self._infinite else self.ds
        self._feeder = _FeedCallback(ds, self._placeholders, DatapointFeed(self._who(), input_signature))

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        return list(self._placeholders)

    def _reset_state(self) -> None:
        self._require_setup("reset_state")
        self._feeder.restart()

    def _look(self) -> bool:
        self._require_setup("look")
        return self._feeder.look()

    def _waits_for(self) -> str:
        return "FeedInput of {!r}, which gave {} datapoints of its pass".format(self.ds, self._feeder.count)

    def _get_callbacks(self) -> List[Callback]:
        return [self._feeder, CallbackFactory(setup_graph=lambda _: self.ds.reset_state())]


class _FeedCallback(Callback):
    """Adds a datapoint to the feeds of each run."""

    def __init__(self, ds: DataFlow, placeholders: List[tf.Tensor], feed: DatapointFeed):
        self._ds = ds
        self._placeholders = placeholders
        self._feed = feed
        self._iterator: Any = None  # the pass, once it has begun
        self._is_new = False  # whether it has begun with a look, and nothing of it was fed

    @property
    def count(self) -> int:
        """How many datapoints were fed since the last `restart`."""
        return self._feed.count

    def restart(self) -> None:
        """Begin a new pass over the DataFlow."""
        if self._is_new:
            return
        self._iterator = None  # some flows allow one iteration at a time: the old one ends first
        self._iterator = whole_pass(self._ds)
        self._feed.count = 0

    def look(self) -> bool:
        """Begin a new pass, unless one has just begun, and check its first datapoint, if there is one.

        The next `restart` goes on with this pass.
        """
        if self._iterator is None or self._feed.count:
            self.restart()
        first = list(itertools.islice(self._iterator, 1))
        for datapoint in first:
            self._feed(datapoint)
        self._feed.count = 0
        self._iterator = itertools.chain(first, self._iterator)
        self._is_new = True
        return bool(first)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        if self._iterator is None:
            self.restart()
        self._is_new = False
        try:
            datapoint = next(self._iterator)
        except StopIteration:
            raise StopIteration("FeedInput: the DataFlow has ended after {} datapoints; infinite=True would repeat it".format(
                self._feed.count)) from None
        return tf.train.SessionRunArgs(None, dict(zip(self._placeholders, self._feed(datapoint))))
