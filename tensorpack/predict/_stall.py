"""A watch over the calls of a predictor that can wait for data: the log tells of one that hangs."""
from __future__ import annotations

import threading
import weakref
from typing import Any, Callable, Dict, Optional

from ..tfutils._session.session_call import frames_from
from ..tfutils._session.stall import HeldCall, StallWatch, end_abandoned_wait, stall_report, training_threads
from ..utils._types import AnyFunction

__all__ = ["CallWatch"]

_ADVICE = (
    "If it lacks data: who fills the queue, and is it alive? STALL_SECONDS of the predictor, or TENSORPACK_STALL_SECONDS in "
    "the environment, sets the time until this is said; None, or 0, for never.")


def _leave_alone(held: HeldCall) -> None:
    """In a session of somebody else, queue runners may be started later."""


class CallWatch:
    """A watch that a predictor has, and that ends with it.

    Args:
        function: the method that is watched, as defined in its class; in any thread but that of a training, which tells itself.
        waits_for: a line for the log on what a call may wait for.
    """

    def __init__(self, function: AnyFunction, waits_for: Callable[[], Optional[str]] = lambda: None):
        self._code = function.__code__
        self._waits_for = waits_for
        self._lock = threading.Lock()  # a predictor is used by many threads
        self._watch: Optional[StallWatch] = None

    def start(self, predictor: Any) -> None:
        """Watch from now on, unless its `STALL_SECONDS` is None or 0, or it is watched already."""
        with self._lock:
            if not predictor.STALL_SECONDS or self._watch is not None:
                return
            reference, name = weakref.ref(predictor), type(predictor).__name__

            def report(held: HeldCall) -> str:
                first = "A call of {} has been running for {:.0f} seconds.".format(name, held.seconds)
                return stall_report(held, first, *filter(None, [self._waits_for(), _ADVICE]))

            # only those that the predictor has started itself are known to have been started at all
            check = _leave_alone if getattr(predictor, "_queue_runners", None) is None else end_abandoned_wait
            self._watch = StallWatch(predictor.STALL_SECONDS, lambda frames: self._find(frames, reference()), report, check)
            self._watch.start()
            weakref.finalize(predictor, self.end)

    def _find(self, frames: Dict[int, Any], predictor: Any) -> Dict[int, Any]:
        return {ident: frame for ident, innermost in frames.items() if ident not in training_threads
                for frame in frames_from(innermost)
                if frame.f_code is self._code and frame.f_locals.get("self") is predictor}

    def end(self) -> None:
        """End it; it can be started again."""
        with self._lock:
            if self._watch is not None:
                self._watch.end()
                self._watch = None
