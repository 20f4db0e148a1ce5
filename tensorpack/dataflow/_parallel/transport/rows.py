"""Small datapoints of one form, such as an array of 25 floats and a label, as rows of bytes instead of pickles.

Rows have equal sizes, so whatever number of them has come is read at once, column by column: that takes a tenth of the time.
"""
from __future__ import annotations

import pickle
import struct
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .codec import BIG
from .frames import FORM, HEADER, ROW, pack

_ROW = bytes([ROW])
_MAX_ROWS = 32  # that share memory once they are received: an array that is kept keeps the others
_MAX_BLOCK = 64 * 1024  # bytes of them
_KINDS = (list, tuple, dict)  # of datapoints
_NUMBERS: Dict[type, str] = {bool: "?", int: "q", float: "d"}  # struct formats, which numpy shares
_BY_NAME = {kind.__name__: kind for kind in _NUMBERS}

# The function `Form.write`.
_SOURCE = """
def write(dp, tag):
    if not ({checks}):
        return None
    {names}= {values}
    if not ({fits}):
        return None
    try:
        return (header(tag) if tag else plain) + {parts}
    except error:  # an int of more than 64 bits
        return None
"""

# What a component is: "array", "scalar" of numpy, or the name of a Python type; dtype; shape.
_Spec = Tuple[str, str, Tuple[int, ...]]


class Run(NamedTuple):
    """Datapoints that came one right after another.

    Args:
        values: the datapoints.
        rows: what they were read from, with a field "tag".
    """

    values: List[Any]
    rows: np.ndarray

    def tags(self) -> List[int]:
        tags: List[int] = self.rows["tag"].tolist()
        return tags


class Form:
    """What all datapoints of some rows have in common: container, keys, and types, dtypes and shapes of the components.

    Args:
        kind: list, tuple or dict.
        keys: of a dict.
        specs: what the components are.

    Attributes:
        num_bytes: of the components.
        write: a function of a datapoint and its tag to a row; None if the datapoint has another form.
    """

    def __init__(self, kind: type, keys: Sequence[Any], specs: Sequence[_Spec]):
        self._kind = kind
        self._keys = tuple(keys)
        self._specs = list(specs)
        self._names = ["c{}".format(k) for k in range(len(specs))]
        columns = [(name, dtype, shape) for name, (_, dtype, shape) in zip(self._names, specs)]
        self.num_bytes = np.dtype(columns).itemsize
        self._row = np.dtype([("kind", "u1"), ("references", "<u4"), ("bytes", "<u8"), ("tag", "<i8")] + columns)
        self._max_rows = max(1, min(_MAX_ROWS, _MAX_BLOCK // self._row.itemsize))
        self.write: Callable[[Any, int], Optional[bytes]] = self._compiled()

    def _compiled(self) -> Any:
        """The function `write`, compiled: it runs for each datapoint, and loops over the components would double its time."""
        kinds = [kind for kind, _, _ in self._specs]
        arrays = [name for name, kind in zip(self._names, kinds) if kind == "array"]
        checks = ["type(dp) is kind", "len(dp) == {}".format(len(kinds))]
        fits = [_check(name, spec) for name, spec in zip(self._names, self._specs)]
        if self._kind is dict:
            checks.append("tuple(dp) == keys")
        if len(arrays) > 1:  # one array twice must be one on the other side, too
            fits.append("len({{{}}}) == {}".format(", ".join(map("id({})".format, arrays)), len(arrays)))
        known: Dict[str, Any] = {"kind": self._kind, "keys": self._keys, "error": struct.error, "plain": self._header(0),
                                 "header": self._header}
        for name, (kind, dtype, shape) in zip(self._names, self._specs):
            known[name + "_type"], known[name + "_bytes"] = _how(kind, dtype)
            known[name + "_dtype"], known[name + "_shape"] = np.dtype(dtype), shape
        exec(_SOURCE.format(checks=" and ".join(checks), names="".join(name + ", " for name in self._names),
                            values="dp.values()" if self._kind is dict else "dp", fits=" and ".join(fits),
                            parts=" + ".join(map("{0}_bytes({0})".format, self._names))), known)
        return known["write"]

    def _header(self, tag: int) -> bytes:
        return HEADER.pack(ROW, 0, self.num_bytes, tag)

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

    def read(self, buffer: bytes, start: int, stop: int) -> Tuple[Run, int]:
        """The datapoints of the row at `start` and of those that follow, and where they end."""
        size = self._row.itemsize
        kinds = buffer[start:stop - size + 1:size][:self._max_rows]
        count = len(kinds) - len(kinds.lstrip(_ROW))
        rows = np.frombuffer(buffer, self._row, count, start)
        columns = [rows[name].tolist() if kind in _BY_NAME else list(rows[name].copy())
                   for name, (kind, _, _) in zip(self._names, self._specs)]
        return Run(self._assemble(columns), rows), start + count * size

    def _assemble(self, columns: List[List[Any]]) -> List[Any]:
        components = zip(*columns)
        if self._kind is tuple:
            return list(components)
        if self._kind is list:
            return list(map(list, components))
        return [dict(zip(self._keys, values)) for values in components]


def _check(name: str, spec: _Spec) -> str:
    """An expression of whether a component is as it should be."""
    kind, _, shape = spec
    check = "type({0}) is {0}_type"
    if kind not in _BY_NAME:
        check += " and {0}.dtype is {0}_dtype and {0}.shape == {0}_shape"
    if len(shape) > 1:
        check += " and {0}.flags.c_contiguous"
    return check.format(name)


def _how(kind: str, dtype: str) -> Tuple[type, Callable[[Any], bytes]]:
    """The type of a component, and what turns it into bytes."""
    if kind in _BY_NAME:
        return _BY_NAME[kind], struct.Struct("<" + dtype).pack
    if kind == "scalar":
        return np.dtype(dtype).type, np.generic.tobytes
    return np.ndarray, np.ndarray.tobytes


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
    """Turns datapoints into rows of one form after another; a form is taken up at its second datapoint, since it must last."""

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
