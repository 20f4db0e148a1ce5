"""Anchors: boxes of a few sizes and shapes around the points of a grid, and which objects of an image they stand for."""
import functools

import numpy as np
from config import config as cfg
from utils import np_box_ops

__all__ = ["NoBackground", "anchors_of_level", "anchors_of_pyramid", "label_anchors"]


class NoBackground(Exception):
    """An image without a single anchor on its background, which nothing can be learned from."""


@functools.lru_cache(maxsize=None)
def make_anchors(stride, sizes, ratios, max_size):
    """float32 [n, n, len(sizes) * len(ratios), 4], by row and column of the grid, which covers `max_size`.

    Sizes are the outer loop within a cell. The centre is at (column * stride, row * stride), and nothing is rounded.
    """
    sizes, ratios = np.asarray(sizes, dtype="float64"), np.asarray(ratios, dtype="float64")
    widths = np.sqrt(sizes[:, np.newaxis] ** 2 / ratios).ravel()
    halves = np.stack([widths, np.tile(ratios, len(sizes)) * widths], axis=1) / 2
    cells = int(np.ceil(max_size / stride))
    points = np.arange(cells) * float(stride)
    centers = np.stack(np.meshgrid(points, points), axis=-1)[:, :, np.newaxis]
    anchors = np.concatenate([centers - halves, centers + halves], axis=-1).astype("float32")
    anchors.flags.writeable = False
    return anchors


def anchors_of_level(stride=None, sizes=None, ratios=None, max_size=None):
    """The anchors of a C4 model, see `make_anchors`; what is not given is in the configuration."""
    return make_anchors(stride or cfg.RPN.ANCHOR_STRIDE, tuple(sizes or cfg.RPN.ANCHOR_SIZES),
                        tuple(ratios or cfg.RPN.ANCHOR_RATIOS), max_size or cfg.PREPROC.MAX_SIZE)


def anchors_of_pyramid():
    """A list with the anchors of each level, of one size each."""
    return [anchors_of_level(stride, (size,)) for stride, size in zip(cfg.FPN.ANCHOR_STRIDES, cfg.RPN.ANCHOR_SIZES)]


def label_anchors(fields, height, width, boxes, is_crowd, rng=np.random):
    """What the region proposal network is to say at each anchor.

    Args:
        fields: a list of anchors, [n, n, k, 4].
        boxes, is_crowd: [k, 4], [k].

    Returns:
        A list of (labels, boxes), int32 [n, n, k] and float32 [n, n, k, 4]: 1 for an object, and its box; 0 for background, and
        -1 for what is not trained on, each with zeros.

    Raises:
        NoBackground
    """
    places = [np.flatnonzero(_inside(field, height, width)) for field in fields]
    inside = np.concatenate([field.reshape(-1, 4)[place] for field, place in zip(fields, places)])
    is_crowd = np.asarray(is_crowd, dtype=bool)
    labels, targets = _label(inside, boxes[~is_crowd], boxes[is_crowd], rng)
    result, ends = [], np.cumsum([len(place) for place in places])[:-1]
    for field, place, some_labels, some_targets in zip(fields, places, np.split(labels, ends), np.split(targets, ends)):
        all_labels = np.full(field.shape[:3], -1, dtype="int32")
        all_targets = np.zeros(field.shape, dtype="float32")
        all_labels.reshape(-1)[place] = some_labels
        all_targets.reshape(-1, 4)[place] = some_targets
        result.append((all_labels, all_targets))
    return result


def _inside(field, height, width):
    """bool [n, n, k]: anchors that lie within the image. A size of anchor does so in a rectangle of the grid."""
    x_inside = (field[0, :, :, 0] >= 0) & (field[0, :, :, 2] <= width)
    y_inside = (field[:, 0, :, 1] >= 0) & (field[:, 0, :, 3] <= height)
    return y_inside[:, np.newaxis] & x_inside[np.newaxis]


def _label(anchors, boxes, crowds, rng):
    labels, targets = np.full(len(anchors), -1, dtype="int32"), np.zeros((len(anchors), 4), dtype="float32")
    if len(boxes) == 0:
        labels[:] = 0
        _keep_some(labels, 0, cfg.RPN.BATCH_PER_IM, rng)
        return labels, targets
    overlaps = np_box_ops.iou(anchors, boxes)
    best = overlaps.argmax(axis=1)
    best_overlap = overlaps[np.arange(len(anchors)), best]
    labels[(overlaps == overlaps.max(axis=0, initial=0)).any(axis=1)] = 1  # those that are best for some box
    labels[best_overlap >= cfg.RPN.POSITIVE_ANCHOR_THRESH] = 1
    labels[best_overlap < cfg.RPN.NEGATIVE_ANCHOR_THRESH] = 0
    if len(crowds):
        candidates = np.flatnonzero(labels >= 0)
        hidden = np_box_ops.ioa(anchors[candidates], crowds).max(axis=1) > cfg.RPN.CROWD_OVERLAP_THRESH
        labels[candidates[hidden]] = -1
    _keep_some(labels, 1, int(cfg.RPN.BATCH_PER_IM * cfg.RPN.FG_RATIO), rng)
    if not (labels == 0).any():
        raise NoBackground("no anchor is on the background")
    positive = np.flatnonzero(labels == 1)
    _keep_some(labels, 0, cfg.RPN.BATCH_PER_IM - len(positive), rng)
    targets[positive] = boxes[best[positive]]
    return labels, targets


def _keep_some(labels, label, count, rng):
    """Of those with this label, all but `count` become -1."""
    places = np.flatnonzero(labels == label)
    if len(places) > count:
        labels[rng.choice(places, len(places) - count, replace=False)] = -1
