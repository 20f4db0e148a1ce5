"""LSTM cells whose inputs and states are images, and whose gates are convolutions of them."""
from __future__ import annotations

from typing import Any, List, Sequence, Tuple

from .....compat import tfv1 as tf
from ...nn.rnn_cell import LSTMStateTuple, RNNCell

__all__ = ["Conv1DLSTMCell", "Conv2DLSTMCell", "Conv3DLSTMCell", "ConvLSTMCell"]


class ConvLSTMCell(RNNCell):
    """Convolutional LSTM (Shi et al. 2015, https://arxiv.org/abs/1506.04214); convolutions are SAME, stride 1.

    Variables: `conv_lstm_cell/kernel` [*kernel_shape, channels + output_channels, 4 * output_channels] and
    `conv_lstm_cell/biases` (zeros).

    Args:
        conv_ndims: number of spatial dimensions, 1 to 3.
        input_shape: shape of an input without the batch: spatial sizes, then channels.
        output_channels: channels of output and state.
        kernel_shape: sizes of the kernel.
        use_bias: whether there are biases.
        skip_connection: whether the inputs are appended to the channels of the output (and not to those of the state, for
            which TensorFlow 1 could not run a second step).
        forget_bias: added to the forget gate.
        initializers: has no effect, as in TensorFlow 1; use that of the variable scope.
        name: of the variable scope.

    Raises:
        ValueError: `input_shape` has not the number of dimensions of `conv_ndims`.
    """

    def __init__(self, conv_ndims: int, input_shape: Sequence[int], output_channels: int, kernel_shape: Sequence[int],
                 use_bias: bool = True, skip_connection: bool = False, forget_bias: float = 1.0, initializers: Any = None,
                 name: str = "conv_lstm_cell"):
        super().__init__(name=name)
        if conv_ndims not in (1, 2, 3) or conv_ndims != len(input_shape) - 1:
            raise ValueError("{}: input_shape must be conv_ndims (1, 2 or 3) spatial sizes and channels; got {!r} for {!r}; "
                             "leave the batch out".format(type(self).__name__, input_shape, conv_ndims))
        self._conv_ndims = conv_ndims
        self._input_shape = list(input_shape)
        self._output_channels = output_channels
        self._kernel_shape = list(kernel_shape)
        self._use_bias = use_bias
        self._skip_connection = skip_connection
        self._forget_bias = forget_bias

    @property
    def output_size(self) -> Any:
        added = self._input_shape[-1] if self._skip_connection else 0
        return tf.TensorShape(self._input_shape[:-1] + [self._output_channels + added])

    @property
    def state_size(self) -> Any:
        size = tf.TensorShape(self._input_shape[:-1] + [self._output_channels])
        return LSTMStateTuple(size, size)

    def call(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        c, h = state
        i, j, f, o = tf.split(self._convolve(tf.concat([inputs, h], -1)), 4, axis=self._conv_ndims + 1)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        output = tf.concat([h, inputs], -1) if self._skip_connection else h
        return output, LSTMStateTuple(c, h)

    def _convolve(self, x: Any) -> Any:
        columns = 4 * self._output_channels
        kernel_shape: List[int] = self._kernel_shape + [x.shape.as_list()[-1], columns]
        x = tf.nn.convolution(x, tf.get_variable("kernel", kernel_shape, x.dtype), "SAME")
        if not self._use_bias:
            return x
        return x + tf.get_variable("biases", [columns], x.dtype, initializer=tf.zeros_initializer())


class Conv1DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` on inputs [batch, width, channels]."""

    def __init__(self, name: str = "conv_1d_lstm_cell", **kwargs: Any):
        super().__init__(conv_ndims=1, name=name, **kwargs)


class Conv2DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` on inputs [batch, height, width, channels]."""

    def __init__(self, name: str = "conv_2d_lstm_cell", **kwargs: Any):
        super().__init__(conv_ndims=2, name=name, **kwargs)


class Conv3DLSTMCell(ConvLSTMCell):
    """`ConvLSTMCell` on inputs [batch, depth, height, width, channels]."""

    def __init__(self, name: str = "conv_3d_lstm_cell", **kwargs: Any):
        super().__init__(conv_ndims=3, name=name, **kwargs)
