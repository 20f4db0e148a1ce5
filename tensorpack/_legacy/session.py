"""Sessions: the hook that subclasses of `SessionInit` used to define, and what looked for a checkpoint by itself."""
from __future__ import annotations

import os
from types import ModuleType
from typing import Any

from ..tfutils.sessinit import JustCurrentSession, SaverRestore, SessionInit
from ..utils import logger
from ._spelling import old_hooks


def TryResumeTraining() -> SessionInit:
    """Restores the newest checkpoint in the log directory; nothing if there is none."""
    folder = logger.get_logger_dir()
    path = os.path.join(folder, "checkpoint") if folder else ""
    return SaverRestore(path) if os.path.isfile(path) else JustCurrentSession()


def adapt_sessinit(module: ModuleType) -> None:
    old_hooks(module.SessionInit, {"_run_init": {"_init": _run_init}})


def _run_init(self: Any, sess: Any) -> None:
    self._init(sess)
