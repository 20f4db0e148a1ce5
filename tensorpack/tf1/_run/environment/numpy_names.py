"""Names that numpy has lost between 1.18 and today."""
from __future__ import annotations

import ast
import importlib
import math
import pickle
import sys
import warnings
from types import ModuleType
from typing import Any, Dict

import numpy as np

# Name -> what it was an alias of, among the builtins
_BUILTINS: Dict[str, Any] = {"bool": bool, "complex": complex, "float": float, "int": int, "long": int, "object": object,
                             "str": str, "unicode": str, "math": math, "sys": sys, "warnings": warnings}
# Name -> what it is called today
_RENAMED = {
    "Inf": "inf", "Infinity": "inf", "NAN": "nan", "NaN": "nan", "PINF": "inf", "infty": "inf",
    "alltrue": "all", "bool8": "bool_", "bytes0": "bytes_", "cfloat": "complex128", "clongfloat": "clongdouble",
    "complex_": "complex128", "cumproduct": "cumprod", "float_": "float64", "int0": "intp", "longcomplex": "clongdouble",
    "longfloat": "longdouble", "mat": "asmatrix", "object0": "object_", "product": "prod", "rank": "ndim", "round_": "round",
    "row_stack": "vstack", "singlecomplex": "complex64", "sometrue": "any", "str0": "str_", "string_": "bytes_",
    "trapz": "trapezoid", "typeDict": "sctypeDict", "uint0": "uintp", "unicode_": "str_", "void0": "void",
}
# Name -> module that has it today
_MOVED = {
    "AxisError": "numpy.exceptions", "ComplexWarning": "numpy.exceptions", "DataSource": "numpy.lib.npyio",
    "ModuleDeprecationWarning": "numpy.exceptions", "RankWarning": "numpy.exceptions", "TooHardError": "numpy.exceptions",
    "VisibleDeprecationWarning": "numpy.exceptions", "byte_bounds": "numpy.lib.array_utils", "chararray": "numpy.char",
    "compare_chararrays": "numpy.char", "format_parser": "numpy.rec",
}


def asscalar(a: Any) -> Any:
    """The only element of an array as a number of Python."""
    return a.item()


def alen(a: Any) -> int:
    """Number of rows; 1 for a number."""
    return len(np.atleast_1d(a))


def asfarray(a: Any, dtype: Any = np.float64) -> Any:
    """An array of floats; a dtype of integers means float64."""
    return np.asarray(a, dtype=dtype if np.issubdtype(dtype, np.inexact) else np.float64)


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """For each element of the flat `ar1` whether it is in `ar2`."""
    return np.isin(np.asarray(ar1).ravel(), ar2, assume_unique=assume_unique, invert=invert)


def msort(a: Any) -> Any:
    """A copy sorted along the first axis."""
    return np.sort(a, axis=0)


def fastCopyAndTranspose(a: Any) -> Any:
    """A copy of the transposed matrix, contiguous."""
    return np.array(np.transpose(a), order="C")


def find_common_type(array_types: Any, scalar_types: Any) -> Any:
    """The dtype of a result; scalars count only if they are of a higher kind."""
    arrays = np.result_type(*array_types) if array_types else None
    scalars = np.result_type(*scalar_types) if scalar_types else None
    if arrays is None or scalars is None:
        return scalars if arrays is None else arrays
    kinds = "buifc"
    higher = kinds.find(scalars.kind) > kinds.find(arrays.kind) and {scalars.kind, arrays.kind} != {"u", "i"}
    return np.result_type(arrays, scalars) if higher else arrays


def issubclass_(arg1: Any, arg2: Any) -> bool:
    """`issubclass` that is False for what is no class."""
    return isinstance(arg1, type) and issubclass(arg1, arg2)


def issubsctype(arg1: Any, arg2: Any) -> bool:
    """Whether the scalar type of the first is one of the second."""
    return issubclass(np.dtype(arg1).type, np.dtype(arg2).type)


def obj2sctype(rep: Any, default: Any = None) -> Any:
    """The scalar type of an array, a dtype or a type."""
    try:
        return rep.dtype.type if isinstance(rep, np.ndarray) else np.dtype(rep).type
    except TypeError:
        return default


def fromstring(string: Any, dtype: Any = float, count: int = -1, sep: str = "", **kwargs: Any) -> Any:
    """Numbers in text; without a separator, in bytes, as a copy of `numpy.frombuffer`."""
    if sep:
        return _fromstring(string, dtype=dtype, count=count, sep=sep, **kwargs)
    content = string.encode("latin-1") if isinstance(string, str) else string
    return np.frombuffer(content, dtype=dtype, count=count).copy()


_FUNCTIONS: Dict[str, Any] = {function.__name__: function for function in (
    asscalar, alen, asfarray, in1d, msort, fastCopyAndTranspose, find_common_type, issubclass_, issubsctype, obj2sctype)}
_FUNCTIONS.update(loads=pickle.loads, safe_eval=ast.literal_eval)
_fromstring = np.fromstring


def lost_value(name: str) -> Any:
    """What `numpy.<name>` was.

    Raises:
        AttributeError: it is none of the names that are given back.
    """
    for table in (_BUILTINS, _FUNCTIONS):
        if name in table:
            return table[name]
    if name in _RENAMED:
        return getattr(np, _RENAMED[name])
    if name in _MOVED:
        return getattr(importlib.import_module(_MOVED[name]), name)
    special = {"NINF": -np.inf, "PZERO": 0.0, "NZERO": -0.0}
    if name not in special:
        raise AttributeError("module 'numpy' has no attribute {!r}".format(name))
    return special[name]


NAMES = frozenset(_BUILTINS) | frozenset(_RENAMED) | frozenset(_MOVED) | frozenset(_FUNCTIONS) | {"NINF", "PZERO", "NZERO"}


def restore(module: ModuleType) -> None:
    """Give names back to numpy, and to `numpy.lib` those of its functions that it once had; what is there stays as it is."""
    _find_by(module, lost_value)
    _find_by(module.lib, lambda name: getattr(module, name))
    if tuple(int(part) for part in module.__version__.split(".")[:2]) >= (2, 3):
        vars(module)["fromstring"] = fromstring


def _find_by(module: ModuleType, lost: Any) -> None:
    """Look names up in a module as it does itself, then by a function."""
    own = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Any:
        if not name.startswith("_") and module is np and name in NAMES:  # before numpy warns or raises
            return lost(name)
        try:
            if own is not None:
                return own(name)
        except AttributeError:
            if name.startswith("_"):
                raise
        if name.startswith("_"):
            raise AttributeError("module {!r} has no attribute {!r}".format(module.__name__, name))
        return lost(name)

    vars(module)["__getattr__"] = __getattr__
