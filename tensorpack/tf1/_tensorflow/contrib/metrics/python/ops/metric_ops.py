"""`tf.contrib.metrics.streaming_*`: the metrics of `tf.metrics` with predictions before labels, and a few of their own.

Each returns (value, update operation); totals and counts are local variables.
"""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .......compat import tfv1 as tf

__all__ = [
    "aggregate_metric_map", "aggregate_metrics", "count", "streaming_accuracy", "streaming_auc", "streaming_covariance",
    "streaming_false_negative_rate", "streaming_false_negatives", "streaming_false_positive_rate", "streaming_false_positives",
    "streaming_mean", "streaming_mean_absolute_error", "streaming_mean_cosine_distance", "streaming_mean_iou",
    "streaming_mean_relative_error", "streaming_mean_squared_error", "streaming_mean_tensor", "streaming_pearson_correlation",
    "streaming_percentage_less", "streaming_precision", "streaming_precision_at_thresholds", "streaming_recall",
    "streaming_recall_at_k", "streaming_recall_at_thresholds", "streaming_root_mean_squared_error",
    "streaming_sensitivity_at_specificity", "streaming_sparse_average_precision_at_k", "streaming_sparse_precision_at_k",
    "streaming_sparse_recall_at_k", "streaming_specificity_at_sensitivity", "streaming_true_negatives",
    "streaming_true_positives",
]

Metric = Tuple[Any, Any]  # value, update operation


def _predictions_first(metric: Callable[..., Metric]) -> Callable[..., Metric]:
    """A metric of labels and predictions, with its first two arguments exchanged."""

    def streaming(predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
                  updates_collections: Any = None, name: Optional[str] = None) -> Metric:
        return metric(labels, predictions, weights, metrics_collections, updates_collections, name)

    streaming.__name__ = streaming.__qualname__ = "streaming_" + metric.__name__
    streaming.__doc__ = "`tf.metrics.{}` with the predictions first: (value, update operation).".format(metric.__name__)
    return streaming


streaming_mean = tf.metrics.mean
streaming_mean_tensor = tf.metrics.mean_tensor
streaming_accuracy = _predictions_first(tf.metrics.accuracy)
streaming_precision = _predictions_first(tf.metrics.precision)
streaming_recall = _predictions_first(tf.metrics.recall)
streaming_true_positives = _predictions_first(tf.metrics.true_positives)
streaming_true_negatives = _predictions_first(tf.metrics.true_negatives)
streaming_false_positives = _predictions_first(tf.metrics.false_positives)
streaming_false_negatives = _predictions_first(tf.metrics.false_negatives)
streaming_mean_absolute_error = _predictions_first(tf.metrics.mean_absolute_error)
streaming_mean_squared_error = _predictions_first(tf.metrics.mean_squared_error)
streaming_root_mean_squared_error = _predictions_first(tf.metrics.root_mean_squared_error)


def streaming_auc(predictions: Any, labels: Any, weights: Any = None, num_thresholds: int = 200,
                  metrics_collections: Any = None, updates_collections: Any = None, curve: str = "ROC",
                  name: Optional[str] = None) -> Metric:
    """The area under the curve 'ROC' or 'PR' of probabilities and labels."""
    return tf.metrics.auc(labels, predictions, weights, num_thresholds, metrics_collections, updates_collections, curve, name)


def streaming_specificity_at_sensitivity(predictions: Any, labels: Any, sensitivity: float, weights: Any = None,
                                         num_thresholds: int = 200, metrics_collections: Any = None,
                                         updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The specificity at the threshold whose sensitivity is nearest to the given one."""
    return tf.metrics.specificity_at_sensitivity(labels, predictions, sensitivity, weights, num_thresholds,
                                                 metrics_collections, updates_collections, name)


def streaming_sensitivity_at_specificity(predictions: Any, labels: Any, specificity: float, weights: Any = None,
                                         num_thresholds: int = 200, metrics_collections: Any = None,
                                         updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The sensitivity at the threshold whose specificity is nearest to the given one."""
    return tf.metrics.sensitivity_at_specificity(labels, predictions, specificity, weights, num_thresholds,
                                                 metrics_collections, updates_collections, name)


def streaming_precision_at_thresholds(predictions: Any, labels: Any, thresholds: Any, weights: Any = None,
                                      metrics_collections: Any = None, updates_collections: Any = None,
                                      name: Optional[str] = None) -> Metric:
    """The precision at each threshold: vectors."""
    return tf.metrics.precision_at_thresholds(labels, predictions, thresholds, weights, metrics_collections,
                                              updates_collections, name)


def streaming_recall_at_thresholds(predictions: Any, labels: Any, thresholds: Any, weights: Any = None,
                                   metrics_collections: Any = None, updates_collections: Any = None,
                                   name: Optional[str] = None) -> Metric:
    """The recall at each threshold: vectors."""
    return tf.metrics.recall_at_thresholds(labels, predictions, thresholds, weights, metrics_collections, updates_collections,
                                           name)


def streaming_recall_at_k(predictions: Any, labels: Any, k: int, weights: Any = None, metrics_collections: Any = None,
                          updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The share of samples whose label (of shape [batch]) is among the k largest predictions."""
    hits = tf.cast(tf.nn.in_top_k(predictions, labels, k), tf.float32)
    return streaming_mean(hits, weights, metrics_collections, updates_collections, name or "recall_at_{:d}".format(k))


def streaming_sparse_recall_at_k(predictions: Any, labels: Any, k: int, class_id: Optional[int] = None, weights: Any = None,
                                 metrics_collections: Any = None, updates_collections: Any = None,
                                 name: Optional[str] = None) -> Metric:
    """`tf.metrics.recall_at_k`: labels are numbers of classes, several for each sample."""
    return tf.metrics.recall_at_k(labels, predictions, k, class_id, weights, metrics_collections, updates_collections, name)


def streaming_sparse_precision_at_k(predictions: Any, labels: Any, k: int, class_id: Optional[int] = None, weights: Any = None,
                                    metrics_collections: Any = None, updates_collections: Any = None,
                                    name: Optional[str] = None) -> Metric:
    """`tf.metrics.precision_at_k`: labels are numbers of classes, several for each sample."""
    return tf.metrics.precision_at_k(labels, predictions, k, class_id, weights, metrics_collections, updates_collections, name)


def streaming_sparse_average_precision_at_k(predictions: Any, labels: Any, k: int, weights: Any = None,
                                            metrics_collections: Any = None, updates_collections: Any = None,
                                            name: Optional[str] = None) -> Metric:
    """`tf.metrics.average_precision_at_k`."""
    return tf.metrics.average_precision_at_k(labels, predictions, k, weights, metrics_collections, updates_collections, name)


def streaming_mean_relative_error(predictions: Any, labels: Any, normalizer: Any, weights: Any = None,
                                  metrics_collections: Any = None, updates_collections: Any = None,
                                  name: Optional[str] = None) -> Metric:
    """The mean of |predictions - labels| / normalizer; 0 where the normalizer is."""
    return tf.metrics.mean_relative_error(labels, predictions, normalizer, weights, metrics_collections, updates_collections,
                                          name)


def streaming_mean_iou(predictions: Any, labels: Any, num_classes: int, weights: Any = None, metrics_collections: Any = None,
                       updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The mean over classes of intersection / union; the update operation is the confusion matrix."""
    return tf.metrics.mean_iou(labels, predictions, num_classes, weights, metrics_collections, updates_collections, name)


def streaming_percentage_less(values: Any, threshold: float, weights: Any = None, metrics_collections: Any = None,
                              updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The share of values below the threshold."""
    return tf.metrics.percentage_below(values, threshold, weights, metrics_collections, updates_collections, name)


def streaming_mean_cosine_distance(predictions: Any, labels: Any, dim: int, weights: Any = None,
                                   metrics_collections: Any = None, updates_collections: Any = None,
                                   name: Optional[str] = None) -> Metric:
    """The mean of 1 - predictions . labels along `dim`, for vectors of length 1."""
    predictions.shape.assert_is_compatible_with(labels.shape)
    products = tf.reduce_sum(predictions * labels, axis=[dim], keepdims=True)
    mean, update = streaming_mean(products, weights, None, None, name or "mean_cosine_distance")
    return _collected(1.0 - mean, 1.0 - update, metrics_collections, updates_collections)


def streaming_false_positive_rate(predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
                                  updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """False positives / (false positives + true negatives)."""
    with tf.variable_scope(name, "false_positive_rate", (predictions, labels, weights)):
        parts = [metric(labels, predictions, weights) for metric in (tf.metrics.false_positives, tf.metrics.true_negatives)]
        return _share(parts, metrics_collections, updates_collections)


def streaming_false_negative_rate(predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
                                  updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """False negatives / (false negatives + true positives)."""
    with tf.variable_scope(name, "false_negative_rate", (predictions, labels, weights)):
        parts = [metric(labels, predictions, weights) for metric in (tf.metrics.false_negatives, tf.metrics.true_positives)]
        return _share(parts, metrics_collections, updates_collections)


def _share(parts: List[Metric], metrics_collections: Any, updates_collections: Any) -> Metric:
    """The first of two counters divided by their sum, 0 if that is."""
    (first, first_update), (second, second_update) = parts
    value = tf.div_no_nan(first, first + second, name="value")
    update = tf.div_no_nan(first_update, first_update + second_update, name="update_op")
    return _collected(value, update, metrics_collections, updates_collections)


def _collected(value: Any, update: Any, metrics_collections: Any, updates_collections: Any) -> Metric:
    if metrics_collections:
        tf.add_to_collections(metrics_collections, value)
    if updates_collections:
        tf.add_to_collections(updates_collections, update)
    return value, update


def _metric_variable(name: str) -> Any:
    """A float32 zero that lasts as long as a session and that no checkpoint holds."""
    return tf.Variable(
        lambda: tf.zeros([], tf.float32), trainable=False, name=name,
        collections=[tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.METRIC_VARIABLES],
        synchronization=tf.VariableSynchronization.ON_READ, aggregation=tf.VariableAggregation.SUM)


def count(values: Any, weights: Any = None, metrics_collections: Any = None, updates_collections: Any = None,
          name: Optional[str] = None) -> Metric:
    """How many values there were, or the sum of their weights."""
    with tf.variable_scope(name, "count", (values, weights)):
        total = _metric_variable("count")
        num_values = tf.cast(tf.size(values), tf.float32)
        if weights is not None:
            values = tf.cast(values, tf.float32)
            num_values = tf.reduce_sum(tf.cast(weights, tf.float32) * tf.ones_like(values))
        with tf.control_dependencies([values]):
            update = tf.assign_add(total, num_values)
        return _collected(tf.identity(total), update, metrics_collections, updates_collections)


def streaming_covariance(predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
                         updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """The unbiased covariance of all pairs so far (Chan et al. 1979, by co-moments); NaN for fewer than two.

    Args:
        predictions, labels: float32 tensors of one shape.
        weights: of the same rank as `labels`, broadcast to it; its sum takes the place of the number of pairs.
    """
    with tf.variable_scope(name, "covariance", (predictions, labels, weights)):
        predictions.shape.assert_is_compatible_with(labels.shape)
        num, mean_prediction, mean_label, comoment = [
            _metric_variable(each) for each in ("count", "mean_prediction", "mean_label", "comoment")]
        share = tf.ones_like(labels) if weights is None else weights * tf.ones_like(labels)
        batch_num = tf.reduce_sum(share)
        new_num = tf.assign_add(num, batch_num)
        old_num = new_num - batch_num

        def update_mean(mean: Any, values: Any) -> Tuple[Any, Any]:
            """(mean of this batch, its distance from the mean before it)."""
            batch_mean = tf.div_no_nan(tf.reduce_sum(values * share), batch_num)
            change = tf.div_no_nan((batch_mean - mean) * batch_num, new_num)
            return batch_mean, tf.assign_add(mean, change) - change - batch_mean

        batch_prediction, prediction_shift = update_mean(mean_prediction, predictions)
        batch_label, label_shift = update_mean(mean_label, labels)
        batch_comoment = tf.reduce_sum((predictions - batch_prediction) * (labels - batch_label) * share)
        new_comoment = tf.assign_add(
            comoment, batch_comoment + prediction_shift * label_shift * (old_num * batch_num / new_num))
        value = _covariance(tf.identity(comoment), tf.identity(num), "covariance")
        update = _covariance(new_comoment, new_num, "update_op")
    return _collected(value, update, metrics_collections, updates_collections)


def _covariance(comoment: Any, num: Any, name: str) -> Any:
    return tf.where(num <= 1., tf.constant(float("nan")), comoment / (num - 1), name=name)


def streaming_pearson_correlation(predictions: Any, labels: Any, weights: Any = None, metrics_collections: Any = None,
                                  updates_collections: Any = None, name: Optional[str] = None) -> Metric:
    """Pearson's r of all pairs so far."""
    with tf.variable_scope(name, "pearson_r", (predictions, labels, weights)):
        both = streaming_covariance(predictions, labels, weights, name="covariance")
        first = streaming_covariance(predictions, predictions, weights, name="variance_predictions")
        second = streaming_covariance(labels, labels, weights, name="variance_labels")
        value, update = [tf.truediv(ab, tf.sqrt(aa) * tf.sqrt(bb), name=name)
                         for ab, aa, bb, name in zip(both, first, second, ("pearson_r", "update_op"))]
    return _collected(value, update, metrics_collections, updates_collections)


def aggregate_metrics(*value_update_tuples: Metric) -> Tuple[List[Any], List[Any]]:
    """The values and the update operations of several metrics, as two lists.

    Raises:
        ValueError: no metric is given.
    """
    if not value_update_tuples:
        raise ValueError("aggregate_metrics: at least one (value, update operation) must be given; got none")
    values, updates = zip(*value_update_tuples)
    return list(values), list(updates)


def aggregate_metric_map(names_to_tuples: Mapping[str, Metric]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """{name: value} and {name: update operation} of {name: (value, update operation)}."""
    return ({name: value for name, (value, _) in names_to_tuples.items()},
            {name: update for name, (_, update) in names_to_tuples.items()})
