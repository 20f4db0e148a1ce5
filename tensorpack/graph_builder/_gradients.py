"""Lists of (gradient, variable) pairs of several towers: K towers times N variables, and their sums and means."""
from __future__ import annotations

import re
from typing import Any, List, Sequence, Tuple

from ..compat import tfv1 as tf
from ..tfutils._optimizer.gradient import map_values, sum_of_slices
from ..tfutils._precision import like, widened
from ..utils import logger

__all__ = [
    "aggregate_grads_colocate", "check_grad_list", "combine_gradients", "dense_in_place", "merge_grad_list", "scale_gradient",
    "split_grad_list",
]

GradAndVar = Tuple[Any, Any]

_TOWER_PREFIX = re.compile(r"^tower\d+/")


def split_grad_list(grad_list: Sequence[Sequence[GradAndVar]]) -> Tuple[List[List[Any]], List[List[Any]]]:
    """K lists of N (gradient, variable) pairs -> (K lists of N gradients, K lists of N variables)."""
    return ([[grad for grad, _ in pairs] for pairs in grad_list], [[variable for _, variable in pairs] for pairs in grad_list])


def merge_grad_list(all_grads: Sequence[Sequence[Any]], all_vars: Sequence[Sequence[Any]]) -> List[List[GradAndVar]]:
    """K lists of N gradients and K lists of N variables -> K lists of N (gradient, variable) pairs."""
    return [list(zip(grads, variables)) for grads, variables in zip(all_grads, all_vars)]


def check_grad_list(who: str, grad_list: Sequence[Sequence[GradAndVar]]) -> None:
    """Raise ValueError unless the towers have gradients for the same variables, in the same order."""
    names = [[_TOWER_PREFIX.sub("", variable.op.name) for _, variable in pairs] for pairs in grad_list]
    if not names:
        raise ValueError("{}: there must be the gradients of one tower at least; got none".format(who))
    if all(each == names[0] for each in names):
        return
    common = set.intersection(*map(set, names))
    for index, each in enumerate(names):
        logger.error("Tower %d alone has gradients for: %s", index,
                     ", ".join(name for name in each if name not in common) or "nothing that others lack")
    raise ValueError("{}: the cost must have gradients for the same variables, in the same order, in every tower; got {} "
                     "variables per tower; create variables inside the tower function, and whatever the tower".format(
                         who, [len(each) for each in names]))


def dense_in_place(grad: Any) -> Any:
    """The gradient as a tensor, on the device it was on; slices that occur several times are summed."""
    if not isinstance(grad, tf.IndexedSlices):
        return grad
    if grad.dense_shape is None:
        raise ValueError("The sparse gradient {} must have a dense_shape to become a tensor; got none".format(grad.values.name))
    with tf.device(grad.device):
        return sum_of_slices(grad, grad.dense_shape[0])


def combine_gradients(grads: Sequence[Any], average: bool) -> Any:
    """The sum or mean of the gradients of one variable, in their dtype; half precision is summed in float32.

    Of `tf.IndexedSlices` it is the slices of all, one after the other: what the joined batch would give.
    """
    if len(grads) == 1:
        return grads[0]
    if all(isinstance(grad, tf.IndexedSlices) for grad in grads):
        total = tf.IndexedSlices(tf.concat([grad.values for grad in grads], 0), tf.concat([grad.indices for grad in grads], 0),
                                 grads[0].dense_shape)
    else:
        total = tf.add_n([widened(dense_in_place(grad)) for grad in grads])
    if average:
        total = scale_gradient(total, 1.0 / len(grads))
    return map_values(lambda values: like(values, grads[0]), total)


def scale_gradient(grad: Any, factor: float) -> Any:
    """The gradient times a number, in its own dtype and form."""
    return map_values(lambda values: values * tf.cast(factor, values.dtype), grad)


def aggregate_grads_colocate(all_grads: Sequence[Sequence[GradAndVar]], average: bool = True) -> List[GradAndVar]:
    """K lists of N pairs that share their variables -> N pairs with the mean (or sum), placed where the variable is.

    Operations are made in the name scope `AggregateGradsColocate`; a single tower passes as it is.
    """
    if len(all_grads) == 1:
        return list(all_grads[0])
    combined = []
    with tf.name_scope("AggregateGradsColocate"):
        for pairs in zip(*all_grads):
            variable = pairs[0][1]
            with tf.device(variable.device):
                combined.append((combine_gradients([grad for grad, _ in pairs], average), variable))
    return combined
