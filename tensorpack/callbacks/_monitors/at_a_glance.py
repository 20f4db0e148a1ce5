"""`EpochTable`: what a terminal shows of an epoch in place of the lines of `ScalarPrinter` and `EstimatedTimeLeft`."""
from __future__ import annotations

import math
import time
from typing import Any, Dict, Mapping, Optional, Sequence

from ...utils import logger
from ...utils._text.colour import colored
from .._checks.statistic import StatisticWatch, larger_is_better
from .._epoch_times import NO_LAST_EPOCH, EpochTimes
from ..base import Callback, unwrapped
from ..misc import EstimatedTimeLeft
from .json_stats import Record
from .stat_history import records_of_earlier_run
from .table import Best, Entry, lay_out, shorten

__all__ = ["EpochTable"]

_MAX_ROWS = 20
_LINES_AROUND = 6  # of the terminal, for what stands above and below the table


class EpochTable:
    """Keeps for each statistic the value before and the best one so far, those of an earlier run of this training included."""

    def __init__(self) -> None:
        self._previous: Dict[str, float] = {}
        self._best: Dict[str, Best] = {}
        self._larger: Dict[str, bool] = {}
        self._times = EpochTimes()

    def start(self, trainer: Any) -> None:
        """Call it before training."""
        self._trainer = trainer
        callbacks = [unwrapped(cb) for cb in trainer._callbacks.cbs]
        self._larger = _larger_as_callbacks_tell(callbacks)
        self._times.start(trainer.epoch_num, time.monotonic())
        if logger._terminal_size() is None:
            return
        for cb in callbacks:
            if isinstance(cb, EstimatedTimeLeft) and self._has_last_epoch:
                cb.leave_to_table()
                self._times = cb.times
        if trainer.starting_epoch > 1 or trainer.global_step > 0:
            for record in records_of_earlier_run(trainer.starting_epoch, trainer.global_step):
                self._note_record(record)

    def of_epoch(self, values: Mapping[str, float]) -> Optional[str]:
        """After an epoch: the text for the terminal about its statistics, if there is a terminal."""
        epoch = self._trainer.epoch_num
        self._times.note(epoch, time.monotonic())
        entries = [self._entry(name, value, epoch) for name, value in values.items()]
        size = logger._terminal_size()
        if size is None:
            return None
        max_rows = max(3, min(_MAX_ROWS, size.lines - _LINES_AROUND))
        lines = lay_out(entries, size.columns, max_rows, colored) if entries else []
        left = self._times.left(self._trainer.max_epoch - epoch) if self._has_last_epoch else None
        if left is not None:
            lines.append(shorten("  Time left: {}".format(left), size.columns - 1))
        of = " of {}".format(self._trainer.max_epoch) if self._has_last_epoch else ""
        return "\n".join(["Epoch {}{}:".format(epoch, of)] + lines) if lines else ""

    @property
    def _has_last_epoch(self) -> bool:
        return bool(self._trainer.max_epoch < NO_LAST_EPOCH)

    def _entry(self, name: str, value: float, epoch: int) -> Entry:
        previous = self._previous.get(name)
        self._note(name, value, epoch)
        best = self._best.get(name)
        return Entry(name, value, previous, best, is_best=best is not None and best.epoch == epoch)

    def _note(self, name: str, value: float, epoch: int) -> None:
        if not math.isfinite(value):
            return
        self._previous[name] = value
        larger = self._larger[name] if name in self._larger else larger_is_better(name)
        best = self._best.get(name)
        if larger is not None and (best is None or (value > best.value if larger else value < best.value)):
            self._best[name] = Best(value, epoch)

    def _note_record(self, record: Record) -> None:
        epoch = record.get("epoch_num")
        for name, value in record.items():
            if isinstance(epoch, int) and isinstance(value, (int, float)):
                self._note(name, value, epoch)


def _larger_as_callbacks_tell(callbacks: Sequence[Callback]) -> Dict[str, bool]:
    """Whether larger values are better, by the names of the statistics of which callbacks such as MaxSaver take one end."""
    found: Dict[str, bool] = {}
    for cb in callbacks:
        watch = getattr(cb, "_watch", None)
        if isinstance(watch, StatisticWatch) and watch.takes_larger is not None:
            found.setdefault(watch.name, watch.takes_larger)
    return found
