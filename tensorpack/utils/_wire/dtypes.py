"""Dtypes as text, and back: by name, never by a class that has to be imported from the text."""
from __future__ import annotations

import functools
import json
import re
from typing import Any, Dict, List

import numpy as np

from .._plain.json_text import parse_json
from ..optional import optional_import

# What `dtype.str` says of the dtypes of numpy itself; objects are not among them.
_OF_NUMPY = re.compile(r"[<>|=](?:b1|[iufc]\d{1,2}|[SUV]\d{1,10}|[mM]8(?:\[\d{0,9}[a-zA-Zμ]{1,2}(?:/\d{1,9})?\])?)\Z")

# Those of ml_dtypes, whose `str` is only that of their bytes.
_OF_ML_DTYPES = frozenset((
    "bfloat16", "float4_e2m1fn", "float6_e2m3fn", "float6_e3m2fn", "float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz",
    "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "int1", "int2", "int4", "uint1",
    "uint2", "uint4"))

_MAX_DEPTH = 16  # of structures in structures

_ml_dtypes = optional_import("ml_dtypes", needed_by="an array of bfloat16 or of another dtype of ml_dtypes", pip="ml_dtypes")


@functools.lru_cache(maxsize=1024)
def dtype_to_text(dtype: np.dtype) -> str:
    """A text from which `text_to_dtype` makes an equal dtype.

    Raises:
        TypeError: it holds objects, or is of a package that is not known here.
    """
    return json.dumps(_describe(dtype)) if dtype.fields else _describe_simple(dtype)


@functools.lru_cache(maxsize=1024)
def text_to_dtype(text: str) -> np.dtype:
    """The dtype of a text of `dtype_to_text`.

    Raises:
        ValueError: it is no such text, or it needs ml_dtypes, which is not installed.
    """
    if not text.startswith("{"):
        return _simple(text)
    try:
        return _structure(parse_json(text), 0)
    except (KeyError, TypeError, OverflowError) as e:
        raise ValueError("a dtype must be described by names, dtypes and offsets; got {!r}".format(text[:200])) from e


def _describe(dtype: np.dtype) -> Any:
    if dtype.subdtype is not None:
        return {"element": _describe(dtype.subdtype[0]), "shape": list(dtype.subdtype[1])}
    if not dtype.fields:
        return _describe_simple(dtype)
    fields: List[List[Any]] = []
    for name in dtype.names or ():
        kind, offset, *title = dtype.fields[name]
        fields.append([name, _describe(kind), offset] + [t if isinstance(t, str) else None for t in title])
    return {"fields": fields, "size": dtype.itemsize, "aligned": dtype.isalignedstruct}


def _describe_simple(dtype: np.dtype) -> str:
    if dtype.name in _OF_ML_DTYPES:
        return dtype.name
    if dtype.hasobject or not _OF_NUMPY.match(dtype.str) or np.dtype(dtype.str) != dtype:
        raise TypeError("an array must be of a dtype that is data alone; got {}".format(dtype))
    return dtype.str


def _simple(text: Any) -> np.dtype:
    if text in _OF_ML_DTYPES:
        try:
            return np.dtype(text)  # once somebody, such as TensorFlow, has told numpy of it
        except TypeError:
            return _of_ml_dtypes(text)
    if not isinstance(text, str) or not _OF_NUMPY.match(text):
        raise ValueError("a dtype must be one of plain data; got {!r}".format(text))
    try:
        return np.dtype(text)
    except TypeError as e:
        raise ValueError("a dtype must be one of plain data; got {!r}".format(text)) from e


def _of_ml_dtypes(name: str) -> np.dtype:
    try:
        return np.dtype(getattr(_ml_dtypes, name))
    except (ImportError, AttributeError) as e:
        raise ValueError("the dtype {} needs ml_dtypes; pip install ml_dtypes ({})".format(name, e)) from e


def _structure(description: Any, depth: int) -> np.dtype:
    if isinstance(description, str):
        return _simple(description)
    if depth == _MAX_DEPTH:
        raise ValueError("a dtype must have at most {} structures in each other".format(_MAX_DEPTH))
    if "element" in description:
        return np.dtype((_structure(description["element"], depth + 1), tuple(map(int, description["shape"]))))
    parts: Dict[str, List[Any]] = {"names": [], "formats": [], "offsets": [], "titles": []}
    for name, kind, offset, *title in description["fields"]:
        parts["names"].append(str(name))
        parts["formats"].append(_structure(kind, depth + 1))
        parts["offsets"].append(int(offset))
        parts["titles"].append(str(title[0]) if title and title[0] is not None else None)
    return np.dtype(dict(parts, itemsize=int(description["size"])), align=bool(description["aligned"]))  # type: ignore[call-overload]  # numpy types fewer forms than it takes
