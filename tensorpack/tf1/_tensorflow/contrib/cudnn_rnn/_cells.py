"""Cells with the arithmetic of cuDNN, which read variables of networks that were trained with it."""
from __future__ import annotations

from typing import Any, Optional, Tuple

from .....compat import tfv1 as tf
from .....contrib._rnn.cells import affine
from ...nn.rnn_cell import GRUCell
from ..rnn._block_cells import LSTMBlockCell

__all__ = ["CudnnCompatibleGRUCell", "CudnnCompatibleLSTMCell"]


class CudnnCompatibleLSTMCell(LSTMBlockCell):
    """`LSTMBlockCell` without a forget bias, in the scope `cudnn_compatible_lstm_cell`.

    Args:
        num_units: size of output and state.
        reuse: whether the variables exist.
    """

    def __init__(self, num_units: int, reuse: Optional[bool] = None):
        super().__init__(num_units, forget_bias=0, reuse=reuse, name="cudnn_compatible_lstm_cell")


class CudnnCompatibleGRUCell(GRUCell):
    """`GRUCell` whose reset gate applies after the recurrent kernel of the candidate, which has a bias of its own.

    Variables in `cudnn_compatible_gru_cell`: `gates/kernel`, `gates/bias` (ones), `candidate/input_projection/{kernel,bias}`,
    `candidate/hidden_projection/{kernel,bias}`.

    Args:
        num_units: size of output and state.
        reuse: whether the variables exist.
        kernel_initializer: of all kernels.
    """

    def __init__(self, num_units: int, reuse: Optional[bool] = None, kernel_initializer: Any = None):
        super().__init__(num_units, reuse=reuse, kernel_initializer=kernel_initializer)

    def _create_variables(self, input_depth: int) -> None:
        units = self._num_units
        self._gate_kernel, self._gate_bias = self._kernel_and_bias("gates", input_depth + units, 2 * units,
                                                                   tf.ones_initializer())
        kernels = [self._parameter("candidate/{}_projection/kernel".format(name), [rows, units],
                                   initializer=self._kernel_initializer)
                   for name, rows in (("input", input_depth), ("hidden", units))]
        biases = [self._parameter("candidate/{}_projection/bias".format(name), [units], initializer=tf.zeros_initializer())
                  for name in ("input", "hidden")]
        self._input_map, self._hidden_map = zip(kernels, biases)

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        r, u = tf.split(tf.sigmoid(affine(inputs, state, self._gate_kernel, self._gate_bias)), 2, axis=1)
        candidate = self._activation(tf.nn.xw_plus_b(inputs, *self._input_map)
                                     + r * tf.nn.xw_plus_b(state, *self._hidden_map))
        output = (1 - u) * candidate + u * state
        return output, output
