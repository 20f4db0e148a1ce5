"""Prune weights by magnitude on a schedule (Zhu and Gupta 2017, https://arxiv.org/abs/1710.01878).

`apply_mask` multiplies a weight by a mask of ones; the operations of `Pruning` recompute all masks, so that a growing share of
each weight is zero.
"""
from __future__ import annotations

import logging
import re
from typing import Any, Dict, List, Optional, Pattern, Tuple

from ......compat import tfv1 as tf
from ...training.python.training.hparam import HParams
from . import _blocks

__all__ = ["Pruning", "apply_mask", "get_masked_weights", "get_masks", "get_pruning_hparams", "get_thresholds",
           "get_weight_sparsity", "get_weights"]

_MASKS, _THRESHOLDS, _MASKED_WEIGHTS, _WEIGHTS = "masks", "thresholds", "masked_weights", "kernel"  # collections


def apply_mask(x: Any, scope: str = "") -> Any:
    """The variable times its mask: a tensor `weights/masked_weight`, of the gradient only where the mask is 1.

    Creates `mask` (ones, shaped as `x`) and `threshold` (a scalar 0), not trainable, in the scope. They, `x` and the result go
    to the collections `masks`, `thresholds`, `kernel` and `masked_weights`.
    """
    with tf.variable_scope(scope):
        mask = tf.get_variable("mask", x.get_shape(), x.dtype.base_dtype, tf.ones_initializer(), trainable=False)
        threshold = tf.get_variable("threshold", [], x.dtype.base_dtype, tf.zeros_initializer(), trainable=False)
    masked = tf.multiply(mask, x, "weights/masked_weight")
    if not any(mask is each for each in get_masks()):  # the scope may be used again
        for collection, member in ((_THRESHOLDS, threshold), (_MASKS, mask), (_MASKED_WEIGHTS, masked), (_WEIGHTS, x)):
            tf.add_to_collection(collection, member)
    return masked


def get_masked_weights() -> List[Any]:
    """The results of all `apply_mask`."""
    return tf.get_collection(_MASKED_WEIGHTS)


def get_masks() -> List[Any]:
    """All masks."""
    return tf.get_collection(_MASKS)


def get_thresholds() -> List[Any]:
    """The thresholds of all masks."""
    return tf.get_collection(_THRESHOLDS)


def get_weights() -> List[Any]:
    """The variables that masks were applied to."""
    return tf.get_collection(_WEIGHTS)


def get_weight_sparsity() -> List[Any]:
    """The share of zeros in each mask."""
    return [tf.nn.zero_fraction(mask) for mask in get_masks()]


def get_pruning_hparams() -> HParams:
    """The settings of `Pruning` with their defaults.

    begin_pruning_step, end_pruning_step: global steps between which masks change; -1 is never the end.
    pruning_frequency: steps between two changes.
    initial_sparsity, target_sparsity: shares of zeros, between which the sparsity function goes from
    sparsity_function_begin_step to sparsity_function_end_step, with sparsity_function_exponent.
    threshold_decay: of the moving average of thresholds, in [0, 1).
    weight_sparsity_map: `pattern:share` for weights that have another target.
    block_height, block_width, block_dims_map (`pattern:HxW`): weights of rank 2 lose whole blocks, of the smallest average
    (block_pooling_function AVG) or maximum (MAX).
    nbins, use_tpu: have no effect.
    """
    return HParams(
        name="model_pruning", begin_pruning_step=0, end_pruning_step=-1, weight_sparsity_map=[""], block_dims_map=[""],
        threshold_decay=0.0, pruning_frequency=10, nbins=256, block_height=1, block_width=1, block_pooling_function="AVG",
        initial_sparsity=0.0, target_sparsity=0.5, sparsity_function_begin_step=0, sparsity_function_end_step=100,
        sparsity_function_exponent=3.0, use_tpu=False)


class Pruning:
    """Operations that update all masks of the default graph.

    Creates the int32 variable `last_mask_update_step` in the scope that is the name of the settings.

    Args:
        spec: settings as of `get_pruning_hparams`.
        global_step: that of the graph by default.
        sparsity: scalar tensor, the share of zeros; made of the settings and the global step by default.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(self, spec: Optional[HParams] = None, global_step: Any = None, sparsity: Any = None):
        settings: Any = spec or get_pruning_hparams()
        _check(settings)
        self._spec = settings
        self._global_step = tf.cast(tf.train.get_global_step() if global_step is None else global_step, tf.int32)
        self._sparsity = self._scheduled_sparsity() if sparsity is None else sparsity
        self._assign_ops: List[Any] = []
        with tf.variable_scope(self._spec.name, reuse=tf.AUTO_REUSE):
            self._last_update_step = tf.get_variable("last_mask_update_step", [], tf.int32, tf.zeros_initializer(),
                                                     trainable=False)
        self._block_dims = _parse_map("block_dims_map", self._spec.block_dims_map, _parse_dims)
        self._targets = _parse_map("weight_sparsity_map", self._spec.weight_sparsity_map, _parse_share)

    def _scheduled_sparsity(self) -> Any:
        spec = self._spec
        with tf.name_scope(spec.name):
            steps = spec.sparsity_function_end_step - spec.sparsity_function_begin_step
            progress = tf.cast(self._global_step - spec.sparsity_function_begin_step, tf.float32) / steps
            left = tf.pow(1 - tf.minimum(1.0, tf.maximum(0.0, progress)), spec.sparsity_function_exponent)
            return tf.add((spec.initial_sparsity - spec.target_sparsity) * left, spec.target_sparsity, name="sparsity")

    def mask_update_op(self) -> Any:
        """The operation that updates all masks, whatever the step is."""
        with tf.name_scope(self._spec.name):
            if not self._assign_ops:
                self._assign_ops = self._make_assign_ops()
            update_step = tf.assign(self._last_update_step, self._global_step, name="last_mask_update_step_assign")
            with tf.control_dependencies([update_step] + self._assign_ops):
                return tf.no_op("mask_update")

    def conditional_mask_update_op(self) -> Any:
        """The operation that updates all masks if the step is between begin and end and the last update long enough ago."""
        spec = self._spec
        with tf.name_scope(spec.name):
            within = tf.logical_and(self._global_step >= spec.begin_pruning_step, tf.logical_or(
                self._global_step <= spec.end_pruning_step, spec.end_pruning_step < 0))
            is_due = self._last_update_step + spec.pruning_frequency <= self._global_step
            should_update = tf.logical_and(within, is_due)
        return tf.cond(should_update, self.mask_update_op, tf.no_op)

    def _make_assign_ops(self) -> List[Any]:
        masks, weights, thresholds = get_masks(), get_weights(), get_thresholds()
        if len(masks) != len(thresholds):
            raise ValueError("Pruning: there must be a threshold for each mask; got {} masks and {} thresholds".format(
                len(masks), len(thresholds)))
        operations = []
        for mask, weight, threshold in zip(masks, weights, thresholds):
            new_threshold, new_mask = self._new_mask(weight, threshold)
            operations.append(tf.assign(threshold, new_threshold, name=threshold.op.name + "_assign"))
            operations.append(_blocks.assign(mask, new_mask))
        return operations

    def _new_mask(self, weight: Any, threshold: Any) -> Tuple[Any, Any]:
        """(threshold, mask) for the current value of a weight."""
        name = weight.op.name if hasattr(weight, "op") else weight.name
        value = tf.convert_to_tensor(weight)
        dims = self._found("block_dims_map", self._block_dims, name) or (self._spec.block_height, self._spec.block_width)
        with tf.name_scope(name + "_pruning_ops"):
            if value.shape.ndims is None or sum(size != 1 for size in value.shape.as_list()) != 2 or dims == (1, 1):
                return self._new_mask_of(tf.abs(value), threshold, name)
            pooled, dims = _blocks.pool(tf.abs(tf.squeeze(value)), dims, self._spec.block_pooling_function)
            new_threshold, mask = self._new_mask_of(pooled, threshold, name)
            return new_threshold, tf.reshape(_blocks.expand(mask, dims, tf.squeeze(value).shape.as_list()), tf.shape(value))

    def _new_mask_of(self, sizes: Any, threshold: Any, name: str) -> Tuple[Any, Any]:
        target = self._found("weight_sparsity_map", self._targets, name)
        sparsity = self._sparsity if target is None else self._sparsity * (target / self._spec.target_sparsity)
        num_kept = tf.cast(tf.round(tf.cast(tf.size(sizes), tf.float32) * (1 - sparsity)), tf.int32)
        largest_first, _ = tf.nn.top_k(tf.reshape(sizes, [-1]), k=tf.size(sizes))
        decay = self._spec.threshold_decay
        new_threshold = tf.gather(largest_first, num_kept - 1) * (1 - decay) + threshold * decay
        return new_threshold, tf.cast(tf.greater_equal(sizes, new_threshold), sizes.dtype)

    @staticmethod
    def _found(setting: str, table: Dict[Pattern[str], Any], name: str) -> Any:
        """The entry whose pattern is found in a name, or None."""
        found = [value for pattern, value in table.items() if pattern.search(name)]
        if len(found) > 1:
            raise ValueError("Pruning: {} must have one match at most for {}; got {}".format(setting, name, found))
        return found[0] if found else None

    def add_pruning_summaries(self) -> None:
        """Scalars of the wanted sparsity, the step of the last update, and the sparsity and threshold of each mask."""
        with tf.name_scope(self._spec.name + "_summaries"):
            tf.summary.scalar("sparsity", self._sparsity)
            tf.summary.scalar("last_mask_update_step", self._last_update_step)
            for mask, threshold in zip(get_masks(), get_thresholds()):
                tf.summary.scalar(mask.op.name + "/sparsity", tf.nn.zero_fraction(mask))
                tf.summary.scalar(threshold.op.name + "/threshold", threshold)

    def print_hparams(self) -> None:
        """Log the settings as JSON."""
        logging.getLogger("tensorflow").info(self._spec.to_json())


def _check(spec: Any) -> None:
    ranges = [
        ("begin_pruning_step", spec.begin_pruning_step >= 0, "0 or more"),
        ("end_pruning_step", spec.end_pruning_step == -1 or spec.end_pruning_step > spec.begin_pruning_step,
         "greater than begin_pruning_step, or -1 for no end"),
        ("sparsity_function_begin_step", spec.sparsity_function_begin_step >= 0, "0 or more"),
        ("sparsity_function_end_step", spec.sparsity_function_end_step > spec.sparsity_function_begin_step,
         "greater than sparsity_function_begin_step"),
        ("block_pooling_function", spec.block_pooling_function in ("AVG", "MAX"), "AVG or MAX"),
    ] + [(name, 0.0 <= getattr(spec, name) < 1.0, "in [0, 1)")
         for name in ("threshold_decay", "initial_sparsity", "target_sparsity")]
    for name, holds, wanted in ranges:
        if not holds:
            raise ValueError("Pruning: {} must be {}; got {!r}".format(name, wanted, getattr(spec, name)))


def _parse_map(setting: str, entries: List[str], parse: Any) -> Dict[Pattern[str], Any]:
    table = {}
    for entry in filter(None, entries):
        pattern, colon, value = entry.partition(":")
        try:
            if not colon:
                raise ValueError("there is no colon")
            table[re.compile(pattern)] = parse(value)
        except ValueError as e:
            raise ValueError("Pruning: {} must have entries such as 'conv1:{}'; got {!r}: {}".format(
                setting, "4x4" if parse is _parse_dims else "0.9", entry, e)) from e
    return table


def _parse_dims(text: str) -> Tuple[int, int]:
    height, width = text.split("x")
    return int(height), int(width)


def _parse_share(text: str) -> float:
    share = float(text)
    if share >= 1.0:
        raise ValueError("a share must be less than 1")
    return share
