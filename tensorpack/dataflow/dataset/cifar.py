"""CIFAR-10 and CIFAR-100, read from the files of their "python version"."""
from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.names import list_of_names
from ...utils._files.remote_file import RemoteFile
from ...utils.fs import get_dataset_path
from ...utils.serialize import load_pickle
from ._archive import obtain_unpacked
from ._in_memory import InMemory

__all__ = ["Cifar10", "Cifar100", "CifarBase"]

_SITES = ("https://www.cs.toronto.edu/~kriz/", "http://www.cs.toronto.edu/~kriz/")


def _load(path: str) -> Any:
    """The content of a pickle; strings of Python 2 become bytes."""
    try:
        return load_pickle(path, encoding="bytes")
    except ValueError as e:
        raise ValueError("{}; delete the file, so that it is unpacked again, or replace it".format(e)) from e



class _Version(NamedTuple):
    archive: RemoteFile
    folder: str
    parts: Dict[str, List[str]]  # "train" and "test" -> names of files
    label: bytes
    meta_file: str
    label_names: bytes


def _archive(filename: str, size: int, md5: str) -> RemoteFile:
    return RemoteFile(filename, tuple(site + filename for site in _SITES), size, "md5:" + md5)


_VERSIONS = {
    10: _Version(
        archive=_archive("cifar-10-python.tar.gz", 170498071, "c58f30108f718f92721af3b95e74349a"),
        folder="cifar-10-batches-py",
        parts={"train": ["data_batch_{}".format(k) for k in range(1, 6)], "test": ["test_batch"]},
        label=b"labels", meta_file="batches.meta", label_names=b"label_names"),
    100: _Version(
        archive=_archive("cifar-100-python.tar.gz", 169001437, "eb9058c3a382ffc7106e4002c42a8d85"),
        folder="cifar-100-python",
        parts={"train": ["train"], "test": ["test"]},
        label=b"fine_labels", meta_file="meta", label_names=b"fine_label_names"),
}


class CifarBase(InMemory):
    """Small colour photographs of things in 10 or 100 classes: 50,000 to train on, 10,000 to test on.

    Datapoints are `[image, label]`: uint8 32x32x3 in RGB, int; of CIFAR-100 the fine label. `len` is exact.
    Attributes: `data`, the list of datapoints; `dir`; `fs`, the files it was read from; `train_or_test`; `shuffle`.

    Args:
        train_or_test: "train" or "test".
        shuffle: whether each pass has a new random order; default only for "train".
        dir: where the folder of the files (`cifar-10-batches-py`, `cifar-100-python`) or the archive with it is, or is
            downloaded to; default `cifar10_data` or `cifar100_data` in the directory of datasets.
        cifar_classnum: 10 or 100.

    Raises:
        OSError: the files are missing and cannot be downloaded.
        ValueError: a file is damaged, or not in the archive.
    """

    def __init__(self, train_or_test: str, shuffle: Optional[bool] = None, dir: Optional[str] = None,
                 cifar_classnum: int = 10):
        if cifar_classnum not in _VERSIONS:
            raise ValueError("{}: cifar_classnum must be 10 or 100; got {!r}".format(type(self).__name__, cifar_classnum))
        self.cifar_classnum = cifar_classnum
        self._version = _VERSIONS[cifar_classnum]
        self._check_names([train_or_test])
        self.train_or_test = train_or_test
        self.shuffle = train_or_test == "train" if shuffle is None else true_or_false(self, "shuffle", shuffle)
        self.dir = get_dataset_path("cifar{}_data".format(cifar_classnum)) if dir is None else dir
        self.fs = self._files([train_or_test])
        obtain_unpacked(type(self).__name__, self.dir, self._version.archive,
                        [os.path.relpath(file, self.dir) for file in self.fs])
        logger.info("Found cifar%d data in %s.", cifar_classnum, self.dir)
        images, labels = self._read(self.fs)
        self.data = [[image, label] for image, label in zip(images, labels)]

    def _check_names(self, names: Sequence[str]) -> None:
        for name in list_of_names(type(self).__name__, "names of parts", names):
            if name not in self._version.parts:
                raise ValueError("{}: the part must be 'train' or 'test'; got {!r}".format(type(self).__name__, name))

    def _files(self, names: Sequence[str]) -> List[str]:
        return [os.path.join(self.dir, self._version.folder, file) for name in names for file in self._version.parts[name]]

    def _read(self, files: Sequence[str]) -> Tuple[np.ndarray, List[int]]:
        """Images, uint8 Nx32x32x3, and labels."""
        batches = [self._read_batch(file) for file in files]
        return np.concatenate([images for images, _ in batches]), [label for _, labels in batches for label in labels]

    def _read_batch(self, file: str) -> Tuple[np.ndarray, List[int]]:
        content = _load(file)
        try:
            images = np.asarray(content[b"data"], dtype="uint8").reshape(-1, 3, 32, 32)
            labels = [int(label) for label in content[self._version.label]]
        except (KeyError, TypeError, ValueError) as e:
            raise ValueError("{}: {} must hold images of 3072 bytes and their {}; got a file without: {!r}".format(
                type(self).__name__, file, self._version.label.decode(), e)) from e
        if len(images) != len(labels):
            raise ValueError("{}: {} must hold as many labels as images; got {} images and {} labels".format(
                type(self).__name__, file, len(images), len(labels)))
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels

    def __len__(self) -> int:
        return len(self.data)

    def _datapoint(self, k: int) -> List[Any]:
        image, label = self.data[k]
        return [image.copy(), label]

    def get_per_pixel_mean(self, names: Sequence[str] = ("train", "test")) -> np.ndarray:
        """The mean image of the parts `names`: float32 32x32x3. Reads the files again."""
        self._check_names(names)
        return self._read(self._files(names))[0].mean(axis=0, dtype="float64").astype("float32")

    def get_per_channel_mean(self, names: Sequence[str] = ("train", "test")) -> np.ndarray:
        """The mean of each channel over the parts `names`: float32 (3,). Reads the files again."""
        return self.get_per_pixel_mean(names).mean(axis=(0, 1))

    def get_label_names(self) -> List[str]:
        """Names of the classes, by label."""
        content = _load(os.path.join(self.dir, self._version.folder, self._version.meta_file))
        return [name.decode("ascii") for name in content[self._version.label_names]]


class Cifar10(CifarBase):
    """CIFAR-10: airplanes, automobiles, birds, ... See `CifarBase`."""

    def __init__(self, train_or_test: str, shuffle: Optional[bool] = None, dir: Optional[str] = None):
        super().__init__(train_or_test, shuffle, dir, 10)


class Cifar100(CifarBase):
    """CIFAR-100: one hundred classes. See `CifarBase`."""

    def __init__(self, train_or_test: str, shuffle: Optional[bool] = None, dir: Optional[str] = None):
        super().__init__(train_or_test, shuffle, dir, 100)
