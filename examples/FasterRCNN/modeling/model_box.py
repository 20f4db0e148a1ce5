"""Boxes and feature maps: anchors of a map, coding of boxes relative to anchors, and features of a box."""
from collections import namedtuple

import numpy as np
from config import config as cfg

from tensorpack import *
from tensorpack.tfutils.scope_utils import under_name_scope

from . import layout

tf = tfv1


@under_name_scope()
def clip_boxes(boxes, window, name=None):
    """Boxes [..., 4] cut to an image, whose height and width are `window`, [2]."""
    window = tf.cast(window, tf.float32)
    limit = tf.stack([window[1], window[0], window[1], window[0]])
    return tf.minimum(tf.maximum(boxes, 0.), limit, name=name)


@under_name_scope()
def decode_bbox_target(logits, anchors):
    """Boxes [..., 4], from where they are relative to anchors [..., 4]: (x, y, log of width, log of height).

    Sizes are at most MAX_SIZE / 16 of the anchor's; places are not limited.
    """
    center, size = center_and_size(anchors)
    shift, log_scale = logits[..., :2], logits[..., 2:]
    scale = tf.exp(tf.minimum(log_scale, np.log(cfg.PREPROC.MAX_SIZE / 16.)))
    half = scale * size * 0.5
    middle = shift * size + center
    return tf.concat([middle - half, middle + half], axis=-1, name="output")


@under_name_scope()
def encode_bbox_target(boxes, anchors):
    """The logits that `decode_bbox_target` makes these boxes of."""
    center, size = center_and_size(boxes)
    anchor_center, anchor_size = center_and_size(anchors)
    # boxes of anchors that are not positive have no size
    size = tf.maximum(size, 1e-12)
    return tf.concat([(center - anchor_center) / anchor_size, tf.log(size / anchor_size)], axis=-1, name="output")


def center_and_size(boxes):
    first, last = boxes[..., :2], boxes[..., 2:]
    return (first + last) * 0.5, last - first


class AnchorTargets(namedtuple("AnchorTargets", ["boxes", "gt_labels", "gt_boxes"])):
    """Anchors [h, w, a, 4], and what is to be said there: labels [h, w, a], boxes [h, w, a, 4]."""

    def encoded_gt_boxes(self):
        return encode_bbox_target(self.gt_boxes, self.boxes)

    def decode_logits(self, logits):
        return decode_bbox_target(logits, self.boxes)

    @under_name_scope()
    def cut_to(self, features):
        """Those on a feature map, which is smaller than that of the largest image."""
        height, width = tf.unstack(layout.spatial_shape(features))
        return AnchorTargets(self.boxes[:height, :width], self.gt_labels[:height, :width], self.gt_boxes[:height, :width])


@under_name_scope()
def crop_and_resize(image, boxes, box_ind, crop_size, pad_border=True):
    """Samples at the middles of `crop_size` x `crop_size` equal parts of each box, bilinear.

    Args:
        image: [n, h, w, c], channels last; the middle of its first pixel is at (0.5, 0.5).
        boxes: [k, 4].
        box_ind: int32 [k], the image of each box.
        pad_border: samples up to a pixel outside see the pixels of the border; those farther away, or all outside without it,
            are 0.

    Returns:
        [k, crop_size, crop_size, c]. No gradient goes to the boxes.
    """
    if pad_border:
        image, boxes = with_border(image), boxes + 1
    boxes = tf.stop_gradient(boxes)
    height, width = tf.unstack(tf.cast(tf.shape(image)[1:3], tf.float32))
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    step_x, step_y = (x2 - x1) / crop_size, (y2 - y1) / crop_size
    first_x, first_y = (x1 + step_x / 2 - 0.5) / (width - 1), (y1 + step_y / 2 - 0.5) / (height - 1)
    length_x, length_y = step_x * (crop_size - 1) / (width - 1), step_y * (crop_size - 1) / (height - 1)
    normalized = tf.stack([first_y, first_x, first_y + length_y, first_x + length_x], axis=1)
    return tf.image.crop_and_resize(image, normalized, box_indices=tf.cast(box_ind, tf.int32), crop_size=[crop_size] * 2)


def with_border(image):
    """[n, h + 2, w + 2, c]: the pixels at the edges twice."""
    return tf.pad(image, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="SYMMETRIC")


@under_name_scope()
def map_for_roi_align(features):
    """One image's map, in the layout, with what `roi_align` does to all of it: for several that sample the same map."""
    return with_border(layout.to_channels_last(features))


@under_name_scope()
def roi_align(features, boxes, resolution, is_prepared=False):
    """The mean of 2 x 2 samples in each of `resolution` x `resolution` parts of boxes on the map, in the layout of `features`.

    Args:
        features: one image's map.
        boxes: [k, 4], where a pixel of the map is 1.
        is_prepared: `features` is what `map_for_roi_align` made of the map.
    """
    prepared = features if is_prepared else map_for_roi_align(features)
    images = tf.zeros([tf.shape(boxes)[0]], tf.int32)
    samples = crop_and_resize(prepared, boxes + 1, images, resolution * 2, pad_border=False)
    return layout.from_channels_last(mean_of_samples(samples, resolution))


def mean_of_samples(samples, resolution):
    """[k, 2 * resolution, 2 * resolution, c] -> [k, resolution, resolution, c], where k may be 0.

    Sums of parts are as fast as pooling, which OpenVINO refuses for no boxes. It also wants reshaping to keep their number.
    """
    count, channels = tf.shape(samples)[0], samples.shape.as_list()[3]
    rows = tf.add_n(tf.unstack(tf.reshape(samples, [count, resolution, 2, 2 * resolution * channels]), axis=2))
    columns = tf.add_n(tf.unstack(tf.reshape(rows, [count, resolution, resolution, 2, channels]), axis=3))
    return columns * 0.25
