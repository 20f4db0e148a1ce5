"""Sends to a service from a thread of its own, so that a service that is slow or away neither stops nor slows a training."""
from __future__ import annotations

import os
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, List, Optional, Tuple

from ...utils import logger

_CAPACITY = 10000  # items that wait; what comes while as many do is left out
_MOST_TOGETHER = 1000  # items in one call

# The Python code of a service's client holds up that of the training. When all is sent, the thread rests for so many times the
# CPU time that it took, but no longer than so many seconds; what comes meanwhile is sent together.
_REST_PER_CPU_TIME, _LONGEST_REST = 100.0, 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 60.0  # seconds between two tries to open a service

Send = Callable[[List[Any]], Any]


class BackgroundSender:
    """Makes calls one after the other, in the order in which they were put, in a daemon thread.

    A call that fails is left out, with one warning for the first failure and the number of all at the end. In a process that
    was forked later there is no thread: nothing is sent there, which is warned of, and nothing that the other one waits for is
    touched.

    Args:
        who: the monitor, for messages.
        service: what it sends to, for messages.
        open: is called before all others, and again until it succeeds; in the end once more.
    """

    def __init__(self, who: str, service: str, open: Callable[[], Any] = lambda: None):
        self._who = who
        self._service = service
        self._open = open
        self._process = self._warned_process = os.getpid()
        self._is_away = False  # it could not be opened, the last time
        self._calls: Deque[Tuple[Send, Any]] = deque()
        self._changed = threading.Condition()
        self._ends = False
        self._since: Optional[float] = None  # when the call began that is made now
        self._in_call = self._failed = self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="{}-sender".format(who), daemon=True)
        self._thread.start()

    def _is_forked(self) -> bool:
        """Whether this is a child of the process with the thread; its copies of locks may be taken for good."""
        return os.getpid() != self._process

    def put(self, call: Callable[[], Any]) -> bool:
        """Have `call` made later, unless too many wait or the service could not be opened: what it holds may be big. Returns at
        once, whether it will be made."""
        if self._is_forked():
            return self._refuse_forked()
        with self._changed:
            if self._is_away:
                self._left_out += 1
                return False
        return self.put_item(lambda items: call(), None)

    def put_item(self, send: Send, item: Any) -> bool:
        """Have `send` called later with a list of items: this one and the next that wait for the same `send`, but no more than
        1,000. Returns at once, whether it will be called: not if too many wait."""
        if self._is_forked():
            return self._refuse_forked()
        with self._changed:
            since, is_full = self._since, len(self._calls) >= _CAPACITY
            if is_full:
                self._left_out += 1
            else:
                self._calls.append((send, item))
                self._changed.notify_all()
        if is_full and self._left_out == 1:
            waits = "one call has not returned for {:.0f} seconds".format(time.monotonic() - since) if since else "it is slow"
            logger.warning("%s: %d calls wait for %s (%s); what comes now is left out, and the training goes on.", self._who,
                           _CAPACITY, self._service, waits)
        return not is_full

    def _refuse_forked(self) -> bool:
        if self._warned_process != os.getpid():
            self._warned_process = os.getpid()
            logger.warning("%s: what process %d puts is left out; it was forked from the training, process %d, which sends "
                           "to %s. Hand the values to that one.", self._who, os.getpid(), self._process, self._service)
        return False

    def close(self, seconds: float) -> bool:
        """Wait until all is sent, for at most so many seconds; whether it is. Nothing is sent after that."""
        if self._is_forked():
            return True  # nothing of this process waits
        with self._changed:
            self._ends = True
            self._changed.notify_all()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._calls) + self._in_call
            self._calls.clear()
        if left:
            logger.warning("%s: %s has not taken the last %d calls within %g seconds; they are given up.", self._who,
                           self._service, left, seconds)
        if self._failed or self._left_out:
            logger.warning("%s: %d calls failed and %d were left out.", self._who, self._failed, self._left_out)
        return not left

    def _run(self) -> None:
        if not self._is_opened():
            with self._changed:
                self._failed += len(self._calls)
                self._calls.clear()
            return
        cpu_time = 0.0
        while True:
            with self._changed:
                if not self._calls:
                    self._changed.wait_for(lambda: self._ends, min(cpu_time * _REST_PER_CPU_TIME, _LONGEST_REST))
                    cpu_time = 0.0
                self._changed.wait_for(lambda: self._calls or self._ends)
                if not self._calls:
                    return
                send, items = self._take()
            start = time.thread_time()
            try:
                send(items)
            except Exception as e:  # whatever a client of a service raises
                self._failed += len(items)
                if self._failed == len(items):
                    logger.warning("%s: cannot send to %s, and the training goes on without: %s: %s", self._who, self._service,
                                   type(e).__name__, e)
            finally:
                cpu_time += time.thread_time() - start
                with self._changed:
                    self._since, self._in_call = None, 0

    def _is_opened(self) -> bool:
        """Open the service, however long that takes; False when all is over before."""
        pause = _FIRST_PAUSE
        while True:
            is_last = self._ends
            try:
                self._open()
                self._is_away = False
                return True
            except Exception as e:  # as of the calls
                if pause == _FIRST_PAUSE:
                    logger.warning("%s: cannot send to %s, and the training goes on without; it is tried again: %s: %s",
                                   self._who, self._service, type(e).__name__, e)
            self._is_away = True
            if is_last:
                return False
            with self._changed:
                self._changed.wait_for(lambda: self._ends, pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _take(self) -> Tuple[Send, List[Any]]:
        """The next call, with all items that it can have."""
        send = self._calls[0][0]
        items: List[Any] = []
        while self._calls and self._calls[0][0] == send and len(items) < _MOST_TOGETHER:
            items.append(self._calls.popleft()[1])
        self._since, self._in_call = time.monotonic(), len(items)
        return send, items
