"""MNIST and datasets in its format. Files are downloaded where they are missing, and trusted only when they prove complete."""
from __future__ import annotations

import hashlib
import os
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from ...utils import logger
from ...utils.fs import download, get_dataset_path, mkdir_p
from ..base import RNGDataFlow, shuffled_indices
from ._idx import IMAGES, LABELS, read_idx

__all__ = ["FashionMnist", "Mnist"]

_PREFIXES = {"train": "train", "test": "t10k"}


class _Source(NamedTuple):
    mirrors: Tuple[str, ...]
    sha256: Dict[str, str]  # of the pixels or labels behind the header, so that it does not depend on the compression


_KNOWN_SOURCES = {
    "http://yann.lecun.com/exdb/mnist/": _Source(
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/",),
        sha256={
            "train-images-idx3-ubyte.gz": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "train-labels-idx1-ubyte.gz": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "t10k-images-idx3-ubyte.gz": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "t10k-labels-idx1-ubyte.gz": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        }),
}
_UNKNOWN_SOURCE = _Source(mirrors=(), sha256={})


class Mnist(RNGDataFlow):
    """Handwritten digits: 60,000 to train on, 10,000 to test on.

    Datapoints are `[image, label]`: float32 28x28 in [0, 1], numpy.uint8. `len` is exact. Attributes `images`, float32
    Nx28x28x1, and `labels`, uint8. Subclasses for other data in this format set `_DIR_NAME` and `_SOURCE_URL`.

    Args:
        train_or_test: "train" or "test".
        shuffle: whether each pass has a new random order.
        dir: where the four .gz files are, or are downloaded to; default `mnist_data` in the directory of datasets.

    Raises:
        OSError: a file is missing and cannot be downloaded.
        ValueError: a file is damaged.
    """

    _DIR_NAME = "mnist_data"
    _SOURCE_URL = "http://yann.lecun.com/exdb/mnist/"

    def __init__(self, train_or_test: str, shuffle: bool = True, dir: Optional[str] = None):
        if train_or_test not in _PREFIXES:
            raise ValueError("{}: train_or_test must be 'train' or 'test'; got {!r}".format(type(self).__name__, train_or_test))
        self.train_or_test = train_or_test
        self.shuffle = shuffle
        self.dir = get_dataset_path(self._DIR_NAME) if dir is None else dir
        prefix = _PREFIXES[train_or_test]
        images = self._load(prefix + "-images-idx3-ubyte.gz", IMAGES)
        self.labels = self._load(prefix + "-labels-idx1-ubyte.gz", LABELS)
        if len(images) != len(self.labels):
            raise ValueError("{}: the files in {} must belong together; got {} images and {} labels".format(
                type(self).__name__, self.dir, len(images), len(self.labels)))
        self.images = images[..., np.newaxis].astype("float32")
        self.images /= 255

    def _load(self, filename: str, kind: tuple) -> np.ndarray:
        path = os.path.join(self.dir, filename)
        if not os.path.isfile(path):
            self._download(filename, kind)
        try:
            return read_idx(path, kind)
        except ValueError as e:
            raise ValueError("{}; delete the file, so that it is downloaded again, or replace it".format(e)) from e

    def _download(self, filename: str, kind: tuple) -> None:
        source = _KNOWN_SOURCES.get(self._SOURCE_URL, _UNKNOWN_SOURCE)
        failures = []
        for base_url in (self._SOURCE_URL,) + source.mirrors:
            try:
                self._download_verified(base_url + filename, filename, kind, source.sha256.get(filename))
                return
            except (OSError, ValueError) as e:
                failures.append("{}: {}".format(base_url + filename, e))
                logger.warning("Cannot get %s", failures[-1])
        raise OSError("{}: {} is missing and cannot be downloaded; get it elsewhere and place it there. Tried {}".format(
            type(self).__name__, os.path.join(self.dir, filename), "; ".join(failures)))

    def _download_verified(self, url: str, filename: str, kind: tuple, sha256: Optional[str]) -> None:
        mkdir_p(self.dir)
        with tempfile.TemporaryDirectory(dir=self.dir, prefix=".download-") as temporary_dir:
            path = download(url, temporary_dir, filename)
            values = read_idx(path, kind)
            got = hashlib.sha256(values).hexdigest()
            if sha256 is not None and got != sha256:
                raise ValueError("the content must have SHA-256 {}; got {}".format(sha256, got))
            os.replace(path, os.path.join(self.dir, filename))

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[List[Any]]:
        for k in shuffled_indices(len(self), self.shuffle, self):
            yield [self.images[k, :, :, 0].copy(), self.labels[k]]


class FashionMnist(Mnist):
    """Pictures of clothing in the format of MNIST: 60,000 to train on, 10,000 to test on. See `Mnist`."""

    _DIR_NAME = "fashion_mnist_data"
    _SOURCE_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

    def get_label_names(self) -> List[str]:
        """Names of the ten classes, by label."""
        return ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
