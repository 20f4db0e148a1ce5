"""Functions beside the distributions."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

from .....compat import tfv1 as tf

__all__ = ["softplus_inverse"]


def softplus_inverse(x: Any, name: Optional[str] = None) -> Any:
    """The y with softplus(y) = x, for positive x, without loss of precision near 0 and for large x."""
    with tf.name_scope(name, "softplus_inverse"):
        x = tf.convert_to_tensor(x)
        threshold = np.log(np.finfo(x.dtype.as_numpy_dtype).eps) + 2.0
        is_small, is_large = x < np.exp(threshold), x > -threshold
        inside = tf.where(tf.logical_or(is_small, is_large), tf.ones_like(x), x)  # no NaN in gradients of what is not taken
        return tf.where(is_small, tf.log(x), tf.where(is_large, x, inside + tf.log(-tf.expm1(-inside))))
