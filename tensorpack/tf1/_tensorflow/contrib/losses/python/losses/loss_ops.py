"""The losses of `tf.contrib.losses`: an element-wise loss each, and one weighted mean over the elements that are present.

They differ from `tf.losses` in the order of the arguments (predictions first) and in the weights: those of rank n belong to
the first n axes of the losses, and an element counts unless its weight is zero.
"""
from __future__ import annotations

from typing import Any, List, Optional, Tuple

from .......compat import tfv1 as tf
from ....framework._arg_scope import add_arg_scope

__all__ = [
    "absolute_difference", "add_loss", "compute_weighted_loss", "cosine_distance", "get_losses", "get_regularization_losses",
    "get_total_loss", "hinge_loss", "log_loss", "mean_pairwise_squared_error", "mean_squared_error", "sigmoid_cross_entropy",
    "softmax_cross_entropy", "sparse_softmax_cross_entropy",
]


def compute_weighted_loss(losses: Any, weights: Any = 1.0, scope: Optional[str] = None) -> Any:
    """The mean of weighted losses over the elements whose weight is not zero, added to `tf.GraphKeys.LOSSES`.

    Args:
        losses: tensor of known rank, [batch, ...].
        weights: scalar, or a tensor whose axes are the first axes of `losses`; a last axis of size 1 is dropped.

    Returns:
        A scalar of the type of `losses`; 0 if no element is present.

    Raises:
        ValueError: the rank of `losses` or `weights` is unknown.
    """
    with tf.name_scope(scope, "weighted_loss", [losses, weights]):
        losses = tf.convert_to_tensor(losses)
        dtype = losses.dtype
        losses, weights = tf.cast(losses, tf.float32), tf.cast(tf.convert_to_tensor(weights), tf.float32)
        _check_rank("compute_weighted_loss", losses=losses, weights=weights)
        if weights.shape.ndims > 1 and weights.shape.as_list()[-1] in (None, 1):
            weights = tf.squeeze(weights, [-1])
        present = tf.reduce_sum(_num_present(losses, weights))
        mean = tf.cast(tf.div_no_nan(_weighted_sum(losses, weights), present, name="value"), dtype)
        add_loss(mean)
        return mean


def _check_rank(who: str, **tensors: Any) -> None:
    for name, tensor in tensors.items():
        if tensor.shape.ndims is None:
            raise ValueError("{}: the rank of {} must be known; got {}; give it a shape by set_shape".format(who, name, tensor))


def _weighted_sum(losses: Any, weights: Any) -> Any:
    inner_axes = list(range(weights.shape.ndims, losses.shape.ndims))
    return tf.reduce_sum(tf.reduce_sum(losses, inner_axes) * weights)


def _num_present(losses: Any, weights: Any) -> Any:
    """How many elements of each sample have a weight that is not zero: float32 of shape [batch]."""
    present = tf.cast(tf.not_equal(weights, 0), tf.float32)
    sizes = tf.shape(losses)
    if weights.shape.ndims == 0:
        return tf.fill(sizes[:1], present * tf.cast(tf.reduce_prod(sizes[1:]), tf.float32))
    covered = tf.cast(tf.reduce_prod(sizes[weights.shape.ndims:]), tf.float32)
    return tf.reduce_sum(present, list(range(1, weights.shape.ndims))) * covered


@add_arg_scope
def add_loss(loss: Any, loss_collection: Any = tf.GraphKeys.LOSSES) -> None:
    """Put a loss into a collection, unless that is None."""
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)


def get_losses(scope: Optional[str] = None, loss_collection: Any = tf.GraphKeys.LOSSES) -> List[Any]:
    """The losses of a collection whose names match `scope` (a regular expression for the start)."""
    return tf.get_collection(loss_collection, scope)


def get_regularization_losses(scope: Optional[str] = None) -> List[Any]:
    """The regularisation losses whose names match `scope`."""
    return tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES, scope)


def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss") -> Any:
    """The sum of all losses, with the regularisation losses if wanted: a scalar `name`.

    Raises:
        ValueError: there are no losses.
    """
    losses = get_losses() + (get_regularization_losses() if add_regularization_losses else [])
    if not losses:
        raise ValueError("get_total_loss: there must be a loss in the collection '{}'; got none; call a function of "
                         "tf.contrib.losses or add_loss first".format(tf.GraphKeys.LOSSES))
    return tf.add_n(losses, name=name)


def _like(predictions: Any, labels: Any, dtype: Any = tf.float32) -> Tuple[Any, Any]:
    """Both as tensors of one type, after a check of their shapes."""
    predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
    predictions.shape.assert_is_compatible_with(labels.shape)
    dtype = predictions.dtype if dtype is None else dtype
    return tf.cast(predictions, dtype), tf.cast(labels, dtype)


def absolute_difference(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Optional[str] = None) -> Any:
    """The weighted mean of |predictions - labels|, added to the losses."""
    with tf.name_scope(scope, "absolute_difference", [predictions, labels, weights]) as scope:
        predictions, labels = _like(predictions, labels)
        return compute_weighted_loss(tf.abs(predictions - labels), weights, scope=scope)


def mean_squared_error(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Optional[str] = None) -> Any:
    """The weighted mean of (predictions - labels)^2, added to the losses."""
    with tf.name_scope(scope, "mean_squared_error", [predictions, labels, weights]) as scope:
        predictions, labels = _like(predictions, labels)
        return compute_weighted_loss(tf.squared_difference(predictions, labels), weights, scope=scope)


def log_loss(predictions: Any, labels: Any = None, weights: Any = 1.0, epsilon: float = 1e-7,
             scope: Optional[str] = None) -> Any:
    """The weighted mean cross entropy of probabilities in [0, 1] and labels, added to the losses."""
    with tf.name_scope(scope, "log_loss", [predictions, labels, weights]) as scope:
        predictions, labels = _like(predictions, labels)
        losses = -(labels * tf.log(predictions + epsilon)) - (1 - labels) * tf.log(1 - predictions + epsilon)
        return compute_weighted_loss(losses, weights, scope=scope)


def hinge_loss(logits: Any, labels: Any = None, scope: Optional[str] = None) -> Any:
    """max(0, 1 - (2 labels - 1) logits) of labels 0 and 1, for each element; neither weighted nor added to the losses."""
    with tf.name_scope(scope, "hinge_loss", [logits, labels]):
        logits = tf.convert_to_tensor(logits)
        logits.shape.assert_is_compatible_with(tf.convert_to_tensor(labels).shape)
        signs = 2 * tf.cast(labels, tf.float32) - 1
        return tf.nn.relu(1 - signs * logits)


def cosine_distance(predictions: Any, labels: Any = None, axis: Optional[int] = None, weights: Any = 1.0,
                    scope: Optional[str] = None, dim: Optional[int] = None) -> Any:
    """The weighted mean of 1 - predictions . labels along `axis` (formerly `dim`), for vectors of length 1."""
    if (axis is None) == (dim is None):
        raise ValueError("cosine_distance: one of axis and dim must be given; got axis={}, dim={}".format(axis, dim))
    with tf.name_scope(scope, "cosine_distance_loss", [predictions, labels, weights]) as scope:
        predictions, labels = _like(predictions, labels)
        products = tf.reduce_sum(predictions * labels, axis=[dim if axis is None else axis])
        return compute_weighted_loss(1 - products, weights, scope=scope)


def sigmoid_cross_entropy(logits: Any, multi_class_labels: Any, weights: Any = 1.0, label_smoothing: float = 0,
                          scope: Optional[str] = None) -> Any:
    """The weighted mean of the element-wise cross entropy; smoothing draws labels towards 1/2."""
    with tf.name_scope(scope, "sigmoid_cross_entropy_loss", [logits, multi_class_labels, weights]) as scope:
        logits, labels = _like(logits, multi_class_labels, dtype=None)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope=scope)


def softmax_cross_entropy(logits: Any, onehot_labels: Any, weights: Any = 1.0, label_smoothing: float = 0,
                          scope: Optional[str] = None) -> Any:
    """The weighted mean cross entropy of [batch, classes]; smoothing draws labels towards 1 / classes."""
    with tf.name_scope(scope, "softmax_cross_entropy_loss", [logits, onehot_labels, weights]) as scope:
        logits, labels = _like(logits, onehot_labels, dtype=None)
        if label_smoothing > 0:
            num_classes = tf.cast(tf.shape(labels)[1], logits.dtype)
            labels = labels * (1.0 - label_smoothing) + label_smoothing / num_classes
        # contrib's own calls the first version of the operation, which sends no gradient into the labels
        losses = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope=scope)


def sparse_softmax_cross_entropy(logits: Any, labels: Any, weights: Any = 1.0, scope: Optional[str] = None) -> Any:
    """The weighted mean cross entropy of logits [batch, classes] and class numbers [batch] or [batch, 1]."""
    with tf.name_scope(scope, "sparse_softmax_cross_entropy_loss", [logits, labels, weights]) as scope:
        labels = tf.reshape(labels, [tf.shape(labels)[0]])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope=scope)


def mean_pairwise_squared_error(predictions: Any, labels: Any = None, weights: Any = 1.0,
                                scope: Optional[str] = None) -> Any:
    """The error of differences between all pairs of elements within each sample, summed over samples by their weights.

    Args:
        weights: scalar or [batch].
    """
    with tf.name_scope(scope, "mean_pairwise_squared_error", [predictions, labels, weights]):
        predictions, labels = _like(predictions, labels)
        weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
        differences = predictions - labels
        _check_rank("mean_pairwise_squared_error", predictions=differences, weights=weights)
        axes = list(range(1, differences.shape.ndims))
        present = _num_present(differences, weights)
        squares = 2.0 * tf.div_no_nan(tf.reduce_sum(tf.square(differences), axes), present, name="value")
        products = 2.0 * tf.div_no_nan(tf.square(tf.reduce_sum(differences, axes)), tf.square(present), name="value")
        loss = _weighted_sum(squares - products, weights)
        loss = tf.where(tf.reduce_sum(present) > 0, loss, tf.zeros_like(loss), name="value")
        add_loss(loss)
        return loss
