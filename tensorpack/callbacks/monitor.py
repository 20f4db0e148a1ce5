"""`trainer.monitors`, where every callback puts its numbers and images, and the monitors that these are sent on to."""
from __future__ import annotations

import difflib
import time
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, Union

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils.summary import create_image_summary, create_scalar_summary
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._console import NOT_ON_CONSOLE
from ..utils._curves.picture import statistics_html
from ..utils._made_later import made_later
from ..utils._text.spec import shown
from ._checks.arguments import check_strings
from ._checks.statistic import StatisticWatch
from ._command import CommandWithValues
from ._monitors.at_a_glance import EpochTable
from ._monitors.base import MonitorBase, NoOpMonitor, as_number, clean_tag  # noqa: F401
from ._monitors.choice import NameChoice
from ._monitors.comet import CometMLMonitor
from ._monitors.mlflow import MLflowMonitor
from ._monitors.wandb import WandbMonitor
from ._monitors.writers import JSONWriter, TFEventWriter
from .base import Callback

__all__ = ["CometMLMonitor", "JSONWriter", "MLflowMonitor", "MonitorBase", "Monitors", "ScalarPrinter", "SendMonitorData",
           "TFEventWriter", "WandbMonitor"]


class Monitors(Callback):
    """All monitors of a training run as one: `trainer.monitors`. A notebook shows it as a table and curves.

    Any callback may put values from `before_train` to `after_train`; they carry the global step of that moment. Scalars are
    kept in memory, for this run only. The first NaN of each name is warned of, and a name that a
    summary of the graph and a callback share.

    Args:
        monitors: list of MonitorBase; each `put_*` goes to them in this order.
    """

    _chief_only = False
    trainer: Any = made_later("statistics can be put from _before_train on")

    def __init__(self, monitors: Sequence[MonitorBase]):
        self._monitors = list(monitors)
        for monitor in self._monitors:
            if not isinstance(monitor, MonitorBase):
                raise TypeError("Monitors: each monitor must be a MonitorBase; got {}".format(shown(monitor)))
        self._history: Dict[str, List[Tuple[int, float]]] = {}
        self._skipped: Set[str] = set()
        self._not_a_number: Set[str] = set()
        self._black: Set[str] = set()  # names of images that are
        self._sources: Dict[str, str] = {}

    def put_scalar(self, name: str, val: Any) -> None:
        """Put a number: a Python or numpy scalar, or an array of one element.

        It arrives at monitors as a Python number, then as a summary. What is no real number is skipped, with a warning at
        the first time.
        """
        check_strings(self, name=name)
        number = as_number(val)
        if number is None:
            if name not in self._skipped:
                self._skipped.add(name)
                logger.warning("monitors.put_scalar('%s'): the value must be a real scalar; got %s; it is skipped.", name,
                               "an array of shape {}".format(val.shape) if isinstance(val, np.ndarray) else
                               type(val).__name__)
            return
        self._tell_of_two(name, number, "put by a callback")
        self._put_number(name, number)

    def _put_number(self, name: str, number: float) -> None:
        self._put_scalar(name, number)
        self._put_summary(create_scalar_summary(name, number))

    def put_summary(self, summary: Union[tf.Summary, bytes]) -> None:
        """Put a summary, as a `tf.Summary` or serialized.

        In the tags of its scalars all `towerN/` and a trailing `-summary` are removed, in place; they arrive at monitors as
        scalars first, then the whole as a summary.
        """
        if isinstance(summary, bytes):
            summary = tf.Summary.FromString(summary)
        if not isinstance(summary, tf.Summary):
            raise TypeError("monitors.put_summary: must be a tf.Summary, or bytes; got {}".format(shown(summary)))
        for value in summary.value:
            if value.WhichOneof("value") == "simple_value":
                value.tag = clean_tag(value.tag)
                self._tell_of_two(value.tag, value.simple_value, "a summary of the graph")
                self._put_scalar(value.tag, value.simple_value)
        self._put_summary(summary)

    def put_image(self, name: str, val: np.ndarray) -> None:
        """Put one or several images, with values in [0, 255], RGB.

        Args:
            val: HxW; HxWxC with C of 1, 3 or 4; any other 3-D array is NxHxW, grayscale; NxHxWxC. The tag of one image is
                `name`; of several, `name/0`, `name/1`, ...

        Raises:
            ValueError: the array is none of these.
        """
        images = _as_nhwc(name, np.asarray(val))
        self._tell_of_black(name, images)
        for monitor in self._monitors:
            monitor.process_image(name, images)
        self._put_summary(create_image_summary(name, images))

    def _tell_of_black(self, name: str, images: np.ndarray) -> None:
        known = images[np.isfinite(images)] if images.dtype.kind == "f" and name not in self._black else images[:0]
        if known.size and known.min() >= 0 and 0 < known.max() <= 1:
            self._black.add(name)
            logger.warning("monitors.put_image('%s'): an image has values in [0, 255], so that one with values from %g to %g "
                           "is black; multiply it by 255.", name, known.min(), known.max())

    def put_histogram(self, name: str, val: Any, *, bins: int = 30) -> None:
        """Put the distribution of the numbers in an array of any shape, as a summary with a histogram.

        Raises:
            ValueError: the array is empty or has values that are not finite.
            TypeError, ValueError: `bins` is no positive whole number.
        """
        bins = whole_number("monitors.put_histogram", "bins", bins, minimum=1)
        values = np.asarray(val, dtype="float64").ravel()
        if not values.size or not np.isfinite(values).all():
            raise ValueError("monitors.put_histogram('{}'): the array must have elements, all of them finite; got {} of {} "
                             "finite".format(name, int(np.isfinite(values).sum()), values.size))
        counts, edges = np.histogram(values, bins=bins)
        histogram = tf.HistogramProto(
            min=values.min(), max=values.max(), num=values.size, sum=values.sum(), sum_squares=np.dot(values, values),
            bucket_limit=edges[1:], bucket=counts)
        self._put_summary(tf.Summary(value=[tf.Summary.Value(tag=name, histo=histogram)]))

    def put_event(self, evt: tf.Event) -> None:
        """Put a `tf.Event`; its step and wall time are filled in."""
        evt.step = self.global_step
        evt.wall_time = time.time()
        for monitor in self._monitors:
            monitor.process_event(evt)

    def get_latest(self, name: str) -> float:
        """The last value of a scalar.

        Raises:
            KeyError: nothing was put under this name yet; the message has the nearest names there are.
        """
        history = self._history.get(name)
        if not history:
            known = self.get_names()
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            raise KeyError("monitors.get_latest: no value of '{}' yet; {}".format(
                name, "near names are " + ", ".join(map(repr, near)) if near else "there are " + (
                    ", ".join(map(repr, known)) or "no values at all")))
        return history[-1][1]

    def get_names(self) -> List[str]:
        """The names of all scalars that have a value, sorted."""
        return sorted(name for name, values in self._history.items() if values)

    def get_history(self, name: str) -> List[Tuple[int, float]]:
        """All (global step, value) of a scalar in this run, oldest first; empty if there is none."""
        return self._history.setdefault(name, [])

    def _repr_html_(self) -> str:
        """What a notebook shows: a table of the scalars and, with matplotlib, their curves; also while they are put."""
        return statistics_html(dict(self._history))

    def _before_checkpoint(self) -> None:
        for monitor in self._monitors:
            monitor._before_checkpoint()

    def _unwritten(self) -> List[Dict[str, Any]]:
        return [record for monitor in self._monitors for record in monitor._unwritten()]

    def _take_over(self, unwritten: Sequence[Dict[str, Any]]) -> None:
        for monitor in self._monitors:
            monitor._take_over(unwritten)

    def _tell_of_two(self, name: str, number: float, source: str) -> None:
        """Warn once of a name that two kinds of values share: one history, and one column of `stats.json`, have both."""
        other = self._sources.setdefault(name, source)
        step, last = (self._history.get(name) or [(-1, 0.)])[-1]
        if other not in (source, "") and step == self.global_step and last != number and last == last and number == number:
            self._sources[name] = ""
            logger.warning("The statistic '%s' is %s, with %g at global step %d, and %s, with %g: give one of them another "
                           "name; stats.json has the later one, and callbacks such as MinSaver may take either.",
                           name, other, last, step, source, number)

    def _put_scalar(self, name: str, number: float) -> None:
        if number != number and name not in self._not_a_number:
            self._not_a_number.add(name)
            logger.warning("Statistic '%s' is NaN at global step %d, and training goes on. TerminateOnNaN(name of the cost) in "
                           "the callbacks ends it in the step in which a tensor becomes NaN.", name, self.global_step)
        self._history.setdefault(name, []).append((self.global_step, number))
        for monitor in self._monitors:
            monitor.process_scalar(name, number)

    def _put_summary(self, summary: tf.Summary) -> None:
        for monitor in self._monitors:
            monitor.process_summary(summary)


def _as_nhwc(name: str, array: np.ndarray) -> np.ndarray:
    if array.ndim == 2:
        array = array[np.newaxis, :, :, np.newaxis]
    elif array.ndim == 3:
        array = array[np.newaxis] if array.shape[-1] in (1, 3, 4) else array[..., np.newaxis]
    if array.ndim != 4 or array.shape[-1] not in (1, 3, 4):
        raise ValueError("monitors.put_image('{}'): the array must be HxW, HxWxC, NxHxW or NxHxWxC with C of 1, 3 or 4; "
                         "got shape {}".format(name, array.shape))
    return array


class ScalarPrinter(MonitorBase):
    """Logs scalars as `name: value`, sorted by name, each once.

    After an epoch a terminal shows a table in their place, as wide as it is and no more than 20 lines high: each value with its
    change and, where a callback (such as `MinSaver`) or the name (such as `val-error`) tells which end is better, the best one
    so far and its epoch, those before a training was resumed included; then the time that is left, with one standard
    deviation. `log.log`, and output that is no terminal, have the lines.

    Args:
        enable_step: log after every step but the last of an epoch (and after that as well if `enable_epoch` is False).
        enable_epoch: log after every epoch.
        whitelist: regular expressions; only names in which one is found are logged. None for all names. One that is found in
            none is warned of after the last epoch, or, if none of them is, after the first.
        blacklist: regular expressions; names in which one is found are not logged. One that is found in none is warned of
            after the last epoch if there is a name like it.
        table: False for lines on a terminal as well.
    """

    def __init__(self, enable_step: bool = False, enable_epoch: bool = True, whitelist: Optional[Sequence[str]] = None,
                 blacklist: Optional[Sequence[str]] = None, *, table: bool = True):
        self._enable_step = enable_step
        self._enable_epoch = enable_epoch
        self._names = (whitelist, blacklist)
        self._has_table = table and enable_epoch
        self._forget()

    def _forget(self) -> None:
        self._choice = NameChoice("ScalarPrinter", *self._names)
        self._values: Dict[str, float] = {}
        self._table = EpochTable() if self._has_table else None

    def process_scalar(self, name: str, val: float) -> None:
        self._values[name] = val

    def _before_train(self) -> None:
        self._log()
        if self._table is not None:
            self._table.start(self.trainer)

    def _trigger_step(self) -> None:
        if self._enable_step:
            last_step = self.local_step == self.trainer.steps_per_epoch - 1
            if not last_step or not self._enable_epoch:
                self._log()

    def _trigger_epoch(self) -> None:
        if self._enable_epoch:
            self._log(self._table)
        self._choice.tell(self.trainer.monitors.get_names(), self.epoch_num == self.trainer.max_epoch)

    def _after_train(self) -> None:
        if self._enable_step or self._enable_epoch:
            self._log()

    def _log(self, table: Optional[EpochTable] = None) -> None:
        values, self._values = self._values, {}
        values = {name: values[name] for name in sorted(values) if name in self._choice}
        shown_instead = None if table is None else table.of_epoch(values)
        for name, value in values.items():
            logger.info("%s: %.5g", name, value, extra=None if shown_instead is None else NOT_ON_CONSOLE)
        if shown_instead:
            logger._show_only_on_console(shown_instead)


class SendMonitorData(MonitorBase):
    """Runs a shell command with the values of some scalars, when all of them have a new one.

    This happens after a step or an epoch. Training waits for the command; a non-zero exit status is logged. A name that has no
    value after the first epoch is warned of.

    Args:
        command: has a `{name}` for each value, which may have a format (`{name:.3f}`); other braces are doubled. For
            example `curl -d "error {val-error:.3f}" example.com`.
        names: names of the scalars.
    """

    def __init__(self, command: str, names: Sequence[str]):
        self._command = CommandWithValues("SendMonitorData", command, names)
        self._names = self._command.names
        self._forget()

    def _forget(self) -> None:
        self._values: Dict[str, float] = {}
        self._watches = [StatisticWatch(self, name, "the command is not run", must_come_after=False) for name in self._names]

    def process_scalar(self, name: str, val: float) -> None:
        if name in self._names:
            self._values[name] = val

    def _before_epoch(self) -> None:
        for watch in self._watches:
            watch.tell()

    def _after_train(self) -> None:
        for watch in self._watches:
            watch.tell_at_end()

    def _trigger_step(self) -> None:
        self._send_if_complete()

    def _trigger(self) -> None:
        for watch in self._watches:
            watch.note_trigger()
        self._send_if_complete()

    def _send_if_complete(self) -> None:
        if len(self._values) == len(self._names):
            values, self._values = self._values, {}
            self._command.run(values)
