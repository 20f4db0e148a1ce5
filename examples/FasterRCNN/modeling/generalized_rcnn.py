"""The models: `ResNetC4Model` and `ResNetFPNModel`."""
import numpy as np
from anchors import anchors_of_level, anchors_of_pyramid
from config import config as cfg
from utils.box_ops import area

from tensorpack import *
from tensorpack.tfutils.optimizer import AccumGradOptimizer
from tensorpack.tfutils.summary import add_moving_summary

from . import layout, model_frcnn, model_mrcnn
from .backbone import resnet_c4_backbone, resnet_conv5, resnet_fpn_backbone
from .model_box import AnchorTargets, map_for_roi_align, roi_align
from .model_cascade import CascadePredictions
from .model_fpn import fpn_model, generate_fpn_proposals, multilevel_roi_align, multilevel_rpn_losses
from .model_frcnn import (
    BoxPredictions,
    GroundTruth,
    SampledBoxes,
    all_boxes_and_scores,
    fastrcnn_outputs,
    fastrcnn_predictions,
    mean_or_zero,
    name_outputs,
    sample_fast_rcnn_targets,
)
from .model_mrcnn import mask_head_of_depth, mask_targets, maskrcnn_loss, one_at_least, predicted_masks, unpack_masks
from .model_rpn import generate_rpn_proposals, rpn_head, rpn_losses

tf = tfv1


class GeneralizedRCNN(ModelDesc):
    """One image in, its detections out: `backbone`, `rpn` and `roi_heads` are what models differ in."""

    def preprocess(self, image):
        """BGR [h, w, 3] in [0, 255] -> normalised, with an axis for the batch, in the layout."""
        mean, std = np.array(cfg.PREPROC.PIXEL_MEAN[::-1]), np.array(cfg.PREPROC.PIXEL_STD[::-1])
        image = tf.expand_dims(image, 0)
        image = (image - mean.astype("float32")) * (1. / std).astype("float32")
        return layout.from_channels_last(image)

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=0.0, trainable=False)
        tf.summary.scalar("learning_rate-summary", rate)
        batch, gpus = cfg.TRAIN.BATCH_SIZE, cfg.TRAIN.NUM_GPUS
        if cfg.TRAIN.OPTIMIZER == "adam":  # for which sum and mean of gradients are the same
            optimizer = tf.train.AdamOptimizer(rate, epsilon=1e-6)
        else:
            optimizer = tf.train.MomentumOptimizer(rate / float(batch), 0.9)
        return AccumGradOptimizer(optimizer, batch // gpus) if gpus < batch else optimizer

    def get_inference_tensor_names(self):
        """(names of inputs, names of outputs)"""
        outputs = ["output/boxes", "output/scores", "output/labels"]
        return ["image"], outputs + ["output/masks"] if cfg.MODE_MASK else outputs

    def inputs(self):
        signature = [tf.TensorSpec((None, None, 3), tf.float32, "image")] + self.anchor_inputs()
        signature += [tf.TensorSpec((None, 4), tf.float32, "gt_boxes"), tf.TensorSpec((None,), tf.int64, "gt_labels")]
        if cfg.MODE_MASK:
            signature.append(tf.TensorSpec((None, None, None), tf.uint8, "gt_masks_packed"))
        return signature

    def build_graph(self, *inputs):
        inputs = dict(zip(self.input_names, inputs))
        image = self.preprocess(inputs["image"])
        image_shape = layout.spatial_shape(image)
        gt = GroundTruth(inputs["gt_boxes"], inputs["gt_labels"])
        if cfg.MODE_MASK:
            gt.masks = gt.fill(unpack_masks(inputs["gt_masks_packed"], name="gt_masks"))
        if self.training:
            add_moving_summary(mean_or_zero(area(gt.real_boxes), name="mean_gt_box_area"))

        features = self.backbone(image)
        proposals, losses = self.rpn(features, inputs, image_shape)
        losses += self.roi_heads(features, proposals, gt, image_shape)
        if not self.training:
            return None
        decay = regularize_cost(".*/W", l2_regularizer(cfg.TRAIN.WEIGHT_DECAY), name="wd_cost")
        total = tf.add_n(losses + [decay], name="total_cost")
        add_moving_summary(total, decay)
        return total

    def anchor_inputs(self):
        raise NotImplementedError

    def backbone(self, image):
        raise NotImplementedError

    def rpn(self, features, inputs, image_shape):
        """(SampledBoxes, losses)"""
        raise NotImplementedError

    def roi_heads(self, features, proposals, gt, image_shape):
        """Losses in training; at inference it names the outputs."""
        raise NotImplementedError


class ResNetC4Model(GeneralizedRCNN):
    """All but the last group on the image, the last one on regions."""

    def anchor_inputs(self):
        count = cfg.RPN.NUM_ANCHOR
        return [tf.TensorSpec((None, None, count), tf.int32, "anchor_labels"),
                tf.TensorSpec((None, None, count, 4), tf.float32, "anchor_boxes")]

    def backbone(self, image):
        return resnet_c4_backbone(image)

    def rpn(self, features, inputs, image_shape):
        labels, boxes = rpn_head("rpn", features, cfg.RPN.HEAD_DIM, cfg.RPN.NUM_ANCHOR)
        anchors = AnchorTargets(tf.constant(anchors_of_level(), name="all_anchors"), inputs["anchor_labels"],
                             inputs["anchor_boxes"]).cut_to(features)
        prefix = "TRAIN" if self.training else "TEST"
        proposals, _ = generate_rpn_proposals(
            tf.reshape(anchors.decode_logits(boxes), [-1, 4]), tf.reshape(labels, [-1]), image_shape,
            getattr(cfg.RPN, prefix + "_PRE_NMS_TOPK"), getattr(cfg.RPN, prefix + "_POST_NMS_TOPK"))
        losses = rpn_losses(anchors.gt_labels, anchors.encoded_gt_boxes(), labels, boxes) if self.training else []
        return SampledBoxes(proposals), losses

    def region_features(self, features, boxes):
        """[n, 7, 7, 2048], in the layout."""
        return resnet_conv5(roi_align(features, boxes * (1. / cfg.RPN.ANCHOR_STRIDE), 14))

    def roi_heads(self, features, proposals, gt, image_shape):
        if self.training:
            proposals = sample_fast_rcnn_targets(proposals.boxes, gt)
        regions = self.region_features(features, proposals.boxes)
        with layout.layers_scope():
            pooled = GlobalAvgPooling("gap", regions)
        labels, boxes = fastrcnn_outputs("fastrcnn", pooled, cfg.DATA.NUM_CATEGORY)
        head = BoxPredictions(proposals, boxes, labels, gt, cfg.FRCNN.BBOX_REG_WEIGHTS)
        if self.training:
            return head.losses() + self.mask_losses(regions, proposals, gt)

        found, scores, classes = name_outputs(*fastrcnn_predictions(*all_boxes_and_scores(head, image_shape)))
        if cfg.MODE_MASK:
            regions = self.region_features(features, found)
            predicted_masks(self.mask_head(regions), classes)
        return []

    def mask_head(self, regions):
        return mask_head_of_depth("maskrcnn", regions, cfg.DATA.NUM_CATEGORY, num_convs=0)

    def mask_losses(self, regions, proposals, gt):
        if not cfg.MODE_MASK:
            return []
        fg_regions = regions[:tf.size(proposals.fg_inds())]  # which come first
        boxes, index, labels, fg_regions, weights = one_at_least(
            proposals.fg_boxes(), proposals.fg_gt_index(), proposals.fg_labels(), fg_regions)
        targets = mask_targets(gt.masks, boxes, index, 14)
        return [maskrcnn_loss(self.mask_head(fg_regions), labels, targets, weights)]


class ResNetFPNModel(GeneralizedRCNN):
    """A pyramid of features of the whole network, and heads of their own for regions."""

    def anchor_inputs(self):
        count = len(cfg.RPN.ANCHOR_RATIOS)
        signature = []
        for level in range(2, 2 + len(cfg.FPN.ANCHOR_STRIDES)):
            signature += [tf.TensorSpec((None, None, count), tf.int32, "anchor_labels_lvl{}".format(level)),
                          tf.TensorSpec((None, None, count, 4), tf.float32, "anchor_boxes_lvl{}".format(level))]
        return signature

    def backbone(self, image):
        return fpn_model(resnet_fpn_backbone(image))

    def rpn(self, features, inputs, image_shape):
        anchors = []
        for level, (feature, field) in enumerate(zip(features, anchors_of_pyramid()), 2):
            with tf.name_scope("cut_anchors_lvl{}".format(level)):
                anchors.append(AnchorTargets(
                    tf.constant(field, name="all_anchors"), inputs["anchor_labels_lvl{}".format(level)],
                    inputs["anchor_boxes_lvl{}".format(level)]).cut_to(feature))
        outputs = [rpn_head("rpn", feature, cfg.FPN.NUM_CHANNEL, len(cfg.RPN.ANCHOR_RATIOS)) for feature in features]
        labels, boxes = zip(*outputs)
        decoded = [anchor.decode_logits(each) for anchor, each in zip(anchors, boxes)]
        proposals, _ = generate_fpn_proposals(decoded, labels, image_shape)
        losses = multilevel_rpn_losses(anchors, labels, boxes) if self.training else []
        return SampledBoxes(proposals), losses

    def roi_heads(self, features, proposals, gt, image_shape):
        features = [map_for_roi_align(each) for each in features[:4]]  # p6 is for proposals only
        if self.training:
            proposals = sample_fast_rcnn_targets(proposals.boxes, gt)
        head_func = getattr(model_frcnn, cfg.FPN.FRCNN_HEAD_FUNC)
        if cfg.FPN.CASCADE:
            def roi_func(boxes):
                return multilevel_roi_align(features, boxes, 7, is_prepared=True)

            head = CascadePredictions(proposals, roi_func, head_func, gt, image_shape, cfg.DATA.NUM_CATEGORY)
        else:
            regions = multilevel_roi_align(features, proposals.boxes, 7, is_prepared=True)
            hidden = head_func("fastrcnn", regions)
            labels, boxes = fastrcnn_outputs("fastrcnn/outputs", hidden, cfg.DATA.NUM_CATEGORY)
            head = BoxPredictions(proposals, boxes, labels, gt, cfg.FRCNN.BBOX_REG_WEIGHTS)
        if self.training:
            return head.losses() + self.mask_losses(features, proposals, gt)

        found, scores, classes = name_outputs(*fastrcnn_predictions(*all_boxes_and_scores(head, image_shape)))
        if cfg.MODE_MASK:
            predicted_masks(self.mask_head(features, found), classes)
        return []

    def mask_head(self, features, boxes):
        regions = multilevel_roi_align(features, boxes, 14, is_prepared=True, name_scope="multilevel_roi_align_mask")
        return getattr(model_mrcnn, cfg.FPN.MRCNN_HEAD_FUNC)("maskrcnn", regions, cfg.DATA.NUM_CATEGORY)

    def mask_losses(self, features, proposals, gt):
        if not cfg.MODE_MASK:
            return []
        boxes, index, labels, weights = one_at_least(
            proposals.fg_boxes(), proposals.fg_gt_index(), proposals.fg_labels())
        targets = mask_targets(gt.masks, boxes, index, 28)
        return [maskrcnn_loss(self.mask_head(features, boxes), labels, targets, weights)]
