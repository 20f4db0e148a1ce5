"""Values as JSON, with their types, dtypes and shapes, and what differs between two of them."""

from __future__ import annotations

import math
from typing import Any, Iterator, List, NamedTuple

import numpy as np

_MOST_VALUES = 300
_MISSING = {"nothing": True}


class Difference(NamedTuple):
    """A place in a result, and what each side has there."""

    path: str
    original: Any
    ours: Any


def encode(value: Any) -> Any:
    """JSON of a value; arrays keep the first values, and the sum of the magnitudes of all."""
    if isinstance(value, np.ndarray):
        flat = value.ravel().tolist()
        return {
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "values": [encode(v) for v in flat[:_MOST_VALUES]],
            "sum": float(np.nansum(np.abs(value.astype("float64")))) if value.dtype.kind in "biuf" else None,
        }
    if isinstance(value, np.generic):
        return {"scalar": str(value.dtype), "value": encode(value.item())}
    if isinstance(value, tuple):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, list):
        return [encode(v) for v in value]
    if isinstance(value, dict):
        return {"dict": [[encode(k), encode(v)] for k, v in value.items()]}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value).hex()}
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return {"object": type(value).__name__}


def attempt(function: Any, *args: Any) -> Any:
    """The encoded result of a call, or its error."""
    try:
        return encode(function(*args))
    except Exception as e:
        return failure(e)


def failure(error: BaseException) -> Any:
    """An error as a result."""
    return {"error": type(error).__name__, "text": str(error)[:600]}


def is_failure(value: Any) -> bool:
    return isinstance(value, dict) and "error" in value


def differences(original: Any, ours: Any, rtol: float = 2e-4, atol: float = 2e-5) -> List[Difference]:
    """All places where two results differ by more than rounding; errors differ from errors in nothing."""
    return list(_compare("", original, ours, rtol, atol))


def _compare(path: str, a: Any, b: Any, rtol: float, atol: float) -> Iterator[Difference]:
    if a is _MISSING or b is _MISSING:
        yield Difference(path, a, b)
    elif is_failure(a) or is_failure(b):
        if is_failure(a) != is_failure(b) or (b["error"] in ("hang", "death") and a["error"] != b["error"]):
            yield Difference(path, a, b)
    elif isinstance(a, dict) and isinstance(b, dict) and _is_tagged(a) == _is_tagged(b):
        for key in list(a) + [key for key in b if key not in a]:
            yield from _compare("{}/{}".format(path, key), a.get(key, _MISSING), b.get(key, _MISSING), rtol, atol)
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield Difference(path, a, b)
        else:
            for index, (x, y) in enumerate(zip(a, b)):
                yield from _compare("{}/{}".format(path, index), x, y, rtol, atol)
    elif not _same(a, b, rtol, atol):
        yield Difference(path, a, b)


def _is_tagged(value: Any) -> bool:
    return any(tag in value for tag in ("dtype", "scalar", "tuple", "dict", "bytes", "object", "nothing"))


def _same(a: Any, b: Any, rtol: float, atol: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or abs(a - b) <= atol + rtol * max(abs(a), abs(b))
    return type(a) is type(b) and a == b
