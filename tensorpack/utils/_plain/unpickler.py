"""A reader of pickles that makes plain data and numpy arrays, from a literal list of what may be made.

Nothing that a pickle can reach through the list has attributes that it could set: they are classes of C, or made here with
`__setstate__`.
"""
from __future__ import annotations

import collections
import datetime
import io
import pickle
from typing import Any, Callable, Dict, List

import numpy as np

from .arrays import Named, PickledArray, PickledDtype, array_of_buffer, scalar_of_bytes
from .bounds import check_bounds

# What reading damaged bytes raises, by way of the machine or of what it calls.
DAMAGES = (ArithmeticError, AttributeError, AssertionError, EOFError, LookupError, MemoryError, RecursionError, TypeError,
            SyntaxError, ValueError, pickle.UnpicklingError)


class NotPlain(ValueError):
    """A pickle refers to something else than plain data. Attribute `name`: what that is, as module and name."""

    def __init__(self, name: str):
        super().__init__("it refers to " + name)
        self.name = name


class _Maker:
    """A function that a pickle may call, but not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *args: Any) -> Any:
        return self._function(*args)

    def __setstate__(self, state: Any) -> None:
        raise TypeError("it changes a function")


def _encode(text: str, encoding: str) -> bytes:
    """Bytes, as Python 3 writes them for Python 2."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes are encoded in {!r}".format(encoding))
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: str = "latin-1") -> bytearray:
    return bytearray(_encode(content, encoding) if isinstance(content, str) else memoryview(content))


def _no_bytes() -> bytes:
    return b""


_ARRAY, _BUFFER, _SCALAR = PickledArray, _Maker(array_of_buffer), _Maker(scalar_of_bytes)
_MAKERS: Dict[Any, Any] = {
    ("numpy", "dtype"): PickledDtype,
    ("numpy", "ndarray"): Named("numpy.ndarray"),
    ("numpy", "memmap"): Named("numpy.memmap"),  # it becomes an array in memory
    ("numpy.core.multiarray", "_reconstruct"): _ARRAY,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy.core.numeric", "_frombuffer"): _BUFFER,
    ("numpy._core.multiarray", "_reconstruct"): _ARRAY,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.numeric", "_frombuffer"): _BUFFER,
    ("_codecs", "encode"): _Maker(_encode),
    ("builtins", "bytearray"): _Maker(_bytearray),
    ("builtins", "bytes"): _Maker(_no_bytes),
    ("builtins", "complex"): complex,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "set"): set,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("datetime", "date"): datetime.date,
    ("datetime", "datetime"): datetime.datetime,
    ("datetime", "time"): datetime.time,
    ("datetime", "timedelta"): datetime.timedelta,
    ("datetime", "timezone"): datetime.timezone,
}
_MAKERS.update({("ml_dtypes", name): Named(name) for name in (
    "bfloat16", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "int1", "int2", "int4", "uint1",
    "uint2", "uint4")})

_MAKERS.update({("__builtin__", name): maker for (module, name), maker in _MAKERS.items() if module == "builtins"})  # Python 2

# Plain, and nothing within that would have to be looked at.
_LEAVES = frozenset([type(None), bool, int, float, complex, str, bytes, bytearray, datetime.date, datetime.datetime,
                     datetime.time, datetime.timedelta, datetime.timezone, np.ndarray])


class _Unpickler(pickle.Unpickler):
    made_others = False  # whether there may be stand-ins in the result

    def find_class(self, module: str, name: str) -> Any:
        self.made_others = True
        maker = _MAKERS.get((module, name))
        if maker is None:
            raise NotPlain("{}.{}".format(module, name))
        return maker


def load_plain(buf: Any, encoding: str = "ASCII") -> Any:
    """The content of a pickle of None, bools, numbers, str, bytes, dates, lists, tuples, dicts, sets, and numpy arrays.

    Args:
        buf: bytes, or another object with their buffer.
        encoding: what strings of Python 2 become, as for `pickle.loads`.

    Raises:
        NotPlain: there is something else in it.
        ValueError: the bytes are no complete pickle, or ask for more memory than there is.
    """
    try:
        check_bounds(buf if isinstance(buf, bytes) else memoryview(buf).cast("B"))
        machine = _Unpickler(io.BytesIO(buf), encoding=encoding)
        content = machine.load()
        return _Resolver().made_of(content) if machine.made_others else content
    except NotPlain:
        raise
    except DAMAGES as e:
        raise ValueError("{}{}".format("" if str(e) else type(e).__name__, e)) from e


class _Resolver:
    """Puts arrays and dtypes in the place of their stand-ins, and refuses what is not plain."""

    def __init__(self) -> None:
        self._seen: Dict[int, Any] = {}  # containers by their ids; they may hold each other

    def made_of(self, value: Any) -> Any:
        """The value with everything in it replaced that has to be."""
        kind = type(value)
        if kind in _LEAVES:
            return value
        if kind is PickledArray:
            return value.complete(self.made_of)
        if kind is list:
            return value if self._knows(value) else self._fill(value, range(len(value)))
        if kind is tuple:
            return self._tuple(value)
        if kind is dict or kind is collections.OrderedDict:
            return value if self._knows(value) else self._dict(value)
        return self._rare(kind, value)

    def _knows(self, container: Any) -> bool:
        known = id(container) in self._seen
        self._seen[id(container)] = container
        return known

    def _fill(self, container: Any, keys: Any) -> Any:
        for key in keys:
            value = container[key]
            if type(value) not in _LEAVES:
                container[key] = self.made_of(value)
        return container

    def _dict(self, container: Any) -> Any:
        for key in container:
            if type(key) not in _LEAVES:
                self.made_of(key)  # stand-ins cannot be keys
        return self._fill(container, list(container))

    def _tuple(self, value: Any) -> Any:
        made: List[Any] = [each if type(each) in _LEAVES else self.made_of(each) for each in value]
        return value if all(map(_is, made, value)) else tuple(made)

    def _rare(self, kind: type, value: Any) -> Any:
        if kind is PickledDtype:
            return value.dtype
        if kind is set or kind is frozenset:
            for each in value:
                self.made_of(each)
            return value
        if issubclass(kind, np.generic):
            return value
        raise NotPlain(value.name if kind is Named else repr(kind if kind is not type else value))


def _is(a: Any, b: Any) -> bool:
    return a is b
