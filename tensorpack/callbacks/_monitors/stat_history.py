"""The values that a statistic had in the run that this training continues."""
from __future__ import annotations

from typing import List, Optional, Tuple

from ...utils import logger
from .._resume import stopped_inside_epoch
from .json_stats import records_to_keep
from .writers import JSONWriter

__all__ = ["values_of_earlier_run"]


def values_of_earlier_run(name: str, starting_epoch: int, global_step: int) -> List[Tuple[Optional[int], Optional[float]]]:
    """The (global step, value) of the last record of each epoch that has the statistic, as told by `stats.json`.

    A value that was not finite is None. Empty if this training is no continuation.
    """
    log_dir = logger.get_logger_dir()
    records = JSONWriter.load_existing_json()
    if log_dir is None or not records:
        return []
    inside_epoch = stopped_inside_epoch(log_dir, starting_epoch, global_step)
    keep = records_to_keep(records, starting_epoch, global_step, inside_epoch)
    by_epoch = {record.get("epoch_num"): (record.get("global_step"), record[name])
                for record in records[:keep or 0] if name in record}
    return list(by_epoch.values())
