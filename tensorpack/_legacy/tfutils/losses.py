"""Losses of `tfutils.symbolic_functions`: of unbalanced classes, and of pairs and triplets of embeddings."""
from __future__ import annotations

from typing import Any, Callable, Tuple

from ...compat import tfv1 as tf
from ...models.fc import batch_flatten


def class_balanced_cross_entropy(pred: Any, label: Any, name: str = "cross_entropy_loss") -> Any:
    """Cross entropy in which both classes weigh the same (Xie and Tu 2015, https://arxiv.org/abs/1504.06375): a scalar.

    Args:
        pred: float [N, ...], probabilities of 1.
        label: [N, ...] of 0 and 1.
        name: of the resulting tensor.
    """
    return _balanced(pred, label, name, 1e-12, lambda x: x)


def class_balanced_binary_class_cross_entropy(pred: Any, label: Any, name: str = "cross_entropy_loss") -> Any:
    """As `class_balanced_cross_entropy`, with logarithms of absolute values, plus 1e-8."""
    return _balanced(pred, label, name, 1e-8, tf.abs)


def _balanced(pred: Any, label: Any, name: str, epsilon: float, size: Callable[[Any], Any]) -> Any:
    with tf.name_scope("class_balanced_cross_entropy"):
        z, y = batch_flatten(pred), tf.cast(batch_flatten(label), pred.dtype)
        beta = _share_of_negatives(y)
        positive = -beta * tf.reduce_mean(y * tf.log(size(z) + epsilon))
        negative = (1.0 - beta) * tf.reduce_mean((1.0 - y) * tf.log(size(1.0 - z) + epsilon))
    return tf.subtract(positive, negative, name=name)


def class_balanced_sigmoid_cross_entropy(logits: Any, label: Any, name: str = "cross_entropy_loss") -> Any:
    """As `class_balanced_cross_entropy`, of logits; 0 where no label is 1."""
    with tf.name_scope("class_balanced_sigmoid_cross_entropy"):
        y = tf.cast(label, logits.dtype)
        beta = _share_of_negatives(y)
        # softplus(-x) is -log(sigmoid(x)); a weight of beta / (1 - beta), as it is often written, is infinite without positives
        costs = beta * y * tf.nn.softplus(-logits) + (1.0 - beta) * (1.0 - y) * tf.nn.softplus(logits)
        cost = tf.reduce_mean(costs)
    return tf.where(tf.equal(tf.reduce_sum(y), 0), tf.zeros_like(cost), cost, name=name)


class_balanced_sigmoid_binary_class_cross_entropy = class_balanced_sigmoid_cross_entropy


def _share_of_negatives(y: Any) -> Any:
    negatives, positives = tf.reduce_sum(1.0 - y), tf.reduce_sum(y)
    return negatives / (negatives + positives)


def contrastive_loss(left: Any, right: Any, y: Any, margin: float, extra: bool = False,
                     scope: str = "constrastive_loss") -> Any:
    """Loss of pairs (Hadsell et al. 2006): the mean of 0.5 * (y * d ** 2 + (1 - y) * max(margin - d, 0) ** 2).

    Args:
        left, right: float [N, features]; d is the distance between their rows.
        y: [N], 1 for similar pairs and 0 for others.
        extra: return (loss, mean distance of similar pairs, that of others) instead, in the tensors `pos-dist`, `neg-dist`.
    """
    with tf.name_scope(scope):
        y = tf.cast(y, tf.float32)
        square = _square_distance(left, right)
        distance = _root(square)
        loss = tf.reduce_mean(0.5 * (y * square + (1 - y) * tf.square(tf.nn.relu(margin - distance))), name="constrastive_loss")
        if not extra:
            return loss
        return loss, _mean_where(y, distance, "pos-dist"), _mean_where(1 - y, distance, "neg-dist")


def _mean_where(chosen: Any, values: Any, name: str) -> Any:
    count = tf.reduce_sum(chosen)
    return tf.where(tf.equal(count, 0), 0.0, tf.reduce_sum(chosen * values) / tf.maximum(count, 1), name=name)


def siamese_cosine_loss(left: Any, right: Any, y: Any, scope: str = "cosine_loss") -> Any:
    """Loss of pairs: half of the mean of (2 * y - 1 - cosine) ** 2.

    Args:
        left, right: float [N, features].
        y: [N], 1 for similar pairs and 0 for others.
    """
    with tf.name_scope(scope):
        norms = [tf.sqrt(tf.reduce_sum(tf.square(x), 1) + 1e-12) for x in (left, right)]
        cosine = tf.reduce_sum(left * right, 1) / (norms[0] * norms[1] + 1e-10)
        wanted = 2 * tf.cast(y, tf.float32) - 1
        return tf.divide(tf.nn.l2_loss(wanted - cosine), tf.cast(tf.shape(left)[0], tf.float32), name="loss")


cosine_loss = siamese_cosine_loss


def triplet_loss(anchor: Any, positive: Any, negative: Any, margin: float, extra: bool = False,
                 scope: str = "triplet_loss") -> Any:
    """Loss of triplets (Schroff et al. 2015, https://arxiv.org/abs/1503.03832): the mean of max(0, margin + p ** 2 - n ** 2).

    Args:
        anchor, positive, negative: float [N, features]; p and n are the distances of the latter two from the first.
        extra: return (loss, mean p, mean n) instead.
    """
    with tf.name_scope(scope):
        p, n = _square_distance(anchor, positive), _square_distance(anchor, negative)
        loss = tf.reduce_mean(tf.maximum(0.0, margin + p - n))
        return _with_distances(loss, _root(p), _root(n)) if extra else loss


def soft_triplet_loss(anchor: Any, positive: Any, negative: Any, extra: bool = True, scope: str = "soft_triplet_loss") -> Any:
    """Loss of triplets: the cross entropy of the softmax of the distances [p, n] with the wish that n is the larger one.

    The arguments are those of `triplet_loss`.
    """
    with tf.name_scope(scope):
        p, n = _root(_square_distance(anchor, positive)), _root(_square_distance(anchor, negative))
        logits = tf.stack([p, n], axis=1)
        labels = tf.ones([tf.shape(p)[0]], tf.int32)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels))
        return _with_distances(loss, p, n) if extra else loss


def _with_distances(loss: Any, p: Any, n: Any) -> Tuple[Any, Any, Any]:
    return loss, tf.reduce_mean(p, name="pos-dist"), tf.reduce_mean(n, name="neg-dist")


def _square_distance(left: Any, right: Any) -> Any:
    return tf.reduce_sum(tf.square(left - right), 1)


def _root(square: Any) -> Any:
    return tf.sqrt(square + 1e-10)  # with a gradient at 0
