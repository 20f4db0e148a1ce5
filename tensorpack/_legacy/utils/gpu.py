"""GPUs by their numbers."""
from __future__ import annotations

import os
from typing import List

from ...utils.gpu import get_num_gpu


def get_gpus() -> List[str]:
    """The entries of CUDA_VISIBLE_DEVICES; without it the numbers of all GPUs."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(k) for k in range(get_num_gpu())]
    return [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
