"""Activations, initializers and regularizers by the names that Keras gives them, as `tf.layers` takes them, too."""
from __future__ import annotations

from numbers import Number
from typing import Any, Callable, Dict, Mapping, Optional

import numpy as np

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..utils._text.spec import shown
from ..utils._types import AnyFunction

__all__ = ["ACTIVATIONS", "activation_of", "initializer_of", "regularizer_of"]

ACTIVATIONS: Dict[str, AnyFunction] = {
    "elu": tf.nn.elu,
    "exponential": tf.exp,
    "hard_sigmoid": lambda x: tf.clip_by_value(0.2 * x + 0.5, 0.0, 1.0),
    "linear": lambda x: x,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "selu": tf.nn.selu,
    "sigmoid": tf.sigmoid,
    "softmax": tf.nn.softmax,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "tanh": tf.tanh,
}


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


def activation_of(value: Any, argument: str = "activation") -> AnyFunction:
    """The function of a tensor; of None, the one that gives it back.

    Raises:
        ValueError: an unknown name, or something else than a function.
    """
    return ACTIVATIONS["linear"] if value is None else _resolved(argument, value, ACTIVATIONS, "a function of a tensor")


def initializer_of(value: Any, argument: str = "initializer") -> Optional[AnyFunction]:
    """The initializer (a class stands for its object without arguments), or None.

    Raises:
        ValueError: an unknown name, or a constant in the place of its initializer.
    """
    if isinstance(value, (Number, np.ndarray)) or is_tensor_like(value):
        raise ValueError("{}{} must be an initializer, or the name of one; got {}; write tf.constant_initializer({})".format(
            _layer(), argument, shown(value), value if isinstance(value, Number) else "array"))
    if isinstance(value, str):
        return _resolved(argument, value, _INITIALIZERS, "an initializer")()
    if isinstance(value, type):
        return value()
    return None if value is None else _resolved(argument, value, _INITIALIZERS, "an initializer")


def regularizer_of(value: Any, argument: str = "regularizer") -> Optional[AnyFunction]:
    """The function from a variable to a scalar, or None.

    Raises:
        ValueError: an unknown name, a number, or a regularizer of Keras 3, which no graph can hold.
    """
    if value is None:
        return None
    if isinstance(value, Number):
        raise ValueError("{}{} must be a function of a variable, or the name of one; got {}; write l2_regularizer({})".format(
            _layer(), argument, value, value))
    if type(value).__module__.startswith("keras."):
        raise ValueError("{}{} must be a function that can be called in a graph; got {} of Keras 3; write "
                         "lambda w: {:g} * tf.reduce_sum(w ** 2) instead of L2".format(
                             _layer(), argument, type(value).__name__, float(getattr(value, "l2", 0.01))))
    return _resolved(argument, value, _REGULARIZERS, "a function of a variable")


def _resolved(argument: str, value: Any, names: Mapping[str, Any], what: str) -> Any:
    if callable(value):
        return value
    if not isinstance(value, str) or value not in names:
        raise ValueError("{}{} must be None, {}, or one of {}; got {}".format(
            _layer(), argument, what, ", ".join(sorted(names)), shown(value)))
    return names[value]


def _layer() -> str:
    """The name of the layer that is being built, for the beginning of an error."""
    name = tf.get_variable_scope().name
    return "layer {!r}: ".format(name) if name else ""
