"""`tf.contrib.data`: names of `tf.data.experimental`, and transformations that methods of data sets do as well."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_experimental": [
        "AUTOTUNE", "Counter", "CsvDataset", "Optional", "RandomDataset", "Reducer", "SqlDataset", "TFRecordWriter",
        "bucket_by_sequence_length", "choose_from_datasets", "copy_to_device", "dense_to_sparse_batch", "enumerate_dataset",
        "get_next_as_optional", "get_single_element", "group_by_reducer", "group_by_window", "ignore_errors",
        "make_batched_features_dataset", "make_csv_dataset", "make_saveable_from_iterator", "map_and_batch",
        "parallel_interleave", "parse_example_dataset", "prefetch_to_device", "rejection_resample", "sample_from_datasets",
        "scan", "shuffle_and_repeat", "unbatch", "unique",
    ],
    "_methods": ["batch_and_drop_remainder", "padded_batch_and_drop_remainder", "reduce_dataset", "sloppy_interleave"],
})
