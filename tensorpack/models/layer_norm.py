"""LayerNorm and InstanceNorm: each sample is normalised by its own statistics, in training and at inference alike."""
from __future__ import annotations

from typing import Any, List, Optional

from ..compat import tfv1 as tf
from ..utils import logger
from ._by_name import initializer_of
from ._layout import channel_axis, float_tensor
from ._types import Initializer
from .registry import layer_register
from .tflayer import convert_to_tflayer_args
from .utils import VariableHolder

__all__ = ["InstanceNorm", "LayerNorm"]


@layer_register()
@convert_to_tflayer_args(
    args_names=["epsilon"],
    name_mapping={"use_bias": "center", "use_scale": "scale", "gamma_init": "gamma_initializer"})
def LayerNorm(
        x: Any,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        gamma_initializer: Initializer = tf.ones_initializer(),
        data_format: str = "channels_last") -> Any:
    """Layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450) of a 2-D or 4-D tensor, over all axes but the
    first, as `LayerNorm("name", x, ...)`.

    Variables, trainable, float32 [C] (float64 for float64 input): `name/beta` (if `center`), `name/gamma` (if `scale`).
    Output tensor: `name/output/add_1`, in the shape of the input, cast if that is of half precision.
    """
    x = float_tensor("LayerNorm", x)
    if x.shape.ndims not in (2, 4):
        raise ValueError("LayerNorm: the input must be 2-D or 4-D; got shape {}".format(x.shape))
    axes = list(range(1, x.shape.ndims))
    axis = 1 if x.shape.ndims == 2 else channel_axis(data_format)
    return _normalize("LayerNorm", x, axes, axis, epsilon, center, scale, gamma_initializer)


@layer_register()
@convert_to_tflayer_args(args_names=["epsilon"], name_mapping={"gamma_init": "gamma_initializer"})
def InstanceNorm(
        x: Any,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        gamma_initializer: Initializer = tf.ones_initializer(),
        data_format: str = "channels_last",
        use_affine: Optional[bool] = None) -> Any:
    """Instance normalisation (Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022) of a 4-D tensor, over height and width, as
    `InstanceNorm("name", x, ...)`.

    Variables, trainable, float32 [C] (float64 for float64 input): `name/beta` (if `center`), `name/gamma` (if `scale`).
    Output tensor: `name/output/add_1`, in the shape of the input, cast if that is of half precision. `use_affine` is the old
    way to set both `center` and `scale`.
    """
    x = float_tensor("InstanceNorm", x)
    if x.shape.ndims != 4:
        raise ValueError("InstanceNorm: the input must be 4-D; got shape {}".format(x.shape))
    if use_affine is not None:
        logger.warning("InstanceNorm: use_affine is deprecated; use center and scale")
        center = scale = use_affine
    axis = channel_axis(data_format)
    axes = [1, 2] if axis == 3 else [2, 3]
    return _normalize("InstanceNorm", x, axes, axis, epsilon, center, scale, gamma_initializer)


def _normalize(who: str, x: Any, axes: List[int], axis: int, epsilon: float, center: bool, scale: bool,
               gamma_initializer: Initializer) -> Any:
    channels = x.shape.as_list()[axis]
    if channels is None:
        raise ValueError("{}: the number of channels must be known when the graph is built; got shape {}; "
                         "use set_shape on the input".format(who, x.shape))
    shape = [1] * x.shape.ndims
    shape[axis] = channels
    dtype = tf.float64 if x.dtype.base_dtype == tf.float64 else tf.float32
    variables = VariableHolder()
    beta = gamma = None
    if center:
        variables.beta = tf.get_variable("beta", [channels], dtype, initializer=tf.zeros_initializer())
        beta = tf.reshape(variables.beta, shape)
    if scale:
        variables.gamma = tf.get_variable("gamma", [channels], dtype, initializer=initializer_of(
            gamma_initializer, "gamma_initializer"))
        gamma = tf.reshape(variables.gamma, shape)
    wide = tf.cast(x, dtype)
    mean, variance = tf.nn.moments(wide, axes, keep_dims=True)
    output = tf.cast(tf.nn.batch_normalization(wide, mean, variance, beta, gamma, epsilon, name="output"), x.dtype)
    output.variables = variables
    return output
