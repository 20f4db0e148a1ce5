"""The tables of TensorFlow, and `HashTable` with its arguments of TensorFlow 1."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import inner_module
from .....compat import tfv1 as tf

_lookup_ops = inner_module("ops.lookup_ops")
_DenseHashTable: Any = _lookup_ops.DenseHashTable

FastHashSpec = _lookup_ops.FastHashSpec
HasherSpec = _lookup_ops.HasherSpec
IdTableWithHashBuckets = _lookup_ops.IdTableWithHashBuckets
InitializableLookupTableBase = _lookup_ops.InitializableLookupTableBase
KeyValueTensorInitializer = tf.lookup.KeyValueTensorInitializer
LookupInterface = _lookup_ops.LookupInterface
MutableHashTable = _lookup_ops.MutableHashTable
StrongHashSpec = _lookup_ops.StrongHashSpec
TableInitializerBase = _lookup_ops.TableInitializerBase
TextFileIdTableInitializer = _lookup_ops.TextFileIdTableInitializer
TextFileIndex = tf.lookup.TextFileIndex
TextFileInitializer = tf.lookup.TextFileInitializer
TextFileStringTableInitializer = _lookup_ops.TextFileStringTableInitializer
index_table_from_file = _lookup_ops.index_table_from_file
index_to_string_table_from_file = _lookup_ops.index_to_string_table_from_file

__all__ = [
    "FastHashSpec", "HashTable", "HasherSpec", "IdTableWithHashBuckets", "InitializableLookupTableBase",
    "KeyValueTensorInitializer", "LookupInterface", "MutableDenseHashTable", "MutableHashTable", "StrongHashSpec",
    "TableInitializerBase", "TextFileIdTableInitializer", "TextFileIndex", "TextFileInitializer",
    "TextFileStringTableInitializer", "index_table_from_file", "index_to_string_table_from_file",
]


class HashTable(tf.lookup.StaticHashTable):
    """A table that an initializer fills; its operation is in TABLE_INITIALIZERS.

    Args:
        initializer: what fills it, such as a `KeyValueTensorInitializer`.
        default_value: of keys that are not in the table.
        shared_name: sessions share the contents of tables of this name.
        name: of the table.
    """

    def __init__(self, initializer: Any, default_value: Any, shared_name: Optional[str] = None, name: Optional[str] = None):
        self._given_shared_name = shared_name
        super().__init__(initializer, default_value, name=name)

    def _create_resource(self) -> Any:
        if self._given_shared_name is not None:
            self._shared_name = self._given_shared_name
        return super()._create_resource()

    @property
    def init(self) -> Any:
        """The operation that fills the table."""
        return self.initializer


class MutableDenseHashTable(_DenseHashTable):
    """A table that programs fill, with one array of keys and one of values.

    Args:
        key_dtype, value_dtype: of keys and values.
        default_value: of keys that are not in the table.
        empty_key, deleted_key: keys that are never used.
        initial_num_buckets: a power of two.
        name: of the table.
        checkpoint: whether its contents are saved.
    """

    def __init__(self, key_dtype: Any, value_dtype: Any, default_value: Any, empty_key: Any, deleted_key: Any,
                 initial_num_buckets: Optional[int] = None, name: str = "MutableDenseHashTable", checkpoint: bool = True):
        super().__init__(key_dtype, value_dtype, default_value, empty_key, deleted_key,
                         initial_num_buckets=initial_num_buckets, name=name, checkpoint=checkpoint)
