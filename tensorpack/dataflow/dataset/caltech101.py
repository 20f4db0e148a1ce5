"""Caltech 101 Silhouettes: outlines of the things in Caltech 101."""
from __future__ import annotations

from typing import Any, List, Optional, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._files.remote_file import RemoteFile, obtain
from ...utils.fs import get_dataset_path
from ._in_memory import InMemory
from ._mat import read_mat

__all__ = ["Caltech101Silhouettes"]

_PARTS = ("train", "test", "val")
_FILE = RemoteFile("caltech101_silhouettes_28_split1.mat", (
    "https://people.cs.umass.edu/~marlin/data/caltech101_silhouettes_28_split1.mat",))


class Caltech101Silhouettes(InMemory):
    """Binary images of 101 classes: 4,100 to train on, 2,307 to test on, 2,264 to validate on. Needs scipy.

    Datapoints are `[image, label]`: 28x28 of 0 and 1, label 0 to 100, both in the types of the file. `len` is exact.
    Attributes `images`, Nx28x28, and `labels`.

    Args:
        name: "train", "test" or "val".
        shuffle: whether each pass has a new random order.
        dir: where `caltech101_silhouettes_28_split1.mat` is, or is downloaded to; default `caltech101_data` in the
            directory of datasets.

    Raises:
        OSError: the file is missing and cannot be downloaded.
        ValueError: the file is damaged.
    """

    def __init__(self, name: str, shuffle: bool = True, dir: Optional[str] = None):
        if name not in _PARTS:
            raise ValueError("Caltech101Silhouettes: name must be 'train', 'test' or 'val'; got {!r}".format(name))
        self.name = name
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.dir = get_dataset_path("caltech101_data") if dir is None else dir
        self.images, self.labels = _read(obtain("Caltech101Silhouettes", self.dir, _FILE, verify=_verify), name)

    def __len__(self) -> int:
        return len(self.labels)

    def _datapoint(self, k: int) -> List[Any]:
        return [self.images[k].copy(), self.labels[k]]


def _read(path: str, name: str) -> Tuple[np.ndarray, np.ndarray]:
    content = read_mat(path, [name + "_data", name + "_labels"])
    images, labels = content[name + "_data"], content[name + "_labels"].reshape(-1)
    if images.shape != (len(labels), 28 * 28):
        raise ValueError("{}: must hold images Nx784 and N labels; got {} and {} labels".format(
            path, images.shape, len(labels)))
    return images.reshape(-1, 28, 28), labels - 1


def _verify(path: str) -> None:
    for name in _PARTS:
        _read(path, name)
