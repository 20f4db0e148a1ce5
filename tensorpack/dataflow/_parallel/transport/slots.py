"""The sender's slots of shared memory: recycled when both processes have let go of what lies in them.

Arrays that the sender makes in a slot (batches, by `aligned_empty`) are lent to the receiver as they are; others are copied
into a slot.
"""
from __future__ import annotations

import bisect
import os
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Tuple

import numpy as np

from ....utils._buffers import BufferPool, _aligned_memory, _round_up
from . import memory as shared_memory

_LAST = object()  # the holder that, when it is taken away, leaves nobody
_OTHER = object()


class Slot:
    """A piece of shared memory, known to both sides by its number."""

    def __init__(self, number: int, memory: np.ndarray):
        self.number = number
        self.memory = memory
        self.address = address_of(memory)
        self.size = memory.nbytes
        self.holders: List[Any] = []  # pop() is atomic: exactly one of several threads gets _LAST
        self.is_lost = False  # the receiver never gives it back


class SlotPool(BufferPool):
    """A BufferPool in shared memory.

    Args:
        max_free_bytes: see BufferPool.

    Attributes:
        announced: (slot number, descriptor, size) of new slots; the receiver must hear of them before it is sent a reference.
    """

    def __init__(self, max_free_bytes: int = 256 << 20):
        self._owner = os.getpid()
        self._slots: Dict[int, Slot] = {}  # by number
        self._addresses: List[int] = []  # sorted
        self._by_address: Dict[int, Slot] = {}
        self._num_created = 0
        self.announced: Deque[Tuple[int, int, int]] = deque()
        self._given_up: Deque[Slot] = deque()
        self._is_closed = False
        super().__init__(max_free_bytes)

    def lend(self, array: np.ndarray) -> Optional[Tuple[int, int]]:
        """Make the receiver a holder of the slot in which a contiguous array lies: (slot number, offset); None if in none."""
        address = address_of(array)
        slot = self._find(address, array.nbytes)
        if slot is None:
            return None
        slot.holders.append(_OTHER)
        return slot.number, address - slot.address

    def lend_new(self, num_bytes: int) -> Tuple[int, np.ndarray]:
        """A slot of at least `num_bytes` that only the receiver holds: (slot number, its memory to write to).

        Raises:
            OSError: there is no more shared memory.
        """
        memory = self._take(_round_up(num_bytes))
        slot = self._by_address.get(address_of(memory))
        if slot is None:
            raise OSError("this process has no shared memory")
        slot.holders[:] = [_LAST]
        return slot.number, slot.memory[:num_bytes]

    def empty(self, shape: Any, dtype: Any) -> np.ndarray:
        array = super().empty(shape, dtype)
        slot = self._by_address.get(address_of(array))
        if slot is not None:
            slot.holders[:] = [_LAST]
        return array

    def returned(self, number: int) -> None:
        """The receiver has let go of a slot."""
        self._drop_holder(self._slots[number])

    def lost(self, number: int) -> None:
        """The receiver keeps the memory of a slot for itself, so never write to it again."""
        slot = self._slots[number]
        slot.is_lost = True
        self._drop_holder(slot)

    def collect_given_up(self) -> List[int]:
        """Numbers of slots which the pool has let go of since the last call, to free memory."""
        numbers = []
        while self._given_up:
            slot = self._given_up.popleft()
            self._forget(slot)
            numbers.append(slot.number)
        return numbers

    def close(self) -> None:
        """Let go of all slots; the memory of one goes with the last array in it. Later arrays are private memory."""
        self._is_closed = True
        self.max_free_bytes = 0  # first: without the tables nobody knows which memory may be recycled
        if self._lock.acquire(False):  # else its holder does this
            try:
                self._collect()
            finally:
                self._lock.release()
        for table in (self._slots, self._by_address, self._addresses, self._given_up):
            table.clear()
        while self.announced:
            os.close(self.announced.popleft()[1])

    # ---- BufferPool

    def _allocate(self, size: int) -> np.ndarray:
        if self._is_closed or self._owner != os.getpid() or not shared_memory.is_supported:
            return _aligned_memory(size)
        try:
            fd = shared_memory.create(size)
        except OSError:
            return _aligned_memory(size)
        try:
            memory = shared_memory.attach(fd, size)
        except OSError:
            os.close(fd)
            return _aligned_memory(size)
        slot = Slot(self._num_created, memory)
        self._num_created += 1
        self._slots[slot.number] = slot
        self._by_address[slot.address] = slot
        bisect.insort(self._addresses, slot.address)
        self.announced.append((slot.number, fd, size))
        return memory

    def _give_back(self, memory: np.ndarray) -> None:
        if self._owner != os.getpid():
            return  # a forked copy of this process, which must not write to what the other two share
        slot = self._by_address.get(address_of(memory))
        if slot is None:
            super()._give_back(memory)
        else:
            self._drop_holder(slot)

    def _drop_holder(self, slot: Slot) -> None:
        if slot.holders.pop() is not _LAST:
            return
        if slot.is_lost:
            self._given_up.append(slot)
        else:
            super()._give_back(slot.memory)

    def _give_up(self, memory: np.ndarray) -> None:
        slot = self._by_address.get(address_of(memory))
        if slot is not None:
            self._given_up.append(slot)

    # ---- the table of slots

    def _find(self, address: int, num_bytes: int) -> Optional[Slot]:
        position = bisect.bisect_right(self._addresses, address)
        if not position:
            return None
        slot = self._by_address[self._addresses[position - 1]]
        # Another thread may have added a slot meanwhile: then this is the wrong one.
        return slot if slot.address <= address and address + num_bytes <= slot.address + slot.size else None

    def _forget(self, slot: Slot) -> None:
        del self._slots[slot.number], self._by_address[slot.address]
        del self._addresses[bisect.bisect_left(self._addresses, slot.address)]


def address_of(array: np.ndarray) -> int:
    """Where the data of an array starts."""
    return array.__array_interface__["data"][0]
