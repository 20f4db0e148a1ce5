"""Flows that read images from files, and flows that augment the images and coordinates of datapoints.

Needs OpenCV when used, not when imported.
"""
from __future__ import annotations

import copy as copy_module
from typing import Any, Iterator, List, Sequence, Tuple, Union

import numpy as np

from ..utils._arguments.flags import true_or_false
from ..utils._arguments.sizes import height_width
from ..utils._text.spec import shown
from ._decode.decode import FileReader, decode_image
from ._decode.flow import DecodeAndAugment
from ._decode.opencv import cv2
from ._flows._told.datapoint_error import component_of
from ._flows.augmentation import Augmentation, ImageCheck, check_coordinates, check_label_map, check_same_size, plumbing
from ._flows.map import MapDataComponent
from .base import DataFlow, RNGDataFlow, shuffled_indices
from .imgaug._common import check_dtype as check_dtype  # kept for scripts that import it from here
from .imgaug._label_maps import LabelMapWatch
from .imgaug._transform_base import depends_on_size
from .imgaug.base import AugmentorList, ImageAugmentor

__all__ = ["AugmentImageComponent", "AugmentImageComponents", "AugmentImageCoordinates", "DecodeAndAugment", "ImageFromFile",
           "decode_image"]


class ImageFromFile(RNGDataFlow):
    """Reads image files: datapoints `[image]`, uint8 HxWx3 in RGB, or HxWx1. `len` is exact.

    Images are turned as their EXIF data say. Of a damaged JPEG the pixels that are there are decoded; a pass ends with a
    warning of how many files are damaged.

    `cv2.imread`, augmentors, and the datasets of image files (`ImageFolder`, `ILSVRC12`, ...) have BGR: with `rgb=False` this
    flow has it, too. A model must see at inference the order that it was trained with.

    Args:
        files: paths of images.
        channel: 3 for colour, 1 for gray.
        resize: an int, or (height, width), to resize the images to.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        rgb: whether the channels are RGB, else BGR.

    Raises:
        ValueError: during iteration, when a file cannot be read as an image.
    """

    _reads_at_random = True

    def __init__(self, files: Sequence[str], channel: int = 3, resize: Union[None, int, Tuple[int, int]] = None,
                 shuffle: bool = False, *, rgb: bool = True):
        if isinstance(files, str) or not len(files):
            raise ValueError("ImageFromFile: files must be a list of at least one path; got {}".format(shown(files)))
        if channel not in (1, 3):
            raise ValueError("ImageFromFile: channel must be 1 or 3; got {!r}".format(channel))
        self.files = files
        self.channel = int(channel)
        self.resize = None if resize is None else height_width(self, "resize", resize)
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.rgb = true_or_false(self, "rgb", rgb)

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[List[np.ndarray]]:
        reader = FileReader("ImageFromFile", "gray" if self.channel == 1 else "rgb" if self.rgb else "bgr",
                            "files must be images that OpenCV can read; got {path!r}, which is {what}")
        for k in shuffled_indices(len(self.files), self.shuffle, self):
            self._last_texts = (self.files[k],)
            yield [self._finished(reader.read(self.files[k]))]
        reader.end_pass()

    def _finished(self, image: np.ndarray) -> np.ndarray:
        if self.resize is not None:
            image = cv2.resize(image, self.resize[::-1], interpolation=cv2.INTER_LINEAR)
        return image if self.channel == 3 else image[:, :, np.newaxis]


plumbing.add(__file__)


class _ImageMapper:
    """Augments an image."""

    def __init__(self, check: ImageCheck, augs: AugmentorList, index: Any, copy: bool):
        self._check = check
        self._augs = augs
        self._index = index
        self._copy = true_or_false("AugmentImageComponent", "copy", copy)

    def __call__(self, image: Any) -> np.ndarray:
        self._check(image, "AugmentImageComponent", self._index)
        return self._augs.augment(copy_module.deepcopy(image) if self._copy else image)


class AugmentImageComponent(Augmentation, MapDataComponent):
    """Augments an image of each datapoint; order is kept. Attribute `augs`: the AugmentorList.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists.
        augmentors: list of augmentors, or an AugmentorList.
        index: position or dict key of the image.
        copy: augment a copy, since augmentors may write into the image.
        catch_exceptions: drop datapoints that an augmentor fails on, and log the first errors and every 100th, instead of
            raising.

    Raises:
        TypeError: the component is no array, whatever `catch_exceptions`. This and other errors name the datapoint, and the
            file that it came from where a flow below knows it.
    """

    def __init__(self, ds: DataFlow, augmentors: Union[AugmentorList, Sequence[ImageAugmentor]], index: Any = 0,
                 copy: bool = True, catch_exceptions: bool = False):
        self._set_up(augmentors, catch_exceptions)
        super().__init__(ds, _ImageMapper(ImageCheck(ds), self.augs, index, copy), index)

    def _has_image(self, dp: Any) -> bool:
        try:
            return isinstance(dp[self.index], np.ndarray)
        except (IndexError, KeyError, TypeError):
            return False


class _ComponentsMapper:
    """Augments images, coordinates and label maps of a datapoint alike, with a transform drawn for the first image."""

    def __init__(self, who: str, check: ImageCheck, augs: AugmentorList, images: Sequence[Any], coordinates: Sequence[Any],
                 copy: bool, label_maps: Sequence[Any] = ()):
        self._who = who
        self._check = check
        self._augs = augs
        self._images = list(images)
        self._coordinates = list(coordinates)
        self._label_maps = list(label_maps)
        self._watch = LabelMapWatch(who, self._images[1:])
        self._copy = true_or_false(self._who, "copy", copy)

    def __call__(self, dp: Any) -> Any:
        dp = list(dp) if isinstance(dp, tuple) else dp  # a copy, made by MapData
        for name, indices, check in (("the index of an image", self._images, self._check),
                                     ("the index of coordinates", self._coordinates, check_coordinates),
                                     ("the index of a label map", self._label_maps, check_label_map)):
            for index in indices:
                check(component_of(dp, index, self._who, name), self._who, index)
        if self._copy:
            for index in self._images + self._coordinates + self._label_maps:
                dp[index] = copy_module.deepcopy(dp[index])
        labels = self._watch.labels(dp)
        first, size = self._images[0], dp[self._images[0]].shape[:2]
        transform = self._augs.get_transform(dp[first])
        for index in self._label_maps:
            check_same_size(dp[index], self._who, index, size, first)
        dp[first] = transform.apply_image(dp[first])  # before the others: parts of a transform are drawn when it meets an image
        for index in self._images[1:]:
            if depends_on_size(transform):
                check_same_size(dp[index], self._who, index, size, first)
            dp[index] = transform.apply_image(dp[index])
        for index in self._coordinates:
            dp[index] = transform.apply_coords(dp[index])
        for index in self._label_maps:
            dp[index] = transform.apply_segmentation(dp[index])
        self._watch.compare(dp, labels)
        return dp


class AugmentImageCoordinates(Augmentation):
    """Augments an image and coordinates on it by the same transform; order is kept. Attribute `augs`: the AugmentorList.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists.
        augmentors: list of augmentors, or an AugmentorList.
        img_index: position or dict key of the image.
        coords_index: position or dict key of the coordinates, a float array Nx2 of (x, y).
        copy: augment copies, since augmentors may write into what they are given.
        catch_exceptions: drop datapoints that fail, and log the first errors and every 100th, instead of raising.
    """

    def __init__(self, ds: DataFlow, augmentors: Union[AugmentorList, Sequence[ImageAugmentor]], img_index: Any = 0,
                 coords_index: Any = 1, copy: bool = True, catch_exceptions: bool = False):
        self._set_up(augmentors, catch_exceptions)
        super().__init__(ds, _ComponentsMapper(
            type(self).__name__, ImageCheck(ds), self.augs, [img_index], [coords_index], copy))


class AugmentImageComponents(Augmentation):
    """Augments several images, and coordinates and label maps on them, by the same transform; order is kept.

    The transform is drawn for the first image. Attribute `augs`: the AugmentorList. Images are interpolated, so a label map
    belongs to `segmentation_index`, where pixels are moved and never mixed; what comes from outside of the image is 0.

    The others are as large as the first image. Further images may have another size as long as only flips, transpositions and
    changes of values are drawn, which mean the same at every size.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists.
        augmentors: list of augmentors, or an AugmentorList.
        index: positions or dict keys of the images.
        coords_index: positions or dict keys of coordinates, float arrays Nx2 of (x, y).
        copy: augment copies, since augmentors may write into what they are given.
        catch_exceptions: drop datapoints that fail, and log the first errors and every 100th, instead of raising.
        segmentation_index: positions or dict keys of label maps and masks, arrays HxW or HxWxC of any dtype.

    Raises:
        ValueError: during iteration, when a label map or an image is not as large as the first image.
    """

    def __init__(self, ds: DataFlow, augmentors: Union[AugmentorList, Sequence[ImageAugmentor]],
                 index: Sequence[Any] = (0, 1), coords_index: Sequence[Any] = (), copy: bool = True,
                 catch_exceptions: bool = False, *, segmentation_index: Sequence[Any] = ()):
        for name, value in (("index", index), ("coords_index", coords_index), ("segmentation_index", segmentation_index)):
            if not isinstance(value, (list, tuple)):
                raise TypeError("AugmentImageComponents: {} must be a list or tuple; got {}".format(name, shown(value)))
        if not index:
            raise ValueError("AugmentImageComponents: index must name at least one image; got none")
        for component in segmentation_index:
            if component in index:
                raise ValueError("AugmentImageComponents: segmentation_index and index must name different components; "
                                 "got {!r} in both".format(component))
        self._set_up(augmentors, catch_exceptions)
        super().__init__(ds, _ComponentsMapper(
            type(self).__name__, ImageCheck(ds), self.augs, index, coords_index, copy, segmentation_index))
