"""The trainers that kept variables on parameter servers: their names, which tell what to use instead.

They needed `tf.contrib`, which TensorFlow 2 has not, and lost the statistics of BatchNorm or did not train at all.
"""
from __future__ import annotations

from typing import Any, Sequence, Union

from ..tower import SingleCostTrainer

__all__ = ["DistributedTrainerBase", "DistributedTrainerParameterServer", "DistributedTrainerReplicated"]


class DistributedTrainerBase(SingleCostTrainer):
    """Base class of the trainers for parameter servers, none of which can be made."""

    def __init__(self, gpus: Union[int, Sequence[int]], server: Any):
        raise RuntimeError(
            "{}: training with parameter servers is not supported. To train on several machines make a "
            "tensorpack.train.CollectiveTrainer instead, which runs on TensorFlow's own servers, and start the script once for "
            "each worker, with TF_CONFIG in the environment or by `python -m tensorpack.launch`; or, with Horovod, a "
            "tensorpack.train.HorovodTrainer".format(type(self).__name__))


class DistributedTrainerParameterServer(DistributedTrainerBase):
    """Cannot be made; use `CollectiveTrainer` or `HorovodTrainer`.

    Args:
        gpus, server, caching_device: what scripts written for it pass.

    Raises:
        RuntimeError: always.
    """

    def __init__(self, gpus: Union[int, Sequence[int]], server: Any, caching_device: str = "cpu"):
        super().__init__(gpus, server)


class DistributedTrainerReplicated(DistributedTrainerBase):
    """Cannot be made; use `CollectiveTrainer` or `HorovodTrainer`.

    Args:
        gpus, server: what scripts written for it pass.

    Raises:
        RuntimeError: always.
    """

    def __init__(self, gpus: Union[int, Sequence[int]], server: Any):
        super().__init__(gpus, server)
