"""How near a file of fewer bits is to the model: its outputs cannot be equal, but have to be of much the same values.

Where the model hesitates between two answers, rounding may turn it to the other one, and then that output differs by as much as
outputs can; so what is judged is the typical example, and not the worst one. A fault of the file, such as wrong ranges, is in
most of them.
"""
from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np

from .compare import difference
from .examples import Example

# How far the typical output may be from the model's, as part of its size. Eight bits cost a layer about a hundredth.
TOLERANCES = {"float16": .02, "int8": .25}
_LEAST_SIZE = 1e-2  # of an output to be compared with, as part of the largest one


class Nearness(NamedTuple):
    """Of one output in all examples."""

    typical: float  # the median over the examples of the difference, as part of the output's size
    worst: float  # the largest absolute difference, of what can be subtracted


def nearness(results: Sequence[Any], expected: Sequence[Any]) -> Nearness:
    """Compare an output in each example."""
    sizes = [_size(each) for each in expected]
    least = _LEAST_SIZE * max(sizes)
    parts = [_part(got, wanted, max(size, least)) for got, wanted, size in zip(results, expected, sizes)]
    gaps = [difference(got, wanted).worst for got, wanted in zip(results, expected)]
    return Nearness(float(np.median(parts)), max([gap for gap in gaps if np.isfinite(gap)] + [0.]))


def _size(values: Any) -> float:
    values = np.asarray(values)
    return float(np.linalg.norm(_finite(values))) if values.dtype.kind in "fc" else 0.


def _part(got: Any, wanted: Any, size: float) -> float:
    """The size of the difference; of what is no float, the part that is unequal."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return float("inf")
    if wanted.dtype.kind not in "fc":
        return float(np.mean(got != wanted)) if wanted.size else 0.
    gap = float(np.linalg.norm(_finite(got) - _finite(wanted)))
    if not np.array_equal(np.isfinite(got) | np.isnan(wanted), np.isfinite(wanted) | np.isnan(wanted)):
        return float("inf")
    return gap / size if size else gap


def _finite(values: np.ndarray) -> np.ndarray:
    wide = values.ravel().astype("complex128" if values.dtype.kind == "c" else "float64")
    return np.where(np.isfinite(wide), wide, 0)


def to_integers(values: Example, described: Sequence[Dict[str, Any]]) -> Example:
    """Floats as the integers that a file of integers alone takes for them."""
    return [value if "scale" not in each else np.clip(
        np.round(value / each["scale"]) + each["zero_point"], np.iinfo(each["dtype"]).min, np.iinfo(each["dtype"]).max
    ).astype(each["dtype"]) for value, each in zip(values, described)]


def to_floats(values: Sequence[np.ndarray], described: Sequence[Dict[str, Any]]) -> List[np.ndarray]:
    """What the integers of such a file mean."""
    return [value if "scale" not in each else ((value.astype("float32") - each["zero_point"]) * each["scale"]).astype("float32")
            for value, each in zip(values, described)]
