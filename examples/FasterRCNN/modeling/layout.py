"""Where the channels are in a tensor: first for GPUs, last for CPUs, where the other way costs two transposes at each layer.

Variables are the same in both. Code elsewhere asks this module wherever it must know.
"""
from config import config as cfg

from tensorpack import *
from tensorpack.compat import has_gpu

tf = tfv1


def choose_data_format(wanted):
    """'channels_first' or 'channels_last', for 'auto' as there is a GPU or not."""
    if wanted == "auto":
        return "channels_first" if has_gpu() else "channels_last"
    if wanted not in ("channels_first", "channels_last"):
        raise ValueError("config.DATA_FORMAT must be auto, channels_first or channels_last; got {!r}".format(wanted))
    return wanted


def is_channels_first():
    return choose_data_format(cfg.DATA_FORMAT) == "channels_first"


def layers_scope():
    """A context in which layers of images use the layout."""
    return argscope([Conv2D, Conv2DTranspose, MaxPooling, AvgPooling, GlobalAvgPooling, BatchNorm],
                    data_format=choose_data_format(cfg.DATA_FORMAT))


def from_channels_last(x):
    return tf.transpose(x, [0, 3, 1, 2]) if is_channels_first() else x


def to_channels_last(x):
    return tf.transpose(x, [0, 2, 3, 1]) if is_channels_first() else x


def to_channels_first(x):
    return x if is_channels_first() else tf.transpose(x, [0, 3, 1, 2])


def channels(x):
    """The number of channels."""
    return x.shape.as_list()[1 if is_channels_first() else 3]


def spatial_shape(x):
    """int32 [2]: height and width."""
    return tf.shape(x)[2:] if is_channels_first() else tf.shape(x)[1:3]


def pad(x, before, after):
    """Zeros around an image.

    Args:
        before, after: (rows, columns) above and to the left, below and to the right; numbers or scalar tensors.
    """
    sides = [[before[0], after[0]], [before[1], after[1]]]
    sides = [[0, 0], [0, 0]] + sides if is_channels_first() else [[0, 0]] + sides + [[0, 0]]
    return tf.pad(x, tf.stack([tf.stack(each) for each in sides]) if any(
        isinstance(side, tf.Tensor) for pair in sides for side in pair) else sides)


def drop_last(x):
    """Without the last row and the last column."""
    return x[:, :, :-1, :-1] if is_channels_first() else x[:, :-1, :-1, :]
