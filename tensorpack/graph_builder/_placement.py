"""`LeastLoadedDeviceSetter`: variables spread over several devices by their size, everything else on one."""
from __future__ import annotations

from typing import Any, List, Sequence

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.spec import shown

__all__ = ["LeastLoadedDeviceSetter"]

_VARIABLE_TYPES = ("Variable", "VariableV2", "VarHandleOp")


class LeastLoadedDeviceSetter:
    """A device function: `with tf.device(LeastLoadedDeviceSetter(worker, devices)):`.

    A variable goes to the one of `ps_devices` with the fewest elements so far, anything else to the worker. What already
    has a device keeps it.

    Args:
        worker_device: a device name, such as `/gpu:0`.
        ps_devices: list of device names.

    Attributes:
        ps_sizes: number of elements on each of `ps_devices`.
    """

    def __init__(self, worker_device: str, ps_devices: Sequence[str]):
        if isinstance(ps_devices, str) or not ps_devices:
            raise ValueError("LeastLoadedDeviceSetter: ps_devices must be a list of one device at least; got {}".format(
                shown(ps_devices)))
        self.ps_devices = list(ps_devices)
        self.worker_device = worker_device
        self.ps_sizes: List[int] = [0] * len(self.ps_devices)

    def __call__(self, op: Any) -> str:
        """The device of an operation."""
        if op.device:
            return op.device
        return self.place_with_balance(op) if op.type in _VARIABLE_TYPES else self.worker_device

    def place_with_balance(self, op: Any) -> str:
        """The device for a variable's operation, which now counts as being there."""
        lightest = min(range(len(self.ps_devices)), key=lambda k: self.ps_sizes[k])
        self.ps_sizes[lightest] += _num_elements(op)
        return self.ps_devices[lightest]

    def __str__(self) -> str:
        return "LeastLoadedDeviceSetter-{}".format(self.worker_device)


def _num_elements(op: Any) -> int:
    num = tf.TensorShape(op.get_attr("shape")).num_elements()
    if num is None:
        logger.warning("LeastLoadedDeviceSetter: variable %s has no known size and counts as empty.", op.name)
        return 0
    return num
