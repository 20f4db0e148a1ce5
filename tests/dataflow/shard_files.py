"""Sharded files of every format, as our serializers and the real packages write them, and how to damage them."""
import io
import os

import numpy as np

from tensorpack.dataflow import (
    ArrowData,
    ArrowSerializer,
    DataFromList,
    ParquetData,
    ParquetSerializer,
    TarData,
    TarSerializer,
    TFExampleData,
    TFExampleSerializer,
    ZarrData,
    ZarrSerializer,
)

SIZE = 24


def flow(size=SIZE, first=0):
    return DataFromList([[k, k * 0.5] for k in range(first, first + size)], shuffle=False)


class Format:
    """How to write and read `[number, half of it]`."""

    def __init__(self, serializer, reader, columns, suffix, decode=lambda dp: dp, **options):
        self.serializer, self.reader, self.columns, self.suffix = serializer, reader, columns, suffix
        self.decode, self.options = decode, options

    def write(self, path, size=SIZE, first=0, **options):
        path = str(path) + self.suffix
        self.serializer.save(flow(size, first), path, list(self.columns), **dict(self.options, **options))
        return path

    def read(self, paths, shuffle=False, columns=None, **options):
        return self.reader(paths, self.columns if columns is None else columns, shuffle, **options)

    def numbers(self, df):
        """Those of a pass."""
        return [int(self.decode(dp)[0]) for dp in df]


class TarFormat(Format):
    """Tar files hold bytes."""

    def write(self, path, size=SIZE, first=0, **options):
        path = str(path) + self.suffix
        df = DataFromList([[k, str(k * 0.5), "{:05}".format(k)] for k in range(first, first + size)], shuffle=False)
        self.serializer.save(df, path, ["cls", "txt", "__key__"], **options)
        return path


FORMATS = {
    "tar": TarFormat(TarSerializer, TarData, ["cls", "txt"], ".tar", lambda dp: [int(dp[0]), float(dp[1])]),
    "example": Format(TFExampleSerializer, TFExampleData, {"x": (), "y": ()}, ".tfrecord"),
    "parquet": Format(ParquetSerializer, ParquetData, ["x", "y"], ".parquet", group_size=5),
    "arrow": Format(ArrowSerializer, ArrowData, ["x", "y"], ".arrow", group_size=5),
    "zarr": Format(ZarrSerializer, ZarrData, ["x", "y"], ".zarr", group_size=5),
}


def cut(path, size):
    """Keep the first bytes of a file; a negative size is how many go."""
    with open(path, "r+b") as f:
        f.truncate(size if size >= 0 else os.path.getsize(path) + size)


def flip(path, position):
    """Change a byte."""
    with open(path, "r+b") as f:
        f.seek(position, 0 if position >= 0 else 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 0xFF]))


def npy(array):
    """The content of a `.npy` file."""
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()
