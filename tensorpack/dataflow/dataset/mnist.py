"""MNIST and datasets in its format. Files are downloaded where they are missing, and trusted only when they prove complete."""
from __future__ import annotations

import functools
import hashlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._files.remote_file import RemoteFile, obtain
from ...utils.fs import get_dataset_path
from ._idx import IMAGES, LABELS, Kind, read_idx
from ._in_memory import InMemory

__all__ = ["FashionMnist", "Mnist", "extract_images", "extract_labels", "maybe_download"]

_KINDS = {"images-idx3": IMAGES, "labels-idx1": LABELS}  # by a part of the name of a file
_PREFIXES = {"train": "train", "test": "t10k"}


class _Source(NamedTuple):
    mirrors: Tuple[str, ...]
    sha256: Dict[str, str]  # of the pixels or labels behind the header, so that it does not depend on the compression
    md5: Dict[str, str] = {}  # of the file


_KNOWN_SOURCES = {
    "http://yann.lecun.com/exdb/mnist/": _Source(
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/",),
        sha256={
            "train-images-idx3-ubyte.gz": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "train-labels-idx1-ubyte.gz": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "t10k-images-idx3-ubyte.gz": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "t10k-labels-idx1-ubyte.gz": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        }),
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/": _Source(
        mirrors=("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",),
        sha256={},
        md5={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        }),
}
_UNKNOWN_SOURCE = _Source(mirrors=(), sha256={})


class Mnist(InMemory):
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
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.dir = get_dataset_path(self._DIR_NAME) if dir is None else dir
        prefix = _PREFIXES[train_or_test]
        images = self._load(prefix + "-images-idx3-ubyte.gz", IMAGES)
        self.labels = self._load(prefix + "-labels-idx1-ubyte.gz", LABELS)
        if len(images) != len(self.labels):
            raise ValueError("{}: the files in {} must belong together; got {} images and {} labels".format(
                type(self).__name__, self.dir, len(images), len(self.labels)))
        self.images = _as_floats(images)

    def _load(self, filename: str, kind: Kind) -> np.ndarray:
        path = _obtain(type(self).__name__, self._SOURCE_URL, filename, self.dir, kind)
        try:
            return read_idx(path, kind)
        except ValueError as e:
            raise ValueError("{}; delete the file, so that it is downloaded again, or replace it".format(e)) from e

    def __len__(self) -> int:
        return len(self.labels)

    def _datapoint(self, k: int) -> List[Any]:
        return [self.images[k, :, :, 0].copy(), self.labels[k]]


class FashionMnist(Mnist):
    """Pictures of clothing in the format of MNIST: 60,000 to train on, 10,000 to test on. See `Mnist`."""

    _DIR_NAME = "fashion_mnist_data"
    _SOURCE_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

    def get_label_names(self) -> List[str]:
        """Names of the ten classes, by label."""
        return ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def maybe_download(url: str, directory: str) -> str:
    """The path of a file of MNIST or its relatives in a directory, to which it is downloaded if it is not there.

    Args:
        url: of the file. What is known of it is verified, and a known mirror serves where the URL does not.
        directory: made if it is missing.

    Raises:
        OSError: the file cannot be downloaded.
    """
    base_url, _, filename = url.rpartition("/")
    kind = next((kind for part, kind in _KINDS.items() if part in filename), None)
    return _obtain("maybe_download", base_url + "/", filename, directory, kind)


def extract_images(path: str) -> np.ndarray:
    """The images of a gzipped idx file: float32 [n, rows, columns, 1] in [0, 1]; raises ValueError if it is no such file."""
    return _as_floats(read_idx(path, IMAGES))


def extract_labels(path: str) -> np.ndarray:
    """The labels of a gzipped idx file: uint8 [n]; raises ValueError if it is no such file."""
    return read_idx(path, LABELS)


def _as_floats(images: np.ndarray) -> np.ndarray:
    floats = images[..., np.newaxis].astype("float32")
    floats /= 255
    return floats


def _obtain(who: str, base_url: str, filename: str, directory: str, kind: Optional[Kind]) -> str:
    """The path of a local copy, downloaded and verified if there was none."""
    source = _KNOWN_SOURCES.get(base_url, _UNKNOWN_SOURCE)
    md5 = source.md5.get(filename)
    file = RemoteFile(filename, tuple(url + filename for url in (base_url,) + source.mirrors),
                      checksum=None if md5 is None else "md5:" + md5)
    verify = None if kind is None else functools.partial(_verify, kind=kind, sha256=source.sha256.get(filename))
    return obtain(who, directory, file, verify)


def _verify(path: str, kind: Kind, sha256: Optional[str]) -> None:
    content: Any = read_idx(path, kind)
    got = hashlib.sha256(content).hexdigest()
    if sha256 is not None and got != sha256:
        raise ValueError("the content must have SHA-256 {}; got {}".format(sha256, got))
