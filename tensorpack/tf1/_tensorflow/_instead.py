"""What to do about names that are not provided."""
from __future__ import annotations

from typing import Optional

_ESTIMATOR = ("TensorFlow has lost it in 2.16; use a loop with tf.train.MonitoredTrainingSession, or a ModelDesc of tensorpack "
              "(docs/notes/migration.md)")
# The longest of these that a name starts with counts.
_INSTEAD = {
    "tf.audio_summary": "it is of TensorFlow 0.x: tf.summary.audio(name, tensor, sample_rate)",
    "tf.batch_matmul": "it is of TensorFlow 0.x: tf.matmul",
    "tf.batch_matrix_inverse": "it is of TensorFlow 0.x: tf.matrix_inverse",
    "tf.complex_abs": "it is of TensorFlow 0.x: tf.abs",
    "tf.concatenate": "no TensorFlow has had it: tf.concat(values, axis)",
    "tf.histogram_summary": "it is of TensorFlow 0.x: tf.summary.histogram(name, values)",
    "tf.image_summary": "it is of TensorFlow 0.x: tf.summary.image(name, tensor)",
    "tf.inv": "it is of TensorFlow 0.x: tf.reciprocal",
    "tf.listdiff": "it is of TensorFlow 0.x: tf.setdiff1d",
    "tf.merge_all_summaries": "it is of TensorFlow 0.x: tf.summary.merge_all()",
    "tf.merge_summary": "it is of TensorFlow 0.x: tf.summary.merge(inputs)",
    "tf.models.rnn": "it is of TensorFlow 0.x: tf.nn.rnn_cell and tf.nn.static_rnn",
    "tf.mul": "it is of TensorFlow 0.x: tf.multiply",
    "tf.neg": "it is of TensorFlow 0.x: tf.negative",
    "tf.nn.rnn": "it is of TensorFlow 0.x: tf.nn.static_rnn",
    "tf.nn.bidirectional_rnn": "it is of TensorFlow 0.x: tf.nn.static_bidirectional_rnn",
    "tf.nn.seq2seq": "it is of TensorFlow 0.x; use tf.contrib.seq2seq",
    "tf.pack": "it is of TensorFlow 0.x: tf.stack",
    "tf.scalar_summary": "it is of TensorFlow 0.x: tf.summary.scalar(name, tensor)",
    "tf.select": "it is of TensorFlow 0.x: tf.where",
    "tf.sub": "it is of TensorFlow 0.x: tf.subtract",
    "tf.train.SummaryWriter": "it is of TensorFlow 0.x: tf.summary.FileWriter",
    "tf.unpack": "it is of TensorFlow 0.x: tf.unstack",
    "tf.compat.v2.image.resize_images": "no TensorFlow has had it: tf.image.resize_images",
    "tf.contrib.lookup.Hashtable": "no TensorFlow has had it: tf.contrib.lookup.HashTable",
    "tf.contrib.cudnn_rnn": "use the cells of tf.contrib.rnn and tf.nn.dynamic_rnn",
    "tf.contrib.estimator": "use tf.estimator on TensorFlow before 2.16, or a loop with tf.train.MonitoredTrainingSession",
    "tf.contrib.data": "use tf.data and tf.data.experimental, which have the same functions",
    "tf.contrib.ffmpeg": "use the package tensorflow_io or soundfile to decode audio",
    "tf.contrib.framework.python": "use the same name of tf.contrib.framework",
    "tf.contrib.gan": "use the package tensorflow_gan",
    "tf.contrib.graph_editor": "edit the GraphDef and import it with tf.import_graph_def",
    "tf.contrib.keras": "use tf.keras",
    "tf.contrib.learn": "use tf.train.MonitoredTrainingSession and tf.data",
    "tf.contrib.lite": "use tf.lite",
    "tf.contrib.mixed_precision": "use tf.train.experimental.enable_mixed_precision_graph_rewrite",
    "tf.contrib.memory_stats": "use tensorpack's PeakMemoryTracker",
    "tf.contrib.nccl": "use tensorpack's SyncMultiGPUTrainerReplicated, or tf.distribute",
    "tf.contrib.summary": "use tf.summary",
    "tf.contrib.tensorboard": "use the package tensorboard (tensorboard.plugins)",
    "tf.contrib.tensorrt": "use tensorflow.python.compiler.tensorrt",
    "tf.contrib.tpu": "use tf.tpu",
    "tf.estimator": _ESTIMATOR,
    "tf.python.estimator": _ESTIMATOR,
}
_OTHERWISE = "replace it, or run the program on TensorFlow 1.15"


def instead_of(name: str) -> str:
    """What to do about a name such as `tf.contrib.layers.foo` that is not provided."""
    return known_instead(name) or _OTHERWISE


def known_instead(name: str) -> Optional[str]:
    """The same; None where there is no more to say than that it is not provided."""
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        hint = _INSTEAD.get(".".join(parts[:end]))
        if hint is not None:
            return hint
    return None


# Those that TensorFlow 1.15 has, so that asking for one of them is no mistake.
PACKAGES_OF_CONTRIB = frozenset("""
    all_reduce autograph batching bayesflow bigtable boosted_trees checkpoint cloud cluster_resolver compiler
    constrained_optimization copy_graph crf cudnn_rnn data decision_trees deprecated distribute distributions eager estimator
    factorization feature_column ffmpeg framework fused_conv graph_editor grid_rnn hadoop hooks ignite image input_pipeline
    integrate kafka keras kernel_methods kinesis labeled_tensor layers learn legacy_seq2seq libsvm linear_optimizer lite lookup
    losses memory_stats meta_graph_transform metrics mixed_precision model_pruning nccl nearest_neighbor nn opt optimizer_v2
    periodic_resample predictor proto quantization quantize receptive_field recurrent reduce_slice_ops remote_fused_graph
    resampler rnn rpc saved_model seq2seq session_bundle signal slim solvers sparsemax specs staging stat_summarizer stateless
    summary tensor_forest tensorboard tensorrt testing text tfprof timeseries tpu training util
""".split())
