"""Pickling a datapoint so that the bytes of its big arrays stay out of the pickle.

`pickle` of Python 3.7 knows no out-of-band buffers, and later ones would not tell whose memory a buffer is; so a reducer for
`numpy.ndarray` leaves an index in the pickle, on all versions.
"""
from __future__ import annotations

import collections
import copyreg
import io
import pickle
import sys
import threading
from typing import Any, Callable, List, Optional, Sequence, Set, Tuple

import numpy as np

BIG = 16 * 1024  # bytes; smaller arrays are cheaper within the pickle
_MAX_BUFFERS = 64  # of one datapoint; each takes a mapping of its own
_UNIQUE = 2  # what sys.getrefcount gives for an object that is referenced once, by the container that it is read from

# stores an array, given whether nobody else can see its memory, and returns its index; None if it cannot
Store = Callable[[np.ndarray, bool], Optional[int]]


class Encoder:
    """Turns datapoints into bytes.

    Args:
        store: called for each big array; returns its index.
    """

    def __init__(self, store: Store):
        self._store = store
        self._file = io.BytesIO()
        self._pickler = pickle.Pickler(self._file, pickle.HIGHEST_PROTOCOL)
        others: Any = copyreg.dispatch_table
        self._pickler.dispatch_table = collections.ChainMap({np.ndarray: self._reduce}, others)
        self._unique: Set[int] = set()
        self._room = 0

    def encode(self, holder: List[Any], lends: bool) -> bytes:
        """Pickle the only element of `holder`.

        Args:
            holder: a list of one datapoint, without which nobody in the sender refers to it, for all that the sender knows.
            lends: whether arrays may be stored as they are, if nobody can see them; otherwise all are said to be visible.
        """
        self._unique = _unique_arrays(holder) if lends else set()
        self._room = _MAX_BUFFERS
        self._file.seek(0)
        self._file.truncate()
        self._pickler.clear_memo()
        try:
            self._pickler.dump(holder[0])
        finally:
            self._pickler.clear_memo()  # it refers to the datapoint
        return self._file.getvalue()

    def _reduce(self, array: np.ndarray) -> Tuple[Any, ...]:
        if array.nbytes < BIG or array.dtype.hasobject or not self._room:
            return _reduce_small(array)
        self._room -= 1
        index = self._store(array, id(array) in self._unique)
        if index is None:
            return _reduce_small(array)
        return _fetch, (index, _dtype_key(array.dtype), array.shape, is_fortran(array))


def is_fortran(array: np.ndarray) -> bool:
    """Whether the elements are to be kept in Fortran's order."""
    return array.flags.f_contiguous and not array.flags.c_contiguous


def _reduce_small(array: np.ndarray) -> Tuple[Any, ...]:
    if array.dtype.hasobject or not array.flags.c_contiguous:
        reduced: Any = array.__reduce__()
        return reduced
    return _make_small, (array.tobytes(), _dtype_key(array.dtype), array.shape)


def _make_small(data: bytes, dtype: Any, shape: Tuple[int, ...]) -> np.ndarray:
    return np.ndarray(shape, dtype, bytearray(data))


def _dtype_key(dtype: np.dtype) -> Any:
    """A dtype as something quickly pickled."""
    return dtype.str if dtype.isbuiltin == 1 else dtype


def _unique_arrays(holder: List[Any]) -> Set[int]:
    """Ids of the components that nobody but `holder` refers to, nor to their memory. (No local may refer to one here.)"""
    kind = type(holder[0])
    if kind not in (list, tuple, dict) or sys.getrefcount(holder[0]) > _UNIQUE:
        return set()
    keys = list(holder[0]) if kind is dict else range(len(holder[0]))
    return {id(holder[0][key]) for key in keys
            if type(holder[0][key]) is np.ndarray
            and sys.getrefcount(holder[0][key]) <= _UNIQUE
            and type(holder[0][key].base) is np.ndarray
            and sys.getrefcount(holder[0][key].base) <= _UNIQUE}


_decoding = threading.local()


def decode(stream: Any, arrays: Sequence[np.ndarray]) -> Any:
    """The datapoint of a pickle.

    Args:
        stream: bytes of `Encoder.encode`.
        arrays: flat uint8 arrays with the stored bytes, by index.
    """
    if not arrays:
        return pickle.loads(stream)
    before: Any = getattr(_decoding, "arrays", None)
    _decoding.arrays = arrays
    try:
        return pickle.loads(stream)
    finally:
        _decoding.arrays = before


def _fetch(index: int, dtype: Any, shape: Tuple[int, ...], fortran: bool) -> np.ndarray:
    array = _decoding.arrays[index].view(dtype)
    return array.reshape(shape, order="F" if fortran else "C")

