"""Transformations of data sets for `dataset.apply(...)`, each of which a method does as well."""
from __future__ import annotations

from typing import Any, Callable

from .....compat import tfv1 as tf

__all__ = ["batch_and_drop_remainder", "padded_batch_and_drop_remainder", "reduce_dataset", "sloppy_interleave"]

Transformation = Callable[[Any], Any]  # from data set to data set


def batch_and_drop_remainder(batch_size: Any) -> Transformation:
    """`dataset.batch` without a smaller batch at the end."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(batch_size: Any, padded_shapes: Any, padding_values: Any = None) -> Transformation:
    """`dataset.padded_batch` without a smaller batch at the end."""
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes=padded_shapes, padding_values=padding_values, drop_remainder=True)


def sloppy_interleave(map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1) -> Transformation:
    """`parallel_interleave` in any order."""
    return tf.data.experimental.parallel_interleave(map_func, cycle_length, block_length, sloppy=True)


def reduce_dataset(dataset: Any, reducer: Any) -> Any:
    """The state of a `Reducer` after all elements, finalised: tensors."""
    return reducer.finalize_func(dataset.reduce(reducer.init_func(tf.constant(0, tf.int64)), reducer.reduce_func))
