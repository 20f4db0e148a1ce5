"""What translated code calls where Python 3 gives values another meaning; it reaches these functions through `lost.py`."""
from __future__ import annotations

import codecs
import collections.abc
import datetime
import decimal
import functools
import io
import math
import re
import types
from typing import Any, Iterator

from .names import CODECS_OF_LETTERS, MODULES_OF_STR
from .process import is_python_2
from .text import Text, as_text, encoded

_ALL_WHOLE = 2.0 ** 52  # floats from here on have no part behind the point
_COLLECTIONS = (list, tuple, set, frozenset, dict)


def given(value: Any) -> Any:
    """A value that the program has been given; bytes are text, as in Python 2."""
    return as_text(value) if isinstance(value, bytes) else value


def each(values: Any) -> Any:
    """What a loop of the program goes through; of lists of bytes, binary files, iterators and messages it is text."""
    if isinstance(values, (list, tuple)):
        return map(given, values) if values and isinstance(values[0], bytes) else values
    if isinstance(values, collections.abc.Iterator) or _is_repeated_bytes(values):
        return map(given, values)
    return values


def joined(owner: Any, *values: Any, **named: Any) -> Any:
    """`owner.join(...)`, where the owner may be a str or a module of paths, which take no bytes."""
    if isinstance(owner, types.ModuleType):
        return owner.join(*map(_as_str, values), **named)
    if type(owner) is str and len(values) == 1:
        return owner.join(map(_as_str, values[0]))
    return owner.join(*values, **named)


def with_str(owner: Any, method: str, *values: Any, **named: Any) -> Any:
    """`owner.method(...)`, where the owner may be one of those that take a str and no bytes, unlike in Python 2."""
    call = getattr(owner, method)
    return _called_with_str(call, values, named) if _takes_str(owner) else call(*values, **named)


def imported_with_str(function: Any, *values: Any, **named: Any) -> Any:
    """`function(...)`, which the program has from one of the modules that take a str, or calls another by its name."""
    if getattr(function, "__module__", None) in MODULES_OF_STR:
        return _called_with_str(function, values, named)
    return function(*values, **named)


def _called_with_str(call: Any, values: Any, named: Any) -> Any:
    return call(*map(_all_as_str, values), **{name: _all_as_str(value) for name, value in named.items()})


def _takes_str(owner: Any) -> bool:
    if isinstance(owner, types.ModuleType):
        return owner.__name__ in MODULES_OF_STR
    if isinstance(owner, _Pattern):
        return isinstance(owner.pattern, str)
    return type(owner) is str or isinstance(owner, (io.TextIOBase, datetime.date, datetime.time))


_Pattern: Any = type(re.compile(""))


def _all_as_str(value: Any) -> Any:
    """Text as a str, also within lists, tuples and dicts."""
    if type(value) in (list, tuple):
        return type(value)(map(_all_as_str, value))
    if type(value) is dict:
        return {_as_str(key): _all_as_str(each) for key, each in value.items()}
    return _as_str(value)


def of_attribute(function: Any, owner: Any, name: Any, *rest: Any) -> Any:
    """`getattr(owner, name)` and the like; `function` is the one that the program means."""
    return function(owner, _as_str(name), *rest)


def keywords(values: Any) -> Any:
    """The mapping of `function(**values)`, whose names may be text."""
    return {_as_str(name): values[name] for name in values.keys()} if hasattr(values, "keys") else values


def _as_str(value: Any) -> Any:
    return str(value) if type(value) is Text else str(Text(value)) if isinstance(value, bytes) else value


def contains(item: Any, values: Any) -> bool:
    """`item in values`; text is found in a str, and among bytes."""
    if type(values) is str:
        return _as_str(item) in values
    if isinstance(values, bytes):
        return encoded(item) in values
    return item in values or type(item) is str and type(values) in _COLLECTIONS and item.encode("utf-8") in values


def converted(value: Any, method: str, codec: str, *errors: Any) -> Any:
    """`value.encode("hex")` and the like, which Python 3 has as functions of `codecs` for bytes only."""
    if not isinstance(value, (str, bytes)):
        return getattr(value, method)(codec, *errors)
    if codec.startswith("rot"):
        return codecs.encode(_as_str(value), "rot13")
    content = bytes(memoryview(value)) if isinstance(value, bytes) else _latin_1(value)
    convert: Any = codecs.encode if method == "encode" else codecs.decode
    result = convert(content, codec)
    return result.decode("ascii") if method == "encode" and codec.split("_")[0] in CODECS_OF_LETTERS else Text(result)


def _latin_1(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8")


def decoded(value: Any, *arguments: Any, **named: Any) -> Any:
    """`value.decode(...)`; a str, which has been bytes, is decoded already."""
    return value if type(value) is str else value.decode(*arguments, **named)


def rounded(value: Any, digits: int = 0) -> float:
    """`round` of Python 2: a float, with halves away from zero."""
    value = float(value)
    if not math.isfinite(value) or digits >= 0 and abs(value) >= _ALL_WHOLE:
        return value
    return float(decimal.Decimal(value).quantize(decimal.Decimal(1).scaleb(-digits), decimal.ROUND_HALF_UP))


ordered_by = functools.cmp_to_key  # of `sorted(values, cmp=...)`


def bytes_values(values: Any) -> Any:
    """`message.bytes_list.value`, which takes and gives text."""
    return _BytesValues(values) if _is_repeated_bytes(values) else values


def bytes_list(make: Any, *arguments: Any, **named: Any) -> Any:
    """`tf.train.BytesList(value=...)`, which takes text if the program is Python 2."""
    if is_python_2() and "value" in named and not isinstance(named["value"], (str, bytes)):
        named["value"] = [encoded(value) for value in named["value"]]
    return make(*arguments, **named)


class _BytesValues:
    """The repeated field of a message with bytes, whose elements are text."""

    def __init__(self, values: Any) -> None:
        self._values = values

    def __getitem__(self, place: Any) -> Any:
        return as_text(self._values[place])

    def __setitem__(self, place: Any, value: Any) -> None:
        self._values[place] = encoded(value) if isinstance(value, (str, bytes)) else [encoded(each) for each in value]

    def __iter__(self) -> Iterator[Any]:
        return map(as_text, self._values)

    __hash__ = None  # type: ignore[assignment]  # None: it cannot be hashed

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> Any:
        return list(self) == list(other) if isinstance(other, (list, _BytesValues)) else self._values == other

    def __repr__(self) -> str:
        return repr(list(self))

    def append(self, value: Any) -> None:
        """Append a str or bytes."""
        self._values.append(encoded(value))

    def extend(self, values: Any) -> None:
        """Append each of some."""
        self._values.extend([encoded(value) for value in values])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._values, name)


def _is_repeated_bytes(values: Any) -> bool:
    if type(values).__name__ not in ("RepeatedScalarContainer", "RepeatedScalarFieldContainer"):
        return False
    return all(isinstance(value, bytes) for value in values[:1])
