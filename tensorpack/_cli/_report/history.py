"""Reading `stats.json` as it was left: also half of one, and numbers that JSON has no word for."""
from __future__ import annotations

import json
import math
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ...callbacks._monitors.json_stats import FILENAME

_MOMENTS = ("epoch_num", "global_step")  # what places a record, and is no statistic


class History(NamedTuple):
    """The statistics of a run.

    Attributes:
        epochs: of each record, its `epoch_num`, or its number from 1 where the file has none.
        steps: of each record, its `global_step`; None where the file has none.
        series: {statistic: a value for each record}; NaN where the record has none, or none that is finite.
        problem: what is wrong with the file, in one sentence, or None.
    """

    epochs: List[int]
    steps: List[Optional[int]]
    series: Dict[str, List[float]]
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
    names = sorted({name for record in records for name in record if name not in _MOMENTS})
    series = {name: [_number(record.get(name)) for record in records] for name in names}
    return History([_integer(record.get("epoch_num")) or number for number, record in enumerate(records, 1)],
                   [_integer(record.get("global_step")) for record in records],
                   {name: values for name, values in series.items() if any(map(math.isfinite, values))}, problem)


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
    return value if isinstance(value, int) and not isinstance(value, bool) else None
