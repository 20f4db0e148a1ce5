"""Log directories whose checkpoints this process has put away before the run began."""
from __future__ import annotations

import os
from typing import Dict, Optional

_ACTIONS: Dict[str, str] = {}


def note_emptied(directory: str, action: str) -> None:
    """Remember that `directory` is used without the checkpoints of an earlier run, by this action of `set_logger_dir`."""
    _ACTIONS[os.path.realpath(directory)] = action


def emptied_by(directory: str) -> Optional[str]:
    """The action that has put away the checkpoints of an earlier run; None if there were none, or they were kept."""
    return _ACTIONS.get(os.path.realpath(directory))
