"""How many of how many datapoints were dropped, told when a pass is over."""
from __future__ import annotations

import time
from typing import Union

from ....utils import logger
from ...base import DataFlow
from ..endless import name_of

_INTERVAL = 10.0  # seconds; passes that end sooner after a word are told of with the next one


class DropCount:
    """Logs at the end of a pass how many of its datapoints were dropped, if any.

    Args:
        owner: who drops them.
        how: what is done to them, such as "its function returned None for".
    """

    def __init__(self, owner: Union[DataFlow, str], how: str):
        self._owner = name_of(owner)
        self._how = how
        self._due = 0.0
        self._begin()

    def _begin(self) -> None:
        self._num_dropped = self._num_datapoints = self._num_passes = 0

    def end_pass(self, num_dropped: int, num_datapoints: int) -> None:
        """A pass of so many datapoints is over."""
        self._num_dropped += num_dropped
        self._num_datapoints += num_datapoints
        self._num_passes += 1
        if not self._num_dropped:
            self._begin()
        elif time.monotonic() >= self._due:
            logger.info("[%s] %s %d of %d datapoints of %s.", self._owner, self._how, self._num_dropped, self._num_datapoints,
                        "a pass" if self._num_passes == 1 else "the last {} passes".format(self._num_passes))
            self._due = time.monotonic() + _INTERVAL
            self._begin()
