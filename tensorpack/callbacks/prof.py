"""Callbacks that measure a training: its speed, its memory, its GPUs, and what each operation of a step does when."""
from __future__ import annotations

import os
import time
from typing import Optional, Tuple

import psutil

from ..compat import chrome_trace
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils.fs import atomic_write
from ._checks.arguments import check_number, directory_so_far
from ._gpu_trackers import GPUMemoryTracker, GPUUtilizationTracker
from .base import Callback
from .graph import _require_log_dir

__all__ = ["GPUMemoryTracker", "GPUUtilizationTracker", "GraphProfiler", "HostMemoryTracker", "PeakMemoryTracker",
           "ThroughputTracker"]

PeakMemoryTracker = GPUMemoryTracker  # the former name


class GraphProfiler(Callback):
    """Trace each step, for a look at how long each operation takes on which device; on the chief only.

    It slows training down, so let it act now and then: `PeriodicCallback(GraphProfiler(), every_k_steps=1000)`. Files are
    written to the log directory; the first step is number 1.

    Args:
        dump_metadata: write `runmetadata-{global step}.pb`, a serialized `tf.RunMetadata`.
        dump_tracing: write `chrome-trace-{global step}.json`, for chrome://tracing or https://ui.perfetto.dev.
        dump_event: send the metadata to the monitors as an event tagged `trace-{global step}`, for TensorBoard.

    Raises:
        RuntimeError: there is no log directory when the graph is set up.
    """

    def __init__(self, dump_metadata: bool = False, dump_tracing: bool = True, dump_event: bool = False):
        self.dump_metadata = dump_metadata
        self.dump_tracing = dump_tracing
        self.dump_event = dump_event
        self._dir = directory_so_far()
        self._run_args = tf.train.SessionRunArgs([], options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE))

    def _setup_graph(self) -> None:
        self._dir = _require_log_dir(self, self._dir)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        metadata = run_values.run_metadata
        if self.dump_metadata:
            self._write("runmetadata-{}.pb", metadata.SerializeToString(), "wb")
        if self.dump_tracing:
            self._write("chrome-trace-{}.json", chrome_trace(metadata), "w")
        if self.dump_event:
            event = tf.Event()
            event.tagged_run_metadata.tag = "trace-{}".format(self.global_step)
            event.tagged_run_metadata.run_metadata = metadata.SerializeToString()
            self.trainer.monitors.put_event(event)

    def _write(self, name: str, content: object, mode: str) -> None:
        with atomic_write(os.path.join(self._dir, name.format(self.global_step)), mode) as f:
            f.write(content)


class HostMemoryTracker(Callback):
    """Send the free memory of the machine to the monitors at each trigger, as `HostFreeMemory (GB)`, in GiB; on every process.

    It is also logged when the graph is set up and before training.
    """

    _chief_only = False

    def _setup_graph(self) -> None:
        logger.info("[HostMemoryTracker] Free RAM in setup_graph() is %.2f GB.", _free_gib())

    def _before_train(self) -> None:
        logger.info("[HostMemoryTracker] Free RAM in before_train() is %.2f GB.", _free_gib())

    def _trigger(self) -> None:
        self.trainer.monitors.put_scalar("HostFreeMemory (GB)", _free_gib())


def _free_gib() -> float:
    return psutil.virtual_memory().available / 1024 ** 3


class ThroughputTracker(Callback):
    """Send the speed since the last trigger to the monitors; on every process.

    Only the time of steps counts, not that between epochs.

    Args:
        samples_per_step: the batch size, of all towers together, for `Throughput (samples/sec)`; without it the value is
            `Throughput (steps/sec)`.

    Raises:
        TypeError, ValueError: `samples_per_step` is no positive number.
    """

    _chief_only = False

    def __init__(self, samples_per_step: Optional[float] = None):
        if samples_per_step is not None:
            check_number("ThroughputTracker", "samples_per_step", samples_per_step, above=0)
        self._samples_per_step = samples_per_step
        self._seconds, self._steps = 0.0, 0
        self._since: Optional[Tuple[float, int]] = None

    def _before_epoch(self) -> None:
        self._since = time.perf_counter(), self.global_step

    def _after_epoch(self) -> None:
        self._count()
        self._since = None

    def _count(self) -> None:
        if self._since is not None:
            now = time.perf_counter(), self.global_step
            self._seconds += now[0] - self._since[0]
            self._steps += now[1] - self._since[1]
            self._since = now

    def _trigger(self) -> None:
        self._count()
        if not self._steps:
            return
        speed = self._steps / self._seconds
        self._seconds, self._steps = 0.0, 0
        if self._samples_per_step is None:
            self.trainer.monitors.put_scalar("Throughput (steps/sec)", speed)
        else:
            self.trainer.monitors.put_scalar("Throughput (samples/sec)", speed * self._samples_per_step)
