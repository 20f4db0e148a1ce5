"""Telling, after the first trigger of a callback and at the end, that the statistic which it looks at has no value; and,
after the first trigger, that it comes too late."""
from __future__ import annotations

from typing import Any, Optional

from ..utils import logger

__all__ = ["StatisticWatch"]


class StatisticWatch:
    """Warns when a statistic has no value although all callbacks have been triggered, which is usually a typo; again when the
    training is over and it never had one.

    Args:
        cb: the callback that looks at it.
        name: of the statistic.
        consequence: what follows when there is no value, such as "it cannot stop training".
        must_come_after: whether the callback must come after the one that puts the statistic; then the wrong order is
            warned of, too.
    """

    def __init__(self, cb: Any, name: str, consequence: str, must_come_after: bool):
        self._cb = cb
        self._name = name
        self._consequence = consequence
        self._must_come_after = must_come_after
        self._triggered_at: Optional[int] = None
        self._was_there = False
        self._is_done = False

    def note_trigger(self) -> None:
        """Call it at each trigger."""
        if self._triggered_at is None:
            self._triggered_at = self._cb.global_step
            self._was_there = self._step_of_value() == self._triggered_at

    def tell_at_end(self) -> None:
        """Call it after training, instead of `tell`."""
        has_told = self._is_done
        self.tell()
        if has_told and self._step_of_value() is None:
            known = self._cb.trainer.monitors.get_names()
            logger.warning("%s has done nothing in this training: '%s' never had a value; the statistics were %s.",
                           type(self._cb).__name__, self._name, ", ".join(map(repr, known)) or "none at all")

    def tell(self) -> None:
        """Call it before each epoch, when all callbacks have been triggered."""
        if self._is_done or self._triggered_at is None:
            return
        self._is_done = True
        try:
            self._cb.trainer.monitors.get_latest(self._name)
        except KeyError as e:
            logger.warning("%s: there is no value of '%s' after the first trigger, so %s: %s", type(self._cb).__name__,
                           self._name, self._consequence, e.args[0].partition("; ")[2])
            return
        if self._must_come_after and not self._was_there and self._step_of_value() == self._triggered_at:
            logger.warning("%s: '%s' is put by a callback that comes after this one, so each trigger sees the value of the one "
                           "before; move %s behind that callback in the list of callbacks.", type(self._cb).__name__,
                           self._name, type(self._cb).__name__)

    def _step_of_value(self) -> Optional[int]:
        history = self._cb.trainer.monitors.get_history(self._name)
        return history[-1][0] if history else None
