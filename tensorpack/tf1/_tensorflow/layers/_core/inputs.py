"""What a layer says about its inputs, and whether they are so."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .....compat import tfv1 as tf

__all__ = ["InputSpec", "check_inputs"]


class InputSpec:
    """Dtype, shape, rank and single axes that an input must have; None leaves each free.

    Args:
        axes: axis -> size.

    Raises:
        ValueError: an axis is beyond the rank.
    """

    def __init__(self, dtype: Any = None, shape: Optional[Sequence[Optional[int]]] = None, ndim: Optional[int] = None,
                 max_ndim: Optional[int] = None, min_ndim: Optional[int] = None, axes: Optional[Mapping[Any,
                 Any]] = None) -> None:
        self.dtype = None if dtype is None else tf.as_dtype(dtype).name
        self.shape = shape
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes: Dict[int, Any] = {int(axis): size for axis, size in (axes or {}).items()}
        rank = self.ndim or max_ndim
        if self.axes and rank and max(self.axes) >= rank:
            raise ValueError("InputSpec: axes must be below the rank {}; got {}".format(rank, sorted(self.axes)))

    def __repr__(self) -> str:
        return "InputSpec({})".format(", ".join("{}={}".format(name, value) for name, value in vars(self).items() if value))


def check_inputs(spec: Any, inputs: Any, layer: str) -> None:
    """Raise ValueError, with the layer's name, unless each input fits its spec; `spec` is None, one, or a list of them."""
    if not spec:
        return
    specs, tensors = tf.nest.flatten(spec), tf.nest.flatten(inputs)
    if len(specs) != len(tensors):
        raise ValueError("layer {}: it takes {} inputs; got {}: {}".format(layer, len(specs), len(tensors), tensors))
    for each, tensor in zip(specs, tensors):
        faults = [] if each is None else _faults(each, tensor)
        if faults:
            raise ValueError("layer {}: the input must have {}; got shape {} and dtype {}".format(
                layer, " and ".join(faults), tensor.shape, tensor.dtype.name))


def _faults(spec: InputSpec, tensor: Any) -> List[str]:
    rank = tensor.shape.ndims
    faults = []
    if rank is None and (spec.ndim, spec.min_ndim, spec.max_ndim) != (None, None, None):
        return ["a known rank"]
    if spec.ndim is not None and rank != spec.ndim:
        faults.append("rank {} (ndim={})".format(spec.ndim, spec.ndim))
    if spec.max_ndim is not None and rank > spec.max_ndim:
        faults.append("rank {} at most".format(spec.max_ndim))
    if spec.min_ndim is not None and rank < spec.min_ndim:
        faults.append("rank {} at least (min_ndim={})".format(spec.min_ndim, spec.min_ndim))
    if spec.dtype is not None and tensor.dtype.base_dtype.name != spec.dtype:
        faults.append("dtype {}".format(spec.dtype))
    if rank is not None and not faults:
        faults.extend(_wrong_sizes(spec, tensor.shape.as_list()))
    return faults


def _wrong_sizes(spec: InputSpec, shape: Sequence[Optional[int]]) -> List[str]:
    wanted = dict(enumerate(spec.shape or ()))
    wanted.update(spec.axes)
    return ["size {} on axis {}".format(size, axis) for axis, size in wanted.items()
            if size is not None and shape[axis] not in (None, int(size))]
