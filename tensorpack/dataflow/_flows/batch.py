"""Groups datapoints into batches."""
from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.numbers import whole_number
from ...utils._text.spec import describe
from ..base import CreatedByReset, DataFlow, DataFlowReentrantGuard, ProxyDataFlow, known_length
from ._told.datapoint_error import component_of
from .collate import collate, collate_values, same_kind_of_error
from .endless import Swallowed


class BatchData(ProxyDataFlow):
    """Stacks `batch_size` datapoints into one: component k has a new first dimension.

    List and tuple datapoints become a list, dict datapoints a dict. Order is kept. `len` is as exact as that of `ds`.

    A component of python bools becomes a bool array, ints int32 (int64 if one does not fit), floats or a mixture float32, str
    and bytes stay what they are; for arrays and numpy scalars the dtype of the first one decides, and a cast that can lose
    something is warned of once. Large batches lie in recycled memory that TensorFlow takes without a copy; a batch, or a view
    of it, that is still referenced is never overwritten.

    Args:
        ds: flow of list, tuple or dict datapoints. Within a batch all must have the same components, of equal shapes.
        batch_size: datapoints per batch.
        remainder: whether the last, smaller batch of a pass is produced; otherwise those datapoints are dropped.
        use_list: leave each component a plain list instead of an array; any type and shape will do.

    Raises:
        ValueError: at construction, when `ds` is known to be shorter than a batch and `remainder` is False; during iteration,
            when datapoints do not fit together.
        TypeError: during iteration, for elements that make no array, or of kinds that do not go together.
    """

    def __init__(self, ds: DataFlow, batch_size: int, remainder: bool = False, use_list: bool = False):
        super().__init__(ds)
        self.batch_size = whole_number(self, "batch_size", batch_size, minimum=1)
        self.remainder = true_or_false(self, "remainder", remainder)
        self.use_list = true_or_false(self, "use_list", use_list)
        self._check_length()

    def _check_length(self) -> None:
        length = None if self.remainder else known_length(self.ds)
        if length is not None and self.batch_size > length:
            raise ValueError("{}: batch_size must not exceed the length of the DataFlow; got {} for {} datapoints; use a "
                             "smaller one, remainder=True, or RepeatedData".format(
                                 type(self).__name__, self.batch_size, length))

    def __len__(self) -> int:
        batches, rest = divmod(len(self.ds), self.batch_size)
        return batches + 1 if rest and self.remainder else batches

    def __iter__(self) -> Iterator[Any]:
        holder: List[Any] = []
        count = 0
        for dp in self.ds:
            holder.append(dp)
            if len(holder) == self.batch_size:
                yield self._aggregate(holder, count)
                count += 1
                holder = []
        if self.remainder and holder:
            yield self._aggregate(holder, count)
        elif holder and not count:
            self._swallowed = Swallowed("has read {} datapoints, fewer than its batch_size={}".format(
                len(holder), self.batch_size))

    def _not_each_once(self) -> Optional[str]:
        length = known_length(self.ds)
        if self.remainder or self.batch_size == 1 or length is not None and not length % self.batch_size:
            return None
        lost = "drops up to {} datapoints".format(self.batch_size - 1)
        if length is not None:
            lost = "drops the last {} of {} datapoints".format(length % self.batch_size, length)
        return lost + " of a pass, which make no batch of {}; use remainder=True".format(self.batch_size)

    def _aggregate(self, holder: Sequence[Any], index: int) -> Any:
        try:
            return self.aggregate_batch(holder, self.use_list)
        except (TypeError, ValueError) as e:
            raise same_kind_of_error(e, "{}(batch_size={}): batch {}, {}".format(
                type(self).__name__, self.batch_size, index, e)) from e

    @staticmethod
    def aggregate_batch(data_holder: Sequence[Any], use_list: bool = False) -> Any:
        """Batch a list of datapoints.

        Args:
            data_holder: list of datapoints, all lists or tuples of one length, or all dicts with the keys of the first.
            use_list: leave the components lists.

        Returns:
            a list, or for dict datapoints a dict, of batched components.
        """
        return collate(data_holder, use_list)

    @staticmethod
    def _batch_numpy(data_list: Sequence[Any]) -> np.ndarray:
        return collate_values(data_list)


class BatchDataByShape(BatchData):
    """Batches datapoints whose component `idx` has the same shape: one bucket per shape, a batch whenever a bucket is full.

    Leftovers stay in their buckets for later passes, so a pass may be empty, and another one not; `reset_state()` clears them.
    `len` is that of BatchData, but at least 1, and only a hint. One iteration at a time. Many datapoints in the buckets are
    warned about.

    Args:
        ds: flow of list, tuple or dict datapoints.
        batch_size: datapoints per batch.
        idx: index or key of the component, an array, that tells the shape.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, ds: DataFlow, batch_size: int, idx: Any):
        super().__init__(ds, batch_size, remainder=False)
        self.idx = idx

    def _check_length(self) -> None:
        """Buckets may need several passes to fill."""

    def __len__(self) -> int:
        return max(super().__len__(), min(len(self.ds), 1))

    def reset_state(self) -> None:
        super().reset_state()
        self._guard = DataFlowReentrantGuard(owner=self)
        self._buckets: Dict[Tuple[int, ...], List[Any]] = {}
        self._num_kept = 0
        self._next_warning = max(1000, 20 * self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            count, before = 0, self._num_kept
            for dp in self.ds:
                shape = self._shape_of(dp)
                bucket = self._buckets.setdefault(shape, [])
                bucket.append(dp)
                self._num_kept += 1
                if len(bucket) == self.batch_size:
                    del self._buckets[shape]
                    self._num_kept -= self.batch_size
                    yield self._aggregate(bucket, count)
                    count += 1
                elif self._num_kept >= self._next_warning:
                    self._warn()
            if not count and self._num_kept > before:
                self._swallowed = Swallowed("keeps {} datapoints of {} shapes until there are batch_size={} of one".format(
                    self._num_kept, len(self._buckets), self.batch_size), is_kept=True)

    def _not_each_once(self) -> Optional[str]:
        if self.batch_size == 1:
            return None
        return ("keeps up to {} datapoints of each shape for the next pass; use BatchData(ds, 1), or datapoints of one shape "
                "and BatchData(ds, {}, remainder=True)".format(self.batch_size - 1, self.batch_size))

    def _warn(self) -> None:
        self._next_warning *= 10
        logger.warning("[%s] keeps %d datapoints of %d shapes, since those of a shape come out when there are batch_size=%d; "
                       "use a smaller one, or fewer shapes.", type(self).__name__, self._num_kept, len(self._buckets),
                       self.batch_size)

    def _shape_of(self, dp: Any) -> Tuple[int, ...]:
        component = component_of(dp, self.idx, type(self).__name__, "idx")
        if not hasattr(component, "shape"):
            raise TypeError("{}(idx={!r}): this component must be an array; got {}".format(
                type(self).__name__, self.idx, describe(component)))
        return tuple(component.shape)
