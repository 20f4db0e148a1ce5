"""`InputDesc(type, shape, name)`: a `tf.TensorSpec` with arguments in another order, and with fields and methods of its own."""
from __future__ import annotations

import pickle
from typing import Any, Iterator, Tuple

from ..compat import tfv1 as tf
from ..tfutils.common import build_or_reuse_placeholder


class InputDesc(tf.TensorSpec):
    """The type, shape and name of an input of a model.

    Args:
        type: dtype, also of a reference or of numpy.
        shape: list or tuple; `()` for a scalar.
        name: unique among the inputs; without ':', '/' and blanks.

    Raises:
        ValueError: such a name.
        NotImplementedError: `sparse` is true.
    """

    def __init__(self, type: Any, shape: Any, name: str, sparse: bool = False):
        if sparse:
            raise NotImplementedError("InputDesc(sparse=True) of older releases is not provided; instead: three inputs of "
                                      "indices, values and shape, and tf.SparseTensor of them in build_graph")
        if any(char in name for char in ":/ "):
            raise ValueError("InputDesc: name must be without ':', '/' and blanks; got {!r}".format(name))
        super().__init__(shape, tf.as_dtype(type).base_dtype, name)

    @property
    def type(self) -> Any:
        """The dtype."""
        return self.dtype

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, tf.TensorSpec) and _fields(self) == _fields(other)

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.dtype, self.name))

    def __iter__(self) -> Iterator[Any]:
        return iter((self.dtype, self.shape, self.name))

    def _replace(self, **changes: Any) -> InputDesc:
        return InputDesc(**dict(dict(type=self.dtype, shape=self.shape, name=self.name), **changes))

    def __reduce__(self) -> Tuple[Any, ...]:
        return InputDesc, (self.dtype, self.shape, self.name)

    def dumps(self) -> bytes:
        """The description as bytes."""
        return pickle.dumps(self)

    @staticmethod
    def loads(buffer: bytes) -> InputDesc:
        """The description of which `dumps` made these bytes."""
        return pickle.loads(buffer)

    def build_placeholder(self, prefix: str = "") -> tf.Tensor:
        """A new placeholder, at the root of the default graph."""
        with tf.name_scope(None):
            return tf.placeholder(self.dtype, shape=self.shape, name=prefix + self.name)

    def build_placeholder_reuse(self) -> tf.Tensor:
        """The placeholder of that name in the default graph; a new one if there is none."""
        return build_or_reuse_placeholder(self)

    @staticmethod
    def from_placeholder(placeholder: tf.Tensor) -> InputDesc:
        """The description of a placeholder."""
        return InputDesc(placeholder.dtype, placeholder.shape, placeholder.op.name)

    _from_placeholder = from_placeholder

    @staticmethod
    def _from_tensor_spec(spec: tf.TensorSpec) -> InputDesc:
        return spec if isinstance(spec, InputDesc) else InputDesc(spec.dtype, spec.shape, spec.name)


def _fields(spec: tf.TensorSpec) -> Tuple[Any, ...]:
    return spec.dtype, spec.name, None if spec.shape.ndims is None else spec.shape.as_list()


InputVar = InputDesc  # of which it was a namedtuple, then a parent
