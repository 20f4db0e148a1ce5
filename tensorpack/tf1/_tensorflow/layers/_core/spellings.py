"""Activations, initializers, regularisers and constraints: as functions, or by the names that Keras gives them."""
from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from .....compat import tfv1 as tf
from .....models._affine import ACTIVATIONS

__all__ = ["ONES", "ZEROS", "activation", "constraint", "initializer", "regularizer"]

# The defaults of layers
ONES, ZEROS = tf.ones_initializer(), tf.zeros_initializer()

Spelling = Any  # a function, a name or None


def _scaling(scale: float, mode: str, distribution: str) -> Callable[[], Any]:
    return lambda: tf.variance_scaling_initializer(scale, mode=mode, distribution=distribution)


_INITIALIZERS: Dict[str, Callable[[], Any]] = {
    "constant": tf.constant_initializer,
    "glorot_normal": tf.glorot_normal_initializer,
    "glorot_uniform": tf.glorot_uniform_initializer,
    "he_normal": _scaling(2.0, "fan_in", "truncated_normal"),
    "he_uniform": _scaling(2.0, "fan_in", "uniform"),
    "identity": tf.initializers.identity,
    "lecun_normal": _scaling(1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": _scaling(1.0, "fan_in", "uniform"),
    "normal": lambda: tf.random_normal_initializer(stddev=0.05),
    "one": tf.ones_initializer,
    "ones": tf.ones_initializer,
    "orthogonal": tf.orthogonal_initializer,
    "random_normal": lambda: tf.random_normal_initializer(stddev=0.05),
    "random_uniform": lambda: tf.random_uniform_initializer(-0.05, 0.05),
    "truncated_normal": lambda: tf.truncated_normal_initializer(stddev=0.05),
    "uniform": lambda: tf.random_uniform_initializer(-0.05, 0.05),
    "zero": tf.zeros_initializer,
    "zeros": tf.zeros_initializer,
}


def _penalty(l1: float, l2: float) -> Callable[[Any], Any]:
    def penalty(x: Any) -> Any:
        terms = [scale * tf.reduce_sum(function(x)) for scale, function in ((l1, tf.abs), (l2, tf.square)) if scale]
        return tf.add_n(terms)

    return penalty


_REGULARIZERS = {"l1": _penalty(0.01, 0.0), "l2": _penalty(0.0, 0.01), "l1_l2": _penalty(0.01, 0.01)}


def _max_norm(w: Any) -> Any:
    norms = tf.sqrt(tf.reduce_sum(tf.square(w), axis=0, keepdims=True))
    return w * (tf.clip_by_value(norms, 0, 2) / (1e-7 + norms))


_CONSTRAINTS = {
    "max_norm": _max_norm,
    "non_neg": lambda w: w * tf.cast(w >= 0, w.dtype),
    "unit_norm": lambda w: w / (1e-7 + tf.sqrt(tf.reduce_sum(tf.square(w), axis=0, keepdims=True))),
}


def activation(value: Spelling) -> Callable[..., Any]:
    """The function; of None, the one that gives back its tensor."""
    return ACTIVATIONS["linear"] if value is None else _resolve("activation", value, ACTIVATIONS)


def initializer(value: Spelling) -> Optional[Any]:
    """The initializer (a class stands for its object without arguments), or None."""
    if isinstance(value, str):
        return _resolve("initializer", value, _INITIALIZERS)()
    return value() if isinstance(value, type) else value


def regularizer(value: Spelling) -> Optional[Callable[[Any], Any]]:
    """The function from a variable to a scalar, or None."""
    return None if value is None else _resolve("regularizer", value, _REGULARIZERS)


def constraint(value: Spelling) -> Optional[Callable[[Any], Any]]:
    """The function from a variable's new value to one that is allowed, or None."""
    return None if value is None else _resolve("constraint", value, _CONSTRAINTS)


def _resolve(what: str, value: Any, names: Mapping[str, Any]) -> Any:
    if callable(value):
        return value
    if value not in names:
        raise ValueError("{} must be a function or one of {}; got {!r}".format(what, ", ".join(sorted(names)), value))
    return names[value]
