"""States that hold those before them as well."""
from __future__ import annotations

from collections import deque
from typing import Any, Deque, List, Sequence, Tuple

import numpy as np

from .envbase import ProxyPlayer, RLEnvironment

__all__ = ["HistoryBuffer", "HistoryFramePlayer", "TimePointHistoryFramePlayer"]


class HistoryBuffer:
    """The last `hist_len` arrays, joined along an axis; zeros stand for those that there are not yet."""

    def __init__(self, hist_len: int, concat_axis: int = 2):
        self.buf: Deque[np.ndarray] = deque(maxlen=hist_len)
        self.concat_axis = concat_axis

    def push(self, s: np.ndarray) -> None:
        """Add an array."""
        self.buf.append(s)

    def clear(self) -> None:
        """Forget all arrays."""
        self.buf.clear()

    def get(self) -> np.ndarray:
        """The arrays, the oldest one first."""
        missing = (self.buf.maxlen or 0) - len(self.buf)
        return _joined([np.zeros_like(self.buf[0])] * missing + list(self.buf), self.concat_axis)


class HistoryFramePlayer(ProxyPlayer):
    """The state is the last `hist_len` ones of the episode, joined along axis 2, with zeros in front at its beginning."""

    def __init__(self, player: RLEnvironment, hist_len: int):
        super().__init__(player)
        self.history = HistoryBuffer(hist_len, 2)
        self.history.push(self.player.current_state())

    def current_state(self) -> np.ndarray:
        return self.history.get()

    def action(self, act: Any) -> Tuple[float, bool]:
        reward, is_over = self.player.action(act)
        if is_over:
            self.history.clear()
        self.history.push(self.player.current_state())
        return reward, is_over

    def restart_episode(self) -> None:
        super().restart_episode()
        self.history.clear()
        self.history.push(self.player.current_state())


class TimePointHistoryFramePlayer(HistoryFramePlayer):
    """As `HistoryFramePlayer`, of some times only.

    Args:
        hists: how many states ago; the first one is 0, the present.
    """

    def __init__(self, player: RLEnvironment, hists: Sequence[int]):
        if not hists or hists[0] != 0 or list(hists) != sorted(hists):
            raise ValueError("TimePointHistoryFramePlayer: hists must rise from 0; got {!r}".format(hists))
        super().__init__(player, hists[-1] + 1)
        self.hists = list(hists)

    def current_state(self) -> np.ndarray:
        known = list(self.history.buf)
        wanted = [known[-1 - ago] if ago < len(known) else np.zeros_like(known[0]) for ago in reversed(self.hists)]
        return _joined(wanted, 2)


def _joined(arrays: List[np.ndarray], axis: int) -> np.ndarray:
    if arrays[0].ndim == axis:
        arrays = [np.expand_dims(array, axis) for array in arrays]
    return np.concatenate(arrays, axis=axis)
