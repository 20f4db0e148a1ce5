"""Inputs that are tensors already: `TensorInput`, and `DummyConstantInput` for measuring without data."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from ..compat import tfv1 as tf
from ..tfutils.tower import get_current_tower_context
from ..utils import logger
from ..utils._text.spec import shown
from ._feedfree import FeedfreeInput


class TensorInput(FeedfreeInput):
    """Inputs from a function that makes tensors, such as those of a reader that is part of the graph.

    Args:
        get_tensor_fn: called without arguments for each tower, inside it and under the name scope of this class. Returns a
            list or tuple with a tensor for each input.
        size: the number of datapoints in one pass, if it is known.

    Raises:
        ValueError: `get_tensor_fn` cannot be called. At `get_input_tensors`: it returned something else.
    """

    def __init__(self, get_tensor_fn: Callable[[], Sequence[tf.Tensor]], size: Optional[int] = None):
        if not callable(get_tensor_fn):
            raise ValueError("{}: get_tensor_fn must be a function that returns tensors; got {}".format(
                type(self).__name__, shown(get_tensor_fn)))
        self.get_tensor_fn = get_tensor_fn
        self._fixed_size = None if size is None else int(size)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        self._signature = input_signature

    def _size(self) -> int:
        return super()._size() if self._fixed_size is None else self._fixed_size

    def _get_input_tensors(self) -> List[tf.Tensor]:
        self._require_setup("get_input_tensors")
        with self.cached_name_scope():
            tensors = self.get_tensor_fn()
        names = [spec.name for spec in self._signature]
        if not isinstance(tensors, (list, tuple)) or len(tensors) != len(names):
            raise ValueError("{}: get_tensor_fn must return a list with a tensor for each of the inputs {}; got {}".format(
                type(self).__name__, names, tensors))
        return list(tensors)


class DummyConstantInput(TensorInput):
    """Zeros as inputs, to find out how fast a model is without its data; not for training.

    Creates `DummyConstantInput/dummy-<input>-<index of the tower>`.

    Args:
        shapes: a shape without unknown dimensions for each input.

    Raises:
        ValueError: at `setup`, there are more or fewer shapes than inputs, or one does not fit its input.
    """

    def __init__(self, shapes: Sequence[Any]):
        logger.info("DummyConstantInput provides constant zeros to the model; it is for measuring speed only.")
        self.shapes = [tf.TensorShape(shape) for shape in shapes]
        super().__init__(self._zeros)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        super()._setup(input_signature)
        fits = len(self.shapes) == len(input_signature) and all(
            shape.is_fully_defined() and shape.is_compatible_with(spec.shape)
            for shape, spec in zip(self.shapes, input_signature))
        if not fits:
            raise ValueError("DummyConstantInput: shapes must have a fully known shape for each input, {}; got {}".format(
                [(spec.name, str(spec.shape)) for spec in input_signature], [str(shape) for shape in self.shapes]))

    def _zeros(self) -> List[tf.Tensor]:
        tower = get_current_tower_context()
        index = getattr(tower, "index", 0)
        return [tf.zeros(shape, spec.dtype, name="dummy-{}-{}".format(spec.name, index))
                for shape, spec in zip(self.shapes, self._signature)]
