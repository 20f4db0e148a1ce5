"""`dataflow.dftools`: functions that write a DataFlow to files or into a queue."""
from __future__ import annotations

import os
from typing import Any, Optional

from ...dataflow.base import DataFlow, known_length
from ...dataflow.remote import dump_dataflow_to_process_queue
from ...dataflow.serialize import LMDBSerializer, TFRecordSerializer
from ...utils.viz import dump_dataflow_images as dump_to_directory

__all__ = ["dataflow_to_process_queue", "dump_dataflow_images", "dump_dataflow_to_lmdb", "dump_dataflow_to_process_queue",
           "dump_dataflow_to_tfrecord", "dump_dataset_images"]

dump_dataflow_to_tfrecord = TFRecordSerializer.save
dataflow_to_process_queue = dump_dataflow_to_process_queue


def dump_dataflow_to_lmdb(df: DataFlow, lmdb_path: str, write_frequency: int = 5000) -> None:
    """Save one pass of a flow in an LMDB database.

    Raises:
        AssertionError: there is a database already.
    """
    path = os.path.join(lmdb_path, "data.mdb") if os.path.isdir(lmdb_path) else lmdb_path
    assert not os.path.isfile(path), "dump_dataflow_to_lmdb: there must be no database at {}; choose another path".format(path)
    LMDBSerializer.save(df, lmdb_path, write_frequency)


def dump_dataflow_images(df: DataFlow, dirname: str, max_count: Optional[int] = None, index: Any = 0) -> None:
    """Write the component `index` of the datapoints, an image in BGR each, to jpg files: all of a pass, or `max_count`."""
    number = known_length(df) if max_count is None else max_count
    if number is None:
        raise ValueError("dump_dataflow_images: the length of the flow is not known; give max_count")
    dump_to_directory(df, index=index, batched=False, number=number, output_dir=dirname)


dump_dataset_images = dump_dataflow_images
