"""A watch over a training: the log tells of a step that hangs, and a wait that is hopeless becomes an error."""
from __future__ import annotations

import threading
from typing import Any, Dict, Optional

from ..callbacks.group import Callbacks
from ..compat import session_request
from ..input_source.input_source import QueueInput
from ..input_source.input_source_base import InputSource
from ..tfutils._session.hooked_session import HookedSession
from ..tfutils._session.queue_runners import QueueRunners
from ..tfutils._session.session_call import frames_from
from ..tfutils._session.stall import HeldCall, StallWatch, end_abandoned_wait, stall_report, training_threads
from ..utils import logger
from ._loop import TrainLoop

__all__ = ["TrainingWatch"]

_ADVICE = (
    "If it lacks data: a queue is empty when the DataFlow is too slow; TestDataSpeed(dataflow).start() tells how fast that is. "
    "If a callback runs tensors of a training tower by trainer.sess: use trainer.hooked_sess, or return them from _before_run. "
    "If the operation combines values of several towers or workers: another one has not come so far. "
    "STALL_SECONDS of the trainer, or TENSORPACK_STALL_SECONDS in the environment, sets the time until this is said; None, or "
    "0, for never.")

# Beside steps and runs of the session: what also waits, in Python code.
_RESETS = (InputSource.reset_state.__code__, QueueInput.refill_queue.__code__)
_WATCHED = (HookedSession.run.__code__,) + _RESETS


class TrainingWatch:
    """A context manager around the epochs of a trainer.

    Another thread looks from time to time whether the trainer's thread is in the same step, or run of the session, as before.

    Args:
        seconds: how long that may take until the log tells of it, once; None or 0 to watch nothing.
        loop, callbacks, queue_runners: those of the trainer.

    Attributes:
        failure: why the training has to end, once that is proven; the coordinator was asked to stop by then.
    """

    def __init__(self, seconds: Optional[float], loop: TrainLoop, callbacks: Callbacks, queue_runners: QueueRunners):
        self.failure: Optional[RuntimeError] = None
        self._seconds, self._loop, self._callbacks, self._queue_runners = seconds, loop, callbacks, queue_runners
        self._thread = threading.get_ident()
        self._watch: Optional[StallWatch] = None

    def __enter__(self) -> TrainingWatch:
        if self._seconds:
            training_threads.add(self._thread)
            self._watch = StallWatch(self._seconds, self._find, self._report, self._check, self._progress)
            self._watch.start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if self._watch is not None:
            self._watch.end_and_wait()
            self._watch = None
            training_threads.discard(self._thread)

    def _progress(self) -> Any:
        loop = self._loop
        return loop.epoch_num, loop.local_step, loop.global_step

    def _find(self, frames: Dict[int, Any]) -> Dict[int, Any]:
        outermost = None
        for frame in frames_from(frames.get(self._thread)):
            if _is_step(frame) or frame.f_code in _WATCHED or session_request(frame) is not None:
                outermost = frame
        return {} if outermost is None else {self._thread: outermost}

    def _check(self, held: HeldCall) -> None:
        call = held.session_call()
        why = None if call is None else self._callbacks._end_hopeless_wait(call)
        if why is None:
            end_abandoned_wait(held)
        elif self.failure is None:
            self.failure = RuntimeError("{} waits for ever: {}".format(self._where(held), why))
            self._queue_runners.coord.request_stop()
            logger.error("%s", stall_report(held, str(self.failure)))

    def raise_failure(self, cause: Optional[BaseException] = None) -> None:
        """Raise the failure, if there is one, from `cause`."""
        if self.failure is not None:
            raise self.failure from cause

    def _report(self, held: HeldCall) -> str:
        return stall_report(held, "{} has been running for {:.0f} seconds.".format(self._where(held), held.seconds),
                            *filter(None, [self._callbacks._waits_for(), _ADVICE]))

    def _where(self, held: HeldCall) -> str:
        loop = self._loop
        step = "{} {} of epoch {} (global step {})".format("{}", loop.local_step, loop.epoch_num, loop.global_step)
        if _is_step(held.frame):
            return step.format("Step")
        where = "Outside of the steps, after " + step.format("step")
        return where + (", a reset of the input" if held.frame.f_code in _RESETS else ", a run of the session")


def _is_step(frame: Any) -> bool:
    return frame.f_code.co_name == "run_step"
