"""Makes `imagenet_utils`, which is shared with the other networks for ImageNet, known here."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "ImageNetModels"))
import imagenet_utils

__all__ = ["imagenet_utils"]
