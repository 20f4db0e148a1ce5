"""Tables of vocabularies, by their arguments of TensorFlow 1."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import inner_module
from .....compat import tfv1 as tf
from ._tables import FastHashSpec, index_table_from_file

__all__ = [
    "index_table_from_tensor", "index_to_string", "index_to_string_table_from_tensor", "string_to_index",
    "string_to_index_table_from_file", "string_to_index_table_from_tensor",
]

_lookup_ops = inner_module("ops.lookup_ops")


def index_table_from_tensor(mapping: Any, num_oov_buckets: int = 0, default_value: int = -1, hasher_spec: Any = FastHashSpec,
                            dtype: Any = tf.string, name: Optional[str] = None) -> Any:
    """A table from words to their indices in a vocabulary.

    Args:
        mapping: vector of words, or of whole numbers.
        num_oov_buckets: other words get an index by their hash, after the vocabulary, if there are such buckets.
        default_value: else they get this one.
        hasher_spec: how words are hashed.
        dtype: of words.

    Raises:
        ValueError: there is no vocabulary.
    """
    if mapping is None:
        raise ValueError("index_table_from_tensor: mapping must be a vector of words; got None")
    return _lookup_ops.index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, dtype, name)


def index_to_string_table_from_tensor(mapping: Any, default_value: str = "UNK", name: Optional[str] = None) -> Any:
    """A table from indices to the words of a vocabulary; other indices give `default_value`.

    Raises:
        ValueError: there is no vocabulary.
    """
    if mapping is None:
        raise ValueError("index_to_string_table_from_tensor: mapping must be a vector of words; got None")
    return _lookup_ops.index_to_string_table_from_tensor(mapping, default_value, name)


def string_to_index_table_from_file(vocabulary_file: Optional[str] = None, num_oov_buckets: int = 0,
                                    vocab_size: Optional[int] = None, default_value: int = -1,
                                    hasher_spec: Any = FastHashSpec, name: Optional[str] = None) -> Any:
    """The same as `index_table_from_file`, of words."""
    return index_table_from_file(vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, name=name)


def string_to_index_table_from_tensor(mapping: Any, num_oov_buckets: int = 0, default_value: int = -1,
                                      hasher_spec: Any = FastHashSpec, name: Optional[str] = None) -> Any:
    """The same as `index_table_from_tensor`, of words.

    Raises:
        ValueError: the vocabulary is not of words.
    """
    mapping = tf.convert_to_tensor(mapping)
    if mapping.dtype.base_dtype != tf.string:
        raise ValueError("string_to_index_table_from_tensor: mapping must be of words; got {}".format(mapping.dtype.name))
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, name=name)


def string_to_index(tensor: Any, mapping: Any, default_value: int = -1, name: Optional[str] = None) -> Any:
    """Indices of words in a vocabulary."""
    return index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


def index_to_string(tensor: Any, mapping: Any, default_value: str = "UNK", name: Optional[str] = None) -> Any:
    """Words of a vocabulary at indices."""
    return index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)
