"""`ShardData`: the part of a flow that is for one of several readers."""
from __future__ import annotations

import copy
from typing import Any, Iterator, Optional

from ...utils._arguments.flags import true_or_false
from ...utils._arguments.numbers import whole_number
from .._same_everywhere import check_same_everywhere
from ..base import DataFlow, Division, ProxyDataFlow, known_length


class ShardData(ProxyDataFlow):
    """The datapoints of a flow that are for one of several readers, such as the ranks of a training: each is for one of them.

    A flow that can be read at random (a list, a dataset, or the files of TarData, LMDBData with `shuffle` and their like) reads
    its part only, the same in each pass, and may shuffle: its own random stream gives its part an order. Any other flow is read
    as a whole by every reader, who drops what is for others; so it must give the same datapoints in the same order to each of
    them, which one that shuffles, or mixes what parallel workers make, does not.

    The part is the datapoints of index `rank`, `rank + size`, ..., or as many side by side for flows that read in blocks
    (ParquetData, ArrowData, ZarrData). Put this around the source, where datapoints are cheap. Infinite if that flow is.

    Args:
        ds: the flow.
        size, rank: number of readers, and which of them this is, from 0 on.
        equal: give all readers equally many, so that they make as many steps; what is left over, less than `size`, is for
            nobody. Otherwise each datapoint is for one of them, as validation needs it.

    Raises:
        ValueError: there are fewer datapoints than readers, who shall have equally many; or the flow has to be read as a whole,
            and is known to differ from reader to reader.
    """

    def __init__(self, ds: DataFlow, size: int, rank: int, *, equal: bool = True):
        super().__init__(ds)
        self._size = whole_number(self, "size", size, minimum=1)
        self._rank = whole_number(self, "rank", rank, minimum=0)
        if self._rank >= self._size:
            raise ValueError("ShardData: rank must be less than size; got {} and {}".format(self._rank, self._size))
        self.equal = true_or_false(self, "equal", equal)
        self._num_all = length = known_length(ds)
        if equal and length is not None and length < self._size:
            raise ValueError("ShardData: there must be a datapoint for each of {} readers; got {} in {!r}; use fewer "
                             "readers".format(self._size, length, ds))
        division = Division(self._size, self._rank, equal)
        part = ds._divided(division) if isinstance(ds, DataFlow) else None
        self._reads_all = part is None
        if part is not None:
            self.ds = part
        elif self._size > 1:
            check_same_everywhere("ShardData", ds)

    def __len__(self) -> int:
        if self._reads_all:
            return len(Division(self._size, self._rank, self.equal).of(range(len(self.ds))))
        return self.ds._num_own()

    def words_of_part(self) -> Optional[str]:
        """Which of the datapoints these are, with numbers where they are known; None if they are all."""
        if self._size == 1:
            return None
        num_own = known_length(self)
        numbers = "" if num_own is None else ", {} of {} datapoints".format(num_own, self._num_all)
        return "reader {} of {}{}".format(self._rank, self._size, numbers)

    def __iter__(self) -> Iterator[Any]:
        return self._among(iter(self.ds)) if self._reads_all else iter(self.ds)

    def _among(self, datapoints: Iterator[Any]) -> Iterator[Any]:
        mine: Any = None
        for index, datapoint in enumerate(datapoints):
            position = index % self._size
            if position == self._rank:
                if not self.equal:
                    yield datapoint
                    continue
                mine = datapoint
            if self.equal and position == self._size - 1:  # only now it is known that all have one
                yield mine
                mine = None

    def _divided(self, division: Division) -> Optional[DataFlow]:
        part = None if self._reads_all else self.ds._divided(division)
        if part is None:
            return None
        shard = copy.copy(self)
        shard.ds = part
        return shard
