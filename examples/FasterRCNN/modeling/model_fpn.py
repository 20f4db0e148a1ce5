"""The feature pyramid: features of all resolutions from those of a backbone, and which of them a region takes."""
import numpy as np
from config import config as cfg
from utils.box_ops import area

from tensorpack import *
from tensorpack.tfutils.scope_utils import under_name_scope
from tensorpack.tfutils.summary import add_moving_summary

from . import layout
from .group_norm import GroupNorm
from .model_box import roi_align
from .model_rpn import generate_rpn_proposals, rpn_losses

tf = tfv1


def upsample(x):
    """Each value four times."""
    height, width = tf.unstack(layout.spatial_shape(x))
    nearest = tf.image.resize_nearest_neighbor(layout.to_channels_last(x), tf.stack([height * 2, width * 2]))
    return layout.from_channels_last(nearest)


def fpn_norm(name, x):
    return GroupNorm(name, x) if cfg.FPN.NORM == "GN" else x


def fpn_model(features):
    """[c2, c3, c4, c5] -> [p2, p3, p4, p5, p6]; nothing here is rectified."""
    with tf.variable_scope("fpn"), layout.layers_scope(), argscope(
            Conv2D, filters=cfg.FPN.NUM_CHANNEL, kernel_initializer=tf.variance_scaling_initializer(scale=1.)):
        levels = list(zip(range(2, 6), features))
        lateral = {level: fpn_norm("gn_c{}".format(level), Conv2D("lateral_1x1_c{}".format(level), x, kernel_size=1))
                   for level, x in levels}
        summed = {5: lateral[5]}
        for level in (4, 3, 2):
            summed[level] = lateral[level] + upsample(summed[level + 1])
        pyramid = [fpn_norm("gn_p{}".format(level), Conv2D("posthoc_3x3_p{}".format(level), summed[level], kernel_size=3))
                   for level in range(2, 6)]
        return pyramid + [MaxPooling("maxpool_p6", pyramid[-1], 1, strides=2, padding="valid")]


@under_name_scope()
def fpn_map_rois_to_levels(boxes):
    """A list with the indices of the boxes of level 2, 3, 4, 5; a box of 224 x 224 pixels is of level 4."""
    size = tf.sqrt(area(boxes))
    level = tf.cast(tf.floor(4 + tf.log(size * (1. / 224) + 1e-6) * (1. / np.log(2))), tf.int32)
    indices = [tf.where(level <= 2), tf.where(tf.equal(level, 3)), tf.where(tf.equal(level, 4)), tf.where(level >= 5)]
    indices = [tf.reshape(x, [-1], name="roi_level{}_id".format(k)) for k, x in enumerate(indices, 2)]
    counts = [tf.size(x, name="num_roi_level{}".format(k)) for k, x in enumerate(indices, 2)]
    add_moving_summary(*counts)
    return indices


@under_name_scope()
def multilevel_roi_align(features, boxes, resolution, is_prepared=False):
    """Features of each box from its level, in the order of the boxes: [k, resolution, resolution, channels] in the layout.

    Args:
        features: [p2, p3, p4, p5].
        is_prepared: they are what `map_for_roi_align` made of those.
    """
    indices = fpn_map_rois_to_levels(boxes)
    found = []
    for number, (feature, index) in enumerate(zip(features, indices)):
        with tf.name_scope("roi_level{}".format(number + 2)):
            on_map = tf.gather(boxes, index) * (1. / cfg.FPN.ANCHOR_STRIDES[number])
            found.append(roi_align(feature, on_map, resolution, is_prepared))
    # put back by scattering, whose gradient is dense, unlike that of gathering
    found, places = tf.concat(found, axis=0), tf.concat(indices, axis=0)
    ordered = tf.scatter_nd(tf.expand_dims(places, 1), found, tf.shape(found, out_type=tf.int64), name="output")
    ordered.set_shape(found.shape)
    return ordered


def multilevel_rpn_losses(anchors, label_logits, box_logits):
    """[label loss, box loss], sums over levels."""
    losses = []
    with tf.name_scope("rpn_losses"):
        for number, (anchor, labels, boxes) in enumerate(zip(anchors, label_logits, box_logits)):
            losses.append(rpn_losses(
                anchor.gt_labels, anchor.encoded_gt_boxes(), labels, boxes, name_scope="level{}".format(number + 2)))
        label_losses, box_losses = zip(*losses)
        result = [tf.add_n(label_losses, name="label_loss"), tf.add_n(box_losses, name="box_loss")]
        add_moving_summary(*result)
    return result


@under_name_scope()
def generate_fpn_proposals(boxes, label_logits, image_shape):
    """Proposals of all levels.

    Args:
        boxes, label_logits: lists of [h, w, a, 4] and [h, w, a].

    Returns:
        boxes [k, 4] and logits [k], in no special order; the tensors `boxes`, `scores`, and `probs`.
    """
    training = get_current_tower_context().is_training
    if cfg.FPN.PROPOSAL_MODE == "Level":
        top = cfg.RPN.TRAIN_PER_LEVEL_NMS_TOPK if training else cfg.RPN.TEST_PER_LEVEL_NMS_TOPK
        chosen = []
        for level, (some_boxes, some_logits) in enumerate(zip(boxes, label_logits), 2):
            with tf.name_scope("Lvl{}".format(level)):
                chosen.append(generate_rpn_proposals(
                    tf.reshape(some_boxes, [-1, 4]), tf.reshape(some_logits, [-1]), image_shape, top))
        all_boxes, all_logits = (tf.concat(each, axis=0) for each in zip(*chosen))
        best, place = tf.nn.top_k(all_logits, tf.minimum(tf.size(all_logits), top), sorted=False)
        proposals = tf.gather(all_boxes, place)
    else:
        prefix = "TRAIN" if training else "TEST"
        proposals, best = generate_rpn_proposals(
            tf.concat([tf.reshape(x, [-1, 4]) for x in boxes], axis=0),
            tf.concat([tf.reshape(x, [-1]) for x in label_logits], axis=0), image_shape,
            getattr(cfg.RPN, prefix + "_PRE_NMS_TOPK"), getattr(cfg.RPN, prefix + "_POST_NMS_TOPK"))
    tf.sigmoid(best, name="probs")
    return tf.stop_gradient(proposals, name="boxes"), tf.stop_gradient(best, name="scores")
