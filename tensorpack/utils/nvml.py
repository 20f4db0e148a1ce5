"""What the driver of NVIDIA tells about its GPUs, asked through its library NVML and the package nvidia-ml-py."""
from __future__ import annotations

from typing import Any, Dict, List

from .optional import optional_import

__all__ = ["NVMLContext", "NvidiaDevice", "NvmlException"]

pynvml = optional_import("pynvml", needed_by="NVMLContext", pip="nvidia-ml-py")


class NvmlException(Exception):
    """A call of NVML that failed.

    Attributes:
        error_code: the number that NVML returned.
    """

    def __init__(self, error_code: int, message: str):
        super().__init__("NVML error {}: {}".format(error_code, message))
        self.error_code = error_code


def _ask(function: str, *args: Any) -> Any:
    """The answer of this function of NVML."""
    try:
        return getattr(pynvml, function)(*args)
    except pynvml.NVMLError as e:
        raise NvmlException(e.value, "{} failed: {}".format(function, e)) from e


class NVMLContext:
    """A context manager in which GPUs can be asked about.

    Entering it raises OSError when there is no driver, NvmlException when that refuses.

    Example: `with NVMLContext() as ctx: free = [device.memory()["free"] for device in ctx.devices()]`
    """

    def __enter__(self) -> NVMLContext:
        try:
            _ask("nvmlInit")
        except NvmlException as e:
            if e.error_code == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
                raise OSError("NVMLContext: there must be a driver of NVIDIA; got no library of it ({})".format(e)) from e
            raise
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        _ask("nvmlShutdown")

    def num_devices(self) -> int:
        """The number of GPUs, whatever CUDA_VISIBLE_DEVICES says."""
        return _ask("nvmlDeviceGetCount")

    def devices(self) -> List[NvidiaDevice]:
        """All GPUs."""
        return [self.device(idx) for idx in range(self.num_devices())]

    def device(self, idx: int) -> NvidiaDevice:
        """The GPU number `idx`.

        Raises:
            ValueError: there is no such GPU.
        """
        num = self.num_devices()
        if not 0 <= idx < num:
            raise ValueError("NVMLContext.device: the number of a GPU must be from 0 to {}; got {}".format(num - 1, idx))
        return NvidiaDevice(_ask("nvmlDeviceGetHandleByIndex", idx))


class NvidiaDevice:
    """One GPU; made by NVMLContext, and of use inside it."""

    def __init__(self, handle: Any):
        self._handle = handle

    def memory(self) -> Dict[str, int]:
        """Its memory in bytes: `total`, `free`, `used`."""
        memory = _ask("nvmlDeviceGetMemoryInfo", self._handle)
        return {"total": memory.total, "free": memory.free, "used": memory.used}

    def utilization(self) -> Dict[str, int]:
        """Percent of the last sampling period in which it computed (`gpu`) or used its memory (`memory`)."""
        utilization = _ask("nvmlDeviceGetUtilizationRates", self._handle)
        return {"gpu": utilization.gpu, "memory": utilization.memory}

    def name(self) -> str:
        """The name of its model."""
        return _ask("nvmlDeviceGetName", self._handle)
