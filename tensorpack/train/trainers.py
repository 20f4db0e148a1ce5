"""The trainers that minimise one cost, each with its way to build towers."""
from __future__ import annotations

from typing import Callable, List, Optional, Sequence, Union

from ..callbacks.base import Callback
from ..callbacks.graph import RunOp
from ..compat import tfv1 as tf
from ..graph_builder.training import (
    REPLICATED_MODES,
    AsyncMultiGPUBuilder,
    SyncMultiGPUParameterServerBuilder,
    SyncMultiGPUReplicatedBuilder,
)
from ..input_source.input_source import QueueInput
from ..input_source.input_source_base import InputSource
from ..tfutils.tower import TowerContext
from ..utils import logger
from ..utils._text.spec import shown
from ..utils.develop import log_deprecated
from ._distributed.collective import CollectiveTrainer
from ._distributed.horovod import BytePSTrainer, HorovodTrainer
from ._distributed.inference import CollectiveInferenceRunner
from ._distributed.parameter_server import DistributedTrainerParameterServer, DistributedTrainerReplicated
from ._multi_tower import MultiTowerTrainer
from .tower import SingleCostTrainer

__all__ = [
    "AsyncMultiGPUTrainer",
    "BytePSTrainer",
    "CollectiveInferenceRunner",
    "CollectiveTrainer",
    "DistributedTrainerParameterServer",
    "DistributedTrainerReplicated",
    "HorovodTrainer",
    "NoOpTrainer",
    "QueueInputTrainer",
    "SimpleTrainer",
    "SyncMultiGPUTrainer",
    "SyncMultiGPUTrainerParameterServer",
    "SyncMultiGPUTrainerReplicated",
]


class SimpleTrainer(SingleCostTrainer):
    """One tower, with no name scope and no device of its own.

    Creates the operation `train_op`; variables and their optimizer slots have root names.
    """

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        with TowerContext("", is_training=True):
            gradients = self._make_get_grad_fn(input, get_cost_fn, get_opt_fn)()
            self.train_op = get_opt_fn().apply_gradients(gradients, name="train_op")
        return []


class NoOpTrainer(SimpleTrainer):
    """Builds the graph of a SimpleTrainer but never trains: a step runs the callbacks, and what they fetch, only."""

    def run_step(self) -> None:
        self.hooked_sess.run([])


class QueueInputTrainer(SimpleTrainer):
    """A SimpleTrainer for exactly a QueueInput; kept for scripts written before every trainer took any input."""

    def __init__(self) -> None:
        super().__init__()
        log_deprecated("QueueInputTrainer", "Use SimpleTrainer with QueueInput instead.")

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        if not isinstance(input, QueueInput):
            raise TypeError("QueueInputTrainer: input must be a QueueInput; got {}; SimpleTrainer takes any".format(
                shown(input)))
        return super()._setup_graph(input, get_cost_fn, get_opt_fn)


class SyncMultiGPUTrainerParameterServer(MultiTowerTrainer):
    """A tower on each GPU, all with the same variables, which get the mean of the towers' gradients.

    Creates the towers `tower0`, `tower1`, ... and the operation `train_op`; variables and slots have root names.

    Args:
        gpus: numbers of the GPUs, or how many of them.
        ps_device: where variables are: 'gpu' spreads them over the GPUs, 'cpu' puts them on `/cpu:0`. By default 'gpu' for
            up to two GPUs.
        device_type: 'cpu' for towers on CPU devices of these numbers.
    """

    _builder: SyncMultiGPUParameterServerBuilder

    def __init__(self, gpus: Union[int, Sequence[int]], ps_device: Optional[str] = None, *, device_type: str = "gpu"):
        super().__init__(gpus, device_type)
        if ps_device is None:
            ps_device = "gpu" if len(self.devices) <= 2 else "cpu"
        self._builder = SyncMultiGPUParameterServerBuilder(self.devices, ps_device, device_type=device_type)

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        grad_list = self._build_towers(input, get_cost_fn, get_opt_fn, "gradients are averaged over towers")
        self.train_op = self._builder.build(grad_list, get_opt_fn)
        return []


def SyncMultiGPUTrainer(gpus: Union[int, Sequence[int]], *, device_type: str = "gpu") -> SyncMultiGPUTrainerParameterServer:
    """A `SyncMultiGPUTrainerParameterServer` with its variables on the CPU."""
    return SyncMultiGPUTrainerParameterServer(gpus, ps_device="cpu", device_type=device_type)


class SyncMultiGPUTrainerReplicated(MultiTowerTrainer):
    """A tower on each GPU with variables of its own, which get the same gradients in each step: the mean of the towers'.

    Creates the towers `tower0`, `tower1`, ..., the operations `apply_gradients/apply_grad_<i>`, grouped as `train_op`, and
    `sync_variables/sync_variables_from_main_tower`. Variables and slots of the first tower have root names; those of tower i
    are local variables `tower<i>/...`, which are not saved. They are made equal before training and after each epoch.

    Args:
        gpus: numbers of the GPUs, or how many of them.
        average: whether gradients are averaged or summed.
        mode: how gradients are combined.
            'gpu': sums are spread over the GPUs. 'cpu': they are made on `/cpu:0`.
            'nccl': by NCCL. 'collective': by the all-reduce of TensorFlow's distributed runtime, also on CPU devices.
            'hierarchical': in two groups, for 8 GPUs with the links of a DGX-1.
            By default 'hierarchical' for 8 GPUs, else 'gpu'. Sparse gradients, of lookups, stay sparse and are always
            combined as by 'gpu' or 'cpu'.
        device_type: 'cpu' for towers on CPU devices of these numbers.

    Attributes:
        BROADCAST_EVERY_EPOCH: if False, set before the graph is built, towers are made equal before training only.
    """

    _builder: SyncMultiGPUReplicatedBuilder

    def __init__(self, gpus: Union[int, Sequence[int]], average: bool = True, mode: Optional[str] = None, *,
                 device_type: str = "gpu"):
        super().__init__(gpus, device_type)
        self.BROADCAST_EVERY_EPOCH = True
        self._builder = SyncMultiGPUReplicatedBuilder(self.devices, average, self._choose_mode(mode), device_type=device_type)

    def _choose_mode(self, mode: Optional[str]) -> str:
        num = len(self.devices)
        default = "hierarchical" if num == 8 and self._device_type == "gpu" else "gpu"
        if mode is None:
            return default
        if not isinstance(mode, str) or mode.lower() not in REPLICATED_MODES:
            raise ValueError("SyncMultiGPUTrainerReplicated: mode must be one of {}; got {!r}".format(
                ", ".join(REPLICATED_MODES), mode))
        mode = mode.lower()
        if mode == "hierarchical" and num != 8:
            logger.warning("SyncMultiGPUTrainerReplicated: mode 'hierarchical' needs 8 GPUs; got %d, mode '%s' is used.",
                           num, default)
            return default
        if mode == "nccl":
            logger.warning("SyncMultiGPUTrainerReplicated: NCCL in TensorFlow 1.15 and later has been seen to give wrong "
                           "results (https://github.com/tensorflow/tensorflow/issues/41539); compare with mode 'gpu'.")
        return mode

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        combination = "gradients are {} over towers".format("averaged" if self._builder.average else "summed")
        grad_list = self._build_towers(input, get_cost_fn, get_opt_fn, combination)
        self.train_op, sync_op = self._builder.build(grad_list, get_opt_fn)
        if sync_op is None:
            return []
        sync = RunOp(sync_op, run_before=True, run_as_trigger=self.BROADCAST_EVERY_EPOCH, verbose=True)
        sync.name_scope = "SyncVariables"
        return [sync]


class AsyncMultiGPUTrainer(MultiTowerTrainer):
    """A tower on each GPU, all with the same variables, to each of which a tower applies its gradient when it is ready.

    Creates the towers `tower0`, `tower1`, ..., the operations `async_apply_gradients/apply_grad_<i>`, and `train_op`;
    variables and slots have root names. With four towers or more they are on the CPU, else spread over the GPUs.

    Args:
        gpus: numbers of the GPUs, or how many of them.
        scale_gradient: divide the gradients of each tower by the number of towers.
        device_type: 'cpu' for towers on CPU devices of these numbers.
    """

    _builder: AsyncMultiGPUBuilder

    def __init__(self, gpus: Union[int, Sequence[int]], scale_gradient: bool = True, *, device_type: str = "gpu"):
        super().__init__(gpus, device_type)
        self._builder = AsyncMultiGPUBuilder(self.devices, scale_gradient, device_type=device_type)

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        scale = ", divided by {}".format(len(self.devices)) if self._builder.scale_gradient else ""
        grad_list = self._build_towers(input, get_cost_fn, get_opt_fn, "each tower applies its own gradients" + scale)
        self.train_op = self._builder.build(grad_list, get_opt_fn)
        return []
