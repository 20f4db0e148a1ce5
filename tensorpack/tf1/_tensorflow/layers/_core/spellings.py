"""Activations, initializers, regularisers and constraints: as functions, or by the names that Keras gives them."""
from __future__ import annotations

from typing import Any, Callable, Optional

from .....compat import tfv1 as tf
from .....models._by_name import activation_of as activation
from .....models._by_name import initializer_of as initializer
from .....models._by_name import regularizer_of as regularizer

__all__ = ["ONES", "ZEROS", "activation", "constraint", "initializer", "regularizer"]

# The defaults of layers
ONES, ZEROS = tf.ones_initializer(), tf.zeros_initializer()

Spelling = Any  # a function, a name or None


def _max_norm(w: Any) -> Any:
    norms = tf.sqrt(tf.reduce_sum(tf.square(w), axis=0, keepdims=True))
    return w * (tf.clip_by_value(norms, 0, 2) / (1e-7 + norms))


_CONSTRAINTS = {
    "max_norm": _max_norm,
    "non_neg": lambda w: w * tf.cast(w >= 0, w.dtype),
    "unit_norm": lambda w: w / (1e-7 + tf.sqrt(tf.reduce_sum(tf.square(w), axis=0, keepdims=True))),
}


def constraint(value: Spelling) -> Optional[Callable[[Any], Any]]:
    """The function from a variable's new value to one that is allowed, or None."""
    if value is None or callable(value):
        return value
    if value not in _CONSTRAINTS:
        raise ValueError("constraint must be a function or one of {}; got {!r}".format(", ".join(sorted(_CONSTRAINTS)), value))
    return _CONSTRAINTS[value]
