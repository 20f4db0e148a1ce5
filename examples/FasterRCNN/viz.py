"""Drawing annotations, proposals and detections. Images are uint8 BGR; what is drawn is cut to the image."""
import cv2
import numpy as np
from config import config as cfg
from utils.np_box_ops import area, iou

from tensorpack.utils import viz
from tensorpack.utils.palette import PALETTE_RGB

__all__ = ["draw_annotation", "draw_final_outputs", "draw_final_outputs_blackwhite", "draw_mask", "draw_predictions",
           "draw_proposal_recall"]


def draw_boxes(img, boxes, labels=None, color=None):
    """A copy of the image with boxes of any place."""
    height, width = img.shape[:2]
    boxes = np.clip(np.asarray(boxes, dtype="float32").reshape(-1, 4), 0, [width - 1, height - 1] * 2)
    return viz.draw_boxes(as_uint8(img), boxes, labels, color)


def as_uint8(img):
    return np.clip(img, 0, 255).astype("uint8")


def draw_annotation(img, boxes, klass, is_crowd=None):
    """Boxes with the names of their classes, and `;Crowd` for crowds."""
    names = [cfg.DATA.CLASS_NAMES[k] for k in klass]
    if is_crowd is not None:
        names = [name + ";Crowd" if crowd else name for name, crowd in zip(names, is_crowd)]
    return draw_boxes(img, boxes, names)


def draw_proposal_recall(img, proposals, proposal_scores, gt_boxes, top=3):
    """(image, indices): for each object the proposals that overlap most, with their scores."""
    order = np.argsort(-iou(gt_boxes, proposals), axis=1, kind="stable")[:, :top]
    chosen = np.unique(order.reshape(-1))
    return draw_boxes(img, proposals[chosen], ["{:.2f}".format(score) for score in proposal_scores[chosen]]), chosen


def draw_predictions(img, boxes, scores):
    """Boxes with the name and the probability of the best class.

    Args:
        boxes: [k, 4]
        scores: [k, c + 1]
    """
    if len(boxes) == 0:
        return as_uint8(img)
    best = scores.argmax(axis=1)
    return draw_boxes(img, boxes, ["{},{:.2f}".format(cfg.DATA.CLASS_NAMES[k], score[k]) for k, score in zip(best, scores)])


def tags(results):
    return ["{},{:.2f}".format(cfg.DATA.CLASS_NAMES[result.class_id], result.score) for result in results]


def draw_final_outputs(img, results):
    """Detections: masks in colours, large ones first, then boxes with names and scores."""
    img = as_uint8(img)
    if not results:
        return img
    boxes = np.stack([result.box for result in results])
    for k in np.argsort(-area(boxes), kind="stable"):
        if results[k].mask is not None:
            img = draw_mask(img, results[k].mask, color=PALETTE_RGB[k % len(PALETTE_RGB)][::-1])
    return draw_boxes(img, boxes, tags(results))


def draw_final_outputs_blackwhite(img, results):
    """Detections in colour on a grey image, with boxes, names and scores."""
    img = as_uint8(img)
    grey = cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if not results:
        return grey
    masks = [result.mask for result in results if result.mask is not None]
    if masks:
        grey = np.where(np.any(masks, axis=0)[:, :, np.newaxis], img, grey)
    return draw_boxes(grey, np.stack([result.box for result in results]), tags(results))


def draw_mask(im, mask, alpha=0.5, color=None):
    """Mix a colour (BGR) into the pixels where the mask is not 0."""
    color = np.asarray(PALETTE_RGB[0][::-1] if color is None else color)
    mixed = im * (1 - alpha) + color * alpha
    return as_uint8(np.where((np.asarray(mask) > 0)[:, :, np.newaxis], mixed, im))
