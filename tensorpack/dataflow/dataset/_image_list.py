"""OpenCV, for datasets that are made of image files."""
from __future__ import annotations

from ...utils.optional import optional_import

cv2 = optional_import("cv2", needed_by="A dataset of image files (ILSVRC12, TinyImageNet, Places365Standard)",
                      pip="opencv-python-headless")
