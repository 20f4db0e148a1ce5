"""What Conv2D, Conv2DTranspose and FullyConnected share: parameters with regularisers, activations, and the output tensor."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Sequence

from ..compat import tfv1 as tf
from ..tfutils._precision import like, widened
from ..utils._types import AnyFunction
from ._by_name import activation_of, initializer_of, regularizer_of
from ._types import Activation, Initializer, Regularizer
from .tflayer import rename_get_variable
from .utils import VariableHolder

__all__ = ["Activation", "Parameters", "finish"]


class Parameters:
    """Creates `W` and `b` in the current variable scope, in the dtype of the layer's input.

    The default kernel is normal with standard deviation sqrt(2 / fan_in) (He et al. 2015, https://arxiv.org/abs/1502.01852).
    A regulariser adds its loss to REGULARIZATION_LOSSES when the variable is created, and not when it is shared.
    """

    def __init__(self, dtype: Any):
        self._dtype = dtype
        self.variables = VariableHolder()

    def kernel(self, shape: Sequence[int], initializer: Optional[Initializer],
               regularizer: Optional[Regularizer]) -> Any:
        """The variable `W`."""
        create = initializer_of(initializer, "kernel_initializer")
        if create is None:
            create = tf.variance_scaling_initializer(2.0, mode="fan_in", distribution="untruncated_normal")
        self.variables.W = self._create("W", shape, create, regularizer, "kernel")
        return self.variables.W

    def bias(self, channels: int, initializer: Initializer, regularizer: Optional[Regularizer]) -> Any:
        """The variable `b`."""
        create = initializer_of(initializer, "bias_initializer")
        self.variables.b = self._create("b", [channels], create, regularizer, "bias")
        return self.variables.b

    def _create(self, name: str, shape: Sequence[int], initializer: Optional[AnyFunction], regularizer: Optional[Regularizer],
                argument: str) -> Any:
        loss_of = regularizer_of(regularizer, argument + "_regularizer")
        if loss_of is None:
            return tf.get_variable(name, shape, self._dtype, initializer=initializer)
        created: List[Any] = []  # TensorFlow calls the regulariser of a variable that it creates, not of one that it finds
        variable = tf.get_variable(name, shape, self._dtype, initializer=initializer, regularizer=created.append)
        if created:
            with tf.name_scope(argument + "/Regularizer"):
                _add_loss(loss_of(variable))
        return variable


def finish(x: Any, parameters: Parameters, activation: Activation, activity_regularizer: Optional[Regularizer],
           rename_in_activation: bool = False) -> Any:
    """Apply the activation; return the tensor `output` with the layer's `variables`.

    Args:
        activity_regularizer: its value on the result, divided by the batch size, is added to REGULARIZATION_LOSSES.
        rename_in_activation: variables `kernel` and `bias` that the activation creates become `W` and `b`.
    """
    if activation is not None:
        with _kernel_as_W(rename_in_activation):
            x = activation_of(activation)(x)
    loss_of = regularizer_of(activity_regularizer, "activity_regularizer")
    if loss_of is not None:
        with tf.name_scope("ActivityRegularizer"):
            loss = loss_of(x)
            _add_loss(None if loss is None else _per_sample(loss, x))
    output = tf.identity(x, name="output")
    output.variables = parameters.variables
    return output


def _per_sample(loss: Any, x: Any) -> Any:
    wide = widened(loss)  # float16 cannot hold the size of a large batch
    return like(wide / tf.cast(tf.shape(x)[0], wide.dtype), loss)


def _add_loss(loss: Any) -> None:
    if loss is not None:
        tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, loss)


@contextmanager
def _kernel_as_W(enabled: bool) -> Iterator[None]:
    if not enabled:
        yield
        return
    with rename_get_variable({"kernel": "W", "bias": "b"}):
        yield

