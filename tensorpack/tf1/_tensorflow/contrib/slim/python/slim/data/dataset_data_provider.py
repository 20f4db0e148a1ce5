"""Samples of a `Dataset`, read by several readers in parallel: `slim.dataset_data_provider.DatasetDataProvider`."""
from __future__ import annotations

from typing import Any, Dict, Optional

from .data_provider import DataProvider
from .parallel_reader import parallel_read

__all__ = ["DatasetDataProvider"]


class DatasetDataProvider(DataProvider):
    """Gives the items of a data set and, as the item `record_key`, the key of the record; see `parallel_read`.

    Args:
        dataset: a `slim.dataset.Dataset`.
        num_epochs: for ever if None; else local variables must be initialised.
        common_queue_capacity, common_queue_min: size of the queue of records and, when shuffling, the least that stays in it.

    Raises:
        ValueError: an item of the data set is called `record_key`.
    """

    def __init__(self, dataset: Any, num_readers: int = 1, reader_kwargs: Optional[Dict[str, Any]] = None,
                 shuffle: bool = True, num_epochs: Optional[int] = None, common_queue_capacity: int = 256,
                 common_queue_min: int = 128, record_key: str = "record_key", seed: Optional[int] = None,
                 scope: Optional[str] = None):
        key, data = parallel_read(
            dataset.data_sources, reader_class=dataset.reader, num_epochs=num_epochs, num_readers=num_readers,
            reader_kwargs=reader_kwargs, shuffle=shuffle, capacity=common_queue_capacity, min_after_dequeue=common_queue_min,
            seed=seed, scope=scope)
        items = dataset.decoder.list_items()
        tensors = dict(zip(items, dataset.decoder.decode(data, items)))
        if record_key in tensors:
            raise ValueError("DatasetDataProvider: record_key must not be the name of an item of the data set; got {!r}".format(
                record_key))
        super().__init__(dict(tensors, **{record_key: key}), dataset.num_samples)
