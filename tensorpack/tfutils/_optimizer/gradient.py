"""Gradients, which TensorFlow gives as tensors or, of lookups, as `tf.IndexedSlices`."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence, Set, Tuple

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._text.counted import counted
from .._graph_state import graph_state
from .._precision import like, widened

__all__ = ["dense_gradient", "drop_none", "frozen_variables", "is_read_by_freezing", "map_values", "sum_of_slices",
           "warn_of_trained_though_frozen"]


def map_values(func: Callable[[Any], Any], grad: Any) -> Any:
    """`func` of the gradient; of `tf.IndexedSlices` the same slices with `func` of their values."""
    if isinstance(grad, tf.IndexedSlices):
        return tf.IndexedSlices(func(grad.values), grad.indices, grad.dense_shape)
    return func(grad)


def dense_gradient(grad: Any, variable: Any) -> Any:
    """The gradient of `variable` as a tensor of its shape; slices that occur several times are summed."""
    if not isinstance(grad, tf.IndexedSlices):
        return grad
    # TensorFlow's own conversion warns about slices whose dense shape is not known
    num_rows = variable.shape.as_list()[0]
    if num_rows is None:
        num_rows = tf.shape(variable)[0]
    return sum_of_slices(grad, num_rows)


def sum_of_slices(grad: tf.IndexedSlices, num_rows: Any) -> Any:
    """The slices as a tensor of so many rows, in their dtype; half precision is summed in float32."""
    values = widened(grad.values)
    return like(tf.math.unsorted_segment_sum(values, grad.indices, num_rows), grad.values)


def drop_none(grads: Sequence[Tuple[Any, Any]], verbose: bool = True) -> List[Tuple[Any, Any]]:
    """The pairs that have a gradient; with `verbose` a warning names the variables of the others that nobody has frozen."""
    dropped = {variable.op.name for grad, variable in grads if grad is None}
    frozen = {name for name in dropped if is_read_by_freezing(name)}
    frozen_variables().update(frozen)
    lost = sorted(dropped - frozen)
    if lost and verbose:
        logger.warning("No gradient w.r.t. %s, not updated: %s", counted(len(lost), "trainable variable"), ", ".join(lost))
    return [(grad, variable) for grad, variable in grads if grad is not None]


def warn_of_trained_though_frozen(grads: Sequence[Tuple[Any, Any]]) -> None:
    """Warn of variables with a gradient that does not come by what `freeze_variables` has read of them."""
    names = [variable.op.name for grad, variable in grads if grad is not None and is_read_by_freezing(variable.op.name)]
    if names:
        logger.warning("freeze_variables() stops the gradients of layers inside of it, and something else trains %s of theirs, "
                       "such as weight decay: %s. freeze_variables(stop_gradient=False, skip_collection=True) keeps them as "
                       "they are.", counted(len(names), "variable"), ", ".join(names))


def frozen_variables() -> Set[str]:
    """Names of the trainable variables that have no gradient in the default graph because of `freeze_variables`."""
    return graph_state("frozen_variables", set)


def is_read_by_freezing(name: str) -> bool:
    """Whether `freeze_variables` has stopped the gradient of the variable of this name in the default graph."""
    try:
        tf.get_default_graph().get_operation_by_name("freezed_" + name)
    except KeyError:
        return False
    return True
