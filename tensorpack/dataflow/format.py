"""Flows that read files: LMDB, HDF5, SVMLight, the directories of diskcache, and shards of tar, Parquet, Arrow, TFRecord and
zarr."""
from __future__ import annotations

import os
from contextlib import closing
from typing import Any, Callable, Iterator, List, Optional, Sequence, Union

import numpy as np

from ..utils import logger
from ..utils._arguments.flags import true_or_false
from ..utils._arguments.names import list_of_names
from ..utils._text.counted import counted
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import describe, shown
from ..utils.argtools import log_once
from ..utils.optional import optional_import
from ..utils.serialize import loads
from ._flows.map import MapData
from ._formats.arrow import ArrowData, ParquetData
from ._formats.caffe import decode_datum
from ._formats.disk_cache import DATABASE, IndexReader
from ._formats.example import TFExampleData
from ._formats.explained import explained_file
from ._formats.huggingface import HuggingFaceData
from ._formats.lmdb import explained, open_for_reading
from ._formats.tar import TarData
from ._formats.zarr import ZarrData
from .base import CreatedByReset, DataFlow, DataFlowReentrantGuard, RNGDataFlow, shuffled_indices

__all__ = [
    "ArrowData",
    "CaffeLMDB",
    "DiskCacheData",
    "HDF5Data",
    "HuggingFaceData",
    "LMDBData",
    "LMDBDataDecoder",
    "ParquetData",
    "SVMLightData",
    "TFExampleData",
    "TarData",
    "ZarrData",
]

_KEYS = b"__keys__"  # the entry of a database that lists the keys of all others

_h5py = optional_import("h5py", needed_by="HDF5Data", pip="h5py")
_svmlight = optional_import("sklearn.datasets", needed_by="SVMLightData", pip="scikit-learn")


class HDF5Data(RNGDataFlow):
    """Datasets of an HDF5 file, loaded into memory: datapoint k is the list of their k-th elements. `len` is exact.

    Attribute `dps`: the arrays. Datapoints are views of them.

    Args:
        filename: the file.
        data_paths: names of datasets of equal lengths, e.g. `["images", "labels"]`.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.

    Raises:
        KeyError: there is no dataset of a name.
        ValueError: the file is damaged or of another kind, or a dataset cannot be loaded into memory.
    """

    _reads_at_random = True

    def __init__(self, filename: str, data_paths: Sequence[str], shuffle: bool = True):
        self.filename = filename
        self.data_paths = list_of_names("HDF5Data", "data_paths", data_paths, error=ValueError)
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        if not self.data_paths:
            raise ValueError("HDF5Data: data_paths must be a list of at least one name; got {}".format(shown(data_paths)))
        logger.info("Loading %s to memory...", filename)
        open_file = _h5py.File
        open(filename, "rb").close()  # what the system says about it is clearer
        with explained_file("HDF5Data", filename, "a complete HDF5 file"), open_file(filename, "r") as f:
            for path in self.data_paths:
                if path not in f:
                    raise KeyError("HDF5Data: data_paths must be datasets of {}; got {!r}; there are {}".format(
                        filename, path, sorted(f)))
            self.dps = [_dataset(f, path) for path in self.data_paths]
        if len({len(array) for array in self.dps}) > 1:
            raise ValueError("HDF5Data: the datasets must have equal lengths; got {} in {}".format(
                {path: len(array) for path, array in zip(self.data_paths, self.dps)}, filename))

    def __len__(self) -> int:
        return len(self.dps[0])

    def __iter__(self) -> Iterator[List[Any]]:
        for k in shuffled_indices(len(self), self.shuffle, self):
            yield [array[k] for array in self.dps]


def _dataset(file: Any, path: str) -> np.ndarray:
    array = file[path][...]
    if not isinstance(array, np.ndarray) or not array.ndim:
        raise ValueError("{!r} is no list of elements".format(path))
    return array


class LMDBData(RNGDataFlow):
    """The entries of an LMDB database as datapoints `[key, value]`, both bytes. `len` is exact.

    With `shuffle` the keys must be known: those of the argument, or of the entry `__keys__`, which `LMDBSerializer` writes, or
    else the whole database is read once, now, to find them. Without, entries come in the order of their keys as bytes. The
    entry `__keys__` is no datapoint.

    The database is opened by `reset_state()`, and again in a process that is forked later. One iteration at a time.
    Attribute `keys`: list of bytes; None where they were not needed.

    Args:
        lmdb_path: a file, or a directory with `data.mdb`.
        shuffle: read at random instead of in order.
        keys: with `shuffle`, the keys to read, str or bytes; or a format string for them, e.g. `"{:0>8d}"`, that is given
            the numbers from 0 to the number of entries.

    Raises:
        KeyError: during iteration, for a key that is not in the database.
        RuntimeError: the file is open elsewhere in this process; or, during iteration, this is not the process in which the
            pass began.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, lmdb_path: str, shuffle: bool = True, keys: Union[None, str, Sequence[Union[str, bytes]]] = None):
        self._lmdb_path = lmdb_path
        self._shuffle = self._reads_at_random = true_or_false(self, "shuffle", shuffle)
        with explained(lmdb_path), open_for_reading(lmdb_path).begin() as transaction:
            stored = transaction.get(_KEYS)
            self._size = transaction.stat()["entries"] - (stored is not None)
            logger.info("Found %s in %s", counted(self._size, "entry"), lmdb_path)
            self.keys: Optional[List[bytes]] = None if stored is None else self._stored_keys(stored)
            if keys is not None and not shuffle:
                logger.warning("LMDBData: keys are used with shuffle=True only; all entries of %s come in order", lmdb_path)
            elif keys is not None:
                self.keys = self._as_bytes(keys)
            elif shuffle and self.keys is None:
                logger.warning("Traversing the database %s to find keys is slow; pass keys= if you know them", lmdb_path)
                self.keys = list(transaction.cursor().iternext(keys=True, values=False))

    def _stored_keys(self, stored: bytes) -> List[bytes]:
        try:
            keys = loads(stored)
            if not isinstance(keys, list):
                raise TypeError("it is a {}".format(type(keys).__name__))
            return self._as_bytes(keys)
        except (TypeError, ValueError) as e:
            raise ValueError("LMDBData: the entry {!r} of {} must be a list of keys; got something else: {}; write the "
                             "database again".format(_KEYS, self._lmdb_path, e)) from e

    def _as_bytes(self, keys: Union[str, Sequence[Union[str, bytes]]]) -> List[bytes]:
        if isinstance(keys, str):
            keys = [keys.format(k) for k in range(self._size)]
        for key in keys:
            if not isinstance(key, (str, bytes)):
                raise TypeError("LMDBData: keys must be str or bytes, or one format string; got {}".format(describe(key)))
        return [key.encode() if isinstance(key, str) else key for key in keys]

    def __len__(self) -> int:
        return len(self.keys) if self._shuffle and self.keys is not None else self._size

    def reset_state(self) -> None:
        super().reset_state()
        self._guard = DataFlowReentrantGuard(owner=self)
        self._environment = open_for_reading(self._lmdb_path)

    def __iter__(self) -> Iterator[List[bytes]]:
        with self._guard, explained(self._lmdb_path):
            self._environment = open_for_reading(self._lmdb_path)  # this process may be a child of the one that was reset
            with self._environment.begin() as transaction:
                for key, value in self._shuffled(transaction) if self._shuffle else transaction.cursor():
                    if key != _KEYS:
                        yield [key, value]

    def _shuffled(self, transaction: Any) -> Iterator[Any]:
        keys = self.keys or []
        for k in shuffled_indices(len(keys), True, self):
            key = keys[k]
            value = transaction.get(key)
            if value is None:
                raise KeyError("LMDBData: keys must be in the database {}; got {!r}, which is not".format(self._lmdb_path, key))
            yield key, value


class _PairDecoder:
    """Calls a function with key and value; a class, so that it can be pickled."""

    def __init__(self, decoder: Callable[[bytes, bytes], Any]):
        self._decoder = decoder

    def __call__(self, dp: Sequence[bytes]) -> Any:
        return self._decoder(dp[0], dp[1])


class LMDBDataDecoder(MapData):
    """Decodes the entries of a database; order is kept.

    Args:
        lmdb_data: an LMDBData, or another flow of pairs.
        decoder: takes key and value, both bytes, and returns a datapoint; None drops the entry.
    """

    def __init__(self, lmdb_data: DataFlow, decoder: Callable[[bytes, bytes], Any]):
        super().__init__(lmdb_data, _PairDecoder(decoder))
        self._lmdb_data = lmdb_data
        self._decoder = decoder


class _CaffeData(LMDBDataDecoder):
    """Decodes entries of Caffe; a pass with nothing but unreadable ones raises instead of being empty."""

    def __iter__(self) -> Iterator[List[Any]]:
        is_empty = True
        for dp in super().__iter__():
            is_empty = False
            yield dp
        if is_empty and len(self.ds):
            raise ValueError("CaffeLMDB: the entries must be uncompressed uint8 images (caffe.Datum); got {} entries and could "
                             "read none; decode them with LMDBDataDecoder".format(len(self.ds)))


def _decode_caffe(key: bytes, value: bytes) -> Optional[List[Any]]:
    try:
        return decode_datum(value)
    except ValueError as e:
        log_once("Cannot read key {!r}: {}".format(key, e), "warning")
        return None


@keywords_told
def CaffeLMDB(lmdb_path: str, shuffle: bool = True, keys: Union[None, str, Sequence[Union[str, bytes]]] = None) -> DataFlow:
    """Read a database of Caffe: datapoints `[image, label]`, uint8 HxWxC and int.

    Entries that are no uncompressed `caffe.Datum` are dropped, with a warning for each. The arguments are those of LMDBData.

    Raises:
        ValueError: at the end of a pass in which no entry could be read.
    """
    logger.warning("Caffe's LMDB format stores images uncompressed; a database of compressed ones is read faster")
    return _CaffeData(LMDBData(lmdb_path, shuffle, keys), _decode_caffe)


class SVMLightData(RNGDataFlow):
    """The rows of an SVMLight file, loaded into memory: datapoints `[features, label]`, float64 N and float. `len` is exact.

    Attributes `X` and `y`: all features and all labels.

    Args:
        filename: the file.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.

    Raises:
        ValueError: the file is damaged or of another kind, or the features do not fit into memory.
    """

    _reads_at_random = True

    def __init__(self, filename: str, shuffle: bool = True):
        self.filename = filename
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        with explained_file("SVMLightData", filename, "a complete SVMLight file"):
            sparse, self.y = _svmlight.load_svmlight_file(filename)
            self.X = sparse.toarray()

    def __len__(self) -> int:
        return len(self.y)

    def __iter__(self) -> Iterator[List[Any]]:
        for k in shuffled_indices(len(self), self.shuffle, self):
            yield [self.X[k], self.y[k]]


class DiskCacheData(RNGDataFlow):
    """The datapoints that `DiskCacheSerializer` has saved: the values of the keys 0, 1, ... of a diskcache.Index.

    `len` is exact. The directory is opened by each pass.

    Args:
        path: the directory.
        shuffle: whether each pass has a new random order; only then `reset_state()` is needed.
        allow_pickle: make whatever objects the files name, which can run any code: only for what you trust. Without it the
            datapoints are plain data: numbers, str, bytes, lists, tuples, dicts, numpy's arrays and the like.

    Raises:
        ValueError: during iteration, for a value that is damaged or holds something else.
    """

    _reads_at_random = True

    def __init__(self, path: str, shuffle: bool = True, *, allow_pickle: bool = False):
        self.path = path
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        self.allow_pickle = true_or_false(self, "allow_pickle", allow_pickle)
        if not os.path.isfile(os.path.join(path, DATABASE)):
            raise FileNotFoundError("DiskCacheData: path must be a directory of diskcache; got {}".format(path))
        with closing(self._open()) as index:
            self._size = len(index)

    def _open(self) -> IndexReader:
        return IndexReader(self.path, allow_pickle=self.allow_pickle)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        order = shuffled_indices(self._size, self.shuffle, self)
        with closing(self._open()) as index:
            for k in order:
                yield index[k]
