"""Dtypes and arrays out of what a pickle says about them, made by numpy's checked constructors.

`numpy.dtype.__setstate__` and `numpy.ndarray.__setstate__` believe a pickle about sizes, offsets and which bytes are references
to objects; they are never called.
"""
from __future__ import annotations

import re
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from ..optional import optional_import

ml_dtypes = optional_import("ml_dtypes", needed_by="a file with arrays of bfloat16, float8 and the like", pip="ml_dtypes")

_DESCRIPTION = re.compile(r"[?biufcSaUVOmM]\d{0,9}")
_COMMON = {name: np.dtype(name) for name in ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")}
_NATIVE = ("|", "=", "<" if sys.byteorder == "little" else ">")
_UNIT = re.compile(r"[A-Za-zμ]{1,8}")
_NO_UNITS = re.compile(r"(?:[mM]8|64)\[[^\]]*(?<!\d)0+(?!\d)")
_ALIGNED = 0x80  # among a dtype's flags


class Named:
    """Stands for a class that a pickle may name, but not call or change."""

    __slots__ = ("name",)

    def __init__(self, name: str):
        self.name = name

    def __setstate__(self, state: Any) -> None:
        raise TypeError("it changes {}".format(self.name))


class PickledDtype:
    """Stands for the dtype that `numpy.dtype(description, align, copy)` and its state describe.

    Attribute `dtype`: the dtype itself.
    """

    __slots__ = ("dtype",)
    __hash__ = None  # type: ignore[assignment]  # None: it cannot be hashed

    def __init__(self, description: Any, align: Any = False, copy: Any = False):
        if type(description) is str and description in _COMMON:
            self.dtype = _COMMON[description]
            return
        if isinstance(description, Named):
            self.dtype = np.dtype(getattr(ml_dtypes, description.name))
            return
        text = as_text(description)
        if _DESCRIPTION.fullmatch(text) is None:
            raise ValueError("there is no dtype {!r}".format(text))
        self.dtype = np.dtype("O" if text[0] == "O" else text)

    def __setstate__(self, state: Tuple[Any, ...]) -> None:
        order: Any
        _, order, subarray, names, fields = state[:5]
        if order in _NATIVE and len(state) < 9 and subarray is None and names is None:
            return  # it is complete
        if subarray is not None:
            base, shape = subarray
            self.dtype = np.dtype((base.dtype, shape))
        elif names is not None:
            self.dtype = _record(names, fields, *state[5:8])
        elif self.dtype.kind in "mM" and len(state) > 8:
            self.dtype = _with_unit(self.dtype, state[8])
        order = as_text(order)
        if order in ("<", ">") and subarray is None and names is None:
            self.dtype = self.dtype.newbyteorder(order)


def as_text(value: Any) -> str:
    """A name that Python 2 may have written as bytes."""
    if not isinstance(value, (str, bytes)):
        raise TypeError("a name is a {}".format(type(value).__name__))
    return value.decode("ascii") if isinstance(value, bytes) else value


def _record(names: Any, fields: Dict[Any, Any], size: int, alignment: int, flags: int = 0) -> np.dtype:
    places = [fields[name] for name in names]
    description: Any = {
        "names": [as_text(name) for name in names], "formats": [place[0].dtype for place in places],
        "offsets": [place[1] for place in places], "itemsize": size}
    if any(len(place) > 2 for place in places):
        description["titles"] = [place[2] if len(place) > 2 else None for place in places]
    return np.dtype(description, align=bool(flags & _ALIGNED))


def _with_unit(dtype: np.dtype, metadata: Any) -> np.dtype:
    unit, number, parts = metadata[1][:3]
    unit = as_text(unit)
    if _UNIT.fullmatch(unit) is None:
        raise ValueError("there is no unit of time {!r}".format(unit))
    if unit == "generic":
        return dtype
    text = "{}8[{:d}{}{}]".format(dtype.kind, number, unit, "/{:d}".format(parts) if parts != 1 else "")
    check_units(text)
    return np.dtype(text)


def check_units(description: str) -> None:
    """Refuse a dtype of no units of time, by whose number numpy divides."""
    if _NO_UNITS.search(description):
        raise ValueError("a dtype has no units of time")


class PickledArray:
    """Stands for an array until everything is read. Attribute `array`: the array, or None before `complete`."""

    __slots__ = ("array", "_shape", "_dtype", "_order", "_elements")
    __hash__ = None  # type: ignore[assignment]  # None: it cannot be hashed

    def __init__(self, kind: Any, shape: Any, typecode: Any):
        if not isinstance(kind, Named):
            raise TypeError("an array is made of {}".format(type(kind).__name__))
        self.array: Optional[np.ndarray] = None
        self._order: Any = "C"
        self._elements: Optional[List[Any]] = None

    def __setstate__(self, state: Tuple[Any, ...]) -> None:
        shape, stand_in, is_fortran, content = state[-4:]
        self._shape, self._dtype, self._order = shape, stand_in.dtype, "F" if is_fortran else "C"
        if self._dtype.hasobject:
            self._elements = _require_elements(content, shape)
        else:
            array = array_of_bytes(content, self._dtype, shape, self._order)
            # as numpy has it, of another machine's numbers they become those of this one
            self.array = array if array.dtype.isnative or array.dtype.names else array.astype(array.dtype.newbyteorder("="))

    def complete(self, made_of: Callable[[Any], Any]) -> np.ndarray:
        """The array, with elements that are what `made_of` makes of those in the pickle."""
        if self.array is None:
            if self._elements is None:
                raise ValueError("an array has no content")
            self.array = np.empty(self._shape, self._dtype, self._order)
            if self.array.ndim:
                for index, element in zip(np.ndindex(*self._shape), self._elements):  # the last one fastest in either order
                    self.array[index] = made_of(element)
            else:
                self.array.reshape(1)[0] = made_of(self._elements[0])  # assigned itself it would take a list for its content
        return self.array


def _require_elements(content: Any, shape: Tuple[int, ...]) -> List[Any]:
    if not isinstance(content, list) or len(content) != _size(shape):
        raise ValueError("an array of objects of the shape {} has other content".format(shape))
    return content


def _size(shape: Tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        if length < 0:
            raise ValueError("an array has the shape {}".format(shape))
        size *= length
    return size


def array_of_bytes(content: Any, dtype: np.dtype, shape: Tuple[int, ...], order: Any) -> np.ndarray:
    """A new array of these bytes; of str, if Python 2 wrote them."""
    content = content.encode("latin1") if isinstance(content, str) else content
    if not dtype.itemsize and not content:
        return np.zeros(shape, dtype, order)
    array: np.ndarray = np.ndarray(shape, dtype, content, order=order)
    if array.nbytes != len(content):
        raise ValueError("an array of the shape {} and dtype {} has {} bytes".format(shape, dtype, len(content)))
    return array.copy(order)


def array_of_buffer(content: Any, dtype: PickledDtype, shape: Any, order: Any) -> np.ndarray:
    """What protocol 5 has for an array."""
    return np.frombuffer(content, _without_objects(dtype)).reshape(shape, order=order)


def scalar_of_bytes(dtype: PickledDtype, content: Any) -> Any:
    """A numpy scalar."""
    return array_of_bytes(content, _without_objects(dtype), (), "C")[()]


def _without_objects(stand_in: PickledDtype) -> np.dtype:
    if stand_in.dtype.hasobject:
        raise ValueError("the bytes of an array are references to objects")
    return stand_in.dtype
