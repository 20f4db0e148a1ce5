"""Whatever reads a file of others runs nothing that the file names, says what it named, and obeys `allow_pickle=True`."""
import json
import os
import pickle
import sys

import numpy as np
import pytest

from tensorpack.dataflow import DataFromList, LMDBData, LMDBSerializer, NumpySerializer, TFRecordSerializer
from tensorpack.dataflow.format import DiskCacheData
from tensorpack.dataflow.serialize import DiskCacheSerializer
from tensorpack.utils.serialize import load_pickle, loads
from tensorpack.utils.utils import change_env

HAS_TENSORFLOW = True
try:
    from tensorpack.tfutils.sessinit import SmartInit
    from tensorpack.tfutils.varmanip import load_checkpoint_vars, load_numpy_dict
except ImportError:
    HAS_TENSORFLOW = False


class MakesDirectory:
    """Its pickle makes a directory when it is read."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (self._path,)


def objects(value):
    array = np.empty(1, dtype=object)
    array[0] = value
    return array


def all_of(df):
    df.reset_state()
    return [dp for dp in df]


def flow(value):
    return DataFromList([[1, value]], shuffle=False)


def write_msgpack(path, value):
    with change_env("TENSORPACK_SERIALIZE", "msgpack"):
        TFRecordSerializer.save(flow(objects(value)), path)


def write_keys(path, value):
    import lmdb

    with lmdb.open(path, subdir=False, map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"__keys__", pickle.dumps(value))


def write_pickle(path, value):
    with open(path, "wb") as f:
        pickle.dump({"model": value}, f)


def content_of(path):
    with open(path, "rb") as f:
        return f.read()


def write_zarr(path, value):
    os.mkdir(path)
    meta = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "<f8", "fill_value": 0, "order": "C",
            "compressor": {"id": "pickle", "protocol": 4}, "filters": None}
    os.mkdir(os.path.join(path, "x"))
    for name, content in ((".zgroup", json.dumps({"zarr_format": 2}).encode()), ("x/.zarray", json.dumps(meta).encode()),
                          ("x/0", pickle.dumps(value))):
        with open(os.path.join(path, name), "wb") as f:
            f.write(content)


def read_arrays_to_predict(path):
    from tensorpack._cli._predict.examples import _from_arrays

    return _from_arrays(path, None)


LOADERS = {
    "LMDBSerializer": (lambda path, value: LMDBSerializer.save(flow(value), path),
                       lambda path, **options: all_of(LMDBSerializer.load(path, shuffle=False, **options))),
    "TFRecordSerializer": (lambda path, value: TFRecordSerializer.save(flow(value), path),
                           lambda path, **options: all_of(TFRecordSerializer.load(path, **options))),
    "NumpySerializer": (lambda path, value: NumpySerializer.save(flow(value), path),
                        lambda path, **options: all_of(NumpySerializer.load(path, shuffle=False, **options))),
    "DiskCacheSerializer": (lambda path, value: DiskCacheSerializer.save(flow(value), path),
                            lambda path, **options: all_of(DiskCacheSerializer.load(path, shuffle=False, **options))),
    "DiskCacheData": (lambda path, value: DiskCacheSerializer.save(flow(np.zeros(0)), path) or DiskCacheSerializer.save(
        flow([b"x" * 40000, value]), path), lambda path, **options: all_of(DiskCacheData(path, shuffle=False, **options))),
    "msgpack": (write_msgpack, lambda path, **options: all_of(TFRecordSerializer.load(path, **options))),
    "load_pickle": (write_pickle, load_pickle),
    "loads": (write_pickle, lambda path, **options: loads(content_of(path), **options)),
    "keys of LMDBData": (write_keys, LMDBData),
    "ZarrData": (write_zarr, lambda path: __import__("tensorpack.dataflow").dataflow.ZarrData(path)),
}
if HAS_TENSORFLOW:
    LOADERS.update({
        "SmartInit of npy": (lambda path, value: np.save(path, {"w": value}), SmartInit),
        "SmartInit of npz": (lambda path, value: np.savez(path, w=objects(value)), SmartInit),
        "load_checkpoint_vars": (lambda path, value: np.savez(path, w=objects(value)), load_checkpoint_vars),
        "load_numpy_dict": (lambda path, value: np.save(path, {"w": value}), load_numpy_dict),
        "tensorpack-predict": (lambda path, value: np.savez(path, x=objects(value)), read_arrays_to_predict),
    })
_ENDS = {"SmartInit of npy": ".npy", "load_numpy_dict": ".npy", "SmartInit of npz": ".npz", "load_checkpoint_vars": ".npz",
         "NumpySerializer": ".npz", "tensorpack-predict": ".npz"}
_NEVER = {"keys of LMDBData", "ZarrData", "tensorpack-predict"}  # nothing but data is of use there


@pytest.fixture(params=sorted(LOADERS))
def kind(request):
    if request.param == "ZarrData":
        pytest.importorskip("zarr")
    return request.param


def test_a_file_runs_nothing(kind, tmp_path):
    write, read = LOADERS[kind]
    path, made = str(tmp_path / "file") + _ENDS.get(kind, ""), str(tmp_path / "made")
    write(path, MakesDirectory(made))
    with pytest.raises(ValueError) as info:
        read(path)
    assert not os.path.exists(made)
    if kind == "ZarrData":
        assert "pickle" in str(info.value)  # zarr 3 refuses it itself
        return
    assert os.mkdir.__module__ + ".mkdir" in str(info.value) and "which can run code" in str(info.value)
    if kind not in _NEVER:
        assert "allow_pickle=True" in str(info.value)
        read(path, allow_pickle=True)
        assert os.path.isdir(made)


def test_reading_a_disk_cache_writes_nothing_and_stays_inside(tmp_path):
    import sqlite3

    path, outside = str(tmp_path / "cache"), tmp_path / "outside"
    outside.write_bytes(b"secret")
    DiskCacheSerializer.save(DataFromList([b"x" * 50000, "é" * 50000, 3], shuffle=False), path)
    before = {name: os.stat(os.path.join(path, name)).st_mtime_ns for name in os.listdir(path)}
    assert all_of(DiskCacheSerializer.load(path, shuffle=False)) == [b"x" * 50000, "é" * 50000, 3]
    assert {name: os.stat(os.path.join(path, name)).st_mtime_ns for name in before} == before
    with sqlite3.connect(os.path.join(path, "cache.db")) as connection:
        connection.execute("UPDATE Cache SET filename = '../outside' WHERE key = 0")
    connection.close()
    with pytest.raises(ValueError, match=r"value 0: the file must be in the directory; got '\.\./outside'"):
        all_of(DiskCacheSerializer.load(path, shuffle=False))


@pytest.mark.skipif(sys.version_info >= (3, 8), reason="later versions of pyarrow do not unpickle")
def test_tables_of_pickled_types_run_nothing(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    from tensorpack.dataflow import ArrowData, ParquetData

    made = str(tmp_path / "made")

    class Type(pa.PyExtensionType):
        def __init__(self):
            pa.PyExtensionType.__init__(self, pa.int64())

        def __reduce__(self):
            return os.mkdir, (made,)

    table = pa.table({"x": pa.ExtensionArray.from_storage(Type(), pa.array([1, 2]))})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as f, pa.ipc.new_file(f, table.schema) as writer:
        writer.write_table(table)
    pa.parquet.write_table(table, str(tmp_path / "a.parquet"))
    for kind, name in ((ArrowData, "a.arrow"), (ParquetData, "a.parquet")):
        with pytest.raises(ValueError, match="a pickled type, which can run code"):
            kind(str(tmp_path / name))
    assert not os.path.exists(made)
