"""Repeat and drop samples of a batch at random, at given rates: `tf.contrib.training.resample_at_rate`."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence

from .......compat import tfv1 as tf

__all__ = ["resample_at_rate"]


def resample_at_rate(inputs: Sequence[Any], rates: Any, scope: Optional[str] = None, seed: Optional[int] = None,
                     back_prop: bool = False) -> List[Any]:
    """Each sample as often as a Poisson variable of its rate says.

    Args:
        inputs: tensors of one first axis, the samples.
        rates: float vector.
        back_prop: has no effect on gradients of `inputs`; the choice itself has none.
    """
    with tf.name_scope(scope, "resample_at_rate", list(inputs) + [rates]):
        rates = tf.convert_to_tensor(rates, name="rates")
        counts = tf.cast(tf.random_poisson(rates, (), rates.dtype, seed=seed), tf.int32)
        chosen = tf.repeat(tf.range(tf.shape(counts)[0]), counts)
        return [tf.gather(each, chosen) for each in inputs]
