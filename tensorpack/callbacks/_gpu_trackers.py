"""Callbacks that watch GPUs. Whatever goes wrong with that is warned of once; the training goes on without them."""
from __future__ import annotations

import numbers
import os
import queue
import threading
import time
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..compat import peak_gpu_memory_reader
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils.nvml import NVMLContext
from .base import Callback

__all__ = ["GPUMemoryTracker", "GPUUtilizationTracker"]

_PERIOD = 1.0  # seconds from sample to sample
_PATIENCE = 3.0  # seconds after which a driver that does not answer is given up


class GPUUtilizationTracker(Callback):
    """Sends the mean utilization of GPUs in percent in each epoch to the monitors, as `GPUUtil/{number}`; on every process.

    A daemon thread asks the driver when an epoch begins and each second. If there is no driver, no such GPU, or the driver does
    not tell (as for MIG devices), one warning says so and nothing is sent. An epoch that is too short for a sample has no
    value.

    Args:
        devices: numbers of GPUs, as the driver counts them; by default those in CUDA_VISIBLE_DEVICES, or all there are. A
            process of a Horovod training looks at its own GPU only.

    Raises:
        TypeError, ValueError: a device is no whole number of at least 0.
    """

    _chief_only = False

    def __init__(self, devices: Optional[Sequence[int]] = None):
        if devices is not None:
            given: List[Any] = [devices] if isinstance(devices, (numbers.Number, str)) else list(devices)
            devices = [whole_number(self, "devices", number, minimum=0) for number in given]
        self.devices = devices
        self._devices: List[int] = []
        self._thread: Optional[threading.Thread] = None
        self._of_epoch: List[List[float]] = []
        self._active = False

    def _setup_graph(self) -> None:
        try:
            self._devices = _answer_of(self._find_devices)
            self._active = True
        except Exception as e:  # of all kinds, from a missing driver to one that refuses
            self._go_quiet(e)

    def _find_devices(self) -> List[int]:
        """The numbers of the GPUs, all of which answer."""
        with NVMLContext() as context:
            devices = _default_devices(context, self.trainer) if self.devices is None else self.devices
            if not devices:
                raise ValueError("there is no GPU to look at")
            for number in devices:
                context.device(number).utilization()
        return devices

    def _before_train(self) -> None:
        if not self._active:
            return
        if not any(device.device_type == "GPU" for device in self.trainer.sess.list_devices()):
            logger.warning("GPUUtilizationTracker: the session has no GPU, so what %s do is not of this training.",
                           ", ".join("GPU {}".format(number) for number in self._devices))
        self._sample_now, self._stop = threading.Event(), threading.Event()
        self._samples: queue.Queue[Union[List[float], Exception]] = queue.Queue()
        self._thread = threading.Thread(target=self.worker, name="GPUUtilizationTracker",
                                        args=(self._sample_now, self._samples, self._stop, self._devices))
        self._thread.daemon = True
        self._thread.start()

    def _before_epoch(self) -> None:
        if self._active:
            self._take_samples()  # those since the epoch before
            self._start = time.monotonic()
            self._sample_now.set()

    def _after_epoch(self) -> None:
        if self._active:
            self._seconds = time.monotonic() - self._start
            self._of_epoch = self._take_samples()

    def _trigger_epoch(self) -> None:
        if not self._active:
            return
        samples, self._of_epoch = self._of_epoch, []
        if samples:
            # the last one may reach beyond the end of the epoch
            means = np.mean(samples[:-1] if len(samples) > 1 else samples, axis=0)
            for number, mean in zip(self._devices, means):
                self.trainer.monitors.put_scalar("GPUUtil/{}".format(number), float(mean))
        elif self._seconds > _PATIENCE:
            self._go_quiet("the driver does not answer")

    def _after_train(self) -> None:
        if self._thread is not None:
            self._stop.set()
            self._sample_now.set()
            self._thread.join(_PATIENCE)
            self._thread = None

    def _take_samples(self) -> List[List[float]]:
        samples = []
        while not self._samples.empty():
            sample = self._samples.get()
            if isinstance(sample, Exception):
                self._go_quiet(sample)
            else:
                samples.append(sample)
        return samples

    def _go_quiet(self, reason: Union[str, Exception]) -> None:
        self._active = False
        logger.warning("GPUUtilizationTracker: nothing is tracked: %s", reason)

    @staticmethod
    def worker(evt: Any, rst_queue: Any, stop_evt: Any, devices: Sequence[int]) -> None:
        """Sample the utilization each second, and at once when `evt` is set, until `stop_evt` is; runs in a thread.

        What it puts into `rst_queue` is a list with the percentage of each device, or the exception that it ends with.
        """
        try:
            with NVMLContext() as context:
                handles = [context.device(number) for number in devices]
                while not stop_evt.is_set():
                    rst_queue.put([handle.utilization()["gpu"] for handle in handles])
                    evt.wait(_PERIOD)
                    evt.clear()
        except Exception as e:
            rst_queue.put(e)


def _answer_of(function: Callable[[], Any]) -> Any:
    """What the function returns or raises; TimeoutError if it does neither in time, as when a driver hangs."""
    answers: queue.Queue[Tuple[Any, Optional[Exception]]] = queue.Queue()

    def ask() -> None:
        try:
            answers.put((function(), None))
        except Exception as e:
            answers.put((None, e))

    thread = threading.Thread(target=ask, name="GPUUtilizationTracker-ask")
    thread.daemon = True
    thread.start()
    try:
        answer, error = answers.get(timeout=_PATIENCE)
    except queue.Empty:
        raise TimeoutError("the driver does not answer") from None
    if error is not None:
        raise error
    return answer


def _default_devices(context: NVMLContext, trainer: Any) -> List[int]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    numbers = list(range(context.num_devices())) if visible is None else _parse_numbers(visible)
    hvd = getattr(trainer, "hvd", None)
    if hvd is not None and numbers:
        return [numbers[hvd.local_rank() % len(numbers)]]
    if visible is None and len(numbers) > 1:
        logger.warning("GPUUtilizationTracker: all %d GPUs are looked at, since CUDA_VISIBLE_DEVICES is not set.", len(numbers))
    return numbers


def _parse_numbers(visible: str) -> List[int]:
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if not all(name.lstrip("-").isdigit() for name in names):
        raise ValueError("CUDA_VISIBLE_DEVICES={!r} has names instead of numbers; try the argument devices".format(visible))
    return [int(name) for name in names if not name.startswith("-")]


class GPUMemoryTracker(Callback):
    """Sends the peak of the memory that TensorFlow has used on a device so far to the monitors, after the last step of each
    epoch, as `PeakMemory(MB){device}`, in 10^6 bytes; on every process.

    Where TensorFlow does not tell it, as on a CPU, one warning says so and nothing is sent.

    Args:
        devices: numbers of GPUs, as TensorFlow counts them, or names of devices such as `/gpu:0`.

    Raises:
        TypeError, ValueError: a device is neither a name nor a whole number of at least 0.
    """

    _chief_only = False

    def __init__(self, devices: Sequence[Union[int, str]] = (0,)):
        devices = [devices] if isinstance(devices, (numbers.Number, str)) else devices
        self.devices = [x if isinstance(x, str) else "/gpu:{}".format(whole_number(self, "devices", x, minimum=0))
                        for x in devices]
        self._readers: List[Any] = []

    def _setup_graph(self) -> None:
        try:
            self._readers = [peak_gpu_memory_reader(device) for device in self.devices]
        except Exception as e:
            self._go_quiet(e)

    def _trigger_step(self) -> None:
        if self._readers and self.local_step == self.trainer.steps_per_epoch - 1:
            self._put()

    def _put(self) -> None:
        try:
            values = [read(self.trainer.sess) for read in self._readers]
        except Exception as e:
            self._go_quiet(e)
            return
        for device, value in zip(self.devices, values):
            self.trainer.monitors.put_scalar("PeakMemory(MB){}".format(device), value / 1e6)

    def _go_quiet(self, reason: Exception) -> None:
        self._readers = []
        logger.warning("%s: nothing is tracked: %s", self, str(reason).split("\n")[0])
