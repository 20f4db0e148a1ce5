"""Which epoch a checkpoint belongs to: `resume.json` beside it, written before the checkpoint appears."""
from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..utils import logger
from ..utils._plain.json_text import read_json
from ..utils.fs import atomic_write

FILENAME = "resume.json"

_STATISTICS = "unwritten_statistics"
_KINDS = {"epoch_num": int, "epoch_finished": bool, "global_step": int}


def is_over(trainer: Any) -> bool:
    """Whether an earlier run has made all steps, so that this one has nothing to write files for."""
    return trainer.global_step > 0 and trainer.starting_epoch > trainer.max_epoch


def record_checkpoint(directory: str, checkpoint_name: str, epoch_num: int, epoch_finished: bool, global_step: int,
                      values: Optional[Mapping[Optional[int], Optional[float]]] = None,
                      unwritten: Sequence[Dict[str, Any]] = ()) -> None:
    """Note in `<directory>/resume.json` when a checkpoint that is about to be written was taken.

    The file maps the name of each checkpoint to its `epoch_num`, `epoch_finished` and `global_step`. It is replaced
    atomically. Entries of checkpoints that no longer exist are dropped.

    Args:
        checkpoint_name: e.g. `model-100`, the checkpoint's path without directory and suffix.
        epoch_finished: whether all steps of epoch `epoch_num` have been done.
        values: of the statistic for which the checkpoint is kept: by the global step of the checkpoint, and by that of the
            one which it replaces, if any. What is None is left out.
        unwritten: the records that `stats.json` lacks at this moment, in place of those that earlier entries have.

    Raises:
        OSError: the file cannot be written.
    """
    if "://" in directory:
        return  # a remote directory: resuming falls back on stats.json
    entries = {name: {key: value for key, value in entry.items() if key != _STATISTICS}
               for name, entry in read_entries(directory).items()
               if os.path.exists(os.path.join(directory, name + ".index"))}
    entry: Dict[str, Any] = {
        "epoch_num": int(epoch_num), "epoch_finished": bool(epoch_finished), "global_step": int(global_step)}
    if values is not None:
        entry["values"] = {str(step): value for step, value in values.items() if step is not None and value is not None}
    if unwritten:
        entry[_STATISTICS] = list(unwritten)
    entries[checkpoint_name] = entry
    with atomic_write(os.path.join(directory, FILENAME)) as f:
        json.dump(entries, f, indent=1)


def recorded_value(checkpoint_path: str, global_step: Optional[int]) -> Optional[float]:
    """The statistic of a checkpoint that is kept for it, if its weights are those of this step; None when unknown."""
    directory, name = os.path.split(checkpoint_path)
    values = read_entries(directory or ".").get(name, {}).get("values")
    value = values.get(str(global_step)) if isinstance(values, dict) else None
    return value if isinstance(value, (int, float)) else None


def unwritten_statistics(directory: str) -> List[Dict[str, Any]]:
    """The records that `stats.json` lacked when the newest checkpoint in this directory was taken."""
    found = [entry.get(_STATISTICS) for entry in read_entries(directory).values()]
    return [record for records in found if isinstance(records, list) for record in records if isinstance(record, dict)]


def read_entries(directory: str) -> Dict[str, Dict[str, Any]]:
    """The content of `<directory>/resume.json`; empty when there is none, or none that can be read (with a warning)."""
    path = os.path.join(directory, FILENAME)
    try:
        content = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        logger.warning("%s cannot be read, the epochs of older checkpoints are unknown: %s", path, e)
        return {}
    if not isinstance(content, dict):
        logger.warning("%s does not hold a JSON object, the epochs of older checkpoints are unknown.", path)
        return {}
    return {name: entry for name, entry in content.items() if _is_entry(entry)}


def starting_epoch_after(checkpoint_path: str) -> Optional[int]:
    """The epoch to go on with after restoring this checkpoint; None when its epoch is unknown.

    That is the next epoch if the checkpoint was taken at the end of one, else the same epoch again.
    """
    directory, name = os.path.split(checkpoint_path)
    entry = read_entries(directory or ".").get(name)
    return None if entry is None else entry["epoch_num"] + int(entry["epoch_finished"])


def stopped_inside_epoch(directory: str, epoch_num: int, global_step: int) -> bool:
    """Whether `directory` has a checkpoint that was taken in the middle of this epoch, at this step."""
    wanted = {"epoch_num": epoch_num, "epoch_finished": False, "global_step": global_step}
    return any({key: entry[key] for key in wanted} == wanted for entry in read_entries(directory).values())


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), kind) for key, kind in _KINDS.items())
