"""Objects as bytes, for files and for other processes: pickle, or msgpack where the environment asks for it.

`loads` tells from the bytes how they were written, so data of either kind can be read whatever the environment says.
"""
from __future__ import annotations

import io
import os
import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from ._plain.arrays import as_text, check_units
from ._plain.errors import explained_pickle, not_plain
from ._plain.unpickler import DAMAGES, NotPlain, load_plain
from .optional import optional_import

__all__ = ["dumps", "load_pickle", "loads"]

_PICKLE_MARK = 0x80  # the first byte of a pickle since protocol 2, followed by the protocol
_msgpack = optional_import("msgpack", needed_by="utils.serialize (for data that are no pickle, so msgpack)",
                           pip="msgpack msgpack-numpy")
_msgpack_numpy = optional_import("msgpack_numpy", needed_by="utils.serialize with msgpack", pip="msgpack-numpy")


class PickleSerializer:
    """Keeps all types; of plain data and arrays it makes bytes that run nothing when they are read."""

    @staticmethod
    def dumps(obj: Any) -> bytes:
        """Pickle with protocol 4, which every supported Python reads."""
        return pickle.dumps(obj, protocol=4)

    @staticmethod
    def loads(buf: Any, *, allow_pickle: bool = False) -> Any:
        """Load a pickle, also of arrays that a newer numpy wrote. See the function `loads`."""
        return _load_any(buf) if allow_pickle else load_plain(buf)


def _load_any(buf: Any, encoding: str = "ASCII") -> Any:
    try:
        return pickle.loads(buf, encoding=encoding)
    except ModuleNotFoundError as e:
        if not (e.name or "").startswith("numpy._core"):
            raise
        return _OlderNumpyUnpickler(io.BytesIO(buf), encoding=encoding).load()


class _OlderNumpyUnpickler(pickle.Unpickler):
    """For numpy 1: arrays of numpy 2 name a package that has another name there."""

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module.replace("numpy._core", "numpy.core", 1), name)


class MsgpackSerializer:
    """Keeps what msgpack knows, and arrays; tuples become lists."""

    @staticmethod
    def dumps(obj: Any) -> bytes:
        return _msgpack.packb(obj, use_bin_type=True, default=_msgpack_numpy.encode)

    @staticmethod
    def loads(buf: Any, *, allow_pickle: bool = False) -> Any:
        """Load msgpack; within it, arrays of objects are pickles. See the function `loads`."""
        return _msgpack.unpackb(buf, raw=False, strict_map_key=False, object_hook=_any_array if allow_pickle else _plain_array)


def _any_array(obj: Any) -> Any:
    decoded = _msgpack_numpy.decode(obj)
    return decoded.copy() if isinstance(decoded, np.ndarray) and not decoded.flags.writeable else decoded


def _plain_array(obj: Any) -> Any:
    if b"nd" in obj and b"type" in obj:
        if obj.get(b"kind") == b"O":
            return load_plain(obj.get(b"data"))
        if _holds_objects(obj[b"type"]):
            raise ValueError("the bytes of an array are references to objects")
    return _any_array(obj)


def _holds_objects(description: Any) -> bool:
    """Whether a dtype has objects: its name, or a list of fields, of which each has its dtype in the second place."""
    if isinstance(description, (list, tuple)):
        return any(_holds_objects(field[1]) for field in description)
    check_units(as_text(description))
    return np.dtype(as_text(description)).hasobject


_SERIALIZERS = {"msgpack": MsgpackSerializer, "pickle": PickleSerializer}


def _chosen(variable: str) -> Any:
    name = os.environ.get(variable, "pickle")
    if name not in _SERIALIZERS:
        raise ValueError("environment variable {} must be one of {}; got {!r}{}".format(
            variable, sorted(_SERIALIZERS), name, "; pyarrow has given up its serializer" if name == "pyarrow" else ""))
    return _SERIALIZERS[name]


def dumps(obj: Any) -> bytes:
    """Serialize an object for storage: by pickle, or by what `TENSORPACK_SERIALIZE` says ("pickle" or "msgpack")."""
    return _chosen("TENSORPACK_SERIALIZE").dumps(obj)


def loads(buf: Any, *, allow_pickle: bool = False) -> Any:
    """Restore an object from the bytes of `dumps`, whichever way they were written.

    Args:
        buf: bytes, or another object with their buffer.
        allow_pickle: make whatever objects the bytes name, which can run any code: pass True only for what you trust. Without
            it they may hold None, bools, numbers, str, bytes, dates, lists, tuples, dicts, sets, and numpy's arrays, scalars
            and dtypes; and nothing in them is run.

    Raises:
        ValueError: the bytes are incomplete, neither a pickle nor msgpack, or hold something else without `allow_pickle`.
    """
    with memoryview(buf) as view:
        head, size = bytes(view[:16]), view.nbytes
    if size < 2 or head[0] != _PICKLE_MARK:
        return _load_msgpack(buf, head, size, allow_pickle)
    if head[1] > pickle.HIGHEST_PROTOCOL:
        raise ValueError("loads: the protocol of a pickle must be at most {} here; got {}; read it with a newer Python, and "
                         "write it with tensorpack.utils.serialize.dumps".format(pickle.HIGHEST_PROTOCOL, head[1]))
    with explained_pickle("loads", "the bytes", size):
        return PickleSerializer.loads(buf, allow_pickle=allow_pickle)


def _load_msgpack(buf: Any, head: bytes, size: int, allow_pickle: bool) -> Any:
    try:
        return MsgpackSerializer.loads(buf, allow_pickle=allow_pickle)
    except NotPlain as e:
        raise not_plain("loads", "the bytes", e) from e
    except DAMAGES as e:
        raise ValueError(
            "loads: the bytes must be a pickle or msgpack, as written by tensorpack.utils.serialize.dumps; got {} bytes that "
            "start with {!r}: {}; if TENSORPACK_SERIALIZE was 'pyarrow' when they were written, write them again with the "
            "old versions and 'pickle', since pyarrow has given up that format".format(size, head, e)) from e


def load_pickle(path: str, *, allow_pickle: bool = False, encoding: str = "ASCII") -> Any:
    """The content of a file that is one pickle.

    Args:
        path: the file.
        allow_pickle: as for `loads`.
        encoding: what strings of Python 2 become, as for `pickle.load`: "bytes", or an encoding, such as "latin1".

    Raises:
        ValueError: the pickle is incomplete, or holds something else than plain data without `allow_pickle`.
    """
    with open(path, "rb") as f:
        content = f.read()
    with explained_pickle("load_pickle", path, len(content)):
        return _load_any(content, encoding) if allow_pickle else load_plain(content, encoding)


def dumps_once(obj: Any) -> Any:
    """Serialize an object for another process of this machine, by what `TENSORPACK_ONCE_SERIALIZE` says; default pickle.

    Unlike `dumps` it accepts what multiprocessing can hand over, such as connections. Returns bytes or a memoryview.
    """
    serializer = _chosen("TENSORPACK_ONCE_SERIALIZE")
    return ForkingPickler.dumps(obj) if serializer is PickleSerializer else serializer.dumps(obj)


def loads_once(buf: Any) -> Any:
    """Restore an object from what `dumps_once` made in another process of this machine; it can run code."""
    return loads(buf, allow_pickle=True)
