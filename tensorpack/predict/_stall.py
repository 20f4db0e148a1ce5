"""A watch over the calls of a predictor that can wait for data: the log tells of one that hangs."""
from __future__ import annotations

import weakref
from typing import Any, Callable, Dict, Optional

from ..tfutils._session.session_call import frames_from
from ..tfutils._session.stall import HeldCall, StallWatch, end_abandoned_wait, stall_report, training_threads
from ..utils import logger

_ADVICE = (
    "If it lacks data: who fills the queue, and is it alive? STALL_SECONDS of the predictor, or TENSORPACK_STALL_SECONDS in "
    "the environment, sets the time until this is said; None, or 0, for never.")


def watch_calls(predictor: Any, function: Callable,
                waits_for: Callable[[], Optional[str]] = lambda: None) -> Callable[[], None]:
    """Start the watch, which ends with the predictor, and return a function that ends it.

    Args:
        predictor: its `STALL_SECONDS` is how long a call may take; None to watch nothing.
        function: the method that is watched, as defined in its class; in any thread but that of a training, which tells itself.
        waits_for: a line for the log on what a call may wait for.
    """
    if predictor.STALL_SECONDS is None:
        return lambda: None
    reference, name = weakref.ref(predictor), type(predictor).__name__

    def find(frames: Dict[int, Any]) -> Dict[int, Any]:
        watched = reference()
        return {ident: frame for ident, innermost in frames.items() if ident not in training_threads
                for frame in frames_from(innermost)
                if frame.f_code is function.__code__ and frame.f_locals.get("self") is watched}

    def report(held: HeldCall) -> None:
        first = "A call of {} has been running for {:.0f} seconds.".format(name, held.seconds)
        logger.warning("%s", stall_report(held, first, *filter(None, [waits_for(), _ADVICE])))

    watch = StallWatch(predictor.STALL_SECONDS, find, report, end_abandoned_wait)
    watch.start()
    return weakref.finalize(predictor, watch.end)
