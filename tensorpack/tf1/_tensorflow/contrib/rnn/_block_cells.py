"""Cells of which a whole step is one operation. Its gradient is not part of TensorFlow 2, so it stands here."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, Optional, Tuple

from .....compat import tfv1 as tf
from .....contrib._rnn.cells import DenseCell
from ...nn.rnn_cell import LSTMStateTuple

__all__ = ["GRUBlockCell", "GRUBlockCellV2", "LSTMBlockCell", "create_lstm_variables"]


class LSTMBlockCell(DenseCell):
    """`LSTMCell` in one operation, float32 (or half precision), with the variables of `LSTMCell`.

    Args:
        num_units: size of output and state.
        forget_bias: added to the forget gate.
        cell_clip: bound of the absolute value of the cell state; the gradient is as if it were not there.
        use_peephole: whether the gates see the cell state.
        dtype: of the variables; by default that of the inputs.
        reuse: whether the variables exist.
        name: of the variable scope.
    """

    def __init__(self, num_units: int, forget_bias: float = 1.0, cell_clip: Optional[float] = None, use_peephole: bool = False,
                 dtype: Any = None, reuse: Optional[bool] = None, name: str = "lstm_cell"):
        super().__init__(num_units, None, reuse, name, dtype, True)
        self._forget_bias = forget_bias
        self._cell_clip = cell_clip
        self._use_peephole = use_peephole

    @property
    def state_size(self) -> LSTMStateTuple:
        return LSTMStateTuple(self._num_units, self._num_units)

    def _create_variables(self, input_depth: int) -> None:
        self._kernel, self._bias, self._peepholes = create_lstm_variables(
            self._parameter, input_depth, self._num_units, self._use_peephole)

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        if not isinstance(state, (tuple, list)) or len(state) != 2:
            raise ValueError("LSTMBlockCell: the state must be a tuple (c, h); got {!r}".format(state))
        w_i, w_f, w_o = self._peepholes or [tf.zeros([self._num_units], inputs.dtype)] * 3
        with _own_gradient("LSTMBlockCell"):
            step = tf.raw_ops.LSTMBlockCell(
                x=inputs, cs_prev=state[0], h_prev=state[1], w=self._kernel, wci=w_i, wcf=w_f, wco=w_o, b=self._bias,
                forget_bias=self._forget_bias, cell_clip=-1 if self._cell_clip is None else self._cell_clip,
                use_peephole=self._use_peephole)
        return step.h, LSTMStateTuple(step.cs, step.h)


def create_lstm_variables(create: Any, input_depth: int, num_units: int, use_peephole: bool) -> Tuple[Any, Any, Any]:
    """Kernel, bias, and the peepholes of input, forget and output gate (or None)."""
    kernel = create("kernel", [input_depth + num_units, 4 * num_units])
    bias = create("bias", [4 * num_units], initializer=tf.zeros_initializer())
    names = ("w_i_diag", "w_f_diag", "w_o_diag")
    return kernel, bias, [create(name, [num_units]) for name in names] if use_peephole else None


class GRUBlockCell(DenseCell):
    """`GRUCell` in one operation, float32.

    Variables: `gru_cell/w_ru` [depth + num_units, 2 * num_units], `gru_cell/b_ru` (ones), `gru_cell/w_c`
    [depth + num_units, num_units], `gru_cell/b_c` (zeros).

    Args:
        num_units: size of output and state.
        cell_size: another name of `num_units`.
        reuse, name: as in `LSTMBlockCell`.

    Raises:
        ValueError: both or neither of `num_units` and `cell_size` are given.
    """

    _NAMES = ("w_ru", "b_ru", "w_c", "b_c")

    def __init__(self, num_units: Optional[int] = None, cell_size: Optional[int] = None, reuse: Optional[bool] = None,
                 name: str = "gru_cell"):
        units = cell_size if num_units is None else num_units
        if units is None or None not in (num_units, cell_size):
            raise ValueError("{}: one of num_units and cell_size must be given; got num_units={!r}, cell_size={!r}".format(
                type(self).__name__, num_units, cell_size))
        super().__init__(units, None, reuse, name, None, True)

    def _create_variables(self, input_depth: int) -> None:
        units, rows = self._num_units, input_depth + self._num_units
        w_ru, b_ru, w_c, b_c = self._NAMES
        self._gate_kernel = self._parameter(w_ru, [rows, 2 * units])
        self._gate_bias = self._parameter(b_ru, [2 * units], initializer=tf.ones_initializer())
        self._candidate_kernel = self._parameter(w_c, [rows, units])
        self._candidate_bias = self._parameter(b_c, [units], initializer=tf.zeros_initializer())

    def _step(self, inputs: Any, state: Any) -> Tuple[Any, Any]:
        with _own_gradient("GRUBlockCell"):
            step = tf.raw_ops.GRUBlockCell(
                x=inputs, h_prev=state, w_ru=self._gate_kernel, w_c=self._candidate_kernel, b_ru=self._gate_bias,
                b_c=self._candidate_bias)
        return step.h, step.h


class GRUBlockCellV2(GRUBlockCell):
    """`GRUBlockCell` with the variables of `GRUCell`: `gates/kernel`, `gates/bias`, `candidate/kernel`, `candidate/bias`."""

    _NAMES = ("gates/kernel", "gates/bias", "candidate/kernel", "candidate/bias")


@contextmanager
def _own_gradient(op_type: str) -> Iterator[None]:
    with tf.get_default_graph().gradient_override_map({op_type: "Tensorpack" + op_type}):
        yield


def _lstm_gradient(op: Any, *gradients: Any) -> Tuple[Any, ...]:
    x, c, h, kernel, w_i, w_f, w_o, bias = op.inputs
    grad = tf.raw_ops.LSTMBlockCellGrad(
        x=x, cs_prev=c, h_prev=h, w=kernel, wci=w_i, wcf=w_f, wco=w_o, b=bias, i=op.outputs[0], cs=op.outputs[1],
        f=op.outputs[2], o=op.outputs[3], ci=op.outputs[4], co=op.outputs[5], cs_grad=gradients[1], h_grad=gradients[6],
        use_peephole=op.get_attr("use_peephole"))
    gates = grad.dicfo
    grad_xh = tf.matmul(gates, kernel, transpose_b=True)
    depth = x.shape.as_list()[1]
    return (grad_xh[:, :depth], grad.cs_prev_grad, grad_xh[:, depth:], _kernel_gradient([x, h], gates), grad.wci_grad,
            grad.wcf_grad, grad.wco_grad, tf.reduce_sum(gates, 0))


def _gru_gradient(op: Any, *gradients: Any) -> Tuple[Any, ...]:
    x, h, w_ru, w_c, b_ru, b_c = op.inputs
    r, u, c = op.outputs[:3]
    grad = tf.raw_ops.GRUBlockCellGrad(x=x, h_prev=h, w_ru=w_ru, w_c=w_c, b_ru=b_ru, b_c=b_c, r=r, u=u, c=c,
                                       d_h=gradients[3])
    gates, candidate = grad.d_r_bar_u_bar, grad.d_c_bar
    return (grad.d_x, grad.d_h_prev, _kernel_gradient([x, h], gates), _kernel_gradient([x, h * r], candidate),
            tf.reduce_sum(gates, 0), tf.reduce_sum(candidate, 0))


tf.RegisterGradient("TensorpackLSTMBlockCell")(_lstm_gradient)
tf.RegisterGradient("TensorpackGRUBlockCell")(_gru_gradient)


def _kernel_gradient(inputs: Any, outputs: Any) -> Any:
    return tf.matmul(tf.concat(inputs, 1), outputs, transpose_a=True)
