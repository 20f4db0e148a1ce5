"""`Callbacks`: all callbacks of a run as one, with the time that they take."""
from __future__ import annotations

import time
from typing import Iterable, List, Optional, Tuple

from ..tfutils._session.session_call import SessionCall
from ..utils import logger
from ..utils._text.spec import shown
from ..utils.utils import humanize_time_delta
from ._checks.methods import check_methods
from ._checks.of_keras import instead_of_keras
from .base import Callback, StopTraining, overrides
from .hooks import StepHook

__all__ = ["Callbacks", "raise_background_failure"]

# Below this sum of seconds the time that callbacks take at the end of an epoch is not worth a line in the log.
_MIN_TOTAL_TO_LOG = 2.0
# A callback is named in that line if it took more than this many seconds and more than this share of the sum.
_MIN_TIME_TO_NAME, _MIN_SHARE_TO_NAME = 1.0, 0.3


class Callbacks(Callback):
    """A list of callbacks that acts as one callback, in the order of the list.

    Raises:
        TypeError: `cbs` is no list, or holds something that is no Callback, or whose `setup_graph` does not take the trainer.
    """

    _chief_only = False

    def __init__(self, cbs: List[Callback]):
        if not isinstance(cbs, list):
            raise TypeError("Callbacks: cbs must be a list; got {}".format(shown(cbs)))
        for cb in cbs:
            if not isinstance(cb, Callback):
                raise TypeError("Callbacks: each element of cbs must be a Callback; got {}{}".format(
                    shown(cb), instead_of_keras(cb)))
            check_methods(cb)
        self.cbs = cbs
        self._steppers: Optional[List[Callback]] = None

    def get_hooks(self) -> List[StepHook]:
        """A hook for each callback that takes part in session calls: that overrides `before_run` or `after_run`."""
        return [StepHook(cb) for cb in self.cbs if overrides(cb, "before_run") or overrides(cb, "after_run")]

    def _setup_graph(self) -> None:
        with self.graph.name_scope(None):
            for cb in self.cbs:
                cb.setup_graph(self.trainer)

    def _before_train(self) -> None:
        for cb in self.cbs:
            cb.before_train()

    def _before_epoch(self) -> None:
        self._steppers = None
        for cb in self.cbs:
            cb.before_epoch()

    def _after_epoch(self) -> None:
        for cb in self.cbs:
            cb.after_epoch()

    def trigger_step(self) -> None:
        """Call `trigger_step` of those callbacks that do something in it; called in each step, hence by the shortest way."""
        if self._steppers is None:
            self._steppers = [cb for cb in self.cbs if overrides(cb, "trigger_step")]
        for cb in self._steppers:
            cb.trigger_step()

    def _trigger_epoch(self) -> None:
        seconds = []
        for cb in self.cbs:
            start = time.perf_counter()
            cb.trigger_epoch()
            seconds.append((str(cb), time.perf_counter() - start))
        report = _timing_report(seconds)
        if report:
            logger.info("%s", report)

    def _trigger(self) -> None:
        for cb in self.cbs:
            cb.trigger()

    def _after_train(self) -> None:
        """Call `after_train` of all callbacks, whatever any of them raises; errors are logged with their traceback.

        Raises:
            Exception: the first of these errors, after the last callback.
        """
        first_error = None
        for cb in self.cbs:
            try:
                cb.after_train()
            except StopTraining:
                pass  # it is stopped already
            except Exception as e:
                logger.error("%s: after_train failed", cb, exc_info=True)
                first_error = first_error or e
        if first_error is not None:
            raise first_error

    def _acts_when_triggered(self) -> bool:
        return any(cb._acts_when_triggered() for cb in self.cbs)

    def _unblock(self) -> None:
        for cb in self.cbs:
            cb._unblock()

    def _failure(self) -> Optional[BaseException]:
        return next((error for error in (cb._failure() for cb in self.cbs) if error is not None), None)

    def _waits_for(self) -> Optional[str]:
        return "\n".join(filter(None, [cb._waits_for() for cb in self.cbs])) or None

    def _end_hopeless_wait(self, call: SessionCall) -> Optional[str]:
        return next((why for why in (cb._end_hopeless_wait(call) for cb in self.cbs) if why is not None), None)


def raise_background_failure(callbacks: Iterable[Callback], cause: Optional[BaseException]) -> None:
    """If an error killed background work of one of `callbacks`, raise it, with its own traceback, from `cause`."""
    for cb in callbacks:
        error = cb._failure()
        if error is not None:
            raise error from cause


def _timing_report(seconds: List[Tuple[str, float]]) -> Optional[str]:
    """One line about who took how long, or None if all were fast."""
    total = sum(s for _, s in seconds)
    if total < _MIN_TOTAL_TO_LOG:
        return None
    slow = ["{}: {}".format(name, humanize_time_delta(s)) for name, s in seconds
            if s > _MIN_TIME_TO_NAME and s > _MIN_SHARE_TO_NAME * total]
    return " ".join(["Callbacks took {:.3f} sec in total.".format(total), "; ".join(slow)]).rstrip()
