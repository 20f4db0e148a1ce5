"""Cascade R-CNN: three box heads, each of which starts from the boxes of the one before."""
from config import config as cfg
from utils.box_ops import area, pairwise_iou

from tensorpack import *
from tensorpack.tfutils.scope_utils import under_name_scope

from .model_box import clip_boxes
from .model_frcnn import BoxPredictions, SampledBoxes, fastrcnn_outputs

tf = tfv1
NUM_STAGES = 3


@tf.custom_gradient
def scale_gradient(x):
    """The features themselves; as each of the heads sends its gradient back, each sends a third."""
    return tf.identity(x), lambda gradient: gradient * (1. / NUM_STAGES)


class CascadePredictions:
    """
    Args:
        proposals: SampledBoxes, of the first stage.
        roi_func: from boxes [n, 4] to their features.
        fastrcnn_head_func: from a name and features to the input of the last layers.
        gt: GroundTruth, for training.
        image_shape: [2]
        num_categories: without background.
    """

    def __init__(self, proposals, roi_func, fastrcnn_head_func, gt, image_shape, num_categories):
        self.gt, self.image_shape, self.num_categories = gt, image_shape, num_categories
        self.training = get_current_tower_context().is_training
        self.heads, self.boxes = [], []
        for stage in range(NUM_STAGES):
            with tf.variable_scope("cascade_rcnn_stage{}".format(stage + 1)):
                if stage > 0:
                    proposals = self.next_proposals(self.boxes[-1], stage)
                features = scale_gradient(roi_func(proposals.boxes))
                features = fastrcnn_head_func("head", features)
                labels, boxes = fastrcnn_outputs("outputs", features, num_categories, class_agnostic_regression=True)
                head = BoxPredictions(proposals, boxes, labels, gt, cfg.CASCADE.BBOX_REG_WEIGHTS[stage])
                refined = clip_boxes(tf.squeeze(head.decoded_output_boxes(), 1), image_shape)
                self.heads.append(head)
                self.boxes.append(tf.stop_gradient(refined, name="output_boxes"))

    @under_name_scope()
    def next_proposals(self, boxes, stage):
        """What the next stage starts from, in training with labels by its own threshold."""
        if not self.training:
            return SampledBoxes(boxes)
        boxes = tf.boolean_mask(boxes, area(boxes) > 0)
        iou = pairwise_iou(boxes, self.gt.boxes)
        best = tf.argmax(iou, axis=1)
        is_fg = tf.reduce_max(iou, axis=1) >= cfg.CASCADE.IOUS[stage]
        labels = tf.where(is_fg, tf.gather(self.gt.labels, best), tf.zeros_like(best))
        return SampledBoxes(boxes, tf.stop_gradient(labels), best)

    def losses(self):
        """Those of all stages."""
        losses = []
        for stage, head in enumerate(self.heads, 1):
            with tf.name_scope("cascade_loss_stage{}".format(stage)):
                losses += head.losses()
        return losses

    def decoded_output_boxes(self):
        """[n, c + 1, 4]: the last boxes, the same for all classes."""
        return tf.tile(tf.expand_dims(self.boxes[-1], 1), [1, self.num_categories + 1, 1])

    def output_scores(self, name=None):
        """The mean over the stages, [n, c + 1]."""
        scores = [head.output_scores("cascade_scores_stage{}".format(stage)) for stage, head in enumerate(self.heads, 1)]
        return tf.multiply(tf.add_n(scores), 1. / NUM_STAGES, name=name)
