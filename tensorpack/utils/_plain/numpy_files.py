"""`.npy` and `.npz` files, of which arrays of objects are read as plain data."""
from __future__ import annotations

import io
import zipfile
from typing import IO, Any, Callable, Dict, Iterator

import numpy as np

from .arrays import check_units
from .unpickler import load_plain

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npy(path: str, *, allow_pickle: bool = False, encoding: str = "ASCII") -> np.ndarray:
    """The array of a `.npy` file.

    Args:
        path: the file.
        allow_pickle: make whatever objects the file names, which can run any code.
        encoding: what strings of Python 2 become in an array of objects.

    Raises:
        NotPlain: an array of objects holds something else than plain data.
        ValueError: the file is damaged.
    """
    return _read(lambda: open(path, "rb"), allow_pickle, encoding)


class NpzReader:
    """The arrays of a `.npz` file, each read when it is asked for; a context manager. See `read_npy`."""

    def __init__(self, path: str, *, allow_pickle: bool = False, encoding: str = "ASCII"):
        self._allow_pickle = allow_pickle
        self._encoding = encoding
        self._zip = zipfile.ZipFile(path)
        self.files = [name[:-4] for name in self._zip.namelist() if name.endswith(".npy")]

    def __enter__(self) -> NpzReader:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._zip.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __getitem__(self, name: str) -> np.ndarray:
        return _read(lambda: self._zip.open(name + ".npy"), self._allow_pickle, self._encoding)

    def all(self) -> Dict[str, np.ndarray]:
        """Name -> array."""
        return {name: self[name] for name in self.files}


def _read(opened: Callable[[], IO[bytes]], allow_pickle: bool, encoding: str) -> np.ndarray:
    if not allow_pickle:
        with opened() as f:
            if _holds_objects(f):
                return _require_array(load_plain(f.read(), encoding))
    with opened() as f:
        array: np.ndarray = np.lib.format.read_array(f, allow_pickle=allow_pickle, pickle_kwargs={"encoding": encoding})
    return array


def _holds_objects(f: IO[bytes]) -> bool:
    """Whether the array is a pickle, which follows."""
    version = np.lib.format.read_magic(f)
    size = f.read(2 if version == (1, 0) else 4)
    header = f.read(int.from_bytes(size, "little"))
    check_units(header.decode("latin1"))
    read = _HEADERS.get(version)  # of later versions objects are not read
    return read is not None and bool(read(io.BytesIO(size + header))[2].hasobject)


def _require_array(content: Any) -> np.ndarray:
    if not isinstance(content, np.ndarray):
        raise ValueError("it must hold an array; got {}".format(type(content).__name__))
    return content
