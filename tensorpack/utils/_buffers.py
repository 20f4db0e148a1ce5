"""Recycled memory for big arrays, aligned so that TensorFlow takes them without a copy.

An array of a pool goes back when it and all its views have died, in Python and in TensorFlow alike.
"""
from __future__ import annotations

import collections
import functools
import operator
import os
import threading
import weakref
from typing import Any, Deque, Dict, List, Sequence, Union

import numpy as np

_ALIGNMENT = 64  # bytes; TensorFlow copies what is aligned less
_SMALL = 64 * 1024  # bytes; below this a copy costs less than the bookkeeping
_PAGE = 4096
_PATIENCE = 0.2  # seconds to wait for the lock, which is held for microseconds unless a finalizer interrupted its holder


class BufferPool:
    """A source of uninitialised arrays. Safe to use from many threads and after a fork.

    Args:
        max_free_bytes: how much memory may lie idle; beyond this the size that was not asked for longest is given up.
    """

    def __init__(self, max_free_bytes: int = 256 << 20):
        self.max_free_bytes = max_free_bytes
        self._forget_all()

    def empty(self, shape: Union[int, Sequence[int]], dtype: Any) -> np.ndarray:
        """An array like `np.empty(shape, dtype)`; from 64 KiB on it is aligned to 64 bytes and its memory recycled."""
        dtype = np.dtype(dtype)
        dimensions = tuple(operator.index(d) for d in (shape if np.iterable(shape) else (shape,)))
        count = functools.reduce(operator.mul, dimensions, 1)
        num_bytes = count * dtype.itemsize
        if num_bytes < _SMALL or dtype.hasobject or min(dimensions, default=0) < 0:
            return np.empty(shape, dtype)
        memory = self._take(_round_up(num_bytes))
        # The base of every view is this flat array, not the array that is returned: numpy skips views on the way to it.
        flat = np.frombuffer(memory.data[:num_bytes], dtype=dtype)
        weakref.finalize(flat, self._give_back, memory).atexit = False
        return flat.reshape(dimensions)

    def _take(self, size: int) -> np.ndarray:
        if self._pid != os.getpid():  # a fork may have caught the lock held
            self._forget_all()
        memory = None
        # Waiting beats allocating: the holder may have lost its time slice, and every miss adds a buffer for good.
        if self._lock.acquire(timeout=_PATIENCE):
            try:
                self._collect()
                memory = self._pop(size)
            finally:
                self._lock.release()
            self._collect_unless_busy()
        return self._allocate(size) if memory is None else memory

    def _allocate(self, size: int) -> np.ndarray:
        """New memory: `size` bytes as an aligned uint8 array."""
        return _aligned_memory(size)

    def _give_back(self, memory: np.ndarray) -> None:
        """Runs at any moment, also within the garbage collection of a thread that holds the lock: so it never waits."""
        self._returned.append(memory)
        if self._pid == os.getpid():
            self._collect_unless_busy()

    def _collect_unless_busy(self) -> None:
        # Who holds the lock looks again after its release, so nothing stays behind.
        while self._returned and self._lock.acquire(False):
            try:
                self._collect()
            finally:
                self._lock.release()

    def _collect(self) -> None:
        """Sort what came back into the free lists, and give up what is too much. Needs the lock."""
        while self._returned:
            memory = self._returned.popleft()
            self._free.setdefault(memory.nbytes, []).append(memory)
            self._free_bytes += memory.nbytes
        while self._free_bytes > self.max_free_bytes:
            self._drop_one()

    def _pop(self, size: int) -> Any:
        memories = self._free.pop(size, None)
        if not memories:
            return None
        memory = memories.pop()
        if memories:
            self._free[size] = memories  # now the last to be given up
        self._free_bytes -= size
        return memory

    def _drop_one(self) -> None:
        size, memories = next(iter(self._free.items()))
        memory = memories.pop()
        if not memories:
            del self._free[size]
        self._free_bytes -= size
        self._give_up(memory)

    def _give_up(self, memory: np.ndarray) -> None:
        """Called when the pool has let go of memory for good."""

    def _forget_all(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._free: Dict[int, List[np.ndarray]] = collections.OrderedDict()  # size -> memory, oldest use first
        self._free_bytes = 0
        self._returned: Deque[np.ndarray] = collections.deque()  # not sorted in yet


def _round_up(num_bytes: int) -> int:
    """Few different sizes, with at most an eighth wasted, so that batches of nearly the same size share memory."""
    step = max(_PAGE, 1 << (num_bytes.bit_length() - 4))
    return -(-num_bytes // step) * step


def _aligned_memory(size: int) -> np.ndarray:
    memory = np.empty(size + _ALIGNMENT, dtype="uint8")
    offset = -memory.ctypes.data % _ALIGNMENT
    return memory[offset:offset + size]


_pool = BufferPool()


def aligned_empty(shape: Union[int, Sequence[int]], dtype: Any) -> np.ndarray:
    """`BufferPool.empty` of the pool that the whole process shares."""
    return _pool.empty(shape, dtype)


def set_process_pool(pool: BufferPool) -> None:
    """Let `aligned_empty` serve from `pool`, as in a worker whose arrays lie in shared memory."""
    global _pool
    _pool = pool
