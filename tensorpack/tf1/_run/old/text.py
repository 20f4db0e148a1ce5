"""A string of Python 2: bytes that are text as well."""
from __future__ import annotations

from typing import Any, Callable, Iterator, Tuple, Type

import numpy


def _base() -> Any:
    """`bytes`, unless numpy takes its subclasses for integers, as 2.4 does; then numpy's, which once lost NULs at the end."""
    kind: Any = type("Bytes", (bytes,), {})
    try:
        numpy.array([kind(b"a")])
    except ValueError:
        return numpy.bytes_
    return bytes


_Base: Any = _base()


class Text(_Base):
    """Bytes that compare, hash, format and combine as the text that they hold, as a `str` of Python 2 does.

    The text is that of UTF-8, or of Latin-1 where they are none. What is put together with a `str` is a `str`; buffers, files
    and protocol messages take a `Text` as the bytes that it is.
    """

    @property  # type: ignore[misc]  # it is an attribute of object
    def __class__(self) -> Type[Any]:
        return str  # so that it is an instance of both, as in Python 2

    def __str__(self) -> str:
        try:
            return self.decode("utf-8")
        except UnicodeDecodeError:
            return self.decode("latin-1")

    def __repr__(self) -> str:
        return bytes.__repr__(self)[1:]

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        return Text, (bytes(memoryview(self)),)

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return self.__reduce__()

    def __hash__(self) -> int:
        return hash(str(self))  # that of the bytes as well, where it is ASCII

    def __contains__(self, item: Any) -> bool:
        return bytes.__contains__(self, encoded(item))

    def __iter__(self) -> Iterator[Any]:
        return (Text(bytes((number,))) for number in bytes.__iter__(self))

    def __getitem__(self, place: Any) -> Any:
        found = bytes.__getitem__(self, place)
        return Text(bytes((found,))) if isinstance(found, int) else Text(found)

    def __add__(self, other: Any) -> Any:
        return str(self) + other if _is_str(other) else Text(bytes.__add__(self, other))

    def __radd__(self, other: Any) -> Any:
        return other + str(self) if _is_str(other) else Text(bytes(other) + bytes(memoryview(self)))

    def __mul__(self, count: Any) -> Any:
        return Text(bytes.__mul__(self, count))

    __rmul__ = __mul__

    def __mod__(self, values: Any) -> Any:
        return str(self) % values

    def encode(self, encoding: str = "ascii", errors: str = "strict") -> Any:
        """The bytes; they are UTF-8 already, so another encoding is that of the text."""
        if encoding.replace("_", "-").lower() in ("ascii", "utf-8", "utf8", "us-ascii"):
            return Text(self)
        return Text(str(self).encode(encoding, errors))

    def format(self, *values: Any, **named: Any) -> str:
        """`str.format` of the text."""
        return str(self).format(*values, **named)


def encoded(value: Any) -> Any:
    """A str of today as bytes; what is none is as it is, also within a tuple."""
    if isinstance(value, tuple):
        return tuple(encoded(each) for each in value)
    return value.encode("utf-8") if _is_str(value) else value


def as_text(value: Any) -> Any:
    """Bytes as `Text`; what is none is as it is, also within a list or tuple."""
    if isinstance(value, bytes):
        return value if type(value) is Text else Text(value)
    return type(value)(map(as_text, value)) if type(value) in (list, tuple) else value


def _is_str(value: Any) -> bool:
    return issubclass(type(value), str)  # `isinstance` is true of Text


def _with_str(name: str) -> Callable[..., Any]:
    method = getattr(bytes, name)

    def of_text(self: Text, *arguments: Any, **named: Any) -> Any:
        return as_text(method(self, *map(encoded, arguments), **named))

    of_text.__name__, of_text.__doc__ = name, method.__doc__
    return of_text


def _compared(name: str) -> Callable[..., Any]:
    of_bytes, of_str = getattr(bytes, name), getattr(str, name)

    def of_text(self: Text, other: Any) -> Any:
        if _is_str(other):
            return of_str(str(self), other)
        return of_bytes(self, bytes(other) if isinstance(other, bytearray) else other)  # which would take this for a str

    return of_text


def _join(self: Text, parts: Any) -> Any:
    parts = list(parts)
    if any(_is_str(part) for part in parts):
        return str(self).join(map(str, parts))
    return Text(bytes.join(self, parts))


for _name in ("capitalize", "center", "count", "endswith", "expandtabs", "find", "index", "ljust", "lower", "lstrip",
              "partition", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split",
              "splitlines", "startswith", "strip", "swapcase", "title", "translate", "upper", "zfill"):
    setattr(Text, _name, _with_str(_name))
for _name in ("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"):
    setattr(Text, _name, _compared(_name))
Text.join = _join
