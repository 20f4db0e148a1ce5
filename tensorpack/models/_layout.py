"""Where the channels are: data formats, and running channels-first tensors through kernels that only know channels-last."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence, Union

from .. import compat
from ..compat import tfv1 as tf
from ..utils._arguments.numbers import whole_number
from ..utils.argtools import get_data_format

__all__ = ["Size2D", "channel_axis", "float_tensor", "kernel_format", "run_kernel", "size2d", "static_channels", "tf_padding"]

# An int for both, or (height, width).
Size2D = Union[int, Sequence[int]]


def kernel_format(data_format: str) -> str:
    """'NHWC' or 'NCHW' for either spelling of a data format."""
    return get_data_format(data_format, keras_mode=False)


def channel_axis(data_format: str) -> int:
    """The axis of the channels in a 4-D tensor of this format (either spelling)."""
    return 1 if kernel_format(data_format) == "NCHW" else 3


def size2d(who: str, name: str, size: Size2D) -> List[int]:
    """[height, width], both at least 1, of an argument of a layer.

    Raises:
        TypeError, ValueError: it is neither a whole number nor a pair of them.
    """
    if not isinstance(size, (list, tuple)):
        return 2 * [whole_number(who, name, size, minimum=1)]
    if len(size) != 2:
        raise ValueError("{}: {} must be a whole number or (height, width); got {!r}".format(who, name, size))
    return [whole_number(who, name, each, minimum=1) for each in size]


def float_tensor(who: str, x: Any) -> Any:
    """The input of a layer as a tensor.

    Raises:
        TypeError: it holds no floats; the message has the name of the layer.
    """
    x = tf.convert_to_tensor(x)
    if not (x.dtype.is_floating or x.dtype.is_complex):
        scope = tf.get_variable_scope().name
        raise TypeError("{}{}: the input must hold floats; got {} {}, the tensor '{}'; cast it first, as in tf.cast(x, "
                        "tf.float32), or tf.cast(image, tf.float32) / 255".format(
                            who, " '{}'".format(scope) if scope else "", x.dtype.base_dtype.name, x.shape, x.name))
    return x


def static_channels(who: str, x: Any, data_format: str) -> int:
    """The number of channels of a 4-D tensor, which must be known."""
    if x.shape.ndims != 4:
        raise ValueError("{}: the input must be 4-D; got shape {}".format(who, x.shape))
    channels = x.shape.as_list()[channel_axis(data_format)]
    if channels is None:
        raise ValueError("{}: the number of channels must be known when the graph is built; got shape {} with data_format {}; "
                         "use set_shape on the input".format(who, x.shape, data_format))
    return channels


def tf_padding(who: str, padding: str) -> str:
    """'SAME' or 'VALID' for any case of it."""
    if not isinstance(padding, str) or padding.upper() not in ("SAME", "VALID"):
        raise ValueError("{}: padding must be 'same' or 'valid'; got {!r}".format(who, padding))
    return padding.upper()


def run_kernel(kernel: Callable[[Any, str], Any], x: Any, data_format: str) -> Any:
    """`kernel(x, format)`, in a format for which TensorFlow has kernels here.

    CPUs have few 'NCHW' kernels, and those are slower than two transposes: without a GPU, `kernel` gets 'NHWC' input and its
    output, of the same rank, is transposed back. A tensor of another rank than 4 has its channels where these names say.
    """
    data_format = kernel_format(data_format)
    if data_format == "NHWC" or compat.has_gpu():
        return kernel(x, data_format)
    space = list(range(2, x.shape.ndims))
    y = kernel(tf.transpose(x, [0] + space + [1]), "NHWC")
    return tf.transpose(y, [0, len(space) + 1] + [axis - 1 for axis in space])
