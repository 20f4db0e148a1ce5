"""`tf.contrib.metrics`: accuracy of one batch, and metrics over many that take predictions before labels."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "python.metrics.classification": [
        "accuracy",
    ],
    "python.ops.confusion_matrix_ops": [
        "confusion_matrix",
    ],
    "python.ops.metric_ops": [
        "aggregate_metric_map", "aggregate_metrics", "count", "streaming_accuracy", "streaming_auc", "streaming_covariance",
        "streaming_false_negative_rate", "streaming_false_negatives", "streaming_false_positive_rate",
        "streaming_false_positives", "streaming_mean", "streaming_mean_absolute_error", "streaming_mean_cosine_distance",
        "streaming_mean_iou", "streaming_mean_relative_error", "streaming_mean_squared_error", "streaming_mean_tensor",
        "streaming_pearson_correlation", "streaming_percentage_less", "streaming_precision",
        "streaming_precision_at_thresholds", "streaming_recall", "streaming_recall_at_k", "streaming_recall_at_thresholds",
        "streaming_root_mean_squared_error", "streaming_sensitivity_at_specificity",
        "streaming_sparse_average_precision_at_k", "streaming_sparse_precision_at_k", "streaming_sparse_recall_at_k",
        "streaming_specificity_at_sensitivity", "streaming_true_negatives", "streaming_true_positives",
    ],
    "python.ops.set_ops": [
        "set_difference", "set_intersection", "set_size", "set_union",
    ],
})
