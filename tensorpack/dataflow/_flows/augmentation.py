"""What flows that augment images have in common: checks of components, and errors that name the datapoint."""
from __future__ import annotations

from typing import Any

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._text.spec import about_none, describe
from ..imgaug import base as augmentors_module
from ..imgaug._arguments import list_of_augmentors
from ..imgaug.base import AugmentorList
from . import map as map_module
from ._told.datapoint_error import where, with_words
from .below import flows_below
from .map import MapData


def as_list(augmentors: Any, who: str) -> AugmentorList:
    if isinstance(augmentors, AugmentorList):
        return augmentors
    return AugmentorList(list_of_augmentors(who, "augmentors", augmentors))


_BATCHES = ("BatchData", "BatchDataByShape", "MultiProcessMapAndBatchDataZMQ")


class ImageCheck:
    """Refuses what is no image, and warns, once, of a batch of gray images: it has the shape of one with many channels.

    Args:
        ds: where the images come from.
    """

    def __init__(self, ds: Any):
        self._batches = next((type(flow).__name__ for flow in flows_below(ds) if type(flow).__name__ in _BATCHES), None)

    def __call__(self, image: Any, who: str, index: Any) -> None:
        """Look at a component."""
        if not isinstance(image, np.ndarray):
            raise TypeError("{}: component {!r} must be an image, that is an array; got {}{}".format(
                who, index, describe(image), about_none(image)))
        if self._batches is not None and image.ndim == 3 and image.shape[2] > 4:
            logger.warning("%s: component %r, %s, is taken for one image of %d channels; if it is a batch of images, as %s "
                           "below makes them, augment before they are batched.", who, index, describe(image),
                           image.shape[2], self._batches)
            self._batches = None


def check_coordinates(coordinates: Any, who: str, index: Any) -> None:
    if not _is_float_table(coordinates, 2):
        raise ValueError("{}: component {!r} must be coordinates, that is a float array Nx2 of x and y; got {}".format(
            who, index, describe(coordinates)))


def check_boxes(boxes: Any, who: str, index: Any) -> None:
    if not _is_float_table(boxes, 4):
        raise ValueError("{}: component {!r} must be boxes, that is a float array Nx4 of x0, y0, x1 and y1; got {}".format(
            who, index, describe(boxes)))


def _is_float_table(value: Any, width: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 2 and value.shape[1] == width


def check_label_map(label_map: Any, who: str, index: Any) -> None:
    if not isinstance(label_map, np.ndarray):
        raise TypeError("{}: component {!r} must be a label map, that is an array; got {}".format(
            who, index, describe(label_map)))


def check_same_size(component: np.ndarray, who: str, index: Any, size: Any, image_index: Any) -> None:
    """Refuse what is not as large as the image, of `size`, for which the transform is drawn: it would get another part."""
    if component.shape[:2] != size:
        raise ValueError(
            "{}: component {!r} must be as large as the image, component {!r}, which has {} pixels; got {}; resize it before, "
            "a label map by cv2.resize(..., interpolation=cv2.INTER_NEAREST)".format(
                who, index, image_index, "x".join(map(str, size)), describe(component)))


# Files whose frames say nothing about an augmentor that fails; those of the flows are added by these.
plumbing = {__file__, map_module.__file__, augmentors_module.__file__}


def _without_plumbing(traceback: Any) -> Any:
    """The traceback from the augmentor on; None if the error was raised by what calls it."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename in plumbing:
        traceback = traceback.tb_next
    return traceback


class Augmentation(MapData):
    """Base of flows that augment: errors name the datapoint, and may drop it instead of ending the pass."""

    augs: AugmentorList

    def _set_up(self, augmentors: Any, catch_exceptions: bool) -> None:
        self.augs = as_list(augmentors, type(self).__name__)
        self._catch_exceptions = true_or_false(self, "catch_exceptions", catch_exceptions)
        self._num_errors = 0

    def reset_state(self) -> None:
        super().reset_state()
        self.augs.reset_state()
        for flow in flows_below(self.ds):
            if isinstance(flow, MapData):
                flow._keeps_texts = True

    def _is_tolerated(self, error: Exception, number: int, dp: Any) -> bool:
        named = with_words(error, where(number, dp, self.ds)).with_traceback(_without_plumbing(error.__traceback__))
        if not self._catch_exceptions or not self._has_image(dp):
            raise named
        self._num_errors += 1
        if self._num_errors < 10 or self._num_errors % 100 == 0:
            logger.error("Got %d augmentation errors.", self._num_errors, exc_info=named)
        return True

    def _has_image(self, dp: Any) -> bool:
        """Whether a datapoint is one that an augmentor may fail on."""
        return True
