"""Builders: from a function that builds one tower to towers on several devices, and from their gradients to one update."""
from __future__ import annotations

from abc import ABCMeta, abstractmethod
from contextlib import ExitStack
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import six

from ..compat import device_words, num_gpus
from ..compat import tfv1 as tf
from ..tfutils.tower import TrainTowerContext
from ..tfutils.varreplace import override_to_local_variable
from ..utils import logger
from ..utils._text.spec import shown
from ..utils.develop import log_deprecated
from ._all_reduce import allreduce_grads, allreduce_grads_hierarchical, allreduce_grads_naive
from ._apply import apply_async, apply_to_replicas
from ._gradients import (
    aggregate_grads_colocate,
    check_grad_list,
    merge_grad_list,
    scale_gradient,
    split_grad_list,
)
from ._packing import GradientPacker
from ._placement import LeastLoadedDeviceSetter
from ._replicas import sync_from_main_tower

__all__ = [
    "AsyncMultiGPUBuilder",
    "DataParallelBuilder",
    "GraphBuilder",
    "SyncMultiGPUParameterServerBuilder",
    "SyncMultiGPUReplicatedBuilder",
]

GradAndVar = Tuple[Any, Any]
Device = Union[str, Callable[[Any], str]]

REPLICATED_MODES = ("nccl", "cpu", "gpu", "hierarchical", "collective")


@six.add_metaclass(ABCMeta)
class GraphBuilder:
    """Something that builds (a part of) a training graph."""

    @abstractmethod
    def build(self, *args: Any, **kwargs: Any) -> Any:
        """Build it, and return what runs it."""


class DataParallelBuilder(GraphBuilder):
    """Base of builders that call one function for each of several devices.

    Args:
        towers: numbers of the devices, such as `[0, 1]`.
        device_type: 'gpu' or 'cpu'; the session must have as many CPU devices then, see `tf.ConfigProto.device_count`.

    Attributes:
        grads: once built, the gradients that are applied.
    """

    def __init__(self, towers: Sequence[int], *, device_type: str = "gpu"):
        if isinstance(towers, (int, str)) or not towers:
            raise ValueError("{}: towers must be a list of one device number at least; got {}; try [0]".format(
                type(self).__name__, shown(towers)))
        if device_type not in ("gpu", "cpu"):
            raise ValueError("{}: device_type must be 'gpu' or 'cpu'; got {!r}".format(type(self).__name__, device_type))
        self.towers = list(towers)
        self.device_type = device_type
        self.device_names = ["/{}:{}".format(device_type, number) for number in self.towers]
        self.grads: Any = None

    @staticmethod
    def call_for_each_tower(towers: Sequence[int], func: Callable[[], Any], devices: Optional[Sequence[Device]] = None,
                            use_vs: Optional[Sequence[bool]] = None) -> List[Any]:
        """Call `func()` in a training tower context for each tower; return the list of results.

        The i-th call is in the name scope `tower<i>`, whatever the number of its device.

        Args:
            towers: numbers of the GPUs.
            func: takes no arguments.
            devices: for each tower a device name or device function; `/gpu:<number>` by default.
            use_vs: for each tower whether it has variables of its own, in the variable scope `tower<i>` and local. Others
                share those of the first tower. None of them by default.

        Raises:
            ValueError: `devices` or `use_vs` has another length than `towers`.
        """
        devices = ["/gpu:{}".format(number) for number in towers] if devices is None else list(devices)
        use_vs = [False] * len(towers) if use_vs is None else list(use_vs)
        for name, value in (("devices", devices), ("use_vs", use_vs)):
            if len(value) != len(towers):
                raise ValueError("DataParallelBuilder.call_for_each_tower: {} must have an element for each of the {} towers; "
                                 "got {}".format(name, len(towers), len(value)))
        results = []
        for index, (device, own_variables) in enumerate(zip(devices, use_vs)):
            name = "tower{}".format(index)
            logger.info("Building graph for training tower %d on %s ...", index, device_words(device))
            with ExitStack() as stack:
                stack.enter_context(tf.device(device))
                if own_variables:
                    stack.enter_context(override_to_local_variable())
                elif index > 0:
                    stack.enter_context(
                        tf.variable_scope(tf.get_variable_scope(), reuse=True, auxiliary_name_scope=False))
                stack.enter_context(TrainTowerContext(
                    name, vs_name=name if own_variables else "", index=index, total=len(towers)))
                results.append(func())
        return results

    @staticmethod
    def build_on_towers(*args: Any, **kwargs: Any) -> List[Any]:
        """The former name of `call_for_each_tower`."""
        log_deprecated("DataParallelBuilder.build_on_towers", "Use call_for_each_tower instead.")
        return DataParallelBuilder.call_for_each_tower(*args, **kwargs)

    def _check_grad_list(self, grad_list: Sequence[Sequence[GradAndVar]]) -> None:
        """Raise ValueError unless all towers have gradients for the same variables."""
        check_grad_list(type(self).__name__, grad_list)


class SyncMultiGPUParameterServerBuilder(DataParallelBuilder):
    """Towers share their variables; one update with the mean of their gradients, computed where each variable is.

    Args:
        towers, device_type: see DataParallelBuilder.
        ps_device: 'gpu' spreads the variables over the devices of the towers, 'cpu' puts them all on `/cpu:0`.
    """

    def __init__(self, towers: Sequence[int], ps_device: str, *, device_type: str = "gpu"):
        super().__init__(towers, device_type=device_type)
        if ps_device not in ("gpu", "cpu"):
            raise ValueError("SyncMultiGPUParameterServerBuilder: ps_device must be 'gpu' or 'cpu'; got {!r}".format(ps_device))
        self.ps_device = ps_device

    def call_for_each_tower(self, tower_fn: Callable[[], Any]) -> List[Any]:  # type: ignore[override]  # static there
        """Call the function for each tower."""
        ps_devices = ["/cpu:0"] if self.ps_device == "cpu" else self.device_names
        devices = [LeastLoadedDeviceSetter(device, ps_devices) for device in self.device_names]
        return DataParallelBuilder.call_for_each_tower(self.towers, tower_fn, devices)

    def build(self, grad_list: Sequence[Sequence[GradAndVar]], get_opt_fn: Callable[[], tf.train.Optimizer]) -> tf.Operation:
        """The operation `train_op`.

        Args:
            grad_list: for each tower a list of (gradient, variable) pairs, without gradients that are None.
            get_opt_fn: returns the optimizer.
        """
        self._check_grad_list(grad_list)
        self.grads = aggregate_grads_colocate(grad_list, average=True)
        with tf.device("/cpu:0" if self.ps_device == "cpu" else ""):
            return get_opt_fn().apply_gradients(self.grads, name="train_op")


class SyncMultiGPUReplicatedBuilder(DataParallelBuilder):
    """Each tower has variables of its own, which get the same gradients: the sum or mean of those of all towers.

    Args:
        towers, device_type: see DataParallelBuilder.
        average: whether gradients are averaged or summed.
        mode: how; see SyncMultiGPUTrainerReplicated.
    """

    def __init__(self, towers: Sequence[int], average: bool, mode: str, *, device_type: str = "gpu"):
        super().__init__(towers, device_type=device_type)
        self.average = average
        self.mode = mode.lower()
        if self.mode not in REPLICATED_MODES:
            raise ValueError("SyncMultiGPUReplicatedBuilder: mode must be one of {}; got {!r}".format(
                ", ".join(REPLICATED_MODES), mode))
        if self.mode == "hierarchical" and len(self.towers) != 8:
            raise ValueError("SyncMultiGPUReplicatedBuilder: mode 'hierarchical' must have 8 towers; got {}; try 'gpu'".format(
                len(self.towers)))

    def call_for_each_tower(self, tower_fn: Callable[[], Any]) -> List[Any]:  # type: ignore[override]  # static there
        """Call the function for each tower."""
        return DataParallelBuilder.call_for_each_tower(
            self.towers, tower_fn, self.device_names, [index > 0 for index in range(len(self.towers))])

    def build(self, grad_list: Sequence[Sequence[GradAndVar]],
              get_opt_fn: Callable[[], tf.train.Optimizer]) -> Tuple[tf.Operation, Optional[tf.Operation]]:
        """The operation `train_op`, and one that gives all towers the variables of the first (None for a single tower).

        Args:
            grad_list: for each tower a list of (gradient, variable) pairs, without gradients that are None.
            get_opt_fn: returns the optimizer.
        """
        self._check_grad_list(grad_list)
        self.grads = self._all_reduce(grad_list)
        train_op = tf.group(*apply_to_replicas(get_opt_fn(), self.grads, self.device_names), name="train_op")
        if len(self.towers) == 1:
            return train_op, None
        with tf.name_scope("sync_variables"):
            return train_op, self.get_post_init_ops()

    @staticmethod
    def get_post_init_ops() -> tf.Operation:
        """The operation `sync_variables_from_main_tower`: variables `tower<i>/name` get the value of `name`."""
        return sync_from_main_tower()

    def _all_reduce(self, grad_list: Sequence[Sequence[GradAndVar]]) -> List[List[GradAndVar]]:
        if len(self.towers) == 1:
            return [list(pairs) for pairs in grad_list]
        all_grads, all_vars = split_grad_list(grad_list)
        mode = self._usable_mode(all_grads)
        # Lookups stay sparse, as they are for one tower: an optimizer may update the rows that were looked up only.
        dense, sparse = _positions_of_dense_and_sparse(all_grads)
        reduced: List[List[Any]] = [list(grads) for grads in all_grads]
        for positions, how in ((dense, mode), (sparse, mode if mode == "cpu" else "gpu")):
            if positions:
                parts = self._reduce([[grads[k] for k in positions] for grads in all_grads], how)
                for grads, part in zip(reduced, parts):
                    for k, grad in zip(positions, part):
                        grads[k] = grad
        return merge_grad_list(reduced, all_vars)

    def _reduce(self, all_grads: List[List[Any]], mode: str) -> List[List[Any]]:
        if mode in ("gpu", "cpu"):
            devices = ["/cpu:0"] if mode == "cpu" else self.device_names
            return [allreduce_grads_naive(all_grads, devices, self.average)] * len(self.towers)
        if mode == "hierarchical":
            return self._hierarchical(all_grads)
        return allreduce_grads(all_grads, self.average, mode)

    def _usable_mode(self, all_grads: Sequence[Sequence[Any]]) -> str:
        if self.mode == "nccl" and not {grad.dtype for grad in all_grads[0]} <= {tf.float16, tf.float32, tf.float64}:
            logger.warning("Mode 'nccl' takes gradients of float16, float32 and float64 only; mode 'gpu' is used.")
            return "gpu"
        no_gpu = self.device_type == "cpu" or num_gpus() == 0
        if (self.mode == "nccl" and no_gpu) or (self.mode == "collective" and no_gpu and self.device_type == "gpu"):
            logger.warning("Mode '%s' needs GPUs, and there are none; mode 'gpu' is used.", self.mode)
            return "gpu"
        return self.mode

    def _hierarchical(self, all_grads: List[List[Any]]) -> List[List[Any]]:
        packer = GradientPacker(len(self.towers))
        if not packer.compute_strategy(all_grads[0]):
            return allreduce_grads_hierarchical(all_grads, self.device_names, self.average)
        packed = packer.pack_all(all_grads, self.device_names)
        return packer.unpack_all(allreduce_grads_hierarchical(packed, self.device_names, self.average), self.device_names)


def _positions_of_dense_and_sparse(all_grads: Sequence[Sequence[Any]]) -> Tuple[List[int], List[int]]:
    dense: List[int] = []
    sparse: List[int] = []
    for k, grads in enumerate(zip(*all_grads)):
        (sparse if any(isinstance(grad, tf.IndexedSlices) for grad in grads) else dense).append(k)
    return dense, sparse


class AsyncMultiGPUBuilder(DataParallelBuilder):
    """Towers share their variables, and each tower updates them by itself, without waiting for the others.

    With four towers or more, variables are on the CPU, else they are spread over the devices of the towers.

    Args:
        towers, device_type: see DataParallelBuilder.
        scale_gradient: divide the gradients of each tower by the number of towers.
    """

    def __init__(self, towers: Sequence[int], scale_gradient: bool = True, *, device_type: str = "gpu"):
        super().__init__(towers, device_type=device_type)
        self.scale_gradient = scale_gradient

    def call_for_each_tower(self, tower_fn: Callable[[], Any]) -> List[Any]:  # type: ignore[override]  # static there
        """Call the function for each tower."""
        ps_devices = ["/cpu:0"] if len(self.towers) >= 4 else self.device_names
        devices = [LeastLoadedDeviceSetter(device, ps_devices) for device in self.device_names]
        return DataParallelBuilder.call_for_each_tower(self.towers, tower_fn, devices)

    def build(self, grad_list: Sequence[Sequence[GradAndVar]], get_opt_fn: Callable[[], tf.train.Optimizer]) -> tf.Operation:
        """The operation `train_op`.

        Args:
            grad_list: for each tower a list of (gradient, variable) pairs, without gradients that are None.
            get_opt_fn: returns the optimizer.
        """
        self._check_grad_list(grad_list)
        self.grads = [list(pairs) for pairs in grad_list]
        if self.scale_gradient and len(self.towers) > 1:
            with tf.name_scope("ScaleGradient"):
                self.grads = [[(scale_gradient(grad, 1.0 / len(self.towers)), variable) for grad, variable in pairs]
                              for pairs in self.grads]
        return tf.group(*apply_async(get_opt_fn(), self.grads), name="train_op")
