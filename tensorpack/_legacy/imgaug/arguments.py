"""Arguments of augmentors whose meaning or default has changed."""
from __future__ import annotations

import inspect
from typing import Any

from ...dataflow.imgaug._common import cv2
from ...utils._text.keywords import telling
from ...utils._types import wraps
from ...utils.argtools import log_once
from .._spelling import warn_once


def adapt_imgproc(module: Any) -> None:
    _adapt_blur(module.GaussianBlur)
    _adapt_contrast(module.Contrast)
    for cls in (module.Hue, module.Saturation):
        _adapt_color(cls)


def _adapt_blur(cls: Any) -> None:
    """`max_size`: the sizes in x and y were drawn each for itself."""
    today = cls.__init__

    @wraps(today)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("max_size") is not None:
            size = kwargs.pop("max_size")
            warn_once("GaussianBlur(max_size=)", "GaussianBlur(size_range=(0, {}), symmetric=False)".format(size))
            kwargs["size_range"] = (0, size)
            kwargs.setdefault("symmetric", False)
        today(self, *args, **kwargs)

    cls.__init__ = __init__


def _adapt_contrast(cls: Any) -> None:
    """A bool in second place was `clip`; there is `rgb` today."""
    today = cls.__init__

    @wraps(today)
    def __init__(self: Any, factor_range: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) == 1 and isinstance(args[0], bool) and not kwargs:
            warn_once("Contrast(factor_range, {})".format(args[0]), "Contrast(factor_range, clip={})".format(args[0]))
            return today(self, factor_range, clip=args[0])
        return today(self, factor_range, *args, **kwargs)

    cls.__init__ = telling(__init__)


def _adapt_color(cls: Any) -> None:
    """Without `rgb`, or with None, the channels were BGR."""
    today, signature = cls.__init__, inspect.signature(cls.__init__)

    @wraps(today)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind_partial(self, *args, **kwargs)
        except TypeError:
            return today(self, *args, **kwargs)  # refuses it in its own words
        if "rgb" not in given.arguments:
            log_once("imgaug.{0}: without rgb= the channels are RGB, and BGR was meant in releases up to 0.9; write "
                     "{0}(..., rgb=True), or rgb=False for BGR".format(cls.__name__), "warning")
        elif given.arguments["rgb"] is None:
            warn_once("{}(rgb=None)".format(cls.__name__), "rgb=False, for channels BGR")
            given.arguments["rgb"] = False
        return today(*given.args, **given.kwargs)

    cls.__init__ = __init__


def adapt_convert(module: Any) -> None:
    """The mode of ColorSpace had a default."""
    cls = module.ColorSpace
    today = cls.__init__

    @wraps(today)
    def __init__(self: Any, mode: Any = None, keepdims: bool = True) -> None:
        if mode is None:
            warn_once("ColorSpace()", "Grayscale()")
            mode = cv2.COLOR_BGR2GRAY
        today(self, mode, keepdims)

    cls.__init__ = telling(__init__)
