"""A loss that applies softmax or sigmoid itself and is given the probabilities instead of the logits, as a loss of Keras is."""
from __future__ import annotations

import re
from typing import Any, Dict, Tuple

from ..compat import tfv1 as tf
from ..utils import logger
from ._tower.contents import operations_of_model

__all__ = ["warn_of_activation_twice"]

_SCOPE = "logistic_loss|xentropy"  # the second one by tf.losses
# Type of the operation that takes logits -> (type of the activation, how TensorFlow names the scope of the loss)
_LOSSES: Dict[str, Tuple[str, str]] = {
    "SoftmaxCrossEntropyWithLogits": ("Softmax", ""),
    "SparseSoftmaxCrossEntropyWithLogits": ("Softmax", ""),
    "GreaterEqual": ("Sigmoid", _SCOPE),  # of sigmoid_cross_entropy_with_logits, which is made of many
    "Abs": ("Sigmoid", _SCOPE),  # of weighted_cross_entropy_with_logits
}
_SAME_VALUES = ("Identity", "Reshape", "Squeeze", "ExpandDims", "Cast", "Transpose", "StridedSlice")


def warn_of_activation_twice() -> None:
    """Warn of each such loss of the model, which must be complete."""
    for op in operations_of_model(tf.get_default_graph()):
        activation, scope = _LOSSES.get(op.type, ("", ""))
        if activation and (not scope or re.search(r"(^|/)({})(_\d+)?/".format(scope), op.name)):
            given = _made_by(op.inputs[0])
            if given.type == activation:
                logger.warning("The loss '%s' applies %s itself, and is given '%s', to which it was applied before, so that "
                               "the model learns badly. Give the loss what comes before tf.nn.%s.", _short(op, scope),
                               activation.lower(), given.name, activation.lower())


def _made_by(value: Any) -> tf.Operation:
    while value.op.type in _SAME_VALUES:
        value = value.op.inputs[0]
    return value.op


def _short(op: tf.Operation, scope: str) -> str:
    return op.name.rsplit("/", 1)[0] if scope else op.name
