"""`tf.contrib.training`: train operations, evaluation of checkpoints, hyper-parameters, queues of buckets."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "python.training.bucket_ops": [
        "bucket", "bucket_by_sequence_length",
    ],
    "python.training.device_setter": [
        "GreedyLoadBalancingStrategy", "RandomStrategy", "byte_size_load_fn",
    ],
    "python.training.evaluation": [
        "StopAfterNEvalsHook", "SummaryAtEndHook", "checkpoints_iterator", "evaluate_once", "evaluate_repeatedly",
        "get_or_create_eval_step", "wait_for_new_checkpoint",
    ],
    "python.training.feeding_queue_runner": [
        "FeedingQueueRunner",
    ],
    "python.training.hparam": [
        "HParams", "parse_values",
    ],
    "python.training.resample": [
        "resample_at_rate",
    ],
    "python.training.training": [
        "add_gradients_summaries", "clip_gradient_norms", "clip_gradient_norms_fn", "create_train_op", "multiply_gradients",
        "train",
    ],
})
