"""`scipy.misc` of SciPy 1.1: images by Pillow, and functions that are in `scipy.special` today."""
from __future__ import annotations

from typing import Any, Optional

import numpy as np

__all__ = ["bytescale", "fromimage", "imfilter", "imread", "imresize", "imrotate", "imsave", "imshow", "toimage"]

_RESAMPLING = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3, "cubic": 3}  # numbers of Pillow
_COLOURS = {3: ("RGB", "YCbCr"), 4: ("RGBA", "CMYK")}  # number of channels -> modes, the default first
_MISSING = "scipy.misc: images need Pillow (pip install Pillow, or tensorpack[tf1])"


def __getattr__(name: str) -> Any:
    if name in ("comb", "factorial", "logsumexp"):
        import scipy.special

        return getattr(scipy.special, name)
    raise AttributeError("module 'scipy.misc' has no attribute {!r}".format(name))


def bytescale(data: Any, cmin: Any = None, cmax: Any = None, high: int = 255, low: int = 0) -> Any:
    """`data` scaled so that `cmin` (default: its least value) becomes `low` and `cmax` becomes `high`, rounded to uint8.

    An array of uint8 is returned as it is.

    Raises:
        ValueError: not 0 <= low <= high <= 255, or cmax < cmin.
    """
    data = np.asarray(data)
    if data.dtype == np.uint8:
        return data
    if not 0 <= low <= high <= 255:
        raise ValueError("bytescale: must have 0 <= low <= high <= 255; got low={}, high={}".format(low, high))
    cmin = data.min() if cmin is None else cmin
    cmax = data.max() if cmax is None else cmax
    if cmax < cmin:
        raise ValueError("bytescale: cmax must not be less than cmin; got {} and {}".format(cmax, cmin))
    scale = float(high - low) / ((cmax - cmin) or 1)
    return (((data - cmin) * scale + low).clip(low, high) + 0.5).astype(np.uint8)


def toimage(arr: Any, high: int = 255, low: int = 0, cmin: Any = None, cmax: Any = None, pal: Any = None,
            mode: Optional[str] = None, channel_axis: Optional[int] = None) -> Any:
    """A Pillow image of an array of two dimensions, or of three of which one has 3 or 4 channels.

    Args:
        high, low, cmin, cmax: see `bytescale`.
        pal: palette of a grey image, Nx3.
        mode: of Pillow; for two dimensions "L", "P", "1", "I" or "F", for three "RGB", "YCbCr", "RGBA" or "CMYK".
        channel_axis: default the first that has 3 elements, else the first that has 4.

    Raises:
        ValueError: the array has another shape or is complex, or does not go with the mode.
    """
    data = np.asarray(arr)
    if np.iscomplexobj(data):
        raise ValueError("toimage: the array must not be complex")
    if data.ndim == 2:
        return _grey_image(data, high, low, cmin, cmax, pal, mode)
    axis = _channel_axis(data.shape, channel_axis)
    content = np.moveaxis(bytescale(data, high=high, low=low, cmin=cmin, cmax=cmax), axis, 2)
    modes = _COLOURS[data.shape[axis]]
    if mode not in (None,) + modes:
        raise ValueError("toimage: mode must be one of {} for {} channels; got {!r}".format(modes, data.shape[axis], mode))
    return _pillow().frombytes(mode or modes[0], content.shape[1::-1], content.tobytes())


def _channel_axis(shape: Any, axis: Optional[int]) -> int:
    axes = [axis] if axis is not None else [k for n in (3, 4) for k, size in enumerate(shape) if size == n][:1]
    if len(shape) != 3 or not axes or shape[axes[0]] not in _COLOURS:
        raise ValueError("toimage: the array must be of two dimensions, or of three with 3 or 4 channels; "
                         "got the shape {}".format(shape))
    return axes[0] % 3


def _grey_image(data: Any, high: int, low: int, cmin: Any, cmax: Any, pal: Any, mode: Optional[str]) -> Any:
    image, size = _pillow(), data.shape[::-1]
    if mode == "F":
        return image.frombytes("F", size, data.astype(np.float32).tobytes())
    if mode in (None, "L", "P"):
        grey = image.frombytes("L", size, bytescale(data, high=high, low=low, cmin=cmin, cmax=cmax).tobytes())
        if pal is not None or mode == "P":
            palette = np.arange(256)[:, np.newaxis].repeat(3, 1) if pal is None else np.asarray(pal)
            grey.putpalette(palette.astype(np.uint8).tobytes())
        return grey
    if mode == "1":
        return image.fromarray((data > high).astype(np.uint8) * 255).convert("1")
    if mode != "I":
        raise ValueError("toimage: mode must be L, P, 1, I or F for an array of two dimensions; got {!r}".format(mode))
    cmin, cmax = (data.min() if cmin is None else cmin), (data.max() if cmax is None else cmax)
    scaled = (data * 1.0 - cmin) * (high - low) / (cmax - cmin) + low
    return image.frombytes("I", size, scaled.astype(np.uint32).tobytes())


def fromimage(im: Any, flatten: bool = False, mode: Optional[str] = None) -> Any:
    """The array of a Pillow image; with `flatten` float32 grey.

    Args:
        mode: of Pillow, to which the image is converted first; an image with a palette becomes RGB or RGBA by default.
    """
    if mode is not None:
        im = im.convert(mode) if mode != im.mode else im
    elif im.mode == "P":
        im = im.convert("RGBA" if "transparency" in im.info else "RGB")
    if flatten:
        im = im.convert("F")
    elif im.mode == "1":
        im = im.convert("L")
    return np.array(im)


def imread(name: Any, flatten: bool = False, mode: Optional[str] = None) -> Any:
    """The image in a file, given by its name or open: uint8, HxW or HxWx3 or HxWx4 RGB(A). See `fromimage`."""
    with _pillow().open(name) as im:
        return fromimage(im, flatten=flatten, mode=mode)


def imsave(name: Any, arr: Any, format: Optional[str] = None) -> None:
    """Write an array as an image; what is not uint8 is scaled to 0..255, see `bytescale`.

    Args:
        format: of Pillow; default that of the file's extension.
    """
    toimage(arr, channel_axis=2).save(name, format)


def imresize(arr: Any, size: Any, interp: str = "bilinear", mode: Optional[str] = None) -> Any:
    """A resized image as uint8; what is not uint8 is scaled to 0..255 first, but for mode "F", which gives float32.

    Args:
        size: percentage if an int, fraction if a float, else (height, width).
        interp: nearest, lanczos, bilinear, bicubic or cubic.
        mode: see `toimage`.
    """
    im = toimage(arr, mode=mode)
    if isinstance(size, (int, np.integer)):
        size = tuple(int(length * (size / 100.0)) for length in im.size)
    elif isinstance(size, (float, np.floating)):
        size = tuple(int(length * size) for length in im.size)
    else:
        size = (int(size[1]), int(size[0]))
    return fromimage(im.resize(size, resample=_resampling("imresize", interp)))


def imrotate(arr: Any, angle: float, interp: str = "bilinear") -> Any:
    """The image turned counter-clockwise about its centre, of the same shape, black outside.

    Args:
        angle: in degrees.
        interp: nearest, lanczos, bilinear, bicubic or cubic.
    """
    return fromimage(toimage(arr).rotate(angle, resample=_resampling("imrotate", interp)))


def imfilter(arr: Any, ftype: str) -> Any:
    """The image after one of Pillow's filters, such as "blur", "contour", "detail", "edge_enhance", "emboss", "find_edges"."""
    _pillow()
    from PIL import ImageFilter

    kind = getattr(ImageFilter, ftype.upper(), None)
    if kind is None:
        raise ValueError("imfilter: ftype must be a filter of Pillow; got {!r}".format(ftype))
    return fromimage(toimage(arr).filter(kind))


def imshow(arr: Any) -> None:
    """Show an array in the viewer of the system."""
    toimage(arr).show()


def _resampling(who: str, interp: str) -> int:
    if interp not in _RESAMPLING:
        raise ValueError("{}: interp must be one of {}; got {!r}".format(who, ", ".join(sorted(_RESAMPLING)), interp))
    return _RESAMPLING[interp]


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as e:
        raise ImportError(_MISSING, name="PIL") from e
    return Image
