"""Vectors of words and other identifiers."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from ..framework._variables import model_variable
from ._simple import dense_to_sparse

__all__ = ["bow_encoder", "embed_sequence", "embedding_lookup_unique", "safe_embedding_lookup_sparse"]


def embed_sequence(ids: Any, vocab_size: Optional[int] = None, embed_dim: Optional[int] = None, unique: bool = False,
                   initializer: Any = None, regularizer: Any = None, trainable: bool = True, scope: Any = None,
                   reuse: Any = None) -> Any:
    """Whole numbers [...] -> their rows [..., embed_dim] of the model variable `embeddings` [vocab_size, embed_dim].

    Args:
        unique: look each different number up once.
        scope: `EmbedSequence` by default.

    Raises:
        ValueError: a size is missing, without `reuse`.
    """
    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError("embed_sequence: vocab_size and embed_dim must be given unless reuse is; got {} and {}".format(
            vocab_size, embed_dim))
    with tf.variable_scope(scope, "EmbedSequence", [ids], reuse=reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = model_variable("embeddings", shape, initializer=initializer, regularizer=regularizer, trainable=trainable)
        return embedding_lookup_unique(embeddings, ids) if unique else tf.nn.embedding_lookup(embeddings, ids)


def bow_encoder(ids: Any, vocab_size: int, embed_dim: int, sparse_lookup: bool = True, initializer: Any = None,
                regularizer: Any = None, trainable: bool = True, scope: Any = None, reuse: Any = None) -> Any:
    """Whole numbers [N, T] -> the mean [N, embed_dim] of their rows of the model variable `embeddings` [vocab_size, embed_dim].

    Args:
        sparse_lookup: leave the number 0 of a matrix out; `ids` may be a SparseTensor then.
        scope: `bow_encoder` by default.
    """
    if not vocab_size or not embed_dim:
        raise ValueError("bow_encoder: vocab_size and embed_dim must be above 0; got {} and {}".format(vocab_size, embed_dim))
    is_sparse = isinstance(ids, tf.SparseTensor)
    if is_sparse and not sparse_lookup:
        raise TypeError("bow_encoder: without sparse_lookup, ids must be no SparseTensor; got {}".format(ids))
    with tf.variable_scope(scope, "bow_encoder", [ids], reuse=reuse):
        embeddings = model_variable("embeddings", [vocab_size, embed_dim], initializer=initializer, regularizer=regularizer,
                                    trainable=trainable)
        if not sparse_lookup:
            return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, ids), axis=1)
        return safe_embedding_lookup_sparse([embeddings], ids if is_sparse else dense_to_sparse(ids), combiner="mean",
                                            default_id=0)


def safe_embedding_lookup_sparse(embedding_weights: Any, sparse_ids: Any, sparse_weights: Any = None,
                                 combiner: Optional[str] = None, default_id: Optional[int] = None, name: Optional[str] = None,
                                 partition_strategy: str = "div", max_norm: Optional[float] = None) -> Any:
    """`tf.nn.embedding_lookup_sparse` without negative numbers and, unless the combiner is 'sum', without weights of 0 or less.

    Args:
        combiner: 'mean' (also for None), 'sqrtn' or 'sum' of the vectors of a row.
        default_id: the number of a row without numbers; None gives the vector of zeros.
    """
    return tf.nn.safe_embedding_lookup_sparse(
        embedding_weights, sparse_ids, sparse_weights=sparse_weights, combiner=combiner or "mean", default_id=default_id,
        name=name, partition_strategy=partition_strategy, max_norm=max_norm)


def embedding_lookup_unique(params: Any, ids: Any, partition_strategy: str = "mod", name: Optional[str] = None) -> Any:
    """`tf.nn.embedding_lookup` of numbers of any shape, in which each different number is looked up once."""
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        unique_ids, index = tf.unique(tf.reshape(ids, [-1]))
        unique_rows = tf.nn.embedding_lookup(params, unique_ids, partition_strategy)
        rows = tf.reshape(tf.gather(unique_rows, index), tf.concat([tf.shape(ids), tf.shape(unique_rows)[1:]], 0))
        rows.set_shape(ids.shape.concatenate(unique_rows.shape[1:]))
        return rows
