"""Where variables live."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf

__all__ = ["VariableDeviceChooser"]


class VariableDeviceChooser:
    """A function from operations to devices, for `tf.device`: the tasks of a job in turn, or one device without tasks.

    Args:
        num_tasks: number of parameter servers.
        job_name: their job.
        device_index: None for any.
    """

    def __init__(self, num_tasks: int = 0, job_name: str = "ps", device_type: str = "CPU", device_index: Optional[int] = 0,
                 replica: Optional[int] = None):
        self._num_tasks, self._job_name = num_tasks, job_name
        self._device_type, self._device_index, self._replica = device_type, device_index, replica
        self._next_task = 0

    def __call__(self, op: Any) -> str:
        place = {}
        if self._num_tasks > 0:
            place = {"job": self._job_name, "task": self._next_task}
            self._next_task = (self._next_task + 1) % self._num_tasks
        spec: str = tf.DeviceSpec(replica=self._replica, device_type=self._device_type, device_index=self._device_index,
                                  **place).to_string()
        return spec
