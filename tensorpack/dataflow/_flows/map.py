"""Flows that change or drop single datapoints."""
from __future__ import annotations

import copy
from typing import Any, Callable, Collection, Iterator, List, Optional, Sequence

from ...utils._arguments.functions import check_function
from ...utils._text.keywords import keywords_told
from ...utils._text.note import add_note
from ...utils._text.spec import shown
from ..base import DataFlow, ProxyDataFlow, require_dataflow
from ._told.datapoint_error import component_of, texts_in, where
from ._told.drop_count import DropCount
from ._told.drop_streak import DropStreak
from ._told.in_place import InPlaceWatch
from .endless import Swallowed


class MapData(ProxyDataFlow):
    """Applies a function to each datapoint; order is kept.

    Args:
        ds: the flow to change.
        func: takes a datapoint, a shallow copy of that of `ds`, and returns the new one; None drops it, and `len`, which stays
            that of `ds`, is then too large. The log says at the end of a pass how many were dropped.

    Raises:
        TypeError: `func` is no function of one argument.
        ValueError: during iteration, when `ds` never ends and `func` drops all that it repeats.
    """

    _hands_on = True
    _keeps_texts = False  # whether some flow above wants to tell from which file an image came
    _drop_count: Optional[DropCount] = None  # made by the first pass that drops something

    def __init__(self, ds: DataFlow, func: Callable[[Any], Any]):
        super().__init__(ds)
        check_function(self, "func", func, "of the whole datapoint, one argument")
        self.func = func

    def __iter__(self) -> Iterator[Any]:
        watch = InPlaceWatch(type(self).__name__, self.ds)
        dropped, num_none, number = DropStreak(self, self.ds, "its function returns None for"), 0, -1
        for number, dp in enumerate(self.ds):
            if self._keeps_texts:
                self._last_texts = tuple(texts_in(dp))
            try:
                given = copy.copy(dp)
                kept = [] if number else watch.before(given)
                result = self.func(given)
            except Exception as e:
                if not self._is_tolerated(e, number, dp):
                    raise
                dropped.add()
                continue
            if kept:
                watch.after(kept)
            if result is None:
                dropped.add()
                num_none += 1
                continue
            if dropped.count:
                dropped.end()
            yield result
        if dropped.count == number + 1 > 0:
            self._swallowed = Swallowed("has read {} datapoints, and its function returns None for all of them".format(
                dropped.count))
        if num_none and self._drop_count is None:
            self._drop_count = DropCount(self, "its function returned None for")
        if self._drop_count is not None:
            self._drop_count.end_pass(num_none, number + 1)

    def _is_tolerated(self, error: Exception, number: int, dp: Any) -> bool:
        """Whether an error of the function just drops a datapoint; may raise another one in its place."""
        add_note(error, "{}: its function has failed on {}".format(type(self).__name__, where(number, dp, self.ds)))
        return False


class _ComponentMapper:
    """Applies a function to one component of a datapoint; a class, so that it can be pickled."""

    def __init__(self, func: Callable[[Any], Any], index: Any, who: str):
        self._func = func
        self._index = index
        self._who = who

    def __call__(self, dp: Any) -> Any:
        result = self._func(component_of(dp, self._index, self._who, "index"))
        if result is None:
            return None
        changed = list(dp) if isinstance(dp, tuple) else copy.copy(dp)
        changed[self._index] = result
        return changed

    def __repr__(self) -> str:
        return getattr(self._func, "__qualname__", None) or repr(self._func)


class MapDataComponent(MapData):
    """Applies a function to one component of each datapoint; order is kept.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists; the list or dict of the original
            datapoint is not changed, but what `func` changes in a component itself, as `x *= 2` does, is changed in the source.
        func: takes the component and returns the new one; None drops the datapoint.
        index: position or dict key of the component.
    """

    def __init__(self, ds: DataFlow, func: Callable[[Any], Any], index: Any = 0):
        check_function(self, "func", func, "of the component, one argument")
        super().__init__(ds, _ComponentMapper(func, index, type(self).__name__))
        self.index = index


class _Selector:
    """Picks components of a datapoint; a class, so that it can be pickled."""

    def __init__(self, idxs: Sequence[Any]):
        self._idxs = list(idxs)

    def __call__(self, dp: Any) -> List[Any]:
        return [component_of(dp, k, "SelectComponent", "idxs") for k in self._idxs]

    def __repr__(self) -> str:
        return "select({!r})".format(self._idxs)


@keywords_told
def SelectComponent(ds: DataFlow, idxs: Sequence[Any]) -> MapData:
    """Select or reorder the components of each datapoint.

    Args:
        ds: the flow to change.
        idxs: positions, or keys of dict datapoints; the new datapoint is the list of these components.

    Returns:
        a MapData.

    Raises:
        TypeError: `idxs` is no list.
    """
    require_dataflow("SelectComponent", "ds", ds, following=idxs)
    if isinstance(idxs, str) or not isinstance(idxs, Collection):
        raise TypeError("SelectComponent: idxs must be a list of positions or keys; got {0}; write [{0}]".format(shown(idxs)))
    return MapData(ds, _Selector(idxs))
