"""What the driver of NVIDIA tells about its GPUs, asked through its library NVML; needs no Python package."""
from __future__ import annotations

import ctypes
from typing import Any, Dict, List

__all__ = ["NVMLContext", "NvidiaDevice", "NvmlException"]

_LIBRARY = "libnvidia-ml.so.1"
_NAME_SIZE = 96


class NvmlException(Exception):
    """A call of NVML that failed.

    Attributes:
        error_code: the number that NVML returned.
    """

    def __init__(self, error_code: int, message: str):
        super().__init__("NVML error {}: {}".format(error_code, message))
        self.error_code = error_code


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class NVMLContext:
    """A context manager in which GPUs can be asked about.

    Entering it raises OSError when there is no driver, NvmlException when that refuses.

    Example: `with NVMLContext() as ctx: free = [device.memory()["free"] for device in ctx.devices()]`
    """

    def __enter__(self) -> NVMLContext:
        self._library = ctypes.CDLL(_LIBRARY)
        self._call("nvmlInit_v2")
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        self._call("nvmlShutdown")

    def num_devices(self) -> int:
        """The number of GPUs, whatever CUDA_VISIBLE_DEVICES says."""
        count = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(count))
        return count.value

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
        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(idx), ctypes.byref(handle))
        return NvidiaDevice(self, handle)

    def _call(self, name: str, *args: Any) -> None:
        code = getattr(self._library, name)(*args)
        if code != 0:
            raise NvmlException(code, "{} failed: {}".format(name, self._message(code)))

    def _message(self, code: int) -> str:
        describe = self._library.nvmlErrorString
        describe.restype = ctypes.c_char_p
        return (describe(ctypes.c_int(code)) or b"unknown error").decode("utf-8", "replace")


class NvidiaDevice:
    """One GPU; made by NVMLContext, and of use inside it."""

    def __init__(self, context: NVMLContext, handle: Any):
        self._context = context
        self._handle = handle

    def memory(self) -> Dict[str, int]:
        """Its memory in bytes: `total`, `free`, `used`."""
        memory = _Memory()
        self._context._call("nvmlDeviceGetMemoryInfo", self._handle, ctypes.byref(memory))
        return {"total": memory.total, "free": memory.free, "used": memory.used}

    def utilization(self) -> Dict[str, int]:
        """Percent of the last sampling period in which it computed (`gpu`) or used its memory (`memory`)."""
        utilization = _Utilization()
        self._context._call("nvmlDeviceGetUtilizationRates", self._handle, ctypes.byref(utilization))
        return {"gpu": utilization.gpu, "memory": utilization.memory}

    def name(self) -> str:
        """The name of its model."""
        name = ctypes.create_string_buffer(_NAME_SIZE)
        self._context._call("nvmlDeviceGetName", self._handle, name, ctypes.c_uint(_NAME_SIZE))
        return name.value.decode("utf-8", "replace")
