"""Flows that run other flows in worker processes or threads, to overlap them with the consumer."""
from __future__ import annotations

from ._parallel.plasma import PlasmaGetData, PlasmaPutData
from ._parallel.process_runner import MultiProcessRunner, MultiProcessRunnerZMQ
from ._parallel.thread_runner import MultiThreadRunner

__all__ = [
    "MultiProcessPrefetchData",
    "MultiProcessRunner",
    "MultiProcessRunnerZMQ",
    "MultiThreadPrefetchData",
    "MultiThreadRunner",
    "PlasmaGetData",
    "PlasmaPutData",
    "PrefetchData",
    "PrefetchDataZMQ",
]

# kept for scripts written before the runners were called so
PrefetchData = MultiProcessPrefetchData = MultiProcessRunner
PrefetchDataZMQ = MultiProcessRunnerZMQ
MultiThreadPrefetchData = MultiThreadRunner
