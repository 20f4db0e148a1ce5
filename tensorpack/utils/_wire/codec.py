"""Plain data as bytes, and back. Reading makes values of the types below and nothing else: no code is looked up or run.

Plain data are None, bool, int of any size, float, complex, str, bytes, numpy's scalars and arrays of every dtype but objects,
and lists, tuples and dicts of them. It is msgpack with extensions, except that the bytes of big arrays follow behind it:

    magic 4 | version 1 | kind 1 | flags 1 | 0 | length of the msgpack 8 | msgpack | padding | array | padding | array ...

`bytearray` and `memoryview` come back as bytes, what occurs twice as two copies.
"""
from __future__ import annotations

import functools
import pickle
import struct
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .._buffers import aligned_empty
from ..optional import optional_import
from .dtypes import dtype_to_text, text_to_dtype

_msgpack = optional_import("msgpack", needed_by="datapoints as plain data", pip="msgpack")

MAGIC = b"\xc1TPD"  # msgpack never begins with the first byte, pickle, text and the protocols of others do not either
VERSION = 1
_HEAD = struct.Struct("<4sBBBxQ")
_TUPLES, _APART = 1, 2  # flags
_BIG = 16 * 1024  # bytes; copying smaller arrays once more costs less than bookkeeping
MAX_PARTS = 65
_ALIGNMENT = 64

# extensions of msgpack
_TUPLE, _INT, _COMPLEX, _ARRAY, _BIG_ARRAY, _PICKLE = range(1, 7)
_FORTRAN, _SCALAR = 1, 2
_COMPLEX_STRUCT = struct.Struct("<dd")
_TRAILER_END = struct.Struct("<HBB")  # length of the dtype's text, number of dimensions, flags


class NotPlainError(TypeError):
    """Data hold something that is not plain; `kind` is its type, `where` says which component it is."""

    def __init__(self, kind: str, where: str):
        super().__init__("{} must be plain data; got {}".format(where, kind))
        self.kind, self.where = kind, where


class DamagedError(ValueError):
    """Bytes that are not, or not wholly, what an Encoder has written."""


class PickleRefusedError(ValueError):
    """Bytes hold a pickle where none is allowed; `kind` is the name that the sender gives to its type."""

    def __init__(self, kind: str):
        super().__init__("data must be plain; got a pickle of {!r}".format(kind))
        self.kind = kind


class Encoder:
    """Turns plain data into bytes.

    Args:
        allow_pickle: pickle what is not plain instead of raising an error.

    Attributes:
        pickled: the types that were pickled, and for each where it was seen first.
    """

    def __init__(self, allow_pickle: bool = False):
        self.pickled: Dict[str, str] = {}
        self._allow_pickle = allow_pickle
        self._pack = _msgpack.Packer(default=self._default, use_bin_type=True, strict_types=True,
                                     unicode_errors="surrogatepass").pack
        self._ext_type = _msgpack.ExtType
        self._arrays: List[np.ndarray] = []
        self._flags = 0
        self._value: Any = None

    def encode(self, value: Any, kind: int = 0) -> bytes:
        """The bytes of a value.

        Args:
            kind: a number below 256 that `decode` gives back.

        Raises:
            NotPlainError: it holds something that is not plain, and pickles are not allowed.
            ValueError: it is nested deeper than 500 levels, or holds itself.
        """
        first, *arrays = self._encode(value, kind, 0)
        parts, end = [first], len(first)
        for array in arrays:
            start = _aligned(end)
            parts += [bytes(start - end), array]
            end = start + array.nbytes
        return b"".join(parts) if arrays else first

    def encode_parts(self, value: Any, kind: int = 0) -> List[Any]:
        """Like `encode`, but the bytes of big arrays apart, at most 64 of them, without a copy if they lie in one piece."""
        return self._encode(value, kind, _APART)

    def _encode(self, value: Any, kind: int, flags: int) -> List[Any]:
        self._flags, self._value = flags, value
        try:
            stream = self._pack(value)
            return [_HEAD.pack(MAGIC, VERSION, kind, self._flags, len(stream)) + stream] + self._arrays
        finally:
            self._value, self._arrays = None, []

    def _default(self, value: Any) -> Any:
        """What msgpack shall pack in place of a value of a type that it does not know."""
        kind = type(value)
        if kind is np.ndarray or kind is np.memmap:
            return self._array(value)
        if kind is tuple:
            self._flags |= _TUPLES
            return [self._extension(_TUPLE, b""), *value]
        if kind is int:  # more than 64 bits
            return self._extension(_INT, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))
        if kind is complex:
            return self._extension(_COMPLEX, _COMPLEX_STRUCT.pack(value.real, value.imag))
        if isinstance(value, np.generic):
            return self._array(np.asarray(value), _SCALAR)
        return self._other(value)

    def _extension(self, code: int, data: bytes) -> Any:
        return tuple.__new__(self._ext_type, (code, data))  # half of the time of its constructor, which checks the types

    def _array(self, array: np.ndarray, flags: int = 0) -> Any:
        is_fortran = _is_fortran(array)
        try:
            trailer = _trailer(array.dtype, array.shape, flags | is_fortran * _FORTRAN)
        except TypeError:
            return self._other(array if not flags else array[()])
        if array.nbytes < _BIG or len(self._arrays) == MAX_PARTS - 1:
            return self._extension(_ARRAY, array.tobytes("F" if is_fortran else "C") + trailer)
        self._arrays.append(np.ascontiguousarray(array.T if is_fortran else array).reshape(-1).view("uint8"))
        return self._extension(_BIG_ARRAY, trailer)

    def _other(self, value: Any) -> Any:
        kind = type_name(value)
        if not self._allow_pickle:
            raise NotPlainError(kind, find(value, self._value))
        if kind not in self.pickled:
            self.pickled[kind] = find(value, self._value)
        return self._extension(_PICKLE, kind.encode() + b"\0" + pickle.dumps(value, 4))


def decode(message: Any, allow_pickle: bool = False, arrays: Optional[Sequence[Any]] = None) -> Tuple[int, Any]:
    """(kind, value) of the bytes of `Encoder.encode`. Arrays are writable and have memory of their own.

    Args:
        message: a buffer of bytes; the first one of `encode_parts` if `arrays` are given.
        arrays: the other ones of `encode_parts`.
        allow_pickle: load what the encoder had to pickle, which runs code that the bytes name.

    Raises:
        DamagedError: the bytes are something else, or cut off; or a dtype needs ml_dtypes, which is not installed.
        PickleRefusedError: they hold a pickle, and none is allowed.
    """
    view = memoryview(message)
    kind, flags, end = _read_head(view)
    if bool(flags & _APART) != (arrays is not None):
        raise DamagedError("it has parts that are not there, or none")
    reader = _Reader(view, end, allow_pickle, arrays)
    try:
        value = _unpacker()(view[_HEAD.size:end], raw=False, strict_map_key=False, unicode_errors="surrogatepass",
                            ext_hook=reader.read_extension, list_hook=reader.read_list if flags & _TUPLES else None)
    except (DamagedError, PickleRefusedError):
        raise
    except (ValueError, TypeError, OverflowError, struct.error, _msgpack.UnpackException) as e:
        raise DamagedError("its content is damaged: {}: {}".format(type(e).__name__, e)) from e
    if reader.end != len(view) or reader.num_open_tuples or arrays and reader.num_arrays != len(arrays):
        raise DamagedError("it is longer than what it says")
    return kind, value


@functools.lru_cache(maxsize=None)
def _unpacker() -> Any:
    return _msgpack.unpackb


class _Reader:
    """What msgpack calls for its extensions."""

    __slots__ = ("end", "num_open_tuples", "num_arrays", "_message", "_allow_pickle", "_arrays")

    def __init__(self, message: memoryview, end: int, allow_pickle: bool, arrays: Optional[Sequence[Any]]):
        self._message, self._allow_pickle, self._arrays = message, allow_pickle, arrays
        self.end = end  # of what was read so far
        self.num_open_tuples = 0
        self.num_arrays = 0  # of those apart

    def read_extension(self, code: int, data: bytes) -> Any:
        if code == _ARRAY:
            return _small_array(data)
        if code == _BIG_ARRAY:
            return self._big_array(data)
        if code == _TUPLE:
            self.num_open_tuples += 1
            return _TUPLE_MARK
        if code == _INT:
            return int.from_bytes(data, "little", signed=True)
        if code == _COMPLEX:
            return complex(*_COMPLEX_STRUCT.unpack(data))
        if code != _PICKLE:
            raise DamagedError("it has the unknown extension {}".format(code))
        kind, _, pickled = data.partition(b"\0")
        if not self._allow_pickle:
            raise PickleRefusedError(kind[:200].decode("utf-8", "replace"))
        return pickle.loads(pickled)

    def read_list(self, values: List[Any]) -> Any:
        if not values or values[0] is not _TUPLE_MARK:
            return values
        self.num_open_tuples -= 1
        return tuple(values[1:])

    def _big_array(self, data: bytes) -> np.ndarray:
        form = _read_trailer(data)
        source, start = self._find(form.num_bytes)
        memory = aligned_empty(form.num_bytes, "uint8")
        memory[:] = np.frombuffer(source, "uint8", form.num_bytes, start)
        return memory.view(form.dtype).reshape(form.shape, order=form.order)

    def _find(self, num_bytes: int) -> Tuple[Any, int]:
        """Where the bytes of the next big array are."""
        if self._arrays is not None:
            self.num_arrays += 1
            if self.num_arrays > len(self._arrays) or len(self._arrays[self.num_arrays - 1]) != num_bytes:
                raise DamagedError("it is cut off")
            return self._arrays[self.num_arrays - 1], 0
        start = _aligned(self.end)
        self.end = start + num_bytes
        if self.end > len(self._message):
            raise DamagedError("it is cut off")
        return self._message, start


_TUPLE_MARK = object()


class _Form(NamedTuple):
    dtype: np.dtype
    shape: Tuple[int, ...]
    order: Any
    num_bytes: int
    length: int  # of the trailer
    is_scalar: bool


def _small_array(data: bytes) -> Any:
    text_length, num_dimensions, _ = _TRAILER_END.unpack_from(data, len(data) - _TRAILER_END.size)
    form = _read_trailer(data[-(text_length + 8 * num_dimensions + _TRAILER_END.size):])
    if form.num_bytes + form.length != len(data):
        raise DamagedError("an array has {} bytes instead of {}".format(len(data) - form.length, form.num_bytes))
    array = np.ndarray(form.shape, form.dtype, bytearray(data), 0, None, form.order)
    return array[()] if form.is_scalar else array


@functools.lru_cache(maxsize=1024)
def _trailer(dtype: np.dtype, shape: Tuple[int, ...], flags: int) -> bytes:
    text = dtype_to_text(dtype).encode()
    return text + struct.pack("<{}Q".format(len(shape)), *shape) + _TRAILER_END.pack(len(text), len(shape), flags)


@functools.lru_cache(maxsize=1024)
def _read_trailer(trailer: bytes) -> _Form:
    text_length, num_dimensions, flags = _TRAILER_END.unpack_from(trailer, len(trailer) - _TRAILER_END.size)
    if text_length + 8 * num_dimensions + _TRAILER_END.size != len(trailer):
        raise DamagedError("the form of an array is cut off")
    shape = struct.unpack_from("<{}Q".format(num_dimensions), trailer, text_length)
    if flags > (_FORTRAN | _SCALAR) or flags & _SCALAR and shape:
        raise DamagedError("the form of an array is damaged")
    dtype = text_to_dtype(trailer[:text_length].decode())
    num_bytes = dtype.itemsize
    for size in shape:
        num_bytes *= size
    return _Form(dtype, shape, "F" if flags & _FORTRAN else "C", num_bytes, len(trailer), bool(flags & _SCALAR))


def _read_head(message: memoryview) -> Tuple[int, int, int]:
    """Kind, flags and the end of the msgpack."""
    if len(message) < _HEAD.size:
        raise DamagedError("it is cut off" if message[:len(MAGIC)] == MAGIC else "it is of another program")
    magic, version, kind, flags, length = _HEAD.unpack_from(message)
    if magic != MAGIC:
        raise DamagedError("it is of another program")
    if version != VERSION:
        raise DamagedError("its format has version {}; here it is {}".format(version, VERSION))
    if _HEAD.size + length > len(message):
        raise DamagedError("it is cut off")
    return kind, flags, _HEAD.size + length


def _aligned(position: int) -> int:
    return -(-position // _ALIGNMENT) * _ALIGNMENT


def _is_fortran(array: np.ndarray) -> bool:
    """Whether the elements are to be kept in Fortran's order."""
    return array.flags.f_contiguous and not array.flags.c_contiguous


def type_name(value: Any) -> str:
    """How errors call the type of a value."""
    if isinstance(value, np.ndarray):
        return "{} of dtype {}".format(type(value).__name__, value.dtype)
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else "{}.{}".format(kind.__module__, kind.__name__)


def find(wanted: Any, value: Any) -> str:
    """Which component of a datapoint an object is, and where in it."""
    path = _path(wanted, value, 0)
    if not path:
        return "a datapoint"
    return "component {!r}".format(path[0]) + (
        ", at {},".format("".join("[{!r}]".format(key) for key in path)) if len(path) > 1 else "")


def _path(wanted: Any, value: Any, depth: int) -> List[Any]:
    """The keys that lead to an object; empty if it is not found, or the value itself."""
    if depth > 20 or type(value) not in (list, tuple, dict):
        return []
    for key, inner in (value.items() if type(value) is dict else enumerate(value)):
        if inner is wanted or key is wanted:
            return [key]
        path = _path(wanted, inner, depth + 1)
        if path:
            return [key] + path
    return []
