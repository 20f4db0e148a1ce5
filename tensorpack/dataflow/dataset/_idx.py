"""Reads gzip-compressed idx files, the format of MNIST and its relatives."""
from __future__ import annotations

import gzip
import struct
import zlib
from typing import Tuple

import numpy as np

Kind = Tuple[int, int, str]  # magic number, dimensions, what it is called
IMAGES: Kind = (2051, 3, "image")
LABELS: Kind = (2049, 1, "label")


def read_idx(path: str, kind: Kind = IMAGES) -> np.ndarray:
    """The uint8 array of a file: N x rows x columns for `IMAGES`, N for `LABELS`.

    Raises:
        ValueError: the file is of another kind, damaged or incomplete.
    """
    magic_expected, num_dimensions, name = kind
    content = _decompress(path)
    header_size = 4 * (1 + num_dimensions)
    if len(content) < header_size:
        raise ValueError("{}: too short for an {} file; got {} bytes".format(path, name, len(content)))
    header = struct.unpack(">{}I".format(1 + num_dimensions), content[:header_size])
    magic, shape = header[0], header[1:]
    if magic != magic_expected:
        raise ValueError("Invalid magic number {} in MNIST {} file: {}; it must be {}".format(
            magic, name, path, magic_expected))
    values = np.frombuffer(content, dtype="uint8", offset=header_size)
    expected = int(np.prod(shape, dtype="int64"))
    if values.size != expected:
        raise ValueError("{}: the header announces shape {}, that is {} bytes; got {}".format(
            path, shape, expected, values.size))
    return values.reshape(shape)


def _decompress(path: str) -> bytes:
    with open(path, "rb") as f:
        try:
            return gzip.GzipFile(fileobj=f).read()
        except (EOFError, OSError, zlib.error) as e:
            raise ValueError("{}: not a complete gzip file: {}".format(path, e)) from e
