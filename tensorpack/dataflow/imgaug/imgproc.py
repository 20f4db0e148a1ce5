"""Augmentors of brightness, contrast, colour and sharpness."""
from __future__ import annotations

from typing import Any, Optional, Tuple, Union

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils.develop import log_deprecated
from ._arguments import interval, number, whole_interval
from ._common import check_channels, cv2
from ._pixels import (
    blend_with_gray,
    channel_means,
    gray_mean,
    look_up,
    scale_and_add,
    scale_and_add_channels,
    to_uint8,
)
from ._sampling import interpolate
from .base import PhotometricAugmentor

__all__ = ["Brightness", "BrightnessScale", "Clip", "Contrast", "Gamma", "GaussianBlur", "Hue", "Lighting",
           "MeanVarianceNormalize", "MinMaxNormalize", "Saturation"]

Range = Tuple[float, float]


class Brightness(PhotometricAugmentor):
    """Adds a number drawn from [-delta, delta).

    Args:
        delta: positive.
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, delta: float, clip: bool = True):
        self.delta = number(self, "delta", delta, above=0)
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "loses its contents under what is added" if self.delta > 1 else None

    def _get_augment_params(self, img: np.ndarray) -> float:
        return self.rng.uniform(-self.delta, self.delta)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        return scale_and_add(img, 1, params, self.clip)


class BrightnessScale(PhotometricAugmentor):
    """Multiplies by a number drawn from `range`.

    Args:
        range: (low, high).
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, range: Range, clip: bool = True):
        self.range = interval(self, "range", range)
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _get_augment_params(self, img: np.ndarray) -> float:
        return self.rng.uniform(*self.range)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        return scale_and_add(img, params, 0, self.clip)


class Contrast(PhotometricAugmentor):
    """`(x - mean) * factor + mean` with a factor drawn from `factor_range`.

    Args:
        factor_range: (low, high).
        rgb: None: `mean` is taken for each channel. True or False: it is that of the gray image of an RGB or BGR image, which
            may have a fourth channel.
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, factor_range: Range, rgb: Optional[bool] = None, clip: bool = True):
        self.factor_range = interval(self, "factor_range", factor_range)
        self.rgb = true_or_false(self, "rgb", rgb)
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _get_augment_params(self, img: np.ndarray) -> float:
        return self.rng.uniform(*self.factor_range)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        if img.ndim == 3 and self.rgb is not None:
            check_channels(self, img)
            means = [gray_mean(img, self.rgb)]
        else:
            means = channel_means(img)
        return scale_and_add_channels(img, params, [mean * (1 - params) for mean in means], self.clip)


class Saturation(PhotometricAugmentor):
    """Blends with the gray image: `x * v + gray * (1 - v)` with v drawn from [1 - alpha, 1 + alpha), a fourth channel too.

    Args:
        alpha: below 1.
        rgb: whether the channels are RGB, else BGR.
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, alpha: float = 0.4, rgb: bool = True, clip: bool = True):
        self.alpha = number(self, "alpha", alpha, minimum=0, below=1)
        self.rgb = true_or_false(self, "rgb", rgb)
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _get_augment_params(self, img: np.ndarray) -> float:
        return 1 + self.rng.uniform(-self.alpha, self.alpha)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        check_channels(self, img)
        return blend_with_gray(img, params, self.rgb, self.clip)


class Hue(PhotometricAugmentor):
    """Turns the hue by a number drawn from `range`, where 180 is the full circle.

    Takes HxWx3 or HxWx4, whose fourth channel is dropped, as uint8 in [0, 255] or float in [0, 1].

    Args:
        range: (low, high).
        rgb: whether the channels are RGB, else BGR.
    """

    def __init__(self, range: Range = (0, 180), rgb: bool = True):
        self.range = interval(self, "range", range)
        self.rgb = true_or_false(self, "rgb", rgb)
        super().__init__()

    def _get_augment_params(self, img: np.ndarray) -> float:
        return self.rng.uniform(*self.range)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        check_channels(self, img)
        x = img if img.dtype == np.uint8 else img.astype("float32")
        hsv = cv2.cvtColor(x, cv2.COLOR_RGB2HSV if self.rgb else cv2.COLOR_BGR2HSV)
        hue = cv2.extractChannel(hsv, 0)
        if x.dtype == np.uint8:
            hue = cv2.LUT(hue, ((np.arange(256) + params) % 180).astype("uint8"))
        else:
            hue = (hue + np.float32(2 * params)) % np.float32(360)
        cv2.insertChannel(hue, hsv, 0)
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB if self.rgb else cv2.COLOR_HSV2BGR).astype(img.dtype, copy=False)


class Gamma(PhotometricAugmentor):
    """`255 * (x / 255) ** (1 / (1 + g))` with g drawn from `range`, by a table for whole numbers.

    Float images must be in [0, 255]; they are cut to whole numbers first.

    Args:
        range: (low, high), above -1.
    """

    def __init__(self, range: Range = (-0.5, 0.5)):
        self.range = interval(self, "range", range, above=-1)
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "becomes black, since its values are cut to whole numbers"

    def _get_augment_params(self, img: np.ndarray) -> float:
        return self.rng.uniform(*self.range)

    def _augment(self, img: np.ndarray, params: float) -> np.ndarray:
        curve = 255 * (np.arange(256) / 255.0) ** (1.0 / (1.0 + params))
        table = np.floor(curve + 1e-6).astype("uint8")  # what is a whole number must not fall below it
        return look_up(to_uint8(img), table).astype(img.dtype, copy=False)


class GaussianBlur(PhotometricAugmentor):
    """Gaussian blur; the border is replicated.

    Args:
        size_range: the kernel is 2k + 1 pixels wide with an integer k drawn from [low, high); an integer n means (0, n).
        sigma_range: standard deviation; 0 means OpenCV's choice for the kernel's size.
        symmetric: use the same size and deviation in x and y.
        max_size: deprecated, use `size_range`.
    """

    def __init__(self, size_range: Union[int, Tuple[int, int]] = (0, 3), sigma_range: Range = (0, 0), symmetric: bool = True,
                 max_size: Optional[int] = None):
        if max_size is not None:
            log_deprecated("GaussianBlur(max_size=)", "Use size_range=(0, {}) instead.".format(max_size))
            size_range = (0, max_size)
        if not isinstance(size_range, (tuple, list)):
            size_range = (0, size_range)
        self.size_range = whole_interval(self, "size_range", size_range)
        self.sigma_range = interval(self, "sigma_range", sigma_range, minimum=0)
        self.symmetric = true_or_false(self, "symmetric", symmetric)
        super().__init__()

    def _get_augment_params(self, img: np.ndarray) -> Tuple[int, int, float, float]:
        size = self.rng.randint(self.size_range[0], self.size_range[1], size=2) * 2 + 1
        sigma = self.rng.uniform(self.sigma_range[0], self.sigma_range[1], size=2)
        if self.symmetric:
            size[1], sigma[1] = size[0], sigma[0]
        return int(size[0]), int(size[1]), float(sigma[0]), float(sigma[1])

    def _augment(self, img: np.ndarray, params: Tuple[int, int, float, float]) -> np.ndarray:
        width, height, sigma_x, sigma_y = params
        return interpolate(lambda x: cv2.GaussianBlur(
            x, (width, height), sigmaX=sigma_x, sigmaY=sigma_y, borderType=cv2.BORDER_REPLICATE), img)


class Lighting(PhotometricAugmentor):
    """Adds noise along the principal components of colours: `eigvec . (n * std * eigval)` with n drawn from a unit normal.

    Args:
        std: of the noise.
        eigval: (3,), eigenvalues of the covariance of the channels.
        eigvec: 3x3, the eigenvectors as columns.
        clip: limit the result to [0, 255]; uint8 images always are.
    """

    def __init__(self, std: float, eigval: Any, eigvec: Any, clip: bool = True):
        self.std = number(self, "std", std, minimum=0)
        self.eigval = np.asarray(eigval)
        self.eigvec = np.asarray(eigvec)
        if self.eigval.shape != (3,) or self.eigvec.shape != (3, 3):
            raise ValueError("Lighting: eigval must have shape (3,) and eigvec (3, 3); got {} and {}".format(
                self.eigval.shape, self.eigvec.shape))
        self.clip = true_or_false(self, "clip", clip)
        super().__init__()

    def _spoils_unit_range(self) -> Optional[str]:
        return "loses its contents under what is added" if self.std * np.abs(self.eigval).max() > 1 else None

    def _get_augment_params(self, img: np.ndarray) -> np.ndarray:
        return self.rng.randn(3) * self.std

    def _augment(self, img: np.ndarray, params: np.ndarray) -> np.ndarray:
        check_channels(self, img, (3,))
        return scale_and_add_channels(img, 1, np.dot(self.eigvec, params * self.eigval).tolist(), self.clip)


class Clip(PhotometricAugmentor):
    """Limits values to [min, max].

    Float limits make float64 of whole numbers, and whole limits that the dtype cannot hold widen it.
    """

    def __init__(self, min: float = 0, max: float = 255):
        self.min = number(self, "min", min)
        self.max = number(self, "max", max)
        if min > max:
            raise ValueError("Clip: min must not exceed max; got min={}, max={}".format(min, max))
        super().__init__()

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        dtype = _dtype_with(_dtype_with(img.dtype, self.min), self.max)
        return np.clip(img.astype(dtype), self.min, self.max)


def _dtype_with(dtype: np.dtype, limit: Any) -> np.dtype:
    """The dtype of an image and one more number, as numpy 1 has it."""
    if dtype.kind not in "iu":
        return dtype
    if isinstance(limit, (float, np.floating)):
        return np.dtype("float64")
    fits = np.iinfo(dtype).min <= limit <= np.iinfo(dtype).max
    return dtype if fits else np.result_type(dtype, np.min_scalar_type(limit))


class MinMaxNormalize(PhotometricAugmentor):
    """Stretches values linearly to [min, max], as float32; a constant image becomes `min`.

    Args:
        min, max: the new range.
        all_channel: stretch all channels alike, instead of each by itself.
    """

    def __init__(self, min: float = 0, max: float = 255, all_channel: bool = True):
        self.min = number(self, "min", min)
        self.max = number(self, "max", max)
        self.all_channel = true_or_false(self, "all_channel", all_channel)
        super().__init__()

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        x = img.astype("float32")
        axes = None if self.all_channel else (0, 1)
        low = x.min(axis=axes, keepdims=True)
        extent = x.max(axis=axes, keepdims=True) - low
        extent[extent == 0] = 1
        return (x - low) / extent * np.float32(self.max - self.min) + np.float32(self.min)


class MeanVarianceNormalize(PhotometricAugmentor):
    """`(x - mean) / max(std, 1 / sqrt(number of values in the image))`, as float32.

    Args:
        all_channel: take mean and standard deviation over all channels, instead of for each by itself.
    """

    def __init__(self, all_channel: bool = True):
        self.all_channel = true_or_false(self, "all_channel", all_channel)
        super().__init__()

    def _augment(self, img: np.ndarray, _: Any) -> np.ndarray:
        x = img.astype("float32")
        axes = None if self.all_channel else (0, 1)
        mean = x.mean(axis=axes, keepdims=True, dtype="float64")
        std = np.maximum(x.std(axis=axes, keepdims=True, dtype="float64"), 1.0 / np.sqrt(img.size))
        return (x - mean.astype("float32")) / std.astype("float32")
