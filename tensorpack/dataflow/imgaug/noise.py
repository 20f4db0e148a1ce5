"""Augmentors that add noise."""
from __future__ import annotations

from typing import Optional, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._text.spec import describe
from ._arguments import number, probability, whole_interval
from ._common import cv2
from ._pixels import floating, restore, to_uint8
from .base import PhotometricAugmentor

__all__ = ["GaussianNoise", "JpegNoise", "SaltPepperNoise"]


class JpegNoise(PhotometricAugmentor):
    """Encodes as JPEG and decodes again. Values are rounded to those of 8 bits.

    The image must be HxW, HxWx1, HxWx3, or HxWx4, whose fourth channel is dropped.

    Args:
        quality_range: the quality is an integer drawn from [low, high), where high is at most 101.
    """

    def __init__(self, quality_range: Tuple[int, int] = (40, 100)):
        self.quality_range = whole_interval(self, "quality_range", quality_range, limit=101)
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "becomes black, since its values are rounded to whole numbers"

    def _get_augment_params(self, img: np.ndarray) -> int:
        return int(self.rng.randint(*self.quality_range))

    def _augment(self, img: np.ndarray, params: int) -> np.ndarray:
        if img.ndim == 3 and img.shape[2] not in (1, 3, 4):
            raise ValueError("JpegNoise: the image must have 1, 3 or 4 channels; got {}".format(describe(img)))
        img = img[:, :, :3] if img.ndim == 3 else img
        pixels = np.rint(img) if img.dtype.kind == "f" else img
        code = cv2.imencode(".jpg", np.ascontiguousarray(to_uint8(pixels)), [cv2.IMWRITE_JPEG_QUALITY, params])[1]
        is_color = img.ndim == 3 and img.shape[2] == 3
        decoded = cv2.imdecode(code, cv2.IMREAD_COLOR if is_color else cv2.IMREAD_GRAYSCALE)
        return decoded.reshape(img.shape).astype(img.dtype, copy=False)


class GaussianNoise(PhotometricAugmentor):
    """Adds normal noise, drawn for each value of the image; a Transform fits images of that shape only.

    Args:
        sigma: standard deviation.
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, sigma: float = 1, clip: bool = True):
        self.sigma = number(self, "sigma", sigma, minimum=0)
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "loses its contents under the noise" if self.sigma >= 1 else None

    def _get_augment_params(self, img: np.ndarray) -> np.ndarray:
        return self.rng.randn(*img.shape) * self.sigma

    def _augment(self, img: np.ndarray, params: np.ndarray) -> np.ndarray:
        out = floating(img)
        out += params
        return restore(out, img, self.clip)


class SaltPepperNoise(PhotometricAugmentor):
    """Sets single values, each channel by itself, to 255 or 0; the image is changed **in place** if it can be written to.

    Args:
        white_prob, black_prob: the probabilities; their sum must not exceed 1.
    """

    def __init__(self, white_prob: float = 0.05, black_prob: float = 0.05):
        self.white_prob = probability(self, "white_prob", white_prob)
        self.black_prob = probability(self, "black_prob", black_prob)
        if white_prob + black_prob > 1:
            raise ValueError("SaltPepperNoise: white_prob and black_prob must have a sum of at most 1; got {} and {}".format(
                white_prob, black_prob))
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "gets white values of 255"

    def _get_augment_params(self, img: np.ndarray) -> np.ndarray:
        return self.rng.uniform(low=0, high=1, size=img.shape)

    def _augment(self, img: np.ndarray, params: np.ndarray) -> np.ndarray:
        img = img if img.flags.writeable else img.copy()
        img[params > 1 - self.white_prob] = 255
        img[params < self.black_prob] = 0
        return img
