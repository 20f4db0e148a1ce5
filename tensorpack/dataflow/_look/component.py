"""What a component is over several datapoints: type, shapes, range, and what is drawn of it."""
from __future__ import annotations

from typing import Any, Dict, List, Tuple

import numpy as np

from ...utils._text.spec import describe

HEADER = ("component", "type", "shape", "range", "shown as")
_MAX_SHAPES = 3  # that are listed


class Component:
    """Gathers what the values of one component have been; it keeps none of them."""

    def __init__(self, name: Any):
        self._name = name
        self._types: Dict[str, None] = {}  # in the order in which they came
        self._shapes: Dict[Tuple[int, ...], None] = {}
        self._ranges: List[Tuple[Any, Any]] = []
        self._not_finite = 0
        self._first = ""
        self._notes: Dict[str, None] = {}

    def add(self, value: Any) -> None:
        """Take the value of one more datapoint into account."""
        self._first = self._first or describe(value)
        is_array = isinstance(value, (np.ndarray, np.generic))
        self._types[str(value.dtype) if is_array else type(value).__name__] = None
        if isinstance(value, np.ndarray):
            self._shapes[value.shape] = None
        array = np.asarray(value) if is_array or isinstance(value, (bool, int, float)) else None
        if array is not None and array.dtype.kind in "biuf" and array.size:
            self._add_range(array)

    def _add_range(self, array: np.ndarray) -> None:
        if array.dtype.kind == "f":
            finite = array[np.isfinite(array)]
            self._not_finite += array.size - finite.size
            array = finite
        if array.size:
            self._ranges.append((array.min(), array.max()))

    def note(self, text: str) -> None:
        """Say what is drawn of it; the same again says nothing more."""
        self._notes[text] = None

    def row(self) -> List[str]:
        """The cells of a table under `HEADER`."""
        return [str(self._name), " or ".join(self._types), self._shape(), self._range(), "; ".join(self._notes) or "text"]

    def _shape(self) -> str:
        shapes = sorted(self._shapes, key=lambda shape: (len(shape), shape))
        if len(shapes) < 2 or len({len(shape) for shape in shapes}) > 1:
            return " or ".join(map(str, shapes[:_MAX_SHAPES])) + " ..." * (len(shapes) > _MAX_SHAPES)
        sides = [(min(side), max(side)) for side in zip(*shapes)]
        return "({})".format(", ".join(str(low) if low == high else "{}-{}".format(low, high) for low, high in sides)
                             + "," * (len(sides) == 1))

    def _range(self) -> str:
        not_finite = ["{:,} not finite".format(self._not_finite)] if self._not_finite else []
        if self._ranges:
            low, high = min(low for low, _ in self._ranges), max(high for _, high in self._ranges)
            return ", ".join(["{} ... {}".format(_number(low), _number(high))] + not_finite)
        return ", ".join(not_finite) or ("" if self._shapes else self._first)


def _number(value: Any) -> str:
    return "{:.4g}".format(float(value)) if isinstance(value, (float, np.floating)) else str(value)
