"""What datasets made of image files have in common."""
from __future__ import annotations

import numpy as np

from ...utils.optional import optional_import

cv2 = optional_import("cv2", needed_by="A dataset of image files (ILSVRC12, TinyImageNet, Places365Standard)",
                      pip="opencv-python-headless")


def read_image(who: str, path: str) -> np.ndarray:
    """An image file as uint8 HxWx3 in BGR; ValueError if it cannot be read as one."""
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("{}: {} must be an image that OpenCV can read; it is missing or damaged".format(who, path))
    return image
