"""`MonitorBase`: what a training run's scalars, images, summaries and events are sent to."""
from __future__ import annotations

import re
from typing import Any, Dict, Optional, Sequence

import numpy as np

from ...compat import tfv1 as tf
from ..base import Callback

__all__ = ["MonitorBase", "NoOpMonitor", "as_number", "clean_tag"]

_TOWER_PREFIX = re.compile(r"tower\d+/")
_SUMMARY_SUFFIX = "-summary"


class MonitorBase(Callback):
    """Base class of monitors, which receive everything that is put into `trainer.monitors`.

    A monitor can be given to one training after another, and begins anew in each.

    Override some of the `process_*` methods, and any method of a callback: monitors are callbacks that run after all
    others, on every process, and whose graph is set up under no name scope. Example, for a tracking service::

        class Tracker(MonitorBase):
            def process_scalar(self, name, val):
                service.log({name: val}, step=self.global_step)
    """

    _chief_only = False
    _in_use = False

    def setup_graph(self, trainer: Any) -> None:
        """Call `_setup_graph` under no name scope.

        Raises:
            RuntimeError: a training that has not ended uses it.
        """
        if self._in_use:
            raise RuntimeError("{0}: must belong to one training at a time; got a second one while the first has not ended; "
                               "make another {0} for it".format(type(self).__name__))
        self._forget()
        self.trainer = trainer
        self.graph = tf.get_default_graph()
        with self.graph.name_scope(None):
            self._setup_graph()

    def _forget(self) -> None:
        """Forget what belongs to one training, when the graph of the next one is set up."""

    def before_train(self) -> None:
        """Call `_before_train`, from which on the monitor is in use."""
        self._in_use = True
        super().before_train()

    def after_train(self) -> None:
        """Call `_after_train`, by which the use of the monitor ends."""
        try:
            super().after_train()
        finally:
            self._in_use = False

    def process(self, name: str, val: Any) -> None:
        """Not called by the library; kept for monitors written before there was one method per kind."""

    def process_scalar(self, name: str, val: float) -> None:
        """Receive a scalar: a Python number (an int, a float or a bool)."""

    def process_image(self, name: str, val: np.ndarray) -> None:
        """Receive images: NHWC array, RGB in [0, 255]."""

    def process_summary(self, summary: tf.Summary) -> None:
        """Receive a summary; each scalar and image that was put arrives here as well, as a summary."""

    def process_event(self, evt: tf.Event) -> None:
        """Receive an event with its step and wall time set; summaries do not arrive here."""

    def _before_checkpoint(self) -> None:
        """Called before a checkpoint is written, usually while other callbacks are still to put values."""

    def _unwritten(self) -> Sequence[Dict[str, Any]]:
        """The records that could not be written so far; a checkpoint carries them."""
        return ()

    def _take_over(self, unwritten: Sequence[Dict[str, Any]]) -> None:
        """Called before training with the records that a checkpoint carries."""


class NoOpMonitor(MonitorBase):
    """What takes the place of a monitor that cannot work, usually for want of a log directory."""

    def __init__(self, name: Optional[str] = None):
        """
        Args:
            name: class of the monitor that it stands for.
        """
        self._name = name

    def __str__(self) -> str:
        return "NoOpMonitor" if self._name is None else "NoOpMonitor({})".format(self._name)

    __repr__ = __str__


def as_number(value: Any) -> Any:
    """The Python number that `value` is: a bool, int or float; None if it is no real scalar.

    Arrays of one element count as scalars.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        if value.size != 1:
            return None
        value = value.item()
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (str, bytes, complex)) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def clean_tag(tag: str) -> str:
    """The name of a scalar in the monitors, from the tag of its summary: without `towerN/` and a trailing `-summary`."""
    tag = _TOWER_PREFIX.sub("", tag)
    return tag[:-len(_SUMMARY_SUFFIX)] if tag.endswith(_SUMMARY_SUFFIX) else tag
