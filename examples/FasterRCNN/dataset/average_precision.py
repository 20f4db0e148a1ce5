"""Average precision of detections of one class, for data sets without a tool of their own."""
import numpy as np


def box_iou(box, boxes):
    """Intersection over union of a box with others, float [k]."""
    boxes = np.asarray(boxes, dtype="float64").reshape(-1, 4)
    box = np.asarray(box, dtype="float64")
    sides = np.maximum(np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2]), 0)
    intersection = sides[:, 0] * sides[:, 1]
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return intersection / np.maximum(area + areas - intersection, 1e-12)


def average_precision(detections, truth, iou, overlaps=box_iou):
    """Area under the curve of precision over recall, where precision is made to fall.

    Args:
        detections: a list of (image id, score, box).
        truth: {image id: boxes [k, 4]}. Each box is found by one detection at most, the best one with so much overlap.
        iou: the least overlap of a hit.
        overlaps: a function from a box and k boxes to k numbers.

    >>> average_precision([(0, .9, [0, 0, 2, 2]), (0, .8, [5, 5, 6, 6])], {0: np.array([[0, 0, 2, 2]])}, 0.5)
    1.0
    """
    total = sum(len(boxes) for boxes in truth.values())
    if total == 0 or not detections:
        return 0.
    is_found = {image: np.zeros(len(boxes), dtype=bool) for image, boxes in truth.items()}
    hits = []
    for image, _, box in sorted(detections, key=lambda each: -each[1]):
        values = np.where(is_found[image], -1., overlaps(box, truth[image]))
        hit = len(values) > 0 and values.max() >= iou
        if hit:
            is_found[image][values.argmax()] = True
        hits.append(hit)
    hits = np.cumsum(hits)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    recall = np.concatenate([[0.], hits / total])
    return float(np.sum(np.diff(recall) * precision))
