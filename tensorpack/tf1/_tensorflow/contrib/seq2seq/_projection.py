"""The linear maps of attention: layers that create their kernel at the first call."""
from __future__ import annotations

from typing import Any, Optional

from .....compat import tfv1 as tf
from .....contrib._rnn.layer import ScopedLayer

__all__ = ["Projection"]


class Projection(ScopedLayer):
    """inputs * kernel over the last axis; variable `<name>/kernel` [depth, units].

    Args:
        units: size of the last axis of the outputs.
        name: of the variable scope.
        dtype: of the kernel.
    """

    def __init__(self, units: int, name: Optional[str] = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.units = units

    def build(self, inputs_shape: Any) -> None:
        self.kernel = self.add_variable("kernel", [inputs_shape.as_list()[-1], self.units])

    def __call__(self, inputs: Any) -> Any:
        inputs = tf.convert_to_tensor(inputs)
        with self._in_scope(None):
            self._build_once(inputs)
            return tf.tensordot(inputs, self.kernel, 1)
