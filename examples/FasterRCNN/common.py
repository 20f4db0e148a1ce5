"""Images, boxes and polygons on their way into the network."""
import cv2
import numpy as np
from utils.np_box_ops import mask_api

from tensorpack.dataflow import DataFromList, RNGDataFlow
from tensorpack.dataflow.imgaug import ImageAugmentor, ResizeTransform

__all__ = ["RecordFlow", "ResizeWithinBounds", "boxes_around_corners", "corners_of_boxes", "resized_shape",
           "segmentation_to_mask"]


class RecordFlow(RNGDataFlow):
    """Lists of the values of some keys, from a list of dicts."""

    def __init__(self, dicts, keys, shuffle=False):
        super().__init__()
        self._flow = DataFromList([[each[key] for key in keys] for each in dicts], shuffle=shuffle)

    def reset_state(self):
        super().reset_state()
        self._flow.reset_state()

    def __len__(self):
        return len(self._flow)

    def __iter__(self):
        return iter(self._flow)


def resized_shape(height, width, short_edge, max_size):
    """(height, width) where the shorter side is `short_edge`, unless the longer one would exceed `max_size`.

    >>> resized_shape(480, 640, 800, 1333), resized_shape(100, 300, 800, 1333)
    ((800, 1067), (444, 1333))
    """
    scale = short_edge * 1. / min(height, width)
    # the shorter side is a whole number, the longer one not yet
    sides = (short_edge, scale * width) if height < width else (scale * height, short_edge)
    if max(sides) > max_size:
        shrink = max_size * 1. / max(sides)
        sides = (sides[0] * shrink, sides[1] * shrink)
    return int(sides[0] + 0.5), int(sides[1] + 0.5)


class ResizeWithinBounds(ImageAugmentor):
    """Resize as `resized_shape` says, to a random length of the shorter side, each whole number in an interval."""

    def __init__(self, short_edge_length, max_size, interp=cv2.INTER_LINEAR):
        super().__init__()
        if isinstance(short_edge_length, int):
            short_edge_length = (short_edge_length, short_edge_length)
        self.short_edge_length, self.max_size, self.interp = tuple(short_edge_length), max_size, interp

    def get_transform(self, img):
        height, width = img.shape[:2]
        least, largest = self.short_edge_length
        new_height, new_width = resized_shape(height, width, self.rng.randint(least, largest + 1), self.max_size)
        return ResizeTransform(height, width, new_height, new_width, self.interp)


def corners_of_boxes(boxes):
    """The four corners of each box: [k, 4] -> [4 * k, 2]"""
    return boxes[:, [0, 1, 2, 3, 0, 3, 2, 1]].reshape(-1, 2)


def boxes_around_corners(points):
    """The box around each four points: [4 * k, 2] -> [k, 4]"""
    points = points.reshape(-1, 4, 2)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def segmentation_to_mask(segmentation, height, width):
    """uint8 [height, width], 1 within the object: of polygons (a list of [n, 2]), an RLE (dict) or a mask."""
    if isinstance(segmentation, np.ndarray) and segmentation.ndim == 2 and segmentation.shape == (height, width):
        return (segmentation > 0).astype("uint8")
    if isinstance(segmentation, dict):
        rle = segmentation
        if not isinstance(rle["counts"], (str, bytes)):
            rle = mask_api.frPyObjects(rle, *rle["size"])
        mask = mask_api.decode(rle)
        if mask.shape != (height, width):
            raise ValueError("the RLE must be of the size of the image, {}; got {}".format((height, width), mask.shape))
        return mask
    polygons = [np.asarray(p, dtype="float64").reshape(-1) for p in segmentation]
    if not polygons or min(len(p) for p in polygons) < 6:
        raise ValueError("polygons must have at least three points; got {}".format([len(p) // 2 for p in polygons]))
    return mask_api.decode(mask_api.merge(mask_api.frPyObjects([p.tolist() for p in polygons], height, width)))
