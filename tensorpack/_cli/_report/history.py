"""Reading `stats.json` as it was left: also half of one, and numbers that JSON has no word for."""
from __future__ import annotations

import json
import math
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from ...callbacks._monitors.json_stats import FILENAME

_MOMENTS = ("epoch_num", "global_step")  # what places a record, and is no statistic
_LARGEST = 2 ** 53  # of the whole numbers that all readers of JSON agree on


class Series(NamedTuple):
    """A statistic at the records that have it.

    Attributes:
        epochs: of each record, its `epoch_num`, or its number from 1 where the file has none.
        positions: of each record on the axis of epochs. The last one of an epoch lies at its number, those before it
            where their global steps are on the way there.
        values: NaN where it is not finite.
    """

    epochs: List[int]
    positions: List[float]
    values: List[float]


class History(NamedTuple):
    """The statistics of a run.

    Attributes:
        epochs: of each record.
        steps: of each record, its `global_step`; None where the file has none.
        series: by the name of the statistic; those without any finite value are left out.
        problem: what is wrong with the file, in one sentence, or None.
    """

    epochs: List[int]
    steps: List[Optional[int]]
    series: Dict[str, Series]
    problem: Optional[str]


def read_history(folder: str) -> History:
    """The statistics in a log directory; without records where there is no file, or nothing that can be read."""
    path = os.path.join(folder, FILENAME)
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            records, problem = _records(f.read())
    except FileNotFoundError:
        records, problem = [], "There is no {}.".format(FILENAME)
    except OSError as e:
        records, problem = [], "{} cannot be read: {}.".format(FILENAME, e.strerror)
    given = [_integer(record.get("epoch_num")) for record in records]
    epochs = [number if epoch is None else epoch for number, epoch in enumerate(given, 1)]
    steps = [_integer(record.get("global_step")) for record in records]
    positions = _positions(epochs, steps)
    series: Dict[str, Series] = {}
    for record, epoch, position in zip(records, epochs, positions):
        for name, value in record.items():
            if name not in _MOMENTS:
                each = series.setdefault(_encodable(name), Series([], [], []))
                each.epochs.append(epoch)
                each.positions.append(position)
                each.values.append(_number(value))
    finite = {name: series[name] for name in sorted(series) if any(map(math.isfinite, series[name].values))}
    return History(epochs, steps, finite, problem)


def _positions(epochs: List[int], steps: List[Optional[int]]) -> List[float]:
    ends = {epoch: step for epoch, step in zip(epochs, steps) if step is not None}
    if ends:
        last = max(ends)
        if last - 1 in ends and last - 2 in ends:  # it may not be over
            ends[last] = max(ends[last], 2 * ends[last - 1] - ends[last - 2])
    if 1 in ends:
        ends.setdefault(0, 0)
    knots = sorted(ends)
    at = [ends[epoch] for epoch in knots]
    if not at or any(step >= following for step, following in zip(at, at[1:])):  # steps that tell nothing
        return [float(epoch) for epoch in epochs]
    between = np.interp([step or 0 for step in steps], at, knots)
    return [float(epoch if step is None else position) for epoch, step, position in zip(epochs, steps, between)]


def _records(text: str) -> Tuple[List[Dict[str, Any]], Optional[str]]:
    """The objects in a JSON list, as far as they are complete."""
    found: List[Dict[str, Any]] = []
    decoder, position = json.JSONDecoder(), text.find("[") + 1
    try:
        while position:
            position = _skip(text, position)
            if text[position:position + 1] == "]":
                return found, None
            value, position = decoder.raw_decode(text, position)
            if not isinstance(value, dict):
                break
            found.append(value)
    except (ValueError, RecursionError):
        pass
    return found, "{} is damaged or half written; {} complete records are shown.".format(FILENAME, len(found) or "no")


def _skip(text: str, position: int) -> int:
    while text[position:position + 1] in tuple(" \t\r\n,"):
        position += 1
    return position


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    try:
        return float(value) if is_number and math.isfinite(value) else math.nan
    except OverflowError:
        return math.nan


def _integer(value: Any) -> Optional[int]:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return value if is_integer and 0 <= value <= _LARGEST else None


def _encodable(name: str) -> str:
    """JSON can spell halves of letters, which no text file can hold."""
    return name.encode("utf-8", "replace").decode("utf-8")
