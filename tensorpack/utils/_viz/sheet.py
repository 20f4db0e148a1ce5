"""Pictures side by side, each large enough to be looked at."""
from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from ..optional import optional_import
from ..viz import stack_patches

cv2 = optional_import("cv2", needed_by="a sheet of pictures", pip="opencv-python-headless")

_SIDE = 128  # pixels of the longer side, at least; twice as many at most


def scaled(picture: np.ndarray) -> np.ndarray:
    """The picture in a size to look at: small ones keep their pixels as squares."""
    factor = max(1, math.ceil(_SIDE / max(picture.shape[:2])))
    limit = min(1., 2. * _SIDE / max(picture.shape[:2]))
    factor_or_limit = factor if factor > 1 else limit
    size = [max(1, int(round(side * factor_or_limit))) for side in picture.shape[1::-1]]
    return np.asarray(cv2.resize(picture, tuple(size), interpolation=cv2.INTER_NEAREST if factor > 1 else cv2.INTER_AREA))


def write_sheet(who: str, filename: str, pictures: Sequence[np.ndarray]) -> None:
    """Write pictures, HxWx3 in BGR, as one that is about as wide as it is high.

    Raises:
        ValueError: the file cannot be written; `who` begins the message.
    """
    columns = math.ceil(math.sqrt(len(pictures)))
    sheet: Any = stack_patches(pictures, math.ceil(len(pictures) / columns), columns, pad=True)
    if not cv2.imwrite(filename, sheet):
        raise ValueError("{}: {} could not be written".format(who, filename))
