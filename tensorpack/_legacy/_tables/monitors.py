"""Monitors and the files of statistics."""
from __future__ import annotations

from .._table import Moved, Old, Part

_STAR = {"TFSummaryWriter": "callbacks.monitor.TFEventWriter", "TrainingMonitor": "callbacks.monitor.MonitorBase"}

PART = Part(
    names={
        "callbacks.monitor.TFSummaryWriter": "callbacks.monitor.TFEventWriter",
        "callbacks.monitor.TrainingMonitor": "callbacks.monitor.MonitorBase",
        "train.monitor.NoOpMonitor": "callbacks.monitor.NoOpMonitor",
        "train.monitor.ScalarHistory": Old("_legacy.monitors.ScalarHistory", "trainer.monitors.get_history"),
        "train.monitor.TFSummaryWriter": "callbacks.monitor.TFEventWriter",
        "train.monitor.TrainingMonitor": "callbacks.monitor.MonitorBase",
    },
    star={"": _STAR, "callbacks": _STAR},
    methods={"callbacks.monitor.Monitors": {"put": "put_scalar"}},
    modules={"train.monitor": Moved("callbacks.monitor")},
    adapters={
        "callbacks._monitors.base": "monitors.adapt_base",
        "callbacks._monitors.writers": "monitors.adapt_writers",
        "callbacks.monitor": "monitors.adapt_monitor",
    },
    behaviours={
        "JSONWriter.put_scalar": "MonitorBase.process_scalar",
        "ScalarPrinter.put_scalar": "MonitorBase.process_scalar",
        "CometMLMonitor(api_key)": "CometMLMonitor(api_key=...), which gives it to the experiment",
        "val_error": "validation_error",
        "stat.json": "stats.json",
    },
)
