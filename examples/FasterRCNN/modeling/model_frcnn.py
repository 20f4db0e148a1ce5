"""The box head: regions to train on, features to logits, losses, and detections."""
from config import config as cfg
from utils.box_ops import pairwise_iou

from tensorpack import *
from tensorpack.tfutils.scope_utils import cached_name_scope, under_name_scope
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.utils.argtools import memoized_method

from . import layout
from .group_norm import GroupNorm
from .model_box import clip_boxes, decode_bbox_target, encode_bbox_target

tf = tfv1


def mean_or_zero(x, name=None):
    """The mean, 0 if there is nothing."""
    x = tf.cast(x, tf.float32)
    return tf.truediv(tf.reduce_sum(x), tf.maximum(tf.cast(tf.size(x), tf.float32), 1.), name=name)


def fill_rows(x, count):
    """The tensor with so many more rows of zeros."""
    filled = tf.pad(x, tf.concat([[[0, count]], tf.zeros([len(x.shape) - 1, 2], tf.int32)], axis=0))
    filled.set_shape([None] + x.shape.as_list()[1:])
    return filled


class GroundTruth:
    """The objects of an image, with one without area where there are none, so that each region has a best one.

    Attributes:
        boxes, labels: float32 [k, 4], int64 [k]; the label is 0 for what stands for nothing.
        real_boxes: without that.
    """

    def __init__(self, boxes, labels):
        self.real_boxes = boxes
        self._missing = tf.maximum(1 - tf.shape(boxes)[0], 0)
        self.boxes = self.fill(boxes)
        self.labels = self.fill(tf.cast(labels, tf.int64))

    def fill(self, x):
        """Something of each object, with zeros where there are none."""
        return fill_rows(x, self._missing)


class SampledBoxes:
    """Regions, and in training what is in them.

    Args:
        boxes: float32 [n, 4].
        labels: int64 [n], 0 for background.
        gt_index: the best object of each region, [n].
    """

    def __init__(self, boxes, labels=None, gt_index=None):
        self.boxes, self.labels, self.gt_index = boxes, labels, gt_index

    @memoized_method
    def fg_inds(self):
        """Which regions have an object, [m]."""
        return tf.reshape(tf.where(self.labels > 0), [-1], name="fg_inds")

    def fg_boxes(self):
        return tf.gather(self.boxes, self.fg_inds(), name="fg_boxes")

    def fg_labels(self):
        return tf.gather(self.labels, self.fg_inds(), name="fg_labels")

    def fg_gt_index(self):
        return tf.gather(self.gt_index, self.fg_inds())


@under_name_scope()
def sample_fast_rcnn_targets(boxes, gt):
    """Some regions with objects, then some without, of the proposals and the objects themselves.

    Returns:
        SampledBoxes; the tensors `sampled_proposal_boxes` and `sampled_labels`.
    """
    iou = pairwise_iou(boxes, gt.boxes)
    _summarize_proposals(iou, gt)
    # an object overlaps with itself alone, even where objects overlap
    num_real = tf.shape(gt.real_boxes)[0]
    with_itself = tf.eye(num_real, tf.shape(gt.boxes)[0])
    iou = tf.concat([iou, with_itself], axis=0)
    boxes = tf.concat([boxes, gt.real_boxes], axis=0)

    best, overlap = tf.argmax(iou, axis=1), tf.reduce_max(iou, axis=1)
    is_fg = overlap >= cfg.FRCNN.FG_THRESH
    fg, bg = (tf.random_shuffle(tf.reshape(tf.where(each), [-1])) for each in (is_fg, tf.logical_not(is_fg)))
    num_fg = tf.minimum(int(cfg.FRCNN.BATCH_PER_IM * cfg.FRCNN.FG_RATIO), tf.size(fg), name="num_fg")
    num_bg = tf.minimum(cfg.FRCNN.BATCH_PER_IM - num_fg, tf.size(bg), name="num_bg")
    add_moving_summary(num_fg, num_bg)
    fg, bg = fg[:num_fg], bg[:num_bg]

    chosen = tf.concat([fg, bg], axis=0)
    labels = tf.concat([tf.gather(gt.labels, tf.gather(best, fg)), tf.zeros_like(bg)], axis=0)
    return SampledBoxes(tf.stop_gradient(tf.gather(boxes, chosen), name="sampled_proposal_boxes"),
                        tf.stop_gradient(labels, name="sampled_labels"), tf.gather(best, chosen))


def _summarize_proposals(iou, gt):
    with tf.name_scope("proposal_metrics"):
        best = tf.reduce_max(iou[:, :tf.shape(gt.real_boxes)[0]], axis=0)
        # without proposals the maximum is that of nothing
        best = tf.maximum(best, 0.)
        metrics = [mean_or_zero(best, name="best_iou_per_gt")]
        for threshold in (0.3, 0.5):
            metrics.append(mean_or_zero(best >= threshold, name="recall_iou{}".format(threshold)))
    add_moving_summary(*metrics)


@layer_register(log_shape=True)
def fastrcnn_outputs(features, num_categories, class_agnostic_regression=False):
    """Logits of classes [n, c + 1] and of boxes [n, c + 1, 4], or [n, 1, 4] for all classes together."""
    labels = FullyConnected("class", features, num_categories + 1,
                            kernel_initializer=tf.random_normal_initializer(stddev=0.01))
    count = 1 if class_agnostic_regression else num_categories + 1
    boxes = FullyConnected("box", features, count * 4, kernel_initializer=tf.random_normal_initializer(stddev=0.001))
    return labels, tf.reshape(boxes, [-1, count, 4], name="output_box")


def fully_connected(name, x, units):
    return FullyConnected(name, x, units, activation=tf.nn.relu,
                          kernel_initializer=tf.variance_scaling_initializer())


@layer_register(log_shape=True)
def fastrcnn_2fc_head(features):
    """[n, 7, 7, c], in the layout -> [n, FRCNN_FC_HEAD_DIM]"""
    units = cfg.FPN.FRCNN_FC_HEAD_DIM
    hidden = fully_connected("fc6", layout.to_channels_first(features), units)
    return fully_connected("fc7", hidden, units)


def convolutions_then_fc(features, num_convs, with_norm):
    x = features
    with layout.layers_scope(), argscope(Conv2D, kernel_initializer=tf.variance_scaling_initializer(
            scale=2.0, mode="fan_out", distribution="untruncated_normal")):
        for k in range(num_convs):
            x = Conv2D("conv{}".format(k), x, cfg.FPN.FRCNN_CONV_HEAD_DIM, 3, activation=tf.nn.relu)
            if with_norm:
                x = GroupNorm("gn{}".format(k), x)
    return fully_connected("fc", layout.to_channels_first(x), cfg.FPN.FRCNN_FC_HEAD_DIM)


@layer_register(log_shape=True)
def fastrcnn_4conv1fc_head(features):
    return convolutions_then_fc(features, 4, with_norm=False)


@layer_register(log_shape=True)
def fastrcnn_4conv1fc_gn_head(features):
    return convolutions_then_fc(features, 4, with_norm=True)


@under_name_scope()
def fastrcnn_losses(labels, label_logits, box_targets, box_logits):
    """[label loss, box loss], both divided by the number of regions.

    Args:
        labels: [n].
        label_logits: [n, c + 1].
        box_targets: encoded and weighted, of the m regions with objects, [m, 4].
        box_logits: [n, c + 1, 4] or [n, 1, 4].
    """
    errors = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=label_logits)
    label_loss = mean_or_zero(errors, name="label_loss")
    fg = tf.reshape(tf.where(labels > 0), [-1])
    fg_labels = tf.gather(labels, fg)
    num_fg = tf.size(fg, name="num_fg_label")
    predicted = tf.argmax(label_logits, axis=1)
    fg_predicted = tf.gather(predicted, fg)
    with tf.name_scope("label_metrics"):
        metrics = [mean_or_zero(tf.equal(predicted, labels), name="accuracy"),
                   mean_or_zero(tf.equal(fg_predicted, 0), name="false_negative"),
                   mean_or_zero(tf.equal(fg_predicted, fg_labels), name="fg_accuracy")]

    column = fg_labels if box_logits.shape.as_list()[1] > 1 else tf.zeros_like(fg_labels)
    logits = tf.gather_nd(box_logits, tf.stack([fg, column], axis=1))
    count = tf.maximum(tf.cast(tf.shape(labels)[0], tf.float32), 1.)
    box_loss = tf.truediv(tf.reduce_sum(tf.abs(box_targets - logits)), count, name="box_loss")
    add_moving_summary(label_loss, box_loss, num_fg, *metrics)
    return [label_loss, box_loss]


class BoxPredictions:
    """What the logits of regions mean.

    Args:
        proposals: SampledBoxes.
        box_logits, label_logits: see `fastrcnn_outputs`.
        gt: GroundTruth, for training.
        bbox_regression_weights: four numbers that encoded boxes are multiplied by.
    """

    def __init__(self, proposals, box_logits, label_logits, gt, bbox_regression_weights):
        self.proposals, self.box_logits, self.label_logits, self.gt = proposals, box_logits, label_logits, gt
        self.weights = tf.constant(bbox_regression_weights, tf.float32)

    def losses(self):
        targets = tf.gather(self.gt.boxes, self.proposals.fg_gt_index())
        encoded = encode_bbox_target(targets, self.proposals.fg_boxes()) * self.weights
        return fastrcnn_losses(self.proposals.labels, self.label_logits, encoded, self.box_logits)

    def decoded_output_boxes(self):
        """[n, c + 1, 4], or [n, 1, 4]."""
        return decode_bbox_target(self.box_logits / self.weights, tf.expand_dims(self.proposals.boxes, 1))

    def output_scores(self, name=None):
        """Probabilities of classes, [n, c + 1]."""
        return tf.nn.softmax(self.label_logits, name=name)


@under_name_scope()
def fastrcnn_predictions(boxes, scores):
    """Detections: what has a high score, and no better one of its class beside it.

    Args:
        boxes: [n, c + 1, 4].
        scores: [n, c + 1].

    Returns:
        boxes [k, 4], scores [k], labels int64 [k], by falling score.
    """
    boxes = tf.transpose(boxes, [1, 0, 2])[1:]
    scores = tf.transpose(scores)[1:]
    found = tf.where(scores > cfg.TEST.RESULT_SCORE_THRESH)
    found_boxes, found_scores, classes = tf.gather_nd(boxes, found), tf.gather_nd(scores, found), found[:, 0]
    # boxes of different classes are moved so far apart that they do not see each other
    distance = tf.reduce_max(tf.concat([tf.reshape(boxes, [-1]), [0.]], axis=0)) + 1
    moved = found_boxes + tf.expand_dims(tf.cast(classes, tf.float32) * distance, 1)
    kept = tf.image.non_max_suppression(tf.gather(moved, [1, 0, 3, 2], axis=1), found_scores, cfg.TEST.RESULTS_PER_IM,
                                        iou_threshold=cfg.TEST.FRCNN_NMS_THRESH)
    return tf.gather(found_boxes, kept), tf.gather(found_scores, kept), tf.gather(classes, kept) + 1


def name_outputs(boxes, scores, labels):
    """The tensors `output/boxes`, `output/scores`, `output/labels`."""
    with cached_name_scope("output", top_level=False):
        return tf.identity(boxes, name="boxes"), tf.identity(scores, name="scores"), tf.identity(labels, name="labels")


def all_boxes_and_scores(head, image_shape):
    """The tensors `clip_boxes/fastrcnn_all_boxes` [n, c + 1, 4] and `fastrcnn_all_scores` [n, c + 1]."""
    return (clip_boxes(head.decoded_output_boxes(), image_shape, name="fastrcnn_all_boxes"),
            head.output_scores(name="fastrcnn_all_scores"))
