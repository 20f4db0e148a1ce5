"""Small files of every kind that flows read, for the catalogue."""
import gzip
import importlib.util
import os
import struct

import dataset_samples
import h5py
import numpy as np

from tensorpack.dataflow import (
    ArrowSerializer,
    DataFromList,
    LMDBSerializer,
    ParquetSerializer,
    TarSerializer,
    TFExampleSerializer,
    ZarrSerializer,
)
from tensorpack.dataflow._formats.lmdb import new_database
from tensorpack.dataflow.serialize import DiskCacheSerializer


def write_all(root):
    """Write them to a directory."""
    write_mnist(root / "mnist")
    LMDBSerializer.save(DataFromList([[k] for k in range(10)], shuffle=False), str(root / "numbers.lmdb"))
    DiskCacheSerializer.save(DataFromList([[k] for k in range(10)], shuffle=False), str(root / "diskcache"))
    numbers = DataFromList([{"x": k, "y": k % 3} for k in range(24)], shuffle=False)
    TarSerializer.save(numbers, str(root / "numbers-{:03}.tar"), shard_size=10)
    TFExampleSerializer.save(numbers, str(root / "numbers-{:05}.tfrecord"), shard_size=10)
    ParquetSerializer.save(numbers, str(root / "numbers.parquet"), group_size=5)
    ArrowSerializer.save(numbers, str(root / "numbers.arrow"), group_size=5)
    ZarrSerializer.save(numbers, str(root / "numbers.zarr"), group_size=5)
    write_hugging_face(root / "hugging_face", numbers)
    write_caffe(root / "caffe.lmdb")
    (root / "numbers.svm").write_text("".join("{} 1:{} 2:1\n".format(k % 2, k) for k in range(10)))
    with h5py.File(str(root / "numbers.h5"), "w") as f:
        f["x"], f["y"] = np.arange(20).reshape(10, 2), np.arange(10)
    for k in range(6):
        dataset_samples.write_image(root / "images" / "{}.png".format(k), color=(k, 60, 200))


def write_hugging_face(path, flow):
    """Where the package is installed."""
    if importlib.util.find_spec("datasets") is not None:
        import datasets

        datasets.disable_progress_bars()
        datasets.Dataset.from_list([dp for dp in flow]).save_to_disk(str(path))


def write_mnist(directory, prefix="train", count=6):
    images = (np.arange(count * 28 * 28) % 251).astype("uint8")
    os.makedirs(str(directory))
    for name, header, content in [
        ("images-idx3", struct.pack(">4I", 2051, count, 28, 28), images),
        ("labels-idx1", struct.pack(">2I", 2049, count), np.arange(count, dtype="uint8")),
    ]:
        with gzip.open(str(directory / "{}-{}-ubyte.gz".format(prefix, name)), "wb") as f:
            f.write(header + content.tobytes())


def write_caffe(path):
    """Serialized `Datum` messages: channels, height, width, data, label."""
    with new_database(str(path)) as database:
        for k in range(10):
            database.put(b"%d" % k, b"\x08\x01\x10\x02\x18\x03\x22\x06" + bytes([k] * 6) + b"\x28" + bytes([k]))
