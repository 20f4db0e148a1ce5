"""MNIST as the tutorials of TensorFlow 1 read it: `input_data.read_data_sets(folder)`."""
from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from ......compat import tfv1 as tf

__all__ = ["DataSet", "read_data_sets"]

_SOURCE = "http://yann.lecun.com/exdb/mnist/"  # known to the library with its mirrors and checksums
_FAKE_EXAMPLES = 10000


class _Datasets(NamedTuple):
    train: DataSet
    validation: DataSet
    test: DataSet


class DataSet:
    """Images and labels that are served in batches, in a new random order each epoch.

    Args:
        images: uint8 [n, rows, columns, 1].
        labels: [n] or, one-hot, [n, classes].
        fake_data: whether to serve constant examples instead.
        one_hot: whether fake labels are one-hot.
        dtype: tf.uint8, which keeps the values, or tf.float32, which scales them to [0, 1].
        reshape: whether images become vectors.
        seed: of numpy's global generator, which orders the examples; default by `tf.set_random_seed`, else random.
    """

    def __init__(self, images: Any, labels: Any, fake_data: bool = False, one_hot: bool = False, dtype: Any = tf.float32,
                 reshape: bool = True, seed: Optional[int] = None) -> None:
        _seed_numpy(seed)
        dtype = tf.as_dtype(dtype).base_dtype
        if dtype not in (tf.uint8, tf.float32):
            raise TypeError("DataSet: dtype must be tf.uint8 or tf.float32; got {!r}".format(dtype))
        self.one_hot, self._fake = one_hot, fake_data
        self.images, self.labels = images, labels
        self.num_examples = _FAKE_EXAMPLES if fake_data else len(images)
        self.epochs_completed = self._index_in_epoch = 0
        if not fake_data:
            self.images = _prepared(images, labels, dtype, reshape)

    def next_batch(self, batch_size: int, fake_data: bool = False, shuffle: bool = True) -> Tuple[Any, Any]:
        """The next `batch_size` images and labels; at the end of an epoch the rest of it and the first of the next.

        Args:
            fake_data: constant examples, as lists.
            shuffle: whether an epoch that begins has a new order.
        """
        if fake_data:
            label: Any = [1] + [0] * 9 if self.one_hot else 0
            return [[1] * 784 for _ in range(batch_size)], [label for _ in range(batch_size)]
        if self.epochs_completed == self._index_in_epoch == 0 and shuffle:
            self._shuffle()
        start = self._index_in_epoch
        rest = self.num_examples - start
        if batch_size <= rest:
            self._index_in_epoch = start + batch_size
            return self.images[start:self._index_in_epoch], self.labels[start:self._index_in_epoch]
        images, labels = self.images[start:], self.labels[start:]
        self.epochs_completed += 1
        if shuffle:
            self._shuffle()
        self._index_in_epoch = batch_size - rest
        end = self._index_in_epoch
        return np.concatenate((images, self.images[:end])), np.concatenate((labels, self.labels[:end]))

    def _shuffle(self) -> None:
        order = np.arange(self.num_examples)
        np.random.shuffle(order)
        self.images, self.labels = self.images[order], self.labels[order]


def read_data_sets(train_dir: str, fake_data: bool = False, one_hot: bool = False, dtype: Any = tf.float32,
                   reshape: bool = True, validation_size: int = 5000, seed: Optional[int] = None,
                   source_url: str = _SOURCE) -> _Datasets:
    """MNIST for training, validation and test.

    Args:
        train_dir: folder of the four .gz files, which are downloaded if they are not there.
        fake_data, one_hot, dtype, reshape, seed: see `DataSet`.
        validation_size: how many of the 60000 images are for validation: the first ones.
        source_url: of the folder with the files.

    Raises:
        ValueError: `validation_size` is less than 0 or more than there are; a file is damaged.
        OSError: a file is missing and cannot be downloaded.
    """
    options = {"one_hot": one_hot, "dtype": dtype, "reshape": reshape, "seed": seed}
    if fake_data:
        return _Datasets(*[DataSet([], [], fake_data=True, **options) for _ in range(3)])
    images, labels = _read(train_dir, source_url, "train", one_hot)
    if not 0 <= validation_size <= len(images):
        raise ValueError("read_data_sets: validation_size must be between 0 and {}; got {}".format(
            len(images), validation_size))
    size = validation_size
    return _Datasets(DataSet(images[size:], labels[size:], **options), DataSet(images[:size], labels[:size], **options),
                     DataSet(*_read(train_dir, source_url, "t10k", one_hot), **options))


def _read(folder: str, source_url: str, prefix: str, one_hot: bool) -> Tuple[Any, Any]:
    from ......dataflow.dataset._idx import IMAGES, LABELS, read_idx
    from ......dataflow.dataset.mnist import maybe_download

    images, labels = [
        read_idx(maybe_download("{}{}-{}-ubyte.gz".format(source_url, prefix, name), folder), kind)
        for name, kind in (("images-idx3", IMAGES), ("labels-idx1", LABELS))]
    return images[..., np.newaxis], np.eye(10)[labels] if one_hot else labels


def _prepared(images: Any, labels: Any, dtype: Any, reshape: bool) -> Any:
    if len(images) != len(labels):
        raise ValueError("DataSet: there must be a label for each image; got the shapes {} and {}".format(
            images.shape, labels.shape))
    if reshape:
        images = images.reshape(len(images), images.shape[1] * images.shape[2])
    return images.astype(np.float32) * np.float32(1 / 255) if dtype == tf.float32 else images


def _seed_numpy(seed: Optional[int]) -> None:
    first, second = tf.get_seed(seed)
    np.random.seed(first if seed is None else second)
