"""`as_torch`: a flow as an IterableDataset of PyTorch."""
from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np

from ...utils._rng import StreamOrigin, set_worker_index
from ...utils.argtools import memoized
from ...utils.optional import optional_import
from .._parallel.worker_flow import WorkerFlow
from .._passes import flows_in
from ..base import DataFlow
from ._passes import Passes, convert, dealt

torch = optional_import("torch", needed_by="as_torch", pip="torch")


def as_torch(df: DataFlow, *, size: Optional[int] = None, rank: Optional[int] = None, equal: bool = True) -> Any:
    """A `torch.utils.data.IterableDataset` of the datapoints of a flow; each iteration is a pass.

    Arrays and NumPy scalars become tensors, on the memory of the arrays: nothing is copied, and what lies in shared memory of
    worker processes is not used again as long as a tensor of it exists. Arrays that may not be written to, or whose layout
    PyTorch lacks, are copied. Other components stay as they are. `len` is that of the flow.

    Datapoints that are batches (of BatchData) go to `DataLoader(dataset, batch_size=None)`, or are used without a DataLoader.
    For work in processes, either let the flow have them (MultiProcessRunnerZMQ, MultiProcessMapData), which hand over batches
    without a copy, or `DataLoader(..., num_workers=n)`, not both. In the latter case, and with several ranks, each process gets
    its part of the datapoints as far down in the flow as possible, below maps and batches: see ShardData for which flows can be
    divided, and that each process has the same part in each pass. Nothing is read twice. Random streams of workers come from
    the seed that PyTorch gives them, so that `torch.manual_seed` repeats them.

    In one process it can be iterated once at a time. The flow is reset by the first pass in a process.

    Args:
        df: the flow.
        size, rank: number of processes that train together, and which of them this is; those of `torch.distributed` by
            default, if that is initialized now, else one.
        equal: give all ranks equally many datapoints, and so steps, which is what DistributedDataParallel needs; less than
            `size` are left over, for nobody. Otherwise each is for one of them, for validation.

    Raises:
        ImportError: PyTorch is not installed.
        TypeError: `df` is no DataFlow.
        ValueError: there are fewer datapoints than ranks, or the flow cannot be divided; in a worker of a DataLoader as well.
        RuntimeError: during iteration, it is iterated already; or the flow has workers of its own within those of a DataLoader.
    """
    if (size is None) != (rank is None):
        raise ValueError("as_torch: size and rank must be given together; got size={} and rank={}".format(size, rank))
    if size is None or rank is None:
        size, rank = _of_distributed()
    return _make(Passes("as_torch", df, size, rank, equal))


def _of_distributed() -> Any:
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size(), distributed.get_rank()
    return 1, 0


def _make(passes: Passes) -> Any:
    return _dataset_class()(passes)


@memoized
def _dataset_class() -> Any:
    """The class, which cannot be made before PyTorch is imported."""

    base: Any = torch.utils.data.IterableDataset

    class DataFlowDataset(base):
        """A flow as a dataset of PyTorch; see `as_torch`."""

        def __init__(self, passes: Passes):
            self._passes = passes
            self._is_prepared = False  # whether this is a worker that has its part of the flow

        def __reduce__(self) -> Any:
            return _make, (self._passes,)

        def __len__(self) -> int:
            return len(self._passes)

        def __iter__(self) -> Iterator[Any]:
            worker = torch.utils.data.get_worker_info()
            if worker is not None and not self._is_prepared:
                _prepare_worker(self._passes, worker)
                self._is_prepared = True
            return (convert(dp, _as_tensor) for dp in self._passes)

        def __repr__(self) -> str:
            return "as_torch({!r})".format(self._passes.flow)

    return DataFlowDataset


def _prepare_worker(passes: Passes, worker: Any) -> None:
    for flow in flows_in(passes.flow):
        if isinstance(flow, WorkerFlow):
            raise RuntimeError("as_torch: the flow must have no workers of its own within those of a DataLoader; got {!r}; use "
                               "num_workers=0, or leave that flow out".format(flow))
    set_worker_index(0, origin=StreamOrigin(worker.seed, (passes.rank,)))
    passes.flow = dealt(passes.flow, worker.num_workers, worker.id, False)


def _as_tensor(array: np.ndarray) -> Any:
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = np.array(array)
    try:
        return torch.from_numpy(array)
    except TypeError as e:
        raise TypeError("as_torch: arrays must be of a dtype that PyTorch has; got {}; convert them by MapData".format(
            array.dtype)) from e
