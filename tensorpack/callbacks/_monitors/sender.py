"""Sends to a service from a thread of its own, so that a service that is slow or away neither stops nor slows a training."""
from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Optional

from ...utils import logger

_CAPACITY = 10000  # calls that wait; what comes while as many do is left out


class BackgroundSender:
    """Makes calls one after the other, in the order in which they were put, in a daemon thread.

    A call that fails is left out, with one warning for the first failure and the number of all at the end.

    Args:
        who: the monitor, for messages.
        service: what it sends to, for messages.
    """

    def __init__(self, who: str, service: str):
        self._who = who
        self._service = service
        self._calls: Deque[Callable[[], Any]] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._since: Optional[float] = None  # when the call began that is made now
        self._failed = self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="{}-sender".format(who), daemon=True)
        self._thread.start()

    def put(self, call: Callable[[], Any]) -> None:
        """Have `call` made later; returns at once."""
        with self._changed:
            since, is_full = self._since, len(self._calls) >= _CAPACITY
            if is_full:
                self._left_out += 1
            else:
                self._calls.append(call)
                self._changed.notify_all()
        if is_full and self._left_out == 1:
            waits = "one call has not returned for {:.0f} seconds".format(time.monotonic() - since) if since else "it is slow"
            logger.warning("%s: %d calls wait for %s (%s); what comes now is left out, and the training goes on.", self._who,
                           _CAPACITY, self._service, waits)

    def close(self, seconds: float) -> bool:
        """Wait until all is sent, for at most so many seconds; whether it is. Nothing is sent after that."""
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._calls) + (self._since is not None)
            self._calls.clear()
        if left:
            logger.warning("%s: %s has not taken the last %d calls within %g seconds; they are given up.", self._who,
                           self._service, left, seconds)
        if self._failed or self._left_out:
            logger.warning("%s: %d calls failed and %d were left out.", self._who, self._failed, self._left_out)
        return not left

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._calls and not self._ends:
                    self._changed.wait()
                if not self._calls:
                    return
                call = self._calls.popleft()
                self._since = time.monotonic()
            try:
                call()
            except Exception as e:  # whatever a client of a service raises
                self._failed += 1
                if self._failed == 1:
                    logger.warning("%s: cannot send to %s, and the training goes on without: %s: %s", self._who, self._service,
                                   type(e).__name__, e)
            finally:
                with self._changed:
                    self._since = None
