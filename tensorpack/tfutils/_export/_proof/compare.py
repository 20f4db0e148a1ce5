"""How far two computations of the same output are from each other, and how far they may be."""
from __future__ import annotations

from typing import Any, Callable, List, NamedTuple, Optional, Sequence

import numpy as np

# Of float outputs: part of the value, and of the largest value of the output. Other kernels sum in another order.
_TOLERANCES = {"float16": (2e-2, 1e-2), "bfloat16": (1e-1, 5e-2), "float32": (1e-3, 1e-4), "float64": (1e-3, 1e-4)}
# How much more than the session itself changes by noise of the last digit an output may differ.
_NOISE_FACTOR = 20.
# The part of the integers that come from floats, as classes and rounded values do, which may fall to the other side.
_FLIPPED_PART = 1e-3


class Difference(NamedTuple):
    """Where an output differs most: 0 where it is equal; an infinite one is that of shapes or dtypes."""

    worst: float
    words: str

    def __bool__(self) -> bool:
        return bool(self.words)


_EQUAL = Difference(0., "")


def difference(got: Any, wanted: Any, noisy: Optional[Callable[[], List[np.ndarray]]] = None) -> Difference:
    """Compare an output with what the session computes.

    Where the session's own value is NaN any value passes.

    Args:
        noisy: computes the output from inputs that differ in their last digits; called if the two differ.
    """
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return Difference(np.inf, "its shape is {} instead of {}".format(list(got.shape), list(wanted.shape)))
    if wanted.dtype.kind in "OSU":
        return _exact(_texts(got), _texts(wanted), "strings")
    if _kind(got) != _kind(wanted):
        return Difference(np.inf, "its dtype is {} instead of {}".format(got.dtype, wanted.dtype))
    if _is_close(got, wanted, []) or noisy is not None and _is_close(got, wanted, list(map(np.asarray, noisy()))):
        return _EQUAL._replace(worst=_worst(got, wanted))
    return Difference(_worst(got, wanted), "by up to {:.3g} (the largest value is {:.3g})".format(
        _worst(got, wanted), _largest(wanted)))


def _kind(array: np.ndarray) -> str:
    return "i" if array.dtype.kind in "iu" else "f" if array.dtype.kind == "V" else array.dtype.kind  # V: bfloat16


def _is_close(got: np.ndarray, wanted: np.ndarray, others: Sequence[np.ndarray]) -> bool:
    others = [each for each in others if each.shape == wanted.shape]
    if wanted.dtype.kind in "iub":
        flipped = max([float(np.mean(each != wanted)) for each in others if each.size] + [0.])
        return bool(wanted.size == 0 or np.mean(got != wanted) <= (_FLIPPED_PART + 2 * flipped if flipped else 0))
    relative, of_largest = _TOLERANCES.get(wanted.dtype.name, _TOLERANCES["float32"])
    got, wanted, others = _wide(got), _wide(wanted), list(map(_wide, others))
    finite, infinite = np.isfinite(wanted), np.isinf(wanted)
    noise = max([float(np.abs(each - wanted)[finite & np.isfinite(each)].max(initial=0)) for each in others] + [0.])
    allowed = relative * np.abs(wanted[finite]) + of_largest * _largest(wanted) + _NOISE_FACTOR * noise
    with np.errstate(invalid="ignore"):  # NaN is not near
        return bool((np.abs(got[finite] - wanted[finite]) <= allowed).all() and (got[infinite] == wanted[infinite]).all())


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype("complex128" if array.dtype.kind == "c" else "float64")


def _largest(wanted: np.ndarray) -> float:
    values = np.abs(_wide(wanted))
    return float(values[np.isfinite(values)].max(initial=0))


def _worst(got: np.ndarray, wanted: np.ndarray) -> float:
    got, wanted = np.atleast_1d(_wide(got)), np.atleast_1d(_wide(wanted))
    with np.errstate(invalid="ignore"):
        gaps = np.abs(got - wanted)
    gaps[np.isnan(wanted) | (got == wanted)] = 0
    gaps[np.isnan(gaps)] = np.inf
    return float(gaps.max(initial=0))


def _texts(array: np.ndarray) -> List[bytes]:
    return [each if isinstance(each, bytes) else str(each).encode() for each in array.ravel().tolist()]


def _exact(got: List[bytes], wanted: List[bytes], what: str) -> Difference:
    unequal = sum(a != b for a, b in zip(got, wanted))
    return Difference(np.inf, "{} of {} {} are others".format(unequal, len(wanted), what)) if unequal else _EQUAL
