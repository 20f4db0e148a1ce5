"""Parts of the graph builders: placement of variables, lists of gradients, and their sums over devices."""
from __future__ import annotations

from ..tfutils.varreplace import override_to_local_variable
from ._all_reduce import allreduce_grads, allreduce_grads_hierarchical, allreduce_grads_naive
from ._gradients import aggregate_grads_colocate, merge_grad_list, split_grad_list
from ._packing import GradientPacker
from ._placement import LeastLoadedDeviceSetter

__all__ = [
    "GradientPacker",
    "LeastLoadedDeviceSetter",
    "aggregate_grads_colocate",
    "allreduce_grads",
    "allreduce_grads_hierarchical",
    "allreduce_grads_naive",
    "merge_grad_list",
    "override_to_local_variable",
    "split_grad_list",
]
