"""A flow that decodes images only as far as augmentation uses them."""
from __future__ import annotations

import copy
from typing import Any, Iterator, Optional, Sequence, Union

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._text.spec import shown
from .._flows._told.datapoint_error import component_of
from .._flows.augmentation import Augmentation, check_boxes, check_coordinates, check_label_map, check_same_size, plumbing
from ..base import DataFlow
from ..imgaug._transform_base import TransformList
from ..imgaug.base import AugmentorList, ImageAugmentor, ImagePlaceholder, draws_by_shape
from .damage import DamageCount, check_policy
from .decode import Encoded, NoImageError, accept, check_mode, read_encoded
from .decoders import Pixels
from .jpeg_header import is_cut_off
from .window import decode_window, split

plumbing.add(__file__)


class _DecodingMapper:
    """Decodes the image of a datapoint and augments it, and what belongs to it, with one transform."""

    def __init__(self, who: str, augs: AugmentorList, index: Any, others: Sequence[Any], mode: str, exact: bool,
                 on_damaged: str):
        self._who = who
        self._augs = augs
        self._index = index
        self._others = others
        self._mode = mode
        self._exact = true_or_false(self._who, "exact", exact)
        self._on_damaged = on_damaged
        self.count = DamageCount(who, on_damaged)

    def __call__(self, dp: Any) -> Any:
        dp = list(dp) if isinstance(dp, tuple) else dp  # a copy, made by MapData
        encoded = read_encoded(self._who, component_of(dp, self._index, self._who, "index"))
        for _, check, index in self._others:
            check(component_of(dp, index, self._who, "the index of what belongs to the image"), self._who, index)
        try:
            made = self._make(encoded)
        except NoImageError as e:
            self.count.add(str(e))
            if self._on_damaged == "drop":
                return None
            raise
        if made is None:
            return None
        dp[self._index], transform, size = made
        for apply, check, index in self._others:
            if check is check_label_map:
                check_same_size(dp[index], self._who, index, size, self._index)
            dp[index] = getattr(transform, apply)(copy.deepcopy(dp[index]))
        return dp

    def _make(self, encoded: Encoded) -> Any:
        """The image, the transform of it and the size that it had; None if the image is to be left out."""
        made = self._make_of_part(encoded) if self._can_be_part(encoded) else None
        if made is not None:
            pixels, transform, size = made
            return None if self._accept(pixels) is None else (pixels.array, transform, size)
        image = self._accept(encoded.decode(self._who, self._mode))
        if image is None:
            return None
        size = image.shape[:2]
        transform = self._augs.get_transform(image)
        return transform.apply_image(image), transform, size

    def _accept(self, pixels: Pixels) -> Optional[np.ndarray]:
        self.count.add(pixels.damage)
        return accept(self._who, pixels, self._on_damaged)

    def _can_be_part(self, encoded: Encoded) -> bool:
        """Whether the transform can be drawn before the image is decoded, and part of it be decoded then."""
        header, augs = encoded.header, self._augs
        return (header is not None and header.is_common and header.orientation is not None and encoded.is_credible()
                and self._mode != "unchanged" and not is_cut_off(encoded.content, header)
                and type(augs).get_transform is AugmentorList.get_transform and bool(augs.augmentors)
                and draws_by_shape(augs.augmentors[0].get_transform))

    def _make_of_part(self, encoded: Encoded) -> Any:
        header: Any = encoded.header
        h, w = header.orientation.size(header.height, header.width)
        placeholder: Any = ImagePlaceholder(shape=(h, w) if self._mode == "gray" else (h, w, 3))
        transform = self._augs.get_transform(placeholder)
        window, rest = split(transform, h, w)
        try:
            pixels = decode_window(encoded.content, header, window, self._mode, self._exact)
        except ValueError:  # OpenCV may know better, with the transform that is drawn
            whole = encoded.decode(self._who, self._mode)
            return Pixels(transform.apply_image(whole.array), whole.damage), transform, (h, w)
        return Pixels(TransformList(rest).apply_image(pixels.array), pixels.damage), transform, (h, w)


class DecodeAndAugment(Augmentation):
    """Decodes the bytes of an image file in each datapoint and augments the image; order is kept.

    It is `AugmentImageComponent` after `MapDataComponent(ds, decode_image)`, in less time if the augmentors begin with crops,
    or with crops and a resize: the transform is drawn for the size that the header of a JPEG tells, and only the rows and the
    scale that it uses are decoded. Augmentors draw the same as they would for the image. Pixels are the same, too, unless the
    part is at least twice as large as what it is resized to: then the image is decoded at 1/2, 1/4 or 1/8 of its size, where
    each pixel is a mean. With `exact=True` they are always the same.

    Images of other formats, and those of which an augmentor needs the pixels to draw (see `ImageAugmentor.draws_by_shape`), are
    decoded as a whole. A pass ends with a word about how many images were damaged. Attribute `augs`: the AugmentorList.

    Args:
        ds: flow of list, tuple or dict datapoints; tuples become lists.
        augmentors: list of augmentors, or an AugmentorList.
        index: position or dict key of the bytes, or uint8 array of them; the image takes their place.
        coords_index: positions or dict keys of coordinates on the image, float arrays Nx2 of (x, y), that change with it.
        boxes_index: the same of boxes, float arrays Nx4 of (x0, y0, x1, y1).
        segmentation_index: the same of label maps and masks, arrays HxW or HxWxC of any dtype and the size of the whole image.
        mode: order of channels and `on_damaged` for damaged images: see `decode_image`. Damage is found as far as is decoded.
        exact: whether to decode at full scale always.
        catch_exceptions: drop datapoints that fail, and log the first errors and every 100th, instead of raising.

    Raises:
        ValueError: during iteration, when an image cannot be decoded, unless `on_damaged="drop"`. This and other errors name
            the datapoint, and the file that it came from where a flow below knows it.
    """

    def __init__(self, ds: DataFlow, augmentors: Union[AugmentorList, Sequence[ImageAugmentor]], index: Any = 0, *,
                 coords_index: Sequence[Any] = (), boxes_index: Sequence[Any] = (), segmentation_index: Sequence[Any] = (),
                 mode: str = "bgr", exact: bool = False, on_damaged: str = "keep", catch_exceptions: bool = False):
        who = type(self).__name__
        self._set_up(augmentors, catch_exceptions)
        others = []
        for name, indices, apply, check in (("coords_index", coords_index, "apply_coords", check_coordinates),
                                            ("boxes_index", boxes_index, "apply_boxes", check_boxes),
                                            ("segmentation_index", segmentation_index, "apply_segmentation", check_label_map)):
            if not isinstance(indices, (list, tuple)):
                raise TypeError("{}: {} must be a list or tuple; got {}".format(who, name, shown(indices)))
            others += [(apply, check, k) for k in indices]
        self._mapper = _DecodingMapper(who, self.augs, index, others, check_mode(who, mode), exact,
                                       check_policy(who, on_damaged))
        super().__init__(ds, self._mapper)

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        self._mapper.count.end_pass()
