"""`tf.contrib.lookup`: tables, which TensorFlow still has, under their names of TensorFlow 1."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_functions": ["index_table_from_tensor", "index_to_string", "index_to_string_table_from_tensor", "string_to_index",
                   "string_to_index_table_from_file", "string_to_index_table_from_tensor"],
    "_tables": [
        "FastHashSpec", "HashTable", "HasherSpec", "IdTableWithHashBuckets", "InitializableLookupTableBase",
        "KeyValueTensorInitializer", "LookupInterface", "MutableDenseHashTable", "MutableHashTable", "StrongHashSpec",
        "TableInitializerBase", "TextFileIdTableInitializer", "TextFileIndex", "TextFileInitializer",
        "TextFileStringTableInitializer", "index_table_from_file", "index_to_string_table_from_file",
    ],
})
