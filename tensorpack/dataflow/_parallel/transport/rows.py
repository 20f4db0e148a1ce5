"""Small datapoints of one form, such as an array of 25 floats and a label, as rows of bytes instead of pickles.

Rows have equal sizes, so whatever number of them has come is read at once, column by column: that takes a tenth of the time.
"""
from __future__ import annotations

import operator
import pickle
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .codec import BIG
from .frames import FORM, HEADER, ROW, pack

_TAG = slice(HEADER.size - 8, HEADER.size)
_MAX_ROWS = 32  # that share memory once they are received: an array that is kept keeps the others
_MAX_BLOCK = 64 * 1024  # bytes of them
_KINDS = (list, tuple, dict)  # of datapoints
_NUMBERS: Dict[type, str] = {bool: "?", int: "q", float: "d"}  # struct formats, which numpy shares

# What a component is: "array", "scalar" of numpy, or the name of a Python type; dtype; shape.
_Spec = Tuple[str, str, Tuple[int, ...]]
_signature = operator.attrgetter("dtype", "shape")


class Run(NamedTuple):
    """Datapoints that came one right after another.

    Args:
        values: the datapoints.
        packed_tags: their tags, as uint8 of shape (number, 8).
    """

    values: List[Any]
    packed_tags: np.ndarray

    def tags(self) -> List[int]:
        tags: List[int] = self.packed_tags.copy().view("<i8")[:, 0].tolist()
        return tags


class _Field:
    """A component of a form."""

    def __init__(self, spec: _Spec):
        kind, dtype, self._shape = spec
        self._dtype = np.dtype(dtype)
        self.num_bytes = int(self._dtype.itemsize * np.prod(self._shape, dtype="int64"))
        self.is_array = kind == "array"
        self.is_number = kind not in ("array", "scalar")
        self.type: type = np.ndarray if self.is_array else self._dtype.type
        self.signature: Any = None if self.is_number else (self._dtype, self._shape)
        self.encode: Callable[[Any], Optional[bytes]] = self.type.tobytes  # type: ignore[attr-defined]
        if self.is_number:
            self.type = next(t for t in _NUMBERS if t.__name__ == kind)
            self.encode = struct.Struct("<" + _NUMBERS[self.type]).pack
        elif len(self._shape) > 1:
            self.encode = _contiguous_bytes

    def read(self, column: np.ndarray) -> List[Any]:
        """The component of several datapoints, out of uint8 of shape (number, bytes)."""
        values = column.copy().view(self._dtype).reshape((len(column),) + self._shape)
        return values.tolist() if self.is_number else list(values)


def _contiguous_bytes(array: np.ndarray) -> Optional[bytes]:
    return array.tobytes() if array.flags.c_contiguous else None


class Form:
    """What all datapoints of some rows have in common: container, keys, and types, dtypes and shapes of the components.

    Args:
        kind: list, tuple or dict.
        keys: of a dict.
        specs: what the components are.
    """

    def __init__(self, kind: type, keys: Sequence[Any], specs: Sequence[_Spec]):
        self._kind = kind
        self._keys = tuple(keys)
        self._specs = list(specs)
        self._fields = [_Field(spec) for spec in specs]
        self._arrays = [k for k, field in enumerate(self._fields) if field.is_array]
        self.num_bytes = sum(field.num_bytes for field in self._fields)
        self._header = HEADER.pack(ROW, 0, self.num_bytes, 0)
        self._prefix = self._header[:_TAG.start]
        self._size = HEADER.size + self.num_bytes
        self._max_rows = max(1, min(_MAX_ROWS, _MAX_BLOCK // self._size))

    @classmethod
    def of(cls, dp: Any) -> Optional[Form]:
        """The form of a datapoint; None if it is no small list, tuple or dict of arrays and numbers."""
        kind = type(dp)
        if kind not in _KINDS or not dp:
            return None
        specs = []
        for value in dp.values() if kind is dict else dp:
            spec = _spec(value)
            if spec is None:
                return None
            specs.append(spec)
        form = cls(kind, tuple(dp) if kind is dict else (), specs)
        return form if form.num_bytes < BIG else None

    def dump(self) -> bytes:
        """Bytes for `load`."""
        return pickle.dumps((self._kind, self._keys, self._specs), pickle.HIGHEST_PROTOCOL)

    @classmethod
    def load(cls, stream: bytes) -> Form:
        return cls(*pickle.loads(stream))

    def write(self, dp: Any, tag: int) -> Optional[bytes]:
        """A datapoint as a row; None if it has another form."""
        if type(dp) is not self._kind or len(dp) != len(self._fields):
            return None
        values = dp
        if self._keys:
            if tuple(dp) != self._keys:
                return None
            values = list(dp.values())
        parts: List[Any] = [self._prefix + tag.to_bytes(8, "little", signed=True) if tag else self._header]
        for field, value in zip(self._fields, values):
            if type(value) is not field.type or field.signature is not None and _signature(value) != field.signature:
                return None
            try:
                parts.append(field.encode(value))
            except struct.error:  # an int of more than 64 bits
                return None
        if len(self._arrays) > 1 and len({id(values[k]) for k in self._arrays}) < len(self._arrays):
            return None  # one array twice, which it must be on the other side, too
        return b"".join(parts) if None not in parts else None

    def read(self, buffer: Any, start: int, stop: int) -> Tuple[Run, int]:
        """The datapoints of the row at `start` and of those that follow, and where they end."""
        count = min((stop - start) // self._size, self._max_rows)
        rows = np.frombuffer(buffer, "uint8", count * self._size, start).reshape(count, self._size)
        others = (rows[:, :_TAG.start] != rows[0, :_TAG.start]).any(axis=1)
        if others.any():
            count = int(others.argmax())
            rows = rows[:count]
        columns, position = [], HEADER.size
        for field in self._fields:
            columns.append(field.read(rows[:, position:position + field.num_bytes]))
            position += field.num_bytes
        return Run(self._assemble(columns), rows[:, _TAG]), start + count * self._size

    def _assemble(self, columns: List[List[Any]]) -> List[Any]:
        components = zip(*columns)
        if self._kind is tuple:
            return list(components)
        if self._kind is list:
            return list(map(list, components))
        return [dict(zip(self._keys, values)) for values in components]


def _spec(value: Any) -> Optional[_Spec]:
    kind = type(value)
    if kind in _NUMBERS:
        return kind.__name__, _NUMBERS[kind], ()
    if kind is np.ndarray:
        # list() of an array gives no arrays of no dimension
        is_plain = value.ndim > 0 and 0 < value.nbytes < BIG and value.flags.c_contiguous
        name = "array"
    else:
        is_plain, name = issubclass(kind, np.generic), "scalar"
    if not is_plain or value.dtype.kind not in "biufc" or not value.dtype.isnative:
        return None
    return name, value.dtype.str, value.shape


class RowWriter:
    """Turns datapoints into rows, as long as each has the form of the one before."""

    def __init__(self) -> None:
        self._form: Optional[Form] = None
        self._last: Any = None  # the packed form of the last datapoint that did not fit

    def write(self, dp: Any, tag: int) -> Optional[bytes]:
        """The bytes to send for a datapoint; None if it does not make a row."""
        if self._form is not None:
            row = self._form.write(dp, tag)
            if row is not None:
                return row
        return self._change(dp, tag)

    def _change(self, dp: Any, tag: int) -> Optional[bytes]:
        form = Form.of(dp)
        last, self._last = self._last, None if form is None else form.dump()
        if form is None or last != self._last:  # forms are worth it if they last
            return None
        row = form.write(dp, tag)
        if row is None:
            return None
        self._form = form
        return pack(FORM, 0, self._last) + row
