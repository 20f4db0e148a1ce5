"""The values that statistics had in the run that this training continues."""
from __future__ import annotations

from typing import List, Optional, Tuple

from ...utils import logger
from .._resume import stopped_inside_epoch
from .json_stats import Record, records_to_keep
from .writers import JSONWriter

__all__ = ["records_of_earlier_run", "values_of_earlier_run"]


def records_of_earlier_run(starting_epoch: int, global_step: int) -> List[Record]:
    """The records of `stats.json` that this training goes on with; empty if it is no continuation."""
    log_dir = logger.get_logger_dir()
    records = JSONWriter.load_existing_json()
    if log_dir is None or not records:
        return []
    inside_epoch = stopped_inside_epoch(log_dir, starting_epoch, global_step)
    keep = records_to_keep(records, starting_epoch, global_step, inside_epoch)
    return records[:keep or 0]


def values_of_earlier_run(name: str, starting_epoch: int, global_step: int) -> List[Tuple[Optional[int], Optional[float]]]:
    """The (global step, value) of the last record of each epoch that has the statistic, as told by `stats.json`.

    A value that was not finite is None. Empty if this training is no continuation.
    """
    by_epoch = {record.get("epoch_num"): (record.get("global_step"), record[name])
                for record in records_of_earlier_run(starting_epoch, global_step) if name in record}
    return list(by_epoch.values())
