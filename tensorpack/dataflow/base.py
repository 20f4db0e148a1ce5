"""What a DataFlow is: an object that is iterated for datapoints (lists, tuples or dicts), once per pass.

The life of a flow: construct it anywhere, call `reset_state()` once in the process that will iterate, then iterate.
"""
from __future__ import annotations

import copy
import threading
from abc import ABCMeta, abstractmethod
from typing import Any, Dict, Generic, Iterable, Iterator, NamedTuple, Optional, Sequence, Tuple, Type, TypeVar, overload

import numpy as np
import six

from ..utils._text.repr import ReprMixin
from ..utils.utils import get_rng
from ._flows._told.not_a_flow import what_is_wrong
from ._look.card import card

__all__ = ["DataFlow", "DataFlowReentrantGuard", "DataFlowTerminated", "ProxyDataFlow", "RNGDataFlow"]

Value = TypeVar("Value")

_LIBRARY = __name__.partition(".")[0] + "."


class DataFlowTerminated(BaseException):
    """Raised by a DataFlow that can never produce data again.

    The feeding thread of an InputSource treats it as a normal end; `except Exception` does not catch it.
    """


class NotResetError(RuntimeError, AttributeError):
    """State that `reset_state()` creates was used before it was called.

    It is an AttributeError as well, so that `hasattr` and `getattr` with a default keep working.
    """


class CreatedByReset(Generic[Value]):
    """Class attribute that stands for an instance attribute which `reset_state()` sets.

    Read on the class it is None; read on an instance that was not reset it raises `NotResetError`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> None: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is not None:
            creates = "" if self._name.startswith("_") else "; it creates `{}`".format(self._name)
            is_own = not getattr(type(instance), "reset_state", self).__module__.startswith(_LIBRARY)
            raise NotResetError("{}: call reset_state() first, once, in the process that iterates{}{}".format(
                type(instance).__name__, creates,
                "; a reset_state() of your own must call super().reset_state()" if is_own else ""))


class DataFlowReentrantGuard:
    """Context manager for the body of an `__iter__` that must not run twice at the same time.

    Entering it a second time raises RuntimeError. A half-consumed generator stays inside until it is closed or collected.
    """

    def __init__(self, *, owner: Any = None):
        self._lock = threading.Lock()
        self._name = owner if isinstance(owner, str) else "DataFlow" if owner is None else type(owner).__name__

    def __enter__(self) -> None:
        if not self._lock.acquire(False):
            raise RuntimeError(
                "{}: This DataFlow is not reentrant! It can be iterated once at a time and an earlier iteration is still open; "
                "exhaust or close() that iterator first, or make one {} per consumer".format(self._name, self._name))

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        self._lock.release()


class DataFlowMeta(ABCMeta):
    """Lets classes written before `__iter__` and `__len__` existed define `get_data` and `size` instead."""

    def __new__(mcls, name: str, bases: Tuple[type, ...], namespace: Dict[str, Any], **kwargs: Any) -> type:
        namespace = dict(namespace)
        for legacy, special in (("get_data", "__iter__"), ("size", "__len__")):
            if legacy in namespace and special not in namespace:
                namespace[special] = namespace[legacy]
        return super().__new__(mcls, name, bases, namespace, **kwargs)


@six.add_metaclass(DataFlowMeta)
class DataFlow(ReprMixin):
    """Base class of all flows: define `__iter__`, and `__len__` where the length is known.

    Each call of `__iter__` is one pass (epoch) that yields datapoints: a list, tuple or dict of components. A flow may be
    infinite; a finite one can be iterated again after the last pass ended.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Start a pass: yield its datapoints."""

    def __len__(self) -> int:
        """Datapoints in a pass; a hint that need not be exact.

        It is used for the default `steps_per_epoch`, progress bars and validation runs. `list(df)` and `bool(df)` call it too.

        Raises:
            NotImplementedError: the length is not known.
        """
        raise NotImplementedError("{}: the length of this DataFlow is not known".format(type(self).__name__))

    def reset_state(self) -> None:
        """Create the state that belongs to the iterating process, such as random streams.

        Must be called once, by the process that iterates, before the first iteration. A flow that wraps others resets them too.
        """

    _hands_on = False  # whether what comes out was just read from `ds`, one datapoint after the other
    _last_texts: Sequence[str] = ()  # strings of which the last datapoint was made, such as the path of its file

    def _never_ends(self) -> bool:
        """Whether a pass is known to have no end, whatever `len` says. `never_ends` asks it."""
        return False

    def _not_each_once(self) -> Optional[str]:
        """Why a pass may not have each datapoint of the flows below once; with numbers and what to use, in words that follow
        the name of the flow. None if there is no reason. `why_not_each_once` asks it."""
        return None

    def _divided(self, division: Division) -> Optional[DataFlow]:
        """A copy that reads a part of the datapoints only; its `len` may stay that of the whole.

        None if this flow has to read all of them.
        """
        return None

    def _num_own(self) -> int:
        """Datapoints in a pass of a part."""
        return len(self)

    def get_data(self) -> Iterator[Any]:
        """The same as `__iter__()`; kept for scripts written before it existed."""
        return self.__iter__()

    def size(self) -> int:
        """The same as `__len__()`; kept for scripts written before it existed."""
        return self.__len__()

    def _in_memory(self) -> Any:
        """A datapoint that lies in memory: to take it reads nothing, draws nothing from a random stream and runs nobody's code.
        None if there is none. A notebook shows it."""
        return None

    def _repr_html_(self) -> str:
        """What a notebook shows; nothing is iterated for it, so a flow may be in use. `look` shows datapoints."""
        source: Any = self
        while isinstance(source, ProxyDataFlow):
            source = source.ds
        return card(self, source, lambda flow: flow._in_memory() if is_of_library(flow) else None)


class Division(NamedTuple):
    """Which datapoints of a pass are those of one of several readers.

    Attributes:
        size, rank: number of readers, and which of them this is.
        equal: whether all get equally many; what is left over at the end is then nobody's.
    """

    size: int
    rank: int
    equal: bool

    def of(self, numbers: range) -> range:
        """Every `size`-th one."""
        return numbers[self.rank:len(numbers) // self.size * self.size if self.equal else None:self.size]

    def span_of(self, numbers: range) -> range:
        """As many that lie side by side."""
        count = len(numbers)
        if self.equal:
            share = count // self.size
            return numbers[self.rank * share:(self.rank + 1) * share]
        return numbers[count * self.rank // self.size:count * (self.rank + 1) // self.size]


class RNGDataFlow(DataFlow):
    """A DataFlow with a random stream.

    `self.rng` is a `numpy.random.RandomState` of this instance, worker and process; `reset_state()` creates it, and reading
    it earlier raises RuntimeError.
    """

    rng: CreatedByReset[np.random.RandomState] = CreatedByReset()
    _divisions: Tuple[Division, ...] = ()  # one after the other, they tell which datapoints this flow gives
    _reads_at_random = False  # whether a pass is made of `shuffled_indices(size, ...)`, so that a part of it can be read alone

    def reset_state(self) -> None:
        self.rng = get_rng(self)

    def _own(self, size: int) -> range:
        """The numbers of the datapoints that this flow gives, of as many as there are."""
        numbers = range(size)
        for division in self._divisions:
            numbers = division.of(numbers)
        return numbers

    def _num_own(self) -> int:
        return len(self._own(len(self)))

    def _divided(self, division: Division) -> Optional[DataFlow]:
        if not self._reads_at_random or not is_of_library(self):
            return None
        part = copy.copy(self)
        part._divisions += (division,)
        return part


class ProxyDataFlow(DataFlow):
    """Forwards everything to the flow `ds`; the base of flows that change another one.

    Args:
        ds: the flow to wrap, a DataFlow or anything with `reset_state` and `__iter__`.

    Raises:
        TypeError: it is something else; the message says how to make a flow of it.
    """

    def __init__(self, ds: DataFlow):
        self.ds = require_flow_like(type(self).__name__, "ds", ds)

    def reset_state(self) -> None:
        self.ds.reset_state()

    def __len__(self) -> int:
        return self.ds.__len__()

    def __iter__(self) -> Iterator[Any]:
        return self.ds.__iter__()

    def _never_ends(self) -> bool:
        return never_ends(self.ds)


def require_dataflow(who: str, argument: str, value: Any, *, error: Type[Exception] = TypeError, hint: str = "",
                     following: Any = None) -> DataFlow:
    """`value`, which must be a DataFlow.

    Args:
        who: the class or function that takes it, for errors.
        argument: the argument's name.
        error: the class of the error.
        hint: what to say instead of the general advice about a value that is no known source of data.
        following: the next argument, which may be the DataFlow by mistake.

    Raises:
        TypeError: it is none; the message says how to make one of it.
    """
    if isinstance(value, DataFlow):
        return value
    if isinstance(following, DataFlow):
        raise error("{0}: the arguments seem to be swapped; the DataFlow is the first: {0}({1}, ...)".format(who, argument))
    raise error(what_is_wrong(who, argument, value, hint))


def require_flow_like(who: str, argument: str, value: Any) -> Any:
    """`value`, which must have the methods of a DataFlow: classes that were written without the base class may have them.

    Raises:
        TypeError: it has not; the message says how to make a flow of it.
    """
    if not isinstance(value, type) and hasattr(value, "reset_state") and hasattr(value, "__iter__"):
        return value
    is_swapped = isinstance(value, (int, float, np.number))  # a size or a probability, which come after the flow
    hint = "the DataFlow comes before all other arguments" if is_swapped else ""
    return require_dataflow(who, argument, value, hint=hint)


def is_of_library(flow: DataFlow) -> bool:
    """Whether it is code of this library that makes the passes of a flow, so that it is known what it does."""
    return getattr(type(flow).__iter__, "__module__", "").split(".")[0] == __name__.split(".")[0]


def shuffles(flow: DataFlow) -> bool:
    """Whether a flow of the library gives its datapoints in a random order; what those of users call `shuffle` is unknown."""
    return is_of_library(flow) and bool(getattr(flow, "shuffle", False) or getattr(flow, "_shuffle", False))


def never_ends(flow: Any) -> bool:
    """Whether a pass of a flow is known to have no end."""
    return isinstance(flow, DataFlow) and is_of_library(flow) and flow._never_ends()


def known_length(ds: DataFlow) -> Optional[int]:
    """`len(ds)`, or None where it is not known."""
    try:
        return len(ds)
    except NotImplementedError:
        return None


def reset_each_once(flows: Iterable[DataFlow]) -> None:
    """Reset the flows; one that appears several times is reset once."""
    for flow in {id(flow): flow for flow in flows}.values():
        flow.reset_state()


def shuffled_indices(size: int, shuffle: bool, flow: RNGDataFlow) -> Iterable[int]:
    """0..size-1, or the flow's own part of it, in an order drawn from the flow's random stream when `shuffle` is set."""
    own = flow._own(size)
    if len(own) == size:
        return flow.rng.permutation(size).tolist() if shuffle else own
    return flow.rng.permutation(np.arange(own.start, own.stop, own.step)).tolist() if shuffle else own
