"""Read records of files by several readers at once, through a queue that may shuffle: `slim.parallel_reader`."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from ........compat import tfv1 as tf

__all__ = ["ParallelReader", "get_data_files", "parallel_read", "single_pass_read"]

Sources = Union[str, List[Any], Tuple[Any, ...]]


class ParallelReader(tf.ReaderBase):
    """Several readers that put (key, value) of records into one queue, in any order.

    Args:
        reader_class: makes a reader, such as `tf.TFRecordReader`.
        common_queue: queue of two strings.

    Raises:
        TypeError: the queue has other components.
    """

    def __init__(self, reader_class: Callable[..., Any], common_queue: Any, num_readers: int = 4,
                 reader_kwargs: Optional[Dict[str, Any]] = None):
        if [dtype.base_dtype for dtype in common_queue.dtypes] != [tf.string, tf.string]:
            raise TypeError("ParallelReader: common_queue.dtypes must be [tf.string, tf.string]; got {}".format(
                common_queue.dtypes))
        self._readers = [reader_class(**(reader_kwargs or {})) for _ in range(num_readers)]
        self._common_queue = common_queue

    @property
    def num_readers(self) -> int:
        return len(self._readers)

    @property
    def common_queue(self) -> Any:
        return self._common_queue

    def read(self, queue: Any, name: Optional[str] = None) -> Any:
        """(key, value) of a record of some file of the queue; adds a queue runner."""
        self._read_from(queue)
        return self._common_queue.dequeue(name=name)

    def read_up_to(self, queue: Any, num_records: Any, name: Optional[str] = None) -> Any:
        """(keys, values) of that many records, or fewer at the end."""
        self._read_from(queue)
        return self._common_queue.dequeue_up_to(num_records, name)

    def _read_from(self, queue: Any) -> None:
        enqueues = [self._common_queue.enqueue(reader.read(queue)) for reader in self._readers]
        tf.train.add_queue_runner(tf.train.QueueRunner(self._common_queue, enqueues))

    def num_records_produced(self, name: Optional[str] = None) -> Any:
        """How many records all readers have read: int64 scalar."""
        return tf.add_n([reader.num_records_produced() for reader in self._readers], name=name)

    def num_work_units_completed(self, name: Optional[str] = None) -> Any:
        """How many files all readers have finished: int64 scalar."""
        return tf.add_n([reader.num_work_units_completed() for reader in self._readers], name=name)


def parallel_read(data_sources: Sources, reader_class: Callable[..., Any], num_epochs: Optional[int] = None,
                  num_readers: int = 4, reader_kwargs: Optional[Dict[str, Any]] = None, shuffle: bool = True,
                  dtypes: Optional[Sequence[Any]] = None, capacity: int = 256, min_after_dequeue: int = 128,
                  seed: Optional[int] = None, scope: Optional[str] = None) -> Tuple[Any, Any]:
    """(key, value) of a record of these files, read by `num_readers` readers; adds queue runners and a scalar summary.

    Args:
        num_epochs: for ever if None; else local variables must be initialised.
        shuffle: files, and records within a queue of `capacity` in which `min_after_dequeue` records stay.
    """
    files = get_data_files(data_sources)
    dtypes = list(dtypes or [tf.string, tf.string])
    with tf.name_scope(scope, "parallel_read"):
        file_queue = tf.train.string_input_producer(files, num_epochs=num_epochs, shuffle=shuffle, seed=seed, name="filenames")
        if shuffle:
            queue = tf.RandomShuffleQueue(capacity, min_after_dequeue, dtypes, seed=seed, name="common_queue")
        else:
            queue = tf.FIFOQueue(capacity, dtypes, name="common_queue")
        tf.summary.scalar("fraction_of_{}_full".format(capacity), tf.cast(queue.size(), tf.float32) * (1. / capacity))
        return ParallelReader(reader_class, queue, num_readers, reader_kwargs).read(file_queue)


def single_pass_read(data_sources: Sources, reader_class: Callable[..., Any], reader_kwargs: Optional[Dict[str, Any]] = None,
                     scope: Optional[str] = None) -> Any:
    """(key, value) of each record of these files, once and in order."""
    files = get_data_files(data_sources)
    with tf.name_scope(scope, "single_pass_read"):
        queue = tf.train.string_input_producer(files, num_epochs=1, shuffle=False, capacity=1, name="filenames")
        return reader_class(**(reader_kwargs or {})).read(queue)


def get_data_files(data_sources: Sources) -> List[str]:
    """All files of a name, a pattern, or a list of such.

    Raises:
        ValueError: there are none.
    """
    if not isinstance(data_sources, str):
        files = [path for source in data_sources for path in get_data_files(source)]
    elif any(character in data_sources for character in "*?["):
        files = tf.gfile.Glob(data_sources)
    else:
        files = [data_sources]
    if not files:
        raise ValueError("get_data_files: there must be a file for {!r}; found none".format(data_sources))
    return files
