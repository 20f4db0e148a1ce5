"""Monitors: the hooks that they used to define, the old name of a statistic, and the old file of statistics."""
from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from ..callbacks._monitors.base import MonitorBase
from ..utils import logger
from ..utils.argtools import log_once
from ._spelling import old_hooks, on_subclass

_OLD_FILE = "stat.json"
_OLD_ERROR, _ERROR = "val_error", "validation_error"


class ScalarHistory(MonitorBase):
    """Keeps all values of scalars, as `trainer.monitors` does."""

    def __init__(self) -> None:
        self._values: Dict[str, List[float]] = {}

    def process_scalar(self, name: str, val: float) -> None:
        self._values.setdefault(name, []).append(val)

    def get_latest(self, name: str) -> float:
        """The last value of a scalar."""
        return self._values[name][-1]

    def get_history(self, name: str) -> List[float]:
        """All values of a scalar."""
        return self._values[name]


def adapt_base(module: ModuleType) -> None:
    old_hooks(MonitorBase, {
        "process_scalar": {"put_scalar": lambda self, name, val: self.put_scalar(name, val),
                           "put": lambda self, name, val: self.put(name, val)},
        "process_summary": {"put_summary": lambda self, summary: self.put_summary(summary)},
        "process_event": {"put_event": lambda self, evt: self.put_event(evt)},
    })
    on_subclass(MonitorBase, _of_first_release)


def _of_first_release(cls: Any) -> None:
    """Monitors of 0.1.7 were no callbacks: they had `setup`, `flush` and `close`."""
    if not {"put", "put_scalar", "put_summary"} & set(cls.__dict__):
        return
    for old, new, hook in (("setup", "_setup_graph", lambda self: self.setup(self.trainer)),
                           ("flush", "_trigger", lambda self: self.flush()),
                           ("close", "_after_train", lambda self: self.close())):
        if old in cls.__dict__ and new not in cls.__dict__:
            setattr(cls, new, hook)


def adapt_monitor(module: ModuleType) -> None:
    monitors: Any = module.__dict__["Monitors"]
    monitors.get_latest = _with_old_name(monitors.get_latest)
    monitors.get_history = _with_old_name(monitors.get_history)


def _with_old_name(get: Callable[..., Any]) -> Callable[..., Any]:
    """Let `val_error` be the default statistic of ClassificationError, if there is no other of that name."""

    @functools.wraps(get)
    def wrapper(self: Any, name: str) -> Any:
        if name == _OLD_ERROR and not self._history.get(name) and self._history.get(_ERROR):
            log_once("The statistic 'val_error' is 'validation_error': so it is called by default, but for tensorpack 0.1.5 to "
                     "0.4. ClassificationError(..., 'val_error') gives it the other name.", "warning")
            name = _ERROR
        return get(self, name)

    return wrapper


def adapt_writers(module: ModuleType) -> None:
    writer: Any = module.__dict__["JSONWriter"]
    load = writer.load_existing_json

    @functools.wraps(load)
    def load_existing_json(dir: Optional[str] = None) -> Optional[List[Any]]:
        records: Optional[List[Any]] = load(dir)
        folder = logger.get_logger_dir() if dir is None else dir
        path = None if folder is None else os.path.join(folder, _OLD_FILE)
        if records is None and path is not None and os.path.isfile(path):
            log_once("{} is of an older tensorpack: it is read; statistics are written to {}.".format(path, writer.FILENAME),
                     "warning")
            return module.__dict__["read_records"](path)
        return records

    writer.load_existing_json = staticmethod(load_existing_json)
