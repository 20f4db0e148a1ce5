"""SVHN, house numbers from Google Street View, in its version of single cropped digits."""
from __future__ import annotations

import os
import weakref
from typing import Any, List, MutableMapping, Optional, Sequence, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._arguments.names import list_of_names
from ...utils._files.remote_file import RemoteFile, obtain
from ...utils.fs import get_dataset_path
from ._in_memory import InMemory
from ._mat import read_mat

__all__ = ["SVHNDigit"]

_SITES = ("https://ufldl.stanford.edu/housenumbers/", "http://ufldl.stanford.edu/housenumbers/")
_MD5 = {
    "train": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test": "eb5a983be6a315427106f1b164d9cef3",
    "extra": "a93ce644f1a588dc4d68dda5feec44a7",
}


class _Digits:
    """The content of a file."""

    def __init__(self, path: str):
        content = read_mat(path, ["X", "y"])
        images, labels = content["X"], content["y"].reshape(-1)
        if images.shape != (32, 32, 3, len(labels)):
            raise ValueError("{}: must hold images 32x32x3xN and N labels; got {} and {} labels".format(
                path, images.shape, len(labels)))
        self.images = np.ascontiguousarray(images.transpose(3, 0, 1, 2))
        self.labels = (labels % 10).astype("uint8")  # MATLAB counts from 1: a zero has the label 10


# (file, its modification time) -> _Digits, as long as somebody uses it: several flows share the memory.
_Cache: MutableMapping[Tuple[str, int], _Digits] = weakref.WeakValueDictionary()


def _load(path: str) -> _Digits:
    key = (os.path.realpath(path), os.stat(path).st_mtime_ns)
    digits = _Cache.get(key)
    if digits is None:
        digits = _Cache[key] = _Digits(path)
    return digits


class SVHNDigit(InMemory):
    """Photographed digits: 73,257 to train on, 26,032 to test on, 531,131 extra, easier ones. Needs scipy.

    Datapoints are `[image, label]`: uint8 32x32x3 in RGB, numpy.uint8 0 to 9. `len` is exact. Attributes `images`, uint8
    Nx32x32x3, and `labels`, uint8; flows of the same file share them.

    Args:
        name: "train", "test" or "extra".
        data_dir: where the files `{name}_32x32.mat` are, or are downloaded to; default `svhn_data` in the directory of
            datasets.
        shuffle: whether each pass has a new random order.

    Raises:
        OSError: the file is missing and cannot be downloaded.
        ValueError: the file is damaged.
    """

    def __init__(self, name: str, data_dir: Optional[str] = None, shuffle: bool = True):
        if name not in _MD5:
            raise ValueError("SVHNDigit: name must be 'train', 'test' or 'extra'; got {!r}".format(name))
        self.name = name
        self.data_dir = get_dataset_path("svhn_data") if data_dir is None else data_dir
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        filename = name + "_32x32.mat"
        file = RemoteFile(filename, tuple(site + filename for site in _SITES), checksum="md5:" + _MD5[name])
        self._digits = _load(obtain("SVHNDigit", self.data_dir, file))
        self.images, self.labels = self._digits.images, self._digits.labels

    def __len__(self) -> int:
        return len(self.labels)

    def _datapoint(self, k: int) -> List[Any]:
        return [self.images[k].copy(), self.labels[k]]

    @staticmethod
    def get_per_pixel_mean(names: Sequence[str] = ("train", "test", "extra"), *, data_dir: Optional[str] = None) -> np.ndarray:
        """The mean image of the parts `names`: float64 32x32x3.

        Args:
            data_dir: see the class.
        """
        total, count = np.zeros((32, 32, 3)), 0
        for name in list_of_names("SVHNDigit.get_per_pixel_mean", "names", names):
            part = SVHNDigit(name, data_dir)
            total += part.images.sum(axis=0, dtype="float64")
            count += len(part)
        return total / count
