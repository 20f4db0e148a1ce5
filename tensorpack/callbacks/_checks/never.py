"""Telling, when a training begins, of callbacks that cannot act before its end."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Tuple

from ...utils import logger
from .._epoch_times import NO_LAST_EPOCH
from ..base import Callback
from ..early_stop import EarlyStop
from ..param import StatMonitorParamSetter
from ..summary import SimpleMovingAverage
from ..trigger import PeriodicCallback, PeriodicTrigger

__all__ = ["warn_of_callbacks_that_never_act"]

# what is too large, and how many epochs or steps are needed at least; None for as many as there may be
_Need = Tuple[str, Optional[int], Optional[int]]

# in a training that is short, to try it, they are not missed
_ONLY_IF_NEEDED = (EarlyStop, StatMonitorParamSetter)


def warn_of_callbacks_that_never_act(callbacks: Sequence[Callback], max_epoch: int, last_step: Optional[int]) -> None:
    """Tell of each callback whose period or patience is longer than the whole training, earlier runs included.

    Args:
        callbacks: those of the trainer; what others call is left to these.
        max_epoch: number of the last epoch.
        last_step: global step at the end, None if nobody knows.
    """
    if not 0 < max_epoch < NO_LAST_EPOCH:
        return
    for cb in callbacks:
        setting, epochs, steps = _NEEDS.get(type(cb), _needs_nothing)(cb)
        needed = [(need, limit, words) for need, limit, words in (
            (epochs, max_epoch, "max_epoch is {}"), (steps, last_step, "there are {} steps")) if need is not None]
        if needed and all(limit is not None and need > limit for need, limit, _ in needed):
            log = logger.info if isinstance(cb, _ONLY_IF_NEEDED) else logger.warning
            log("%s never acts in this training: %s, and %s.", cb, setting,
                " and ".join(words.format(limit) for _, limit, words in needed))


def _needs_nothing(cb: Any) -> _Need:
    return "", None, None


def _of_trigger(cb: Any) -> _Need:
    if cb._before_train_too:
        return "", None, None
    settings = [("every_k_epochs", cb._every_k_epochs), ("every_k_steps", cb._every_k_steps)]
    return _setting(*[(name, value) for name, value in settings if value is not None]), cb._every_k_epochs, cb._every_k_steps


def _of_periodic(cb: Any) -> _Need:
    if cb._every_k_epochs is not None:  # the very last step counts
        return "", None, None
    return _setting(("every_k_steps", cb._every_k_steps)), None, cb._every_k_steps


def _setting(*settings: Tuple[str, Any]) -> str:
    return " and ".join("{}={}".format(name, value) for name, value in settings)


_NEEDS: Dict[type, Callable[[Any], _Need]] = {
    PeriodicTrigger: _of_trigger,
    PeriodicCallback: _of_periodic,
    EarlyStop: lambda cb: (_setting(("patience", cb.patience)), cb.patience, None),
    StatMonitorParamSetter: lambda cb: (_setting(("last_k", cb.last_k)), cb.last_k, None),
    SimpleMovingAverage: lambda cb: (_setting(("window_size", cb.window_size)), None, cb.window_size),
}
