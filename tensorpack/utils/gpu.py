"""How many GPUs a process may use, and a way to change that."""
from __future__ import annotations

import os
import subprocess
import sys
from typing import Any, List, Optional

from . import logger
from .nvml import NVMLContext, NvmlException
from .utils import change_env

__all__ = ["change_gpu", "get_nr_gpu", "get_num_gpu"]

_VARIABLE = "CUDA_VISIBLE_DEVICES"
_SMI_TIMEOUT = 5  # seconds; a driver in trouble lets nvidia-smi hang


def change_gpu(val: Any) -> Any:
    """A context in which CUDA_VISIBLE_DEVICES is `val`, such as 0 or "0,1"; -1 for no GPU.

    It matters to what starts to use CUDA inside, such as a child process.
    """
    val = str(val)
    return change_env(_VARIABLE, "" if val == "-1" else val)


def get_num_gpu() -> int:
    """How many GPUs this process may use, without initialising any.

    It is what CUDA_VISIBLE_DEVICES names, if it is set and there is a driver; else what `nvidia-smi`, NVML or, at last,
    TensorFlow finds.

    Raises:
        ValueError: CUDA_VISIBLE_DEVICES names more GPUs than there are.
    """
    visible = os.environ.get(_VARIABLE)
    num = _count_all() if visible is None else _count_visible(visible)
    if num > 0 and _tensorflow_lacks_cuda():
        logger.warning("There are %d GPUs, but TensorFlow was not built for CUDA and does not use them.", num)
    return num


get_nr_gpu = get_num_gpu  # kept for scripts written with the former name


def _count_visible(visible: str) -> int:
    named = _named(visible)
    if not named:
        return 0
    num = _count_by_nvml()
    if num is None:  # no driver, hence no GPU, whatever the variable says
        logger.warning("%s=%r, but there is no NVIDIA driver: no GPU can be used.", _VARIABLE, visible)
        return 0
    if len(named) > num and not any(name.startswith("MIG-") for name in named):  # a GPU may be several MIG devices
        raise ValueError("get_num_gpu: {} must name GPUs that exist; got {!r}, but there are {}".format(
            _VARIABLE, visible, num))
    return len(named)


def _named(visible: str) -> List[str]:
    """CUDA takes the names before the first one that is no GPU, such as -1."""
    named = []
    for name in visible.split(","):
        name = name.strip()
        if not name or name.startswith("-"):
            break
        named.append(name)
    return named


def _count_all() -> int:
    num = _count_by_smi()
    if num is None:
        num = _count_by_nvml()
    return _count_by_tensorflow() if num is None else num


def _count_by_smi() -> Optional[int]:
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                stdin=subprocess.DEVNULL, timeout=_SMI_TIMEOUT, check=True).stdout
    except FileNotFoundError:
        return None
    except (OSError, subprocess.SubprocessError) as e:
        logger.warning("Counting GPUs by nvidia-smi failed: %s", e)
        return None
    return sum(line.startswith(b"GPU") for line in listed.splitlines())


def _count_by_nvml() -> Optional[int]:
    try:
        with NVMLContext() as context:
            return context.num_devices()
    except (OSError, NvmlException):
        return None


def _count_by_tensorflow() -> int:
    try:
        import tensorflow
    except ImportError:
        return 0
    logger.info("GPUs are counted by TensorFlow, since there are neither nvidia-smi nor NVML.")
    if not tensorflow.compat.v1.test.is_built_with_cuda():
        return 0
    return len(tensorflow.config.experimental.list_physical_devices("GPU"))


def _tensorflow_lacks_cuda() -> bool:
    tensorflow = sys.modules.get("tensorflow")  # not worth the seconds of an import
    return tensorflow is not None and not tensorflow.compat.v1.test.is_built_with_cuda()
