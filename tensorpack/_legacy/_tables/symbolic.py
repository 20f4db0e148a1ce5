"""Symbolic functions."""
from __future__ import annotations

from typing import Dict

from .._table import Name, Old, Part

_HERE = "_legacy.tfutils.symbolic."
_LOSSES = "_legacy.tfutils.losses."
_FUNCTIONS: Dict[str, Name] = {
    "accuracy": Old(_HERE + "accuracy", "tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, label, topk), tf.float32))"),
    "batch_flatten": "models.fc.batch_flatten",
    "class_balanced_binary_class_cross_entropy": Old(
        _LOSSES + "class_balanced_binary_class_cross_entropy", "a weighted tf.nn.sigmoid_cross_entropy_with_logits"),
    "class_balanced_cross_entropy": Old(
        _LOSSES + "class_balanced_cross_entropy", "a weighted tf.nn.sigmoid_cross_entropy_with_logits"),
    "class_balanced_sigmoid_cross_entropy": Old(
        _LOSSES + "class_balanced_sigmoid_cross_entropy", "tf.nn.weighted_cross_entropy_with_logits"),
    "contrastive_loss": Old(_LOSSES + "contrastive_loss", "operations of your own"),
    "cosine_loss": Old(_LOSSES + "cosine_loss", "operations of your own"),
    "flatten": Old(_HERE + "flatten", "tf.reshape(x, [-1])"),
    "get_scalar_var": Old(_HERE + "get_scalar_var", "tf.get_variable and tf.summary.scalar"),
    "guided_relu": Old(_HERE + "guided_relu", "tf.custom_gradient"),
    "huber_loss": Old(_HERE + "huber_loss", "operations of your own; tf.losses.huber_loss takes two tensors and reduces"),
    "logSoftmax": Old(_HERE + "logSoftmax", "tf.nn.log_softmax(x)"),
    "prediction_incorrect": Old(
        _HERE + "prediction_incorrect", "tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, topk)), tf.float32, name)"),
    "saliency_map": Old(_HERE + "saliency_map", "tf.gradients(tf.reduce_max(output, 1), input)[0]"),
    "shapeless_placeholder": Old(_HERE + "shapeless_placeholder", "tf.placeholder_with_default(x, shape, name)"),
    "siamese_cosine_loss": Old(_LOSSES + "siamese_cosine_loss", "operations of your own"),
    "soft_triplet_loss": Old(_LOSSES + "soft_triplet_loss", "operations of your own"),
    "triplet_loss": Old(_LOSSES + "triplet_loss", "operations of your own"),
}
_MODULE = "tfutils.symbolic_functions"
_SYMBOLIC = Old(_MODULE, "import tensorpack.tfutils.symbolic_functions", loud=False)

PART = Part(
    names={
        _MODULE + ".class_balanced_sigmoid_binary_class_cross_entropy": Old(
            _LOSSES + "class_balanced_sigmoid_binary_class_cross_entropy", "tf.nn.weighted_cross_entropy_with_logits"),
        _MODULE + ".one_hot": Old(_HERE + "one_hot", "tf.one_hot(y, num_labels)"),
    },
    star={
        "": {"symbolic_functions": _SYMBOLIC},
        "tfutils": {"symbolic_functions": _SYMBOLIC},
        _MODULE: {**_FUNCTIONS, "deprecated": "utils.develop.deprecated"},
    },
)
