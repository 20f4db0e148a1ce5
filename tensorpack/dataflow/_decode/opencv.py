"""OpenCV, imported at its first use."""
from __future__ import annotations

from ...utils.optional import optional_import

cv2 = optional_import("cv2", needed_by="Decoding of images (decode_image, ImageFromFile, datasets of image files)",
                      pip="opencv-python-headless")
