"""Counts what strangers send, and says so now and then."""
from __future__ import annotations

import collections
import threading
import time
from typing import Dict, Tuple

from .. import logger

_MAX_KINDS = 20  # of a report; whoever connects can make up more
_REST = "others"


class StrayLog:
    """Counts messages that are not ours, and logs them: the first one at once, then at most once in a while.

    Args:
        who: the receiver, named in the log.
        seconds: between two reports.

    Attributes:
        count: how many there were.
    """

    SECONDS = 60.0

    def __init__(self, who: str):
        self.count = 0
        self._who = who
        self._kinds: Dict[Tuple[str, str], int] = collections.OrderedDict()
        self._next = 0.0
        self._lock = threading.Lock()

    def add(self, reason: str, sender: str = "") -> None:
        """Count one message, or attempt to connect.

        Args:
            reason: what is wrong with it.
            sender: its address, if it is known.
        """
        with self._lock:
            self.count += 1
            kind = (sender or "an unknown address", reason)
            if kind not in self._kinds and len(self._kinds) >= _MAX_KINDS:
                kind = (_REST, "of various kinds")
            self._kinds[kind] = self._kinds.get(kind, 0) + 1
        self.report()

    def report(self, now: bool = False) -> None:
        """Log what has come since the last report, if that is long ago, or `now`."""
        with self._lock:
            if not self._kinds or not now and time.monotonic() < self._next:
                return
            self._next = time.monotonic() + self.SECONDS
            kinds, self._kinds = self._kinds, collections.OrderedDict()
        logger.warning("%s: dropped what is not ours: %s", self._who, "; ".join(
            "{} from {}: {}".format(number, sender, reason) for (sender, reason), number in kinds.items()))
