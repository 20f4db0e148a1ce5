"""Log directories whose checkpoints this process has put away before the run began."""
from __future__ import annotations

import os
from typing import Dict, Optional

_ACTIONS: Dict[str, str] = {}


def note_action(directory: str, emptied: Optional[str]) -> None:
    """Remember which action of `set_logger_dir` has put away the checkpoints in `directory`; None if it has not."""
    if emptied is None:
        _ACTIONS.pop(os.path.realpath(directory), None)
    else:
        _ACTIONS[os.path.realpath(directory)] = emptied.strip().lower()


def emptied_by(directory: str) -> Optional[str]:
    """The action that has put away the checkpoints of an earlier run; None if there were none, or they were kept."""
    return _ACTIONS.get(os.path.realpath(directory))
