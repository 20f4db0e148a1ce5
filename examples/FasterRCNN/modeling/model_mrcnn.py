"""The mask head: features to masks, and their loss."""
from config import config as cfg

from tensorpack import *
from tensorpack.tfutils.scope_utils import cached_name_scope, under_name_scope
from tensorpack.tfutils.summary import add_moving_summary

from . import layout
from .group_norm import GroupNorm
from .model_box import crop_and_resize
from .model_frcnn import fill_rows, mean_or_zero

tf = tfv1


@layer_register(log_shape=True)
def mask_head_of_depth(features, num_categories, num_convs, with_norm=False):
    """Features [n, s, s, c], in the layout -> logits [n, categories, 2 * s, 2 * s]."""
    x = features
    with layout.layers_scope(), argscope([Conv2D, Conv2DTranspose], kernel_initializer=tf.variance_scaling_initializer(
            scale=2.0, mode="fan_out", distribution="untruncated_normal")):
        for k in range(num_convs):
            x = Conv2D("fcn{}".format(k), x, cfg.MRCNN.HEAD_DIM, 3, activation=tf.nn.relu)
            if with_norm:
                x = GroupNorm("gn{}".format(k), x)
        x = Conv2DTranspose("deconv", x, cfg.MRCNN.HEAD_DIM, 2, strides=2, activation=tf.nn.relu)
        x = Conv2D("conv", x, num_categories, 1, kernel_initializer=tf.random_normal_initializer(stddev=0.001))
    return layout.to_channels_first(x)


def maskrcnn_up4conv_head(name, features, num_categories):
    return mask_head_of_depth(name, features, num_categories, num_convs=4)


def maskrcnn_up4conv_gn_head(name, features, num_categories):
    return mask_head_of_depth(name, features, num_categories, num_convs=4, with_norm=True)


def unpack_masks(packed, name=None):
    """uint8 [k, h, w / 8] -> [k, h, w] of 0 and 1, where the highest bit is the first column."""
    bits = tf.bitwise.right_shift(tf.expand_dims(packed, -1), tf.constant([7, 6, 5, 4, 3, 2, 1, 0], tf.uint8))
    bits = tf.bitwise.bitwise_and(bits, tf.constant(1, tf.uint8))
    shape = tf.shape(packed)
    return tf.reshape(bits, tf.stack([shape[0], shape[1], shape[2] * 8]), name=name)


def mask_targets(gt_masks, boxes, gt_index, resolution):
    """What of each object's mask is in its region: [m, resolution, resolution] in [0, 1].

    Args:
        gt_masks: uint8 [k, h, w].
        boxes, gt_index: [m, 4], [m].
    """
    images = tf.expand_dims(tf.cast(gt_masks, tf.float32), -1)
    targets = crop_and_resize(images, boxes, gt_index, resolution, pad_border=False)
    return tf.squeeze(targets, 3, name="sampled_fg_mask_targets")


def one_at_least(boxes, *others):
    """Regions, and things of theirs; where there is none, one that counts nothing, as kernels fail without any.

    Returns:
        the regions, the other things, weights 1 or 0.
    """
    missing = tf.maximum(1 - tf.shape(boxes)[0], 0)
    weights = tf.ones([tf.shape(boxes)[0]])
    return [fill_rows(x, missing) for x in (boxes,) + others + (weights,)]


@under_name_scope()
def maskrcnn_loss(mask_logits, labels, targets, weights=None):
    """Mean cross entropy of pixels, of the map of the true class.

    It sums up `accuracy`, `fg_pixel_ratio`, the part of the pixels that is in objects, and `pos_accuracy`, the part that is
    in objects and found.

    Args:
        mask_logits: [m, categories, s, s].
        labels: int64 [m], 1 ... categories.
        targets: [m, s, s].
        weights: [m]: 0 for those that do not count.
    """
    count = tf.shape(mask_logits, out_type=tf.int64)[0]
    category = tf.maximum(labels - 1, 0)
    logits = tf.gather_nd(mask_logits, tf.stack([tf.range(count), category], axis=1))
    weights = tf.ones_like(targets[:, 0, 0]) if weights is None else weights
    pixels = tf.maximum(tf.reduce_sum(weights), 1.) * tf.cast(tf.reduce_prod(tf.shape(targets)[1:]), tf.float32)
    errors = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    loss = tf.truediv(tf.reduce_sum(errors * weights[:, tf.newaxis, tf.newaxis]), pixels, name="maskrcnn_loss")

    is_counted = weights > 0
    probabilities = tf.boolean_mask(tf.sigmoid(logits), is_counted)
    targets = tf.boolean_mask(targets, is_counted)
    shown = tf.concat([targets, probabilities], axis=1)
    tf.summary.image("mask_truth|pred", tf.expand_dims(shown, -1), max_outputs=10)
    is_object = targets > 0.5
    is_right = tf.equal(probabilities > 0.5, is_object)
    add_moving_summary(loss, mean_or_zero(is_right, name="accuracy"),
                       mean_or_zero(tf.logical_and(is_right, is_object), name="pos_accuracy"),
                       mean_or_zero(is_object, name="fg_pixel_ratio"))
    return loss


def predicted_masks(mask_logits, labels):
    """The tensor `output/masks`: probabilities [k, s, s] of the map of each label."""
    count = tf.shape(mask_logits, out_type=tf.int64)[0]
    chosen = tf.gather_nd(mask_logits, tf.stack([tf.range(count), labels - 1], axis=1))
    with cached_name_scope("output", top_level=False):
        return tf.sigmoid(chosen, name="masks")
