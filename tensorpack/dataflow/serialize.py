"""Saving one pass of a flow to disk, and flows that read it again.

All files are written beside their final place and renamed when they are complete, so that a failure leaves nothing behind.
"""
from __future__ import annotations

import os
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ..utils._arguments.flags import true_or_false
from ..utils._arguments.names import list_of_names
from ..utils._arguments.numbers import whole_number
from ..utils._plain.errors import explained_numpy
from ..utils._plain.numpy_files import NpzReader
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import describe
from ..utils.fs import atomic_directory, atomic_write
from ..utils.optional import optional_import
from ..utils.serialize import dumps, loads
from ..utils.utils import get_tqdm
from ._flows._told.each_once import warn_unless_each_once
from ._flows._told.end_watch import EndWatch
from ._flows.repeat import FixedSizeData
from ._formats.arrow import ArrowData, ParquetData, arrow_writer, parquet_writer, write_tables
from ._formats.example import TFExampleData, write_example
from ._formats.lmdb import new_database
from ._formats.records import Columns, Paths, chunks
from ._formats.tar import TarData, TarWriter
from ._formats.tfrecord import RecordCount, read_records, write_record
from ._formats.zarr import ZarrData, ZarrWriter
from .base import DataFlow, known_length, never_ends, require_dataflow
from .format import DiskCacheData, HDF5Data, LMDBData, LMDBDataDecoder
from .raw import DataFromList

__all__ = ["ArrowSerializer", "DiskCacheSerializer", "HDF5Serializer", "LMDBSerializer", "NumpySerializer", "ParquetSerializer",
           "TFExampleSerializer", "TFRecordSerializer", "TarSerializer", "ZarrSerializer"]

_diskcache = optional_import("diskcache", needed_by="DiskCacheSerializer", pip="diskcache")
_h5py = optional_import("h5py", needed_by="HDF5Serializer", pip="h5py")


def _one_pass(df: DataFlow, who: str) -> Iterator[Any]:
    """Reset a flow and yield its datapoints, under a progress bar.

    Warns about a flow that may have no end, or does not have each datapoint once.
    """
    df.reset_state()
    watch = EndWatch(who + ".save", df)
    if not never_ends(df):
        warn_unless_each_once(who + ".save", df, "other data are saved")
    with get_tqdm(total=known_length(df) or 0) as bar:
        for dp in df:
            yield dp
            bar.update()
            watch.add()


class LMDBSerializer:
    """A flow in an LMDB database, which can be read in any order without loading it: the best choice for most data.

    Entry k has the key `"{:08}".format(k)` and the bytes of `utils.serialize.dumps`; `__keys__` lists the keys.
    """

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, write_frequency: int = 5000) -> None:
        """Save one pass of a flow; it is reset first.

        Args:
            df: a finite flow; one that may have no end is warned about, at once and at growing sizes.
            path: a file that does not exist, or an existing directory without a database.
            write_frequency: hand the data to the system each time after so many datapoints.

        Raises:
            FileExistsError: there is a database at `path`.
        """
        require_dataflow("LMDBSerializer.save", "df", df, following=path)
        write_frequency = whole_number("LMDBSerializer.save", "write_frequency", write_frequency, minimum=1)
        keys: List[bytes] = []
        with new_database(path) as database:
            for dp in _one_pass(df, "LMDBSerializer"):
                keys.append("{:08}".format(len(keys)).encode("ascii"))
                database.put(keys[-1], dumps(dp))
                if len(keys) % write_frequency == 0:
                    database.commit()
            database.put(b"__keys__", dumps(keys))

    @staticmethod
    @keywords_told
    def load(path: str, shuffle: bool = True, *, allow_pickle: bool = False) -> DataFlow:
        """A flow of the datapoints of a database.

        Args:
            path: a file, or a directory with `data.mdb`.
            shuffle: read at random; otherwise in the order in which they were saved.
            allow_pickle: make whatever objects the file names, which can run any code: only for files that you trust. Without
                it the datapoints are plain data: numbers, str, bytes, lists, tuples, dicts, numpy's arrays and the like.

        Raises:
            ValueError: during iteration, for an entry that is damaged or holds something else.
        """
        true_or_false("LMDBSerializer.load", "allow_pickle", allow_pickle)
        return LMDBDataDecoder(LMDBData(path, shuffle=shuffle), _load_any_entry if allow_pickle else _load_entry)


def _load_any_entry(key: bytes, value: bytes) -> Any:
    return _load_entry(key, value, allow_pickle=True)


def _load_entry(key: bytes, value: bytes, allow_pickle: bool = False) -> Any:
    try:
        return loads(value, allow_pickle=allow_pickle)
    except ValueError as e:
        raise ValueError("LMDBSerializer.load: entry {!r}: {}".format(key, e)) from e


class NumpySerializer:
    """A flow in one npz file, loaded into memory as a whole: an array `buffer` of objects, the datapoints."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str) -> None:
        """Save one pass of a flow; it is reset first. An existing file is replaced.

        Args:
            df: a finite flow; one that may have no end is warned about, at once and at growing sizes.
            path: the file; `.npz` is added where it is missing.
        """
        require_dataflow("NumpySerializer.save", "df", df, following=path)
        datapoints = list(_one_pass(df, "NumpySerializer"))
        buffer = np.empty(len(datapoints), dtype=object)
        for k, dp in enumerate(datapoints):  # an assignment at once would look into the datapoints
            buffer[k] = dp
        with atomic_write(_with_suffix(path), "wb") as f:
            np.savez(f, buffer=buffer)

    @staticmethod
    @keywords_told
    def load(path: str, shuffle: bool = True, *, allow_pickle: bool = False) -> DataFlow:
        """A flow of the datapoints of a file.

        Args:
            path: the file, as it was given to `save`.
            shuffle: whether each pass has a new random order.
            allow_pickle: make whatever objects the file names, which can run any code: only for files that you trust. Without
                it the datapoints are plain data: numbers, str, bytes, lists, tuples, dicts, numpy's arrays and the like.

        Raises:
            ValueError: the file is damaged, or holds something else.
        """
        for name, value in (("shuffle", shuffle), ("allow_pickle", allow_pickle)):
            true_or_false("NumpySerializer.load", name, value)
        path = path if os.path.isfile(path) else _with_suffix(path)
        with explained_numpy("NumpySerializer.load", path), NpzReader(path, allow_pickle=allow_pickle) as data:
            buffer = data["buffer"] if "buffer" in data.files else None
            if buffer is None or not buffer.ndim:
                raise ValueError("the file must hold an array `buffer`; got {}".format(data.files))
        return DataFromList(_as_datapoints(buffer), shuffle=shuffle)


def _with_suffix(path: str) -> str:
    path = os.fspath(path)
    return path if path.endswith(".npz") else path + ".npz"


def _as_datapoints(buffer: np.ndarray) -> List[Any]:
    """Where numpy has looked into the datapoints when they were saved, make them lists of arrays again."""
    if buffer.ndim == 1:
        return list(buffer)
    return [[np.array(c.tolist()) if isinstance(c, np.ndarray) and c.dtype == object else c for c in row] for row in buffer]


class _TFRecordData(DataFlow):
    """The records of a file, in order; each pass reads it from the start."""

    def __init__(self, path: str, allow_pickle: bool, size: Optional[int] = None):
        self.path = path
        self.allow_pickle = allow_pickle
        self._watch = RecordCount("TFRecordSerializer.load", path, size)

    def __iter__(self) -> Iterator[Any]:
        for index, record in enumerate(read_records(self.path, self._watch)):
            try:
                dp = loads(record, allow_pickle=self.allow_pickle)
            except ValueError as e:
                raise ValueError("TFRecordSerializer.load: record {} of {}: {}".format(index, self.path, e)) from e
            yield dp


class TFRecordSerializer:
    """A flow in one TFRecord file, which can only be read in order: each record is the bytes of `utils.serialize.dumps`.

    The files are those of TensorFlow, which is not needed.
    """

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str) -> None:
        """Save one pass of a flow; it is reset first. An existing file is replaced.

        Args:
            df: a finite flow; one that may have no end is warned about, at once and at growing sizes.
            path: the file.
        """
        require_dataflow("TFRecordSerializer.save", "df", df, following=path)
        with atomic_write(path, "wb") as f:
            for dp in _one_pass(df, "TFRecordSerializer"):
                write_record(f, dumps(dp))

    @staticmethod
    @keywords_told
    def load(path: str, size: Optional[int] = None, *, allow_pickle: bool = False) -> DataFlow:
        """A flow of the datapoints of a file, in order.

        Args:
            path: the file.
            size: the number of its datapoints, which the file does not tell; it becomes `len`. Without it there is none.
                Passes are those of `FixedSizeData`: with a wrong number they do not begin at the start of the file; a warning
                tells it.
            allow_pickle: make whatever objects the file names, which can run any code: only for files that you trust. Without
                it the datapoints are plain data: numbers, str, bytes, lists, tuples, dicts, numpy's arrays and the like.

        Raises:
            ValueError: during iteration, for a record that is damaged or holds something else.
        """
        true_or_false("TFRecordSerializer.load", "allow_pickle", allow_pickle)
        if size is None:
            return _TFRecordData(path, allow_pickle)
        size = whole_number("TFRecordSerializer.load", "size", size, minimum=0)
        return FixedSizeData(_TFRecordData(path, allow_pickle, size), size)


class HDF5Serializer:
    """A flow in one HDF5 file, loaded into memory as a whole: each component is a dataset, stacked over the datapoints."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, data_paths: Sequence[str]) -> None:
        """Save one pass of a flow, which must fit into memory; it is reset first. An existing file is replaced.

        Args:
            df: a finite flow of lists or tuples; one that may have no end is warned about. A component must be numbers of one
                shape in all datapoints.
            path: the file.
            data_paths: a name for each component.
        """
        require_dataflow("HDF5Serializer.save", "df", df, following=path)
        data_paths = list_of_names("HDF5Serializer.save", "data_paths", data_paths)
        columns: List[List[Any]] = [[] for _ in data_paths]
        for index, dp in enumerate(_one_pass(df, "HDF5Serializer")):
            if not isinstance(dp, (list, tuple)) or len(dp) != len(columns):
                raise ValueError("HDF5Serializer.save: datapoints must be lists of {} components, one for each of {}; got "
                                 "datapoint {}, {}".format(len(columns), list(data_paths), index, describe(dp)))
            for column, component in zip(columns, dp):
                column.append(component)
        arrays = [_stack(name, column) for name, column in zip(data_paths, columns)]
        with atomic_write(path, "wb") as f, _h5py.File(f.name, "w") as file:
            for name, array in zip(data_paths, arrays):
                file.create_dataset(name, data=array)

    @staticmethod
    @keywords_told
    def load(path: str, data_paths: Sequence[str], shuffle: bool = True) -> DataFlow:
        """A flow of the datapoints of a file, which is loaded into memory; scalars come as numpy scalars.

        Args:
            path: the file.
            data_paths: the names of the components.
            shuffle: whether each pass has a new random order.
        """
        return HDF5Data(path, data_paths, shuffle)


def _stack(name: str, components: Sequence[Any]) -> np.ndarray:
    shapes = sorted({np.shape(component) for component in components})
    if len(shapes) > 1:
        raise ValueError("HDF5Serializer.save: a component must have one shape in all datapoints; got {} and {} for {!r}; "
                         "use LMDBSerializer".format(shapes[0], shapes[1], name))
    array = np.asarray(components)
    if array.dtype.kind in "OUMm":
        raise TypeError("HDF5Serializer.save: components must be numbers, bools or bytes; got {} for {!r}; use "
                        "LMDBSerializer".format(describe(components[0]), name))
    return array


class DiskCacheSerializer:
    """A flow in a directory of the package diskcache: datapoint k is the value of the key k of a diskcache.Index."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str) -> None:
        """Save one pass of a flow; it is reset first. An existing directory of diskcache is replaced.

        Args:
            df: a finite flow; one that may have no end is warned about, at once and at growing sizes.
            path: the directory.

        Raises:
            FileExistsError: `path` is a file, or a directory with something else in it.
        """
        require_dataflow("DiskCacheSerializer.save", "df", df, following=path)
        if os.path.isfile(path) or os.path.isdir(path) and os.listdir(path) and "cache.db" not in os.listdir(path):
            raise FileExistsError("DiskCacheSerializer.save: path must be a new directory, an empty one or one of diskcache; "
                                  "got {}; choose another name".format(path))
        with atomic_directory(path) as directory:
            index = _diskcache.Index(directory)
            try:
                for k, dp in enumerate(_one_pass(df, "DiskCacheSerializer")):
                    index[k] = dp
            finally:
                index.cache.close()

    @staticmethod
    @keywords_told
    def load(path: str, shuffle: bool = True, *, allow_pickle: bool = False) -> DataFlow:
        """A flow of the datapoints of a directory.

        Args:
            path: the directory.
            shuffle: whether each pass has a new random order.
            allow_pickle: as for `DiskCacheData`.
        """
        return DiskCacheData(path, shuffle, allow_pickle=allow_pickle)


def _shards(who: str, df: DataFlow, path: str, shard_size: Optional[int]) -> Iterator[Tuple[str, int, Iterable[Any]]]:
    """(path, number of the first datapoint, datapoints) of each shard; with numbers in the paths if there is a size."""
    datapoints = _one_pass(df, who)
    if shard_size is None:
        yield path, 0, datapoints
        return
    shard_size = whole_number(who + ".save", "shard_size", shard_size, minimum=1)
    if path.format(0) == path.format(1):
        raise ValueError("{}.save: path must have a place for the number of the shard, as in 'train-{{:06}}.tar', with "
                         "shard_size; got {!r}".format(who, path))
    for number, shard in enumerate(chunks(datapoints, shard_size)):
        yield path.format(number), number * shard_size, shard


class TarSerializer:
    """A flow in tar files of samples, as the package webdataset reads them."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, columns: Columns = None, *, shard_size: Optional[int] = None) -> None:
        """Save one pass of a flow; it is reset first. Existing files are replaced.

        Args:
            df: a finite flow of dicts, whose keys are the ends of file names, such as `jpg` or `mask.png`, or of lists. Values
                are bytes, str (stored in UTF-8), integers (stored as text), or arrays for names that end with `npy`. A
                sample is called by its `__key__`, or by its number.
            path: the file; with `shard_size`, with a place for the number of the shard, such as `"train-{:06}.tar"`.
            columns: the ends of file names for the components of lists; or which ones of a dict to save.
            shard_size: datapoints in a file; None for one file.
        """
        for file, first, shard in _shards("TarSerializer", df, path, shard_size):
            with atomic_write(file, "wb") as f:
                writer = TarWriter(f, columns)
                for number, dp in enumerate(shard, first):
                    writer.add(number, dp)
                writer.close()

    @staticmethod
    @keywords_told
    def load(path: Paths, columns: Columns = None, shuffle: bool = True) -> DataFlow:
        """TarData: the bytes of the components. With `shard_size`, `path` is a pattern, such as `"train-*.tar"`."""
        return TarData(path, columns, shuffle)


class TFExampleSerializer:
    """A flow in TFRecord files of `tf.train.Example`, which TensorFlow and others read; it is not needed here."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, columns: Columns = None, *, shard_size: Optional[int] = None) -> None:
        """Save one pass of a flow; it is reset first. Existing files are replaced.

        Args:
            df: a finite flow of dicts, or lists. Values are bytes, str, numbers, or lists or arrays of them; shapes are not
                stored, and floats become float32, integers and bools int64.
            path: the file; with `shard_size`, with a place for the number of the shard, such as `"train-{:05}"`.
            columns: names of the components of lists; or which ones of a dict to save.
            shard_size: datapoints in a file; None for one file.
        """
        for file, first, shard in _shards("TFExampleSerializer", df, path, shard_size):
            with atomic_write(file, "wb") as f:
                for number, dp in enumerate(shard, first):
                    write_record(f, write_example("TFExampleSerializer.save", dp, columns, number))

    @staticmethod
    @keywords_told
    def load(path: Paths, columns: Union[Columns, Mapping[str, Sequence[int]]] = None, shuffle: bool = True) -> DataFlow:
        """TFExampleData, whose `columns` may tell shapes."""
        return TFExampleData(path, columns, shuffle)


class ParquetSerializer:
    """A flow in one Parquet file, by the package pyarrow: each component is a column."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, columns: Columns = None, *, group_size: int = 1000) -> None:
        """Save one pass of a flow; it is reset first. An existing file is replaced.

        Args:
            df: a finite flow of dicts, or lists. A component has one type in all datapoints: numbers, bytes, str, arrays of
                one dimension and any length, or arrays of more dimensions and one shape.
            path: the file.
            columns: names of the components of lists; or which ones of a dict to save.
            group_size: rows in a row group, which is read and decoded as a whole.
        """
        _save_table("ParquetSerializer", df, path, columns, group_size, parquet_writer)

    @staticmethod
    @keywords_told
    def load(path: Paths, columns: Columns = None, shuffle: bool = True) -> DataFlow:
        """ParquetData."""
        return ParquetData(path, columns, shuffle)


class ArrowSerializer:
    """A flow in one Arrow file, by the package pyarrow: as ParquetSerializer; larger, and read without decoding."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, columns: Columns = None, *, group_size: int = 1000) -> None:
        """Save one pass of a flow; it is reset first. An existing file is replaced. See ParquetSerializer.save."""
        _save_table("ArrowSerializer", df, path, columns, group_size, arrow_writer)

    @staticmethod
    @keywords_told
    def load(path: Paths, columns: Columns = None, shuffle: bool = True) -> DataFlow:
        """ArrowData."""
        return ArrowData(path, columns, shuffle)


def _save_table(who: str, df: DataFlow, path: str, columns: Columns, group_size: int, new_writer: Any) -> None:
    group_size = whole_number(who + ".save", "group_size", group_size, minimum=1)
    with atomic_write(path, "wb") as f:
        write_tables(who + ".save", _one_pass(df, who), columns, group_size, lambda schema: new_writer(f, schema))


class ZarrSerializer:
    """A flow in one zarr group: each component is an array, stacked over the datapoints."""

    @staticmethod
    @keywords_told
    def save(df: DataFlow, path: str, columns: Columns = None, *, group_size: int = 100) -> None:
        """Save one pass of a flow; it is reset first. An existing directory is replaced if it is a zarr group.

        Args:
            df: a finite flow of dicts, or lists, of numbers or arrays; a component has one shape and dtype in all datapoints.
            path: the directory.
            columns: names of the components of lists; or which ones of a dict to save.
            group_size: elements in a chunk, which is read and decoded as a whole.

        Raises:
            FileExistsError: `path` is a file, or a directory with something else in it.
        """
        group_size = whole_number("ZarrSerializer.save", "group_size", group_size, minimum=1)
        names = os.listdir(path) if os.path.isdir(path) else []
        if os.path.isfile(path) or names and not {".zgroup", "zarr.json"} & set(names):
            raise FileExistsError("ZarrSerializer.save: path must be a new directory, an empty one or a zarr group; got {}; "
                                  "choose another name".format(path))
        with atomic_directory(path) as directory:
            if not ZarrWriter(directory, columns, group_size).write(_one_pass(df, "ZarrSerializer")):
                raise ValueError("ZarrSerializer.save: the flow must give a datapoint, which tells the arrays; got none")

    @staticmethod
    @keywords_told
    def load(path: Paths, columns: Columns = None, shuffle: bool = True) -> DataFlow:
        """ZarrData."""
        return ZarrData(path, columns, shuffle)
