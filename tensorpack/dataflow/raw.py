"""Flows that make datapoints: from memory, from any iterable, from a queue, or from nothing (fake data)."""
from __future__ import annotations

from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..utils._arguments.flags import true_or_false
from ..utils._arguments.functions import check_function
from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import shown
from ..utils._types import DTypeLike
from ._flows._told.not_a_flow import warn_of_columns
from ._packed import PackedList
from .base import DataFlow, RNGDataFlow, shuffled_indices

__all__ = ["DataFromGenerator", "DataFromIterable", "DataFromList", "DataFromQueue", "FakeData"]

Interval = Tuple[float, float]


def _is_interval(domain: Any) -> bool:
    return len(domain) == 2 and all(np.isscalar(bound) for bound in domain)


class FakeData(RNGDataFlow):
    """Random arrays of given shapes, to try a pipeline or measure speed without data.

    Datapoints are lists of arrays, one per shape: uniform in the domain, then cast to the dtype. `len` is exact.

    Args:
        shapes: list of shapes; `[]` is a scalar (a 0-d array).
        size: datapoints in a pass.
        random: draw new values for each datapoint; False yields the same arrays over and over, drawn once per pass.
        dtype: one dtype, or a list with one for each shape.
        domain: one interval `(low, high)`, or a list with one for each shape.
    """

    def __init__(self, shapes: Sequence[Sequence[int]], size: int = 1000, random: bool = True,
                 dtype: Union[DTypeLike, Sequence[DTypeLike]] = "float32",
                 domain: Union[Interval, Sequence[Interval]] = (0, 1)):
        self.shapes = [tuple(whole_number(self, "shapes", k, minimum=0) for k in shape) for shape in shapes]
        self._size = whole_number(self, "size", size, minimum=0)
        self.random = true_or_false(self, "random", random)
        self.dtype = dtype
        self.domain = domain
        dtypes: List[Any] = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(self.shapes)
        domains: List[Any] = [domain] * len(self.shapes) if _is_interval(domain) else list(domain)
        self._check_count("dtype", dtypes)
        self._check_count("domain", domains)
        for interval in domains:
            if not _is_interval(interval):
                raise ValueError("FakeData: domain must be one pair (low, high) or a list of pairs; got {!r}".format(domain))
        self._components = list(zip(self.shapes, [np.dtype(d) for d in dtypes], domains))

    def _check_count(self, argument: str, values: Sequence[Any]) -> None:
        if len(values) != len(self.shapes):
            raise ValueError("FakeData: {} must be one for all, or a list with one for each of the {} shapes; got {}".format(
                argument, len(self.shapes), len(values)))

    def __len__(self) -> int:
        return self._size

    def _draw(self) -> List[np.ndarray]:
        return [np.asarray(self.rng.random_sample(shape) * (high - low) + low, dtype=dtype)
                for shape, dtype, (low, high) in self._components]

    def __iter__(self) -> Iterator[List[np.ndarray]]:
        if self.random:
            for _ in range(self._size):
                yield self._draw()
        else:
            arrays = self._draw()
            for _ in range(self._size):
                yield list(arrays)


class DataFromQueue(DataFlow):
    """Takes datapoints from a queue, for ever; no length.

    Args:
        queue: anything with a blocking `get()`.
    """

    def __init__(self, queue: Any):
        self.queue = queue

    def __iter__(self) -> Iterator[Any]:
        while True:
            yield self.queue.get()

    def _never_ends(self) -> bool:
        return True


class DataFromList(RNGDataFlow):
    """Yields the elements of a list, in a new random order in each pass unless told otherwise; `len` is exact.

    Args:
        lst: sequence of datapoints; its own objects are yielded, not copies. For arrays `x` and `y` with all images and all
            labels write `list(zip(x, y))`; `[x, y]` would be two datapoints, which is warned of.
        shuffle: whether to shuffle; only then `reset_state()` is needed.
        packed: keep the datapoints pickled in one array, and yield copies. A long list of small objects costs each forked
            worker its own copy otherwise, since the reference counts in its pages change.
    """

    _reads_at_random = True

    def __init__(self, lst: Sequence[Any], shuffle: bool = True, *, packed: bool = False):
        if not hasattr(lst, "__getitem__") or not hasattr(lst, "__len__"):
            raise TypeError("DataFromList: lst must be a list of datapoints; got {}; try list(it), or DataFromGenerator".format(
                shown(lst)))
        warn_of_columns("DataFromList", lst)
        self.lst = PackedList(lst) if packed else lst
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.packed = true_or_false(self, "packed", packed)

    def __len__(self) -> int:
        return len(self.lst)

    def _in_memory(self) -> Any:
        if type(self.lst) in (list, tuple, np.ndarray):  # others may do anything to get an element
            return self.lst[self._own(len(self.lst))[0]]
        return None

    def __iter__(self) -> Iterator[Any]:
        for k in shuffled_indices(len(self.lst), self.shuffle, self):
            yield self.lst[k]


class DataFromIterable(DataFlow):
    """Yields the elements of an iterable.

    Args:
        iterable: iterated anew in each pass. Its length, if it has one, is read now and becomes `len`.
    """

    def __init__(self, iterable: Iterable[Any]):
        warn_of_columns("DataFromIterable", iterable)
        self._serves_one_pass = isinstance(iterable, Iterator)
        self._iterable = iterable
        sized: Any = iterable
        try:
            self._len: Optional[int] = len(sized)
        except (TypeError, NotImplementedError):
            self._len = None

    def __len__(self) -> int:
        return super().__len__() if self._len is None else self._len

    def __iter__(self) -> Iterator[Any]:
        return iter(self._iterable)


class DataFromGenerator(DataFlow):
    """Yields what a generator yields.

    Args:
        gen: a callable that returns an iterable and is called in each pass (a generator function), or an iterable. A generator
            *object* serves one pass only: later passes are empty.
    """

    def __init__(self, gen: Union[Callable[[], Iterable[Any]], Iterable[Any]]):
        if not callable(gen) and not hasattr(gen, "__iter__"):
            raise TypeError("DataFromGenerator: gen must be an iterable, or a callable that returns one; got {!r}".format(gen))
        if callable(gen):
            check_function(self, "gen", gen, "without an argument", 0)
        warn_of_columns("DataFromGenerator", gen)
        self._serves_one_pass = isinstance(gen, Iterator)
        self._gen = gen

    def __len__(self) -> int:
        gen: Any = self._gen
        return len(gen) if hasattr(gen, "__len__") else super().__len__()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._gen() if callable(self._gen) else self._gen)
