"""Boxes as arrays, [k, 4] of (x1, y1, x2, y2)."""
import numpy as np

from tensorpack.utils.optional import optional_import

mask_api = optional_import("pycocotools.mask", needed_by="FasterRCNN", pip="pycocotools")


def area(boxes):
    """float [k]"""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def iou(boxes1, boxes2):
    """Intersection over union, float32 [k1, k2]; see `overlaps`."""
    return overlaps(boxes1, boxes2, [0] * len(boxes2))


def ioa(boxes1, boxes2):
    """Intersection over the area of the boxes in `boxes1`, float32 [k1, k2]."""
    return overlaps(boxes1, boxes2, [1] * len(boxes2))


def overlaps(boxes1, boxes2, is_crowd):
    """What COCO's evaluation takes for the overlap, where a crowd does not count in the union.

    The arithmetic is that of pycocotools, in double on float32 widths and heights, as it decides which anchors are exactly as
    good as the best one.
    """
    if len(boxes1) == 0 or len(boxes2) == 0:
        return np.zeros((len(boxes1), len(boxes2)), dtype="float32")
    return mask_api.iou(_to_xywh(boxes1), _to_xywh(boxes2), is_crowd).astype("float32")


def _to_xywh(boxes):
    result = np.array(boxes, dtype="float32")
    result[:, 2:] -= result[:, :2]
    return result.astype("float64")
