"""The statistics file `stats.json`: what is in it, which part of it a restarted run goes on with, and how it is written.

Text and numbers only; `JSONWriter` is the glue between this and a training run.
"""
from __future__ import annotations

import heapq
import json
import math
import os
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from ...utils._plain.json_text import read_json
from ...utils.fs import atomic_write

FILENAME = "stats.json"

# A write that is not forced waits until the time since the last one is this many times what that one took, and at least
# this many seconds: rewriting the file then costs at most 2 % of a run, however long the history is.
_PAUSE_PER_WRITE, _MIN_PAUSE = 50.0, 1.0

Record = Dict[str, Any]


def read_records(path: str) -> Optional[List[Record]]:
    """The list of objects in the file; None if there is no file.

    Raises:
        ValueError: the file holds something else than a JSON list of objects.
        OSError: it cannot be read.
    """
    try:
        records = read_json(path)
    except FileNotFoundError:
        return None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise ValueError("{}: must hold a JSON list of objects".format(path))
    return records


def records_to_keep(records: Sequence[Record], starting_epoch: int, global_step: int,
                    inside_epoch: bool = False) -> Optional[int]:
    """How many of the first records a run continues that starts at `starting_epoch` with `global_step` restored.

    The rest is work that was lost when an earlier run died after its last checkpoint.

    Args:
        inside_epoch: the restored checkpoint is known to be from the middle of `starting_epoch`.

    Returns:
        A number of records, or None when they are the history of another run.
    """
    moments = [(_integer(record, "epoch_num"), _integer(record, "global_step")) for record in records]
    if not moments or moments[-1][0] is None or moments[-1][0] + 1 == starting_epoch:
        return len(records)
    if not inside_epoch and starting_epoch <= 1:
        return None
    last_epoch = starting_epoch if inside_epoch else starting_epoch - 1
    last_step = global_step if global_step or inside_epoch else math.inf  # 0: the global step was not restored
    keep = next((i for i, (epoch, step) in enumerate(moments) if (epoch or 0) > last_epoch or (step or 0) > last_step),
                len(records))
    if inside_epoch:
        return keep
    continues = keep and (moments[keep - 1][0] == last_epoch or (moments[keep - 1][1] or 0) < global_step)
    return keep if continues else None


def with_missing(records: Sequence[Record], missing: Sequence[Record]) -> List[Record]:
    """The records of a file and those that it lacks, in the order of their moments; those of one moment become one."""
    result: List[Record] = []
    for record in heapq.merge(records, missing, key=_moment):
        if result and "global_step" in record and _moment(result[-1]) == _moment(record):
            record = completed(dict(result.pop(), **record), *_moment(record))
        result.append(record)
    return result


def completed(values: Record, epoch_num: int, global_step: int) -> Record:
    """These values, and last the moment that they are of."""
    record = {name: value for name, value in values.items() if name not in ("epoch_num", "global_step")}
    record.update([("epoch_num", epoch_num), ("global_step", global_step)])
    return record


def _moment(record: Record) -> Tuple[int, int]:
    return _integer(record, "epoch_num") or 0, _integer(record, "global_step") or 0


def _integer(record: Record, key: str) -> Optional[int]:
    value = record.get(key)
    return value if isinstance(value, int) else None


def encode(record: Record) -> str:
    """Strict JSON of one record: NaN and infinities, for which JSON has no word, become null."""
    return json.dumps({key: None if isinstance(value, float) and not math.isfinite(value) else value
                       for key, value in record.items()}, allow_nan=False)


def unused_path(path: str, stamp: str) -> str:
    """`<path>.<stamp>`, or `<path>.<stamp>-1`, ... if that exists."""
    candidate, number = path + "." + stamp, 0
    while os.path.exists(candidate):
        number += 1
        candidate = "{}.{}-{}".format(path, stamp, number)
    return candidate


class StatsFile:
    """A history that is kept on disk as a JSON list; the file is valid at any moment, since it is replaced atomically.

    Old records are kept as text, so a write costs their copy and no encoding.

    Args:
        records: the history so far.
        num_written: how many of these the file has as they are; by default all.
    """

    def __init__(self, path: str, records: Sequence[Record] = (), num_written: Optional[int] = None):
        self._path = path
        self._lines = [encode(record) for record in records]
        self._num_written = len(self._lines) if num_written is None else num_written
        self._next_write = 0.0

    @property
    def unwritten(self) -> List[Record]:
        """The records that the file lacks, or has in an older state."""
        return [json.loads(line) for line in self._lines[self._num_written:]]

    def append(self, record: Record) -> None:
        """Add a record; it reaches the disk with the next `write`."""
        self._lines.append(encode(record))

    def replace_last(self, record: Record) -> None:
        """Put a record in the place of the one that was appended last."""
        self._lines[-1] = encode(record)
        self._num_written = min(self._num_written, len(self._lines) - 1)

    def write(self, force: bool = True) -> None:
        """Bring the file up to date, if anything is new and, unless forced, the last write was long enough ago.

        Raises:
            OSError: writing failed; the old file is intact, and the next call tries again.
        """
        start = time.monotonic()
        if self._num_written == len(self._lines) or (not force and start < self._next_write):
            return
        try:
            with atomic_write(self._path) as f:
                f.write("[" + ",\n".join(self._lines) + "]\n")
            self._num_written = len(self._lines)
        finally:
            end = time.monotonic()
            self._next_write = end + max(_MIN_PAUSE, _PAUSE_PER_WRITE * (end - start))
