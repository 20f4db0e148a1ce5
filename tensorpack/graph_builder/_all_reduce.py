"""All-reduce of gradients over the devices of one process: K lists of N gradients, one list for each device.

Gradients may be `tf.IndexedSlices`, which only `allreduce_grads_naive` keeps sparse, but not None.
"""
from __future__ import annotations

import itertools
from typing import Any, List, Optional, Sequence

from .. import compat
from ..compat import tfv1 as tf
from ..tfutils._precision import like, widened
from ._gradients import combine_gradients, dense_in_place, scale_gradient

__all__ = ["allreduce_grads", "allreduce_grads_hierarchical", "allreduce_grads_naive"]

# The devices of a collective are known to TensorFlow by this number. All towers of a process form one group.
_GROUP_KEY = 42
# Each sum of a process has a number of its own; those below are left to others who use collectives.
_instance_keys = itertools.count(100)


def allreduce_grads(all_grads: Sequence[Sequence[Any]], average: bool, mode: str = "nccl") -> List[List[Any]]:
    """The sum, or mean, of each gradient over K devices, for each of the devices.

    Operations are made in the name scope `AllReduceGrads`. All K results of a gradient must be computed in the same step.

    Args:
        all_grads: K lists of N gradients, each of them placed on its device.
        average: divide by K.
        mode: 'nccl' (GPUs) or 'collective' (any devices).

    Returns:
        K lists of N gradients; `all_grads` itself if K is 1.

    Raises:
        ValueError: another mode, or a gradient has no device.
    """
    if mode not in ("nccl", "collective"):
        raise ValueError("allreduce_grads: mode must be 'nccl' or 'collective'; got {!r}".format(mode))
    if len(all_grads) == 1:
        return [list(grads) for grads in all_grads]
    for grad in itertools.chain.from_iterable(all_grads):
        if not grad.device:
            raise ValueError("allreduce_grads(mode={!r}): each gradient must be placed on a device; got {} without one; build "
                             "its tower under tf.device".format(mode, grad.name))
    with tf.name_scope("AllReduceGrads"):
        # one list for each of the N gradients
        summed = [_sum_over_devices([dense_in_place(grad) for grad in grads], mode) for grads in zip(*all_grads)]
        if average:
            summed = [[_in_place(scale_gradient, grad, 1.0 / len(all_grads)) for grad in grads] for grads in summed]
        reduced = [[_in_place(like, total, grad) for total in totals] for totals, grad in zip(summed, all_grads[0])]
    return [list(grads) for grads in zip(*reduced)]


def _sum_over_devices(grads: Sequence[Any], mode: str) -> List[Any]:
    key = next(_instance_keys)
    if mode == "nccl":
        return [_in_place(compat.nccl_all_reduce_sum, grad, len(grads), "allreduce_grads_{}".format(key)) for grad in grads]
    # collectives of CPUs add half precision in half precision, if they take it
    wide = [_in_place(widened, grad) for grad in grads]
    return [_in_place(compat.collective_all_reduce_sum, grad, len(grads), _GROUP_KEY, key) for grad in wide]


def _in_place(function: Any, grad: Any, *args: Any) -> Any:
    with tf.device(grad.device):
        return function(grad, *args)


def allreduce_grads_hierarchical(all_grads: Sequence[Sequence[Any]], devices: Sequence[str],
                                 average: bool = False) -> List[List[Any]]:
    """The sum, or mean, of each gradient over two groups of four devices, as their links are in a DGX-1.

    Each gradient is summed within a group, then over both, then sent to all devices; the work goes round the devices of a
    group. Operations are made in the name scope `AllReduceGradsHierachical`.

    Args:
        all_grads: eight lists of N gradients.
        devices: the eight devices, first those of one group.

    Raises:
        ValueError: not eight of each.
    """
    if len(all_grads) != 8 or len(devices) != 8:
        raise ValueError("allreduce_grads_hierarchical: there must be 8 lists of gradients and 8 devices; got {} and {}; "
                         "use allreduce_grads_naive".format(len(all_grads), len(devices)))
    with tf.name_scope("AllReduceGradsHierachical"):  # sic: users have found it in their graphs under this name
        summed = [_sum_in_two_groups([dense_in_place(grad) for grad in grads], devices, position % 4, average)
                  for position, grads in enumerate(zip(*all_grads))]
    return [list(grads) for grads in zip(*summed)]


def _sum_in_two_groups(grads: Sequence[Any], devices: Sequence[str], leader: int, average: bool) -> List[Any]:
    leaders = [devices[leader], devices[leader + 4]]
    parts, totals = [], []
    for group, device in enumerate(leaders):
        with tf.device(device):
            members = [widened(grad) for grad in grads[4 * group:4 * group + 4]]
            parts.append(tf.add_n(members, name="group{}_agg".format(group)))
    for group, device in enumerate(leaders):
        with tf.device(device):
            total = tf.add(parts[0], parts[1], name="group{}_total_agg".format(group))
            totals.append(like(scale_gradient(total, 1.0 / 8) if average else total, grads[0]))
    results = []
    for position, device in enumerate(devices):
        with tf.device(device):
            results.append(tf.identity(totals[position // 4], name="device{}_total_agg".format(position)))
    return results


def allreduce_grads_naive(all_grads: Sequence[Sequence[Any]], devices: Optional[Sequence[str]] = None,
                          average: bool = True) -> List[Any]:
    """The mean, or sum, of each gradient over K lists.

    Operations are made in the name scope `AllReduceNaive`.

    Args:
        all_grads: K lists of N gradients.
        devices: the sums go round these devices; by default they are placed like other operations.
        average: divide by K.

    Returns:
        A list of N gradients; of slices it is the slices of all K, one after the other.
    """
    if len(all_grads) == 1:
        return list(all_grads[0])
    combined: List[Any] = []
    with tf.name_scope("AllReduceNaive"):
        # The last layer's gradient is ready first.
        for position, grads in enumerate(reversed(list(zip(*all_grads)))):
            with tf.device(devices[position % len(devices)] if devices else ""):
                combined.append(combine_gradients(grads, average))
    return combined[::-1]
