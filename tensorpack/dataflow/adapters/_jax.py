"""`as_jax`: a flow as an iterable of arrays of JAX."""
from __future__ import annotations

from typing import Any, Iterator, Optional

import numpy as np

from ...utils.optional import optional_import
from ..base import DataFlow
from ._passes import Passes, convert

jax = optional_import("jax", needed_by="as_jax", pip="jax")


class JaxData:
    """The datapoints of a flow as arrays of JAX; made by `as_jax`."""

    def __init__(self, passes: Passes, device: Any):
        self._passes = passes
        self._device = device

    def __len__(self) -> int:
        return len(self._passes)

    def __iter__(self) -> Iterator[Any]:
        return (convert(dp, self._put) for dp in self._passes)

    def _put(self, array: np.ndarray) -> Any:
        return jax.device_put(array, self._device)

    def __repr__(self) -> str:
        return "as_jax({!r})".format(self._passes.flow)


def as_jax(df: DataFlow, *, device: Any = None, size: Optional[int] = None, rank: Optional[int] = None,
           equal: bool = True) -> JaxData:
    """An iterable of the datapoints of a flow; each iteration is a pass, `len` that of the flow.

    Arrays and NumPy scalars become arrays of JAX; 64-bit types become 32-bit ones unless JAX was told to have them. On the CPU,
    those that are aligned to 64 bytes, as large batches of BatchData are, stay where they are: what lies in shared memory of
    worker processes is not used again as long as an array of it exists. Do not write to an array afterwards that a flow keeps.
    Other components stay as they are. One iteration at a time. The flow is reset by the first pass.

    Args:
        df: the flow.
        device: a device of JAX, or a sharding; None for JAX's default.
        size, rank: number of processes that train together, and which of them this is; those of JAX by default. Each gets its
            part of the datapoints, as far down in the flow as possible: see ShardData.
        equal: whether all ranks get equally many datapoints, and so steps.

    Raises:
        ImportError: JAX is not installed.
        TypeError: `df` is no DataFlow.
        ValueError: there are fewer datapoints than ranks, or the flow cannot be divided.
        RuntimeError: during iteration, it is iterated already.
    """
    if (size is None) != (rank is None):
        raise ValueError("as_jax: size and rank must be given together; got size={} and rank={}".format(size, rank))
    if size is None or rank is None:
        size, rank = jax.process_count(), jax.process_index()
    return JaxData(Passes("as_jax", df, size, rank, equal), device)
