"""What a data set is made of: `slim.dataset.Dataset`."""
from __future__ import annotations

from typing import Any, Mapping

__all__ = ["Dataset"]


class Dataset:
    """Holds its arguments, and further ones by name, as attributes.

    Args:
        data_sources: file names or patterns, or a list of them.
        reader: class of a reader, such as `tf.TFRecordReader`.
        decoder: a `DataDecoder`.
        items_to_descriptions: {name: text}.
    """

    def __init__(self, data_sources: Any, reader: Any, decoder: Any, num_samples: int,
                 items_to_descriptions: Mapping[str, str], **kwargs: Any):
        self.__dict__.update(kwargs, data_sources=data_sources, reader=reader, decoder=decoder, num_samples=num_samples,
                             items_to_descriptions=items_to_descriptions)
