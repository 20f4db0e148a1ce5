"""ResNets as detectors use them: explicit padding, frozen beginnings, and other normalisations than BatchNorm."""
from contextlib import ExitStack, contextmanager

from config import config as cfg

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.varreplace import freeze_variables

from . import layout
from .group_norm import GroupNorm

tf = tfv1


@contextmanager
def frozen_if(condition):
    """In training, keep variables out of it, and normalise by moving averages."""
    with ExitStack() as stack:
        if condition:
            stack.enter_context(freeze_variables(stop_gradient=False, skip_collection=True))
            stack.enter_context(argscope(BatchNorm, training=False))
        yield


@contextmanager
def backbone_scope(frozen):
    """Convolutions without bias; batch normalisation as the configuration says."""
    initializer = tf.variance_scaling_initializer(scale=2.0, mode="fan_out")
    with ExitStack() as stack:
        stack.enter_context(layout.layers_scope())
        stack.enter_context(argscope(Conv2D, use_bias=False, kernel_initializer=initializer))
        if cfg.BACKBONE.NORM == "FreezeBN":
            stack.enter_context(argscope(BatchNorm, training=False))
        elif cfg.BACKBONE.NORM == "SyncBN" and get_current_tower_context().is_training:
            stack.enter_context(argscope(
                BatchNorm, sync_statistics=None if frozen else "horovod" if cfg.TRAINER == "horovod" else "nccl"))
        stack.enter_context(frozen_if(frozen))
        yield


def norm(x, zero_init=False):
    """The normalisation after a convolution; where it starts at zero, a block starts as the identity."""
    initializer = tf.zeros_initializer() if zero_init else tf.ones_initializer()
    if cfg.BACKBONE.NORM == "GN":
        return GroupNorm("gn", x, gamma_initializer=initializer)
    if cfg.BACKBONE.NORM == "None":
        return x
    with ExitStack() as stack:
        if cfg.BACKBONE.FREEZE_AFFINE:
            stack.enter_context(freeze_variables(stop_gradient=False, skip_collection=True))
        return BatchNorm("bn", x, gamma_initializer=initializer)


def norm_relu(x):
    return tf.nn.relu(norm(x))


def last_norm(x):
    return norm(x, zero_init=True)


def pad_for(x, kernel):
    """What a convolution of stride 2 without padding needs to see all of the image."""
    more = kernel // 2
    fewer = kernel - 2 - more
    if cfg.BACKBONE.TF_PAD_MODE:
        more, fewer = fewer, more
    return layout.pad(x, (more, more), (fewer, fewer))


def shortcut(x, filters, stride):
    if layout.channels(x) == filters:
        return x
    if not cfg.MODE_FPN and stride == 2:
        x = layout.drop_last(x)
    return Conv2D("convshortcut", x, filters, 1, strides=stride, activation=norm)


def bottleneck(x, filters, stride):
    residual = x
    if stride == 2 and cfg.BACKBONE.STRIDE_1X1:
        residual = Conv2D("conv1", layout.drop_last(residual), filters, 1, strides=2, activation=norm_relu)
        residual = Conv2D("conv2", residual, filters, 3, activation=norm_relu)
    else:
        residual = Conv2D("conv1", residual, filters, 1, activation=norm_relu)
        if stride == 2:
            residual = Conv2D("conv2", pad_for(residual, 3), filters, 3, strides=2, padding="valid", activation=norm_relu)
        else:
            residual = Conv2D("conv2", residual, filters, 3, activation=norm_relu)
    if cfg.BACKBONE.NORM == "None":
        residual = Conv2D("conv3", residual, filters * 4, 1, kernel_initializer=tf.zeros_initializer())
    else:
        residual = Conv2D("conv3", residual, filters * 4, 1, activation=last_norm)
    return tf.nn.relu(residual + shortcut(x, filters * 4, stride), name="output")


def resnet_group(x, number):
    """Group 0 keeps the resolution, the others halve it."""
    with tf.variable_scope("group{}".format(number)):
        for block in range(cfg.BACKBONE.RESNET_NUM_BLOCKS[number]):
            with tf.variable_scope("block{}".format(block)):
                x = bottleneck(x, cfg.BACKBONE.CHANNELS[number], 2 if block == 0 and number > 0 else 1)
    return x


def stem(image):
    x = Conv2D("conv0", pad_for(image, 7), cfg.BACKBONE.CHANNELS[0], 7, strides=2, padding="valid", activation=norm_relu)
    return MaxPooling("pool0", pad_for(x, 3), 3, strides=2, padding="valid")


def first_groups(image):
    """c2, at a fourth of the resolution; the frozen part is in here."""
    freeze_at = cfg.BACKBONE.FREEZE_AT
    with backbone_scope(frozen=freeze_at >= 1):
        x = stem(image)
    with backbone_scope(frozen=freeze_at >= 2):
        x = resnet_group(x, 0)
        if freeze_at >= 2:
            x = tf.stop_gradient(x)
    return x


def resnet_c4_backbone(image):
    """c4, at a sixteenth of the resolution."""
    x = first_groups(image)
    with backbone_scope(frozen=False):
        return resnet_group(resnet_group(x, 1), 2)


@auto_reuse_variable_scope
def resnet_conv5(features):
    """The last group, on features of regions."""
    with backbone_scope(frozen=False):
        return resnet_group(features, 3)


def resnet_fpn_backbone(image):
    """[c2, c3, c4, c5], of the image that zeros have made a multiple of 32 high and wide."""
    multiple = cfg.FPN.RESOLUTION_REQUIREMENT
    size = layout.spatial_shape(image)
    missing = (multiple - size % multiple) % multiple
    c2 = first_groups(layout.pad(image, (0, 0), (missing[0], missing[1])))
    features = [c2]
    with backbone_scope(frozen=False):
        for number in (1, 2, 3):
            features.append(resnet_group(features[-1], number))
    return features
