"""`tensorflow.contrib.layers.python.layers.embedding_ops`."""
from ..._embedding import embedding_lookup_unique, safe_embedding_lookup_sparse

__all__ = ["embedding_lookup_unique", "safe_embedding_lookup_sparse"]
