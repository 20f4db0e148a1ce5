"""Images for tests of imgaug, and ways to find in them what was drawn."""
import cv2 as cv2  # here, because its import may change the environment, which no test may do
import numpy as np


def picture(h=37, w=52, channels=3, dtype="uint8", seed=0):
    """Smooth, with some noise; HxW if `channels` is 0."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[:h, :w]
    waves = [127 + 80 * np.sin(x / (5.0 + k) + k) * np.cos(y / (4.0 + k)) for k in range(max(channels, 1))]
    img = np.clip(np.stack(waves, axis=2) + 20 * rng.randn(h, w, max(channels, 1)), 0, 255).astype("uint8").astype(dtype)
    return img if channels else img[:, :, 0]


def blob(h, w, x, y, sigma=2.0):
    """float32 HxW with a bright spot whose centre has the coordinates (x, y)."""
    rows, cols = np.mgrid[:h, :w] + 0.5
    return np.exp(-((cols - x) ** 2 + (rows - y) ** 2) / (2 * sigma ** 2)).astype("float32")


def centroid(img):
    """Coordinates (x, y) of the centre of brightness."""
    rows, cols = np.mgrid[:img.shape[0], :img.shape[1]] + 0.5
    total = img.sum()
    return np.array([(img * cols).sum() / total, (img * rows).sum() / total])


def is_inside(point, h, w, margin):
    return margin <= point[0] <= w - margin and margin <= point[1] <= h - margin
