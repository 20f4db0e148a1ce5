"""The receiver's view of the sender's slots, and which of them it has let go of."""
from __future__ import annotations

import os
import weakref
from collections import deque
from typing import Deque, Dict, List, Tuple

import numpy as np

from ....utils._buffers import aligned_empty
from . import memory as shared_memory

_num_forks = 0


def _before_fork() -> None:
    global _num_forks
    _num_forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


class Inbox:
    """Arrays in the memory of the other process.

    Args:
        max_held_bytes: while the arrays that are alive here take more, new ones are copied to private memory.
    """

    def __init__(self, max_held_bytes: int):
        self._memories: Dict[int, np.ndarray] = {}  # by slot number
        self._max_held = max_held_bytes
        self._held = 0
        self._dead: Deque[Tuple[int, int, int]] = deque()  # (slot, bytes, forks so far); finalizers append at any moment
        self._returned: List[int] = []

    def attach(self, number: int, fd: int, size: int) -> None:
        """Map a new slot; takes the descriptor over."""
        try:
            self._memories[number] = shared_memory.attach(fd, size)
        finally:
            os.close(fd)

    def has(self, number: int) -> bool:
        """Whether a slot is mapped."""
        return number in self._memories

    def forget(self, number: int) -> None:
        """The sender does not use a slot any more; its memory goes with the last array in it."""
        self._memories.pop(number, None)

    def close(self) -> None:
        """Let go of all slots; the memory of one goes with the last array in it."""
        self._memories.clear()

    def open(self, number: int, offset: int, num_bytes: int) -> np.ndarray:
        """The bytes at a place in a slot: a flat uint8 array, upon whose end, and that of all views of it, the slot returns."""
        view = self._memories[number].data[offset:offset + num_bytes]
        if self._held + num_bytes > self._max_held:
            copy = aligned_empty(num_bytes, "uint8")
            copy[:] = view
            self._returned.append(number)
            return copy
        self._held += num_bytes
        flat = np.frombuffer(view, dtype="uint8")
        weakref.finalize(flat, self._dead.append, (number, num_bytes, _num_forks)).atexit = False
        return flat

    def peek(self, number: int, num_bytes: int) -> memoryview:
        """The first bytes of a slot, which is returned at the next `collect`: use them before."""
        self._returned.append(number)
        return self._memories[number].data[:num_bytes]

    def collect(self) -> Tuple[List[int], List[int]]:
        """(slots to give back to the sender, slots that it has to give up) since the last call.

        A process that was forked while an array was alive goes on to see it, so its memory must not be written to again.
        """
        returned, self._returned = self._returned, []
        lost: List[int] = []
        while self._dead:
            number, num_bytes, num_forks = self._dead.popleft()
            self._held -= num_bytes
            (returned if num_forks == _num_forks else lost).append(number)
        return returned, lost
