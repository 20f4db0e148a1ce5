"""`GradientPacker`: many small gradients as a few big ones, for which an all-reduce has less to set up."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence

from ..compat import tfv1 as tf
from ..tfutils.scope_utils import cached_name_scope
from ..utils import logger

__all__ = ["GradientPacker"]

_MIN_ELEMENTS = 1024


class GradientPacker:
    """Joins the gradients of a tower into vectors of nearly equal size, and takes them apart again.

    Operations are made in the name scope `GradientPacker`.

    Args:
        num_split: number of vectors.
    """

    def __init__(self, num_split: int = 8):
        self._num_split = num_split
        self._shapes: Optional[List[List[int]]] = None
        self._split_sizes: List[int] = []

    def compute_strategy(self, grads: Sequence[Any]) -> bool:
        """Look at the gradients of one tower; whether packing is possible and worthwhile. Once per object.

        It is not if a shape is unknown, if a vector would have fewer than 1024 elements, or if dtypes differ.
        """
        if self._shapes is not None:
            raise RuntimeError("GradientPacker.compute_strategy: can be called once only; make a new GradientPacker")
        self._shapes = []
        if not all(grad.shape.is_fully_defined() for grad in grads):
            logger.warning("Gradients are not packed, since the shapes of some are unknown: %s",
                           ", ".join(grad.name for grad in grads if not grad.shape.is_fully_defined()))
            return False
        total = sum(grad.shape.num_elements() for grad in grads)
        if total // self._num_split < _MIN_ELEMENTS:
            logger.info("Gradients are not packed: %d elements are too few for %d parts.", total, self._num_split)
            return False
        if len({grad.dtype for grad in grads}) > 1:
            logger.info("Gradients are not packed, since their dtypes differ.")
            return False
        self._shapes = [grad.shape.as_list() for grad in grads]
        size, rest = divmod(total, self._num_split)
        self._split_sizes = [size + (part < rest) for part in range(self._num_split)]
        logger.info("%d gradients with %d elements are packed into %d vectors.", len(grads), total, self._num_split)
        return True

    def pack(self, grads: Sequence[Any]) -> List[Any]:
        """The gradients of one tower -> `num_split` vectors."""
        self._require_strategy()
        with cached_name_scope("GradientPacker", top_level=False):
            flat = tf.concat([tf.reshape(grad, [-1]) for grad in grads], 0, name="concatenated_grads")
            return tf.split(flat, self._split_sizes)

    def unpack(self, packs: Sequence[Any]) -> List[Any]:
        """`num_split` vectors -> the gradients of one tower."""
        shapes = self._require_strategy()
        with cached_name_scope("GradientPacker", top_level=False):
            flat = tf.concat(packs, 0, name="concatenated_packs")
            parts = tf.split(flat, [tf.TensorShape(shape).num_elements() for shape in shapes])
            return [tf.reshape(part, shape) for part, shape in zip(parts, shapes)]

    def pack_all(self, all_grads: Sequence[Sequence[Any]], devices: Sequence[str]) -> List[List[Any]]:
        """`pack` of each tower, on its device."""
        return self._on_devices(self.pack, all_grads, devices)

    def unpack_all(self, all_packed: Sequence[Sequence[Any]], devices: Sequence[str]) -> List[List[Any]]:
        """`unpack` of each tower, on its device."""
        return self._on_devices(self.unpack, all_packed, devices)

    @staticmethod
    def _on_devices(function: Any, lists: Sequence[Sequence[Any]], devices: Sequence[str]) -> List[List[Any]]:
        results = []
        for each, device in zip(lists, devices):
            with tf.device(device):
                results.append(function(each))
        return results

    def _require_strategy(self) -> List[List[int]]:
        """The shapes of the gradients."""
        if not self._shapes:
            raise RuntimeError("GradientPacker: compute_strategy must have returned True before gradients are packed")
        return self._shapes
