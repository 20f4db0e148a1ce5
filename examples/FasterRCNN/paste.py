"""From the mask of a box, of a fixed size, to the mask of the image."""
import cv2
import numpy as np

__all__ = ["paste_accurate", "paste_fast"]


def paste_accurate(box, mask, shape):
    """uint8 [h, w] of 0 and 1: where the mask, interpolated at the centres of pixels, is at least 0.5.

    Args:
        box: float [4]
        mask: probabilities, [m, m], whose values are those in the middle of equal parts of the box; around it they are 0.
        shape: (h, w)
    """
    result = np.zeros(shape, dtype="uint8")
    padded = np.pad(np.asarray(mask, dtype="float64"), 1, mode="constant")
    size = len(padded)
    x1, y1, x2, y2 = (float(v) for v in box)
    if not (x2 > x1 and y2 > y1):
        return result
    grow_x, grow_y = (x2 - x1) / (size - 2), (y2 - y1) / (size - 2)
    rows, row_weights = _interpolation(y1 - grow_y, y2 + grow_y, size, shape[0])
    columns, column_weights = _interpolation(x1 - grow_x, x2 + grow_x, size, shape[1])
    result[rows, columns] = row_weights.dot(padded).dot(column_weights.T) >= 0.5
    return result


def _interpolation(start, end, size, limit):
    """Along an axis: a slice of the pixels that see the mask, and weights [pixels, size] of its values at each of them."""
    step = (end - start) / size
    # the pixels whose centres are between those of the first and the last value
    first = max(int(np.ceil(start + step / 2 - 0.5)), 0)
    last = min(int(np.floor(end - step / 2 - 0.5)), limit - 1)
    place = (np.arange(first, last + 1) + 0.5 - start) / step - 0.5
    low = np.clip(np.floor(place).astype(int), 0, size - 2)
    fraction = place - low
    weights, pixels = np.zeros((len(place), size)), np.arange(len(place))
    weights[pixels, low] = 1 - fraction
    weights[pixels, low + 1] = fraction
    return slice(first, first + len(place)), weights


def paste_fast(box, mask, shape):
    """The same by resizing the mask to whole pixels."""
    result = np.zeros(shape, dtype="uint8")
    x0, y0 = int(box[0] + 0.5), int(box[1] + 0.5)
    x1, y1 = max(x0, int(box[2] - 0.5)), max(y0, int(box[3] - 0.5))
    resized = cv2.resize(np.asarray(mask, dtype="float32"), (x1 - x0 + 1, y1 - y0 + 1)) > 0.5
    inside = result[y0:y1 + 1, x0:x1 + 1]
    inside[:] = resized[:inside.shape[0], :inside.shape[1]]
    return result
