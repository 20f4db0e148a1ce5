"""1,797 handwritten digits that come with the library, for first steps and tests without a download."""
from __future__ import annotations

import os
from typing import Any, List, Optional

import numpy as np

from ...utils._arguments.flags import true_or_false
from ._in_memory import InMemory

__all__ = ["Digits"]

_PACKAGED_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits")
_PARTS = {"train": slice(0, 1500), "test": slice(1500, None)}


class Digits(InMemory):
    """Small images of handwritten digits: 1,500 to train on, 297 to test on.

    Datapoints are `[image, label]`: float32 8x8 in [0, 1], int 0 to 9. `len` is exact. Attributes `images`, float32 Nx8x8x1,
    and `labels`, uint8. The data (E. Alpaydin, C. Kaynak, UCI Machine Learning Repository, CC BY 4.0) need no download.

    Args:
        train_or_test: "train" or "test".
        shuffle: whether each pass has a new random order.
        dir: directory with another `digits.npz`; default the one in the package.
    """

    def __init__(self, train_or_test: str, shuffle: bool = True, dir: Optional[str] = None):
        if train_or_test not in _PARTS:
            raise ValueError("Digits: train_or_test must be 'train' or 'test'; got {!r}".format(train_or_test))
        self.train_or_test = train_or_test
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self._dir = dir
        part = _PARTS[train_or_test]
        with np.load(os.path.join(dir or _PACKAGED_DIR, "digits.npz")) as data:
            self.images = (data["images"][part, :, :, np.newaxis] / 16).astype("float32")
            self.labels = data["labels"][part]

    def __len__(self) -> int:
        return len(self.labels)

    def _datapoint(self, k: int) -> List[Any]:
        return [self.images[k, :, :, 0].copy(), int(self.labels[k])]
