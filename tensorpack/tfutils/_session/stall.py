"""A watch over calls that do not end: it looks at the stacks of threads from time to time, which costs these nothing."""
from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, List, Optional, Set

from ...utils import logger
from .session_call import SessionCall, session_call
from .waiting import close_abandoned_queues, describe_call

__all__ = ["HeldCall", "StallWatch", "default_stall_seconds", "end_abandoned_wait", "stall_report", "training_threads"]

_VARIABLE = "TENSORPACK_STALL_SECONDS"
_DEFAULT_SECONDS = 300.0
_POLL_SECONDS = 5.0

# Threads of trainings, whose own watch tells more than that of a predictor which they call.
training_threads: Set[int] = set()


def default_stall_seconds() -> Optional[float]:
    """How long a call may take before the log says that it hangs: `TENSORPACK_STALL_SECONDS`, else 300; None for 0."""
    text = os.environ.get(_VARIABLE, "")
    try:
        seconds = float(text) if text else _DEFAULT_SECONDS
    except ValueError:
        logger.warning("%s must be a number of seconds, 0 for never; got %r; it is %d.", _VARIABLE, text, _DEFAULT_SECONDS)
        return _DEFAULT_SECONDS
    return seconds if seconds > 0 else None


class HeldCall:
    """A call that a thread has been in for a while.

    Attributes:
        frame: that of the function that was called.
        innermost: what the thread is at.
        seconds: how long it has been there.
    """

    def __init__(self, frame: Any):
        self.frame = frame
        self.innermost: Any = None
        self.is_reported = False
        self._since = time.monotonic()
        self._run: Optional[SessionCall] = None
        self._frame_of_run: Any = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._since

    def session_call(self) -> Optional[SessionCall]:
        """The run of a session that it is in, if it is in one."""
        if self._frame_of_run is not self.innermost:
            self._frame_of_run, self._run = self.innermost, session_call(self.innermost)
        return self._run


class StallWatch(threading.Thread):
    """A daemon thread that finds calls which last too long.

    Args:
        seconds: how long that is.
        find: from the frames of all threads, by their numbers, to those of the calls to watch.
        report: makes of a HeldCall that has lasted so long the text to log; once, unless the call has ended meanwhile.
        check: called again and again with each one that was there when last looked at.
        progress: a value that changes while all is well; as long as it does, no stack is looked at.
    """

    def __init__(self, seconds: float, find: Callable[[Dict[int, Any]], Dict[int, Any]], report: Callable[[HeldCall], str],
                 check: Callable[[HeldCall], None] = lambda held: None, progress: Callable[[], Any] = lambda: None):
        super().__init__(name="StallWatch")
        self.daemon = True
        self._seconds, self._find, self._report, self._check, self._progress = seconds, find, report, check, progress
        self._done = threading.Event()
        self._held: Dict[int, HeldCall] = {}
        self._last_progress: Any = None

    def run(self) -> None:
        try:
            while not self._done.wait(min(_POLL_SECONDS, self._seconds / 4)):
                self._look()
        except Exception:  # a watch must not do harm
            logger.exception("The watch over calls that hang has failed:")
        finally:
            self._held = {}

    def end(self) -> None:
        """End it, within a moment."""
        self._done.set()

    def end_and_wait(self) -> None:
        """End it, and wait until what it finds out just now is known."""
        self.end()
        self.join(_POLL_SECONDS)

    def _look(self) -> None:
        progress = self._progress()
        if progress != self._last_progress:
            self._last_progress, self._held = progress, {}
            return
        frames = sys._current_frames()
        found = self._find(frames)
        # the frames themselves are kept, and their locals: their ids would be those of the next calls
        self._held = {ident: self._held[ident] if ident in self._held and self._held[ident].frame is frame else HeldCall(frame)
                      for ident, frame in found.items()}
        for ident, held in self._held.items():
            is_new, held.innermost = held.innermost is None, frames[ident]
            if not is_new:
                self._check(held)
            if held.seconds >= self._seconds and not held.is_reported:
                text = self._report(held)
                if self._find(sys._current_frames()).get(ident) is held.frame:  # else the stacks are of what came after it
                    held.is_reported = True
                    logger.warning("%s", text)


def stall_report(held: HeldCall, *lines: str) -> str:
    """The lines, what the run of a session waits for, and the stacks of all threads."""
    text: List[str] = list(lines)
    try:
        call = held.session_call()
        text += ["It is in Python code, outside of any run of a session."] if call is None else describe_call(call)
    except Exception as e:  # the stacks are worth the most
        text.append("What it runs cannot be told: {!r}".format(e))
    return "\n".join(text + ["The threads of this process:", _stacks()])


def end_abandoned_wait(held: HeldCall) -> None:
    """Let a run fail that waits for queues which nobody will fill."""
    call = held.session_call()
    if call is not None and call.is_waiting:
        close_abandoned_queues(call)


def _stacks() -> str:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join("Thread {}:\n{}".format(names.get(ident, ident), "".join(traceback.format_stack(frame)))
                     for ident, frame in sys._current_frames().items() if ident != threading.get_ident())
