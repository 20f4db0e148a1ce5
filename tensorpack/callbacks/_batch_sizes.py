"""How many samples a batch has, as far as the inputs of a tower tell."""
from __future__ import annotations

from typing import Any, List, Sequence

from ..compat import tfv1 as tf

__all__ = ["inputs_with_batches", "sizes_of_batches"]


def inputs_with_batches(inputs: Sequence[Any]) -> List[tf.Tensor]:
    """The inputs whose first dimension may differ from run to run, if it is the only one of some of them that may.

    One image of any size has several that do, and is no batch. Sequences that were padded have, too, and are one where their
    labels are: whether the inputs of a run are equally long tells.
    """
    dense = [each for each in inputs if isinstance(each, tf.Tensor) and each.shape.ndims]
    batches = [each for each in dense if each.shape.as_list()[0] is None]
    return batches if any(None not in each.shape.as_list()[1:] for each in batches) else []


def sizes_of_batches(batches: Sequence[tf.Tensor]) -> tf.Tensor:
    """A vector of int32: the length of each of these inputs."""
    with tf.name_scope("sizes_of_batches"):
        return tf.stack([tf.shape(each)[0] for each in batches])
