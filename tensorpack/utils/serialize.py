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

from .optional import optional_import

__all__ = ["dumps", "loads"]

_PICKLE_MARK = 0x80  # the first byte of a pickle since protocol 2, followed by the protocol
_msgpack = optional_import("msgpack", needed_by="utils.serialize (for data that are no pickle, so msgpack)",
                           pip="msgpack msgpack-numpy")
_msgpack_numpy = optional_import("msgpack_numpy", needed_by="utils.serialize with msgpack", pip="msgpack-numpy")


class PickleSerializer:
    """Keeps all types. Loading runs code that the bytes name: load only what you trust."""

    @staticmethod
    def dumps(obj: Any) -> bytes:
        """Pickle with protocol 4, which every supported Python reads."""
        return pickle.dumps(obj, protocol=4)

    @staticmethod
    def loads(buf: Any) -> Any:
        """Load a pickle, also of arrays that a newer numpy wrote."""
        try:
            return pickle.loads(buf)
        except ModuleNotFoundError as e:
            if not (e.name or "").startswith("numpy._core"):
                raise
            return _OlderNumpyUnpickler(io.BytesIO(buf)).load()


class _OlderNumpyUnpickler(pickle.Unpickler):
    """For numpy 1: arrays of numpy 2 name a package that has another name there."""

    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(module.replace("numpy._core", "numpy.core", 1), name)


class MsgpackSerializer:
    """Keeps what msgpack knows, and arrays; tuples become lists. Loading runs no code, unless arrays hold objects."""

    @staticmethod
    def dumps(obj: Any) -> bytes:
        return _msgpack.packb(obj, use_bin_type=True, default=_msgpack_numpy.encode)

    @staticmethod
    def loads(buf: Any) -> Any:
        return _msgpack.unpackb(buf, raw=False, strict_map_key=False, object_hook=_writeable_array)


def _writeable_array(obj: Any) -> Any:
    decoded = _msgpack_numpy.decode(obj)
    return decoded.copy() if isinstance(decoded, np.ndarray) and not decoded.flags.writeable else decoded


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


def loads(buf: Any) -> Any:
    """Restore an object from the bytes of `dumps` or `dumps_once`, whichever way they were written.

    Loading a pickle runs code that it names: load only what you trust.

    Args:
        buf: bytes, or another object with their buffer.

    Raises:
        ValueError: the bytes are incomplete, or neither a pickle nor msgpack.
    """
    with memoryview(buf) as view:
        head, size = bytes(view[:16]), view.nbytes
    if size < 2 or head[0] != _PICKLE_MARK:
        return _load_msgpack(buf, head, size)
    if head[1] > pickle.HIGHEST_PROTOCOL:
        raise ValueError("loads: the protocol of a pickle must be at most {} here; got {}; read it with a newer Python, and "
                         "write it with tensorpack.utils.serialize.dumps".format(pickle.HIGHEST_PROTOCOL, head[1]))
    try:
        return PickleSerializer.loads(buf)
    except (EOFError, pickle.UnpicklingError) as e:
        raise ValueError("loads: a pickle must be complete; got {} bytes that are not: {}; the file may be damaged".format(
            size, e)) from e


def _load_msgpack(buf: Any, head: bytes, size: int) -> Any:
    try:
        return MsgpackSerializer.loads(buf)
    except ValueError as e:
        raise ValueError(
            "loads: the bytes must be a pickle or msgpack, as written by tensorpack.utils.serialize.dumps; got {} bytes that "
            "start with {!r}: {}; if TENSORPACK_SERIALIZE was 'pyarrow' when they were written, write them again with the "
            "old versions and 'pickle', since pyarrow has given up that format".format(size, head, e)) from e


def dumps_once(obj: Any) -> Any:
    """Serialize an object for another process of this machine, by what `TENSORPACK_ONCE_SERIALIZE` says; default pickle.

    Unlike `dumps` it accepts what multiprocessing can hand over, such as connections. Returns bytes or a memoryview.
    """
    serializer = _chosen("TENSORPACK_ONCE_SERIALIZE")
    return ForkingPickler.dumps(obj) if serializer is PickleSerializer else serializer.dumps(obj)


loads_once = loads
