"""Stop training when a statistic no longer gets better."""
from __future__ import annotations

from typing import Any, Dict, Optional

from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ._checks.arguments import check_number
from ._checks.statistic import Direction, StatisticWatch
from ._memory import Memory
from .base import Callback, StopTraining

__all__ = ["EarlyStop"]


class EarlyStop(Callback):
    """Stop training after `patience` values in a row of a statistic (epochs, by default) that are not better.

    At each trigger it looks at the latest value that the monitors have, so it belongs after the callback that produces it,
    for instance an `InferenceRunner`. A trigger without a new value, as where that one runs every k epochs only, does not
    count. NaN is never better. Runs on the chief only: several processes that train together need another way to stop.

    A training that is resumed goes on with the best value and the count of the earlier run, which are in `callbacks.json` in
    the log directory; one that has stopped early is not begun again.

    Args:
        stat: name of the statistic, for instance `"validation_error"`.
        patience: how many values without improvement are too many, at least 1.
        min_delta: by how much a value must be better than the best so far to count.
        mode: `"min"` if smaller is better, `"max"` if larger is, as for an accuracy. A name of the statistic that sounds
            otherwise is warned of.

    Raises:
        TypeError, ValueError: `stat` is no str, a number makes no sense, or `mode` is something else.
        StopTraining: then, with the best value and its epoch; before training if the earlier run has stopped so.
    """

    def __init__(self, stat: str, patience: int, *, min_delta: float = 0, mode: str = "min"):
        if mode not in ("min", "max"):
            raise ValueError("EarlyStop: mode must be 'min' or 'max'; got {!r}".format(mode))
        self.stat = stat
        self.patience = whole_number(self, "patience", patience, minimum=1)
        self.min_delta = check_number("EarlyStop", "min_delta", min_delta, minimum=0)
        self.mode = mode
        self._best: Optional[float] = None
        self._best_epoch = 0
        self._num_bad = 0
        self._last_step: Optional[int] = None
        self._watch = StatisticWatch(self, stat, "it cannot stop training", must_come_after=True, direction=Direction(
            larger=mode == "max", effect="training ends when it does not {}".format("rise" if mode == "max" else "fall"),
            remedy="pass mode='{}'".format("min" if mode == "max" else "max")))
        self._memory = Memory(self, "EarlyStop/{}/{}".format(stat, mode))

    def _before_train(self) -> None:
        self._last_step = None
        remembered = self._memory.recall()
        if remembered is None:
            return
        end = self._memory.recall_end() or remembered
        if end.state["num_bad"] >= self.patience:
            self._set_state(end.state)
            raise StopTraining("this training has stopped early already; {}; a larger patience lets it go on".format(
                self._reason()))
        self._set_state(remembered.state)
        logger.info("EarlyStop: the best '%s' of the earlier run is %s; %d of at most %d triggers have passed without a better "
                    "one.", self.stat, "unknown" if self._best is None else "{:.5g}".format(self._best), self._num_bad,
                    self.patience)

    def _set_state(self, state: Dict[str, Any]) -> None:
        self._best, self._best_epoch, self._num_bad = state["best"], state["best_epoch"], state["num_bad"]

    def _before_epoch(self) -> None:
        self._watch.tell()

    def _after_train(self) -> None:
        self._watch.tell_at_end()

    def _trigger(self) -> None:
        self._watch.note_trigger()
        history = self.trainer.monitors.get_history(self.stat)
        if not history or history[-1][0] == self._last_step:
            return
        self._last_step, value = history[-1]
        if self._is_better(value):
            self._best, self._best_epoch, self._num_bad = value, self.epoch_num, 0
        else:
            self._num_bad += 1
        is_over = self._num_bad >= self.patience
        self._memory.keep({"best": self._best, "best_epoch": self._best_epoch, "num_bad": self._num_bad}, at_once=is_over)
        if is_over:
            raise StopTraining(self._reason())

    def _is_better(self, value: float) -> bool:
        if value != value:
            return False
        if self._best is None:
            return True
        gain = self._best - value if self.mode == "min" else value - self._best
        return gain > self.min_delta

    def _reason(self) -> str:
        best = "it has never been a number" if self._best is None else \
            "its best value is {:.5g}, of epoch {}".format(self._best, self._best_epoch)
        return "EarlyStop: '{}' has not become better {} times in a row; {}".format(self.stat, self._num_bad, best)
