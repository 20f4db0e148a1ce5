"""The region proposal network: its head, its losses, and proposals from what it says."""
from config import config as cfg

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope, under_name_scope
from tensorpack.tfutils.summary import add_moving_summary

from . import layout
from .model_box import clip_boxes

tf = tfv1


@layer_register(log_shape=True)
@auto_reuse_variable_scope
def rpn_head(features, channels, num_anchors):
    """Logits of objectness [h, w, a], and of boxes [h, w, a, 4]."""
    with layout.layers_scope(), argscope(Conv2D, kernel_initializer=tf.random_normal_initializer(stddev=0.01)):
        hidden = Conv2D("conv0", features, channels, 3, activation=tf.nn.relu)
        labels = layout.to_channels_last(Conv2D("class", hidden, num_anchors, 1))[0]
        boxes = layout.to_channels_last(Conv2D("box", hidden, num_anchors * 4, 1))[0]
    shape = tf.shape(boxes)
    return tf.identity(labels, name="label_logits"), tf.reshape(
        boxes, tf.stack([shape[0], shape[1], num_anchors, 4]), name="box_logits")


@under_name_scope()
def rpn_losses(anchor_labels, anchor_boxes, label_logits, box_logits):
    """[label loss, box loss]: sums over anchors, divided by the number that is sampled at most.

    Args:
        anchor_labels: int32 [h, w, a]: 1, 0, or -1 for those that do not count.
        anchor_boxes: encoded boxes, [h, w, a, 4]; those of label 1 count.
    """
    valid = tf.where(tf.not_equal(anchor_labels, -1))
    positive = tf.where(tf.equal(anchor_labels, 1))
    num_valid = tf.size(valid[:, 0], name="num_valid_anchor")
    num_positive = tf.size(positive[:, 0], name="num_pos_anchor")
    labels = tf.cast(tf.gather_nd(anchor_labels, valid), tf.float32)
    logits = tf.gather_nd(label_logits, valid)
    share = 1. / cfg.RPN.BATCH_PER_IM
    with tf.name_scope("label_metrics"):
        metrics = precision_and_recall(labels, tf.sigmoid(logits))
    add_moving_summary(num_valid, num_positive, *metrics)

    errors = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)
    label_loss = tf.multiply(tf.reduce_sum(errors), share, name="label_loss")
    difference = tf.abs(tf.gather_nd(anchor_boxes, positive) - tf.gather_nd(box_logits, positive))
    smooth = tf.where(difference < 1. / 9, tf.square(difference) * 4.5, difference - 1. / 18)
    box_loss = tf.multiply(tf.reduce_sum(smooth), share, name="box_loss")
    add_moving_summary(label_loss, box_loss)
    return [label_loss, box_loss]


def precision_and_recall(labels, probabilities):
    """Scalars `precision_th0.5`, `recall_th0.5` and so on; 0.5 where they are not defined."""
    metrics = []
    for threshold in (0.5, 0.2, 0.1):
        is_positive = tf.cast(probabilities > threshold, tf.float32)
        hits = tf.reduce_sum(is_positive * labels)
        for name, total in [("precision", tf.reduce_sum(is_positive)), ("recall", tf.reduce_sum(labels))]:
            metrics.append(tf.where(tf.equal(total, 0.), 0.5, hits / tf.maximum(total, 1.),
                                    name="{}_th{}".format(name, threshold)))
    return metrics


@under_name_scope()
def generate_rpn_proposals(boxes, scores, image_shape, pre_nms_topk, post_nms_topk=None):
    """The best boxes that do not overlap too much, by falling score.

    Args:
        boxes, scores: [n, 4], [n].
        pre_nms_topk, post_nms_topk: how many are considered, and how many are kept at most; the same if that is None.

    Returns:
        boxes [k, 4] and scores [k], without gradient; the tensors `boxes`, `scores`, and `probs`.
    """
    scores, place = tf.nn.top_k(scores, tf.minimum(pre_nms_topk, tf.size(scores)), sorted=False)
    boxes = clip_boxes(tf.gather(boxes, place), image_shape)
    if cfg.RPN.MIN_SIZE > 0:
        is_large = tf.reduce_all(boxes[:, 2:] - boxes[:, :2] > cfg.RPN.MIN_SIZE, axis=1)
        boxes, scores = tf.boolean_mask(boxes, is_large), tf.boolean_mask(scores, is_large)
    kept = tf.image.non_max_suppression(tf.gather(boxes, [1, 0, 3, 2], axis=1), scores, post_nms_topk or pre_nms_topk,
                                        iou_threshold=cfg.RPN.PROPOSAL_NMS_THRESH)
    scores = tf.gather(scores, kept)
    tf.sigmoid(scores, name="probs")
    return tf.stop_gradient(tf.gather(boxes, kept), name="boxes"), tf.stop_gradient(scores, name="scores")
