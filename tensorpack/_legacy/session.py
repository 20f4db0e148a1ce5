"""Sessions and checkpoints: hooks, functions and names in files of older releases."""
from __future__ import annotations

import functools
import os
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, Mapping, Optional, Sequence, Set

import numpy as np

from ..utils import logger
from ._spelling import old_hooks, warn_once


def TryResumeTraining() -> Any:
    """Restores the newest checkpoint in the log directory; nothing if there is none."""
    from ..tfutils.sessinit import JustCurrentSession, SaverRestore  # to whose module this belongs

    folder = logger.get_logger_dir()
    path = os.path.join(folder, "checkpoint") if folder else ""
    return SaverRestore(path) if os.path.isfile(path) else JustCurrentSession()


def adapt_sessinit(module: ModuleType) -> None:
    old_hooks(module.__dict__["SessionInit"], {"_run_init": {"_init": _run_init}})
    saver_restore: Any = module.__dict__["SaverRestore"]
    saver_restore.set_path = set_path


def _run_init(self: Any, sess: Any) -> None:
    self._init(sess)


def set_path(self: Any, model_path: str) -> None:
    """Restore from another checkpoint."""
    from ..tfutils._restore.checkpoint import get_checkpoint_path

    warn_once("SaverRestore.set_path", "a new SaverRestore")
    self.path = get_checkpoint_path(model_path)


# ---- values


def adapt_assigning(module: ModuleType) -> None:
    update: Any = module.__dict__["SessionUpdate"]
    update.load_value_to_var = staticmethod(load_value_to_var)


def load_value_to_var(var: Any, val: Any, strict: bool = False) -> None:
    """Assign a value to a variable in the default session; without `strict` it is reshaped or cast if it must be."""
    from ..tfutils._restore.assigning import SessionUpdate

    warn_once("SessionUpdate.load_value_to_var", "SessionUpdate(sess, [var]).update({name: value})")
    if not strict:
        val = SessionUpdate.relaxed_value_for_var(val, var)
    var.load(val)


def dump_chkpt_vars(path: str, output: Optional[str] = None) -> Dict[str, Any]:
    """The variables of a checkpoint, {name: array}; also saved to `output`, a numpy file, if it is given."""
    from ..tfutils.varmanip import load_checkpoint_vars

    values = load_checkpoint_vars(path)
    if output is not None:
        holder: Any = values
        np.save(output, holder)
    return values


# ---- names in checkpoints


def adapt_matching(module: ModuleType) -> None:
    """Checkpoints of 2016 have the variables of several towers below `tower0/`, and averages of statistics as `<name>/EMA`."""
    module.__dict__["_former_name"] = _in_first_tower(module.__dict__["_former_name"])
    module.__dict__["likely_of_training"] = _with_averages(module.__dict__["likely_of_training"])


def _in_first_tower(former_name: Callable[..., Optional[str]]) -> Callable[..., Optional[str]]:
    @functools.wraps(former_name)
    def wrapper(key: str, available: Iterable[str]) -> Optional[str]:
        found = former_name(key, available)
        return "tower0/" + key if found is None and "tower0/" + key in available else found

    return wrapper


def _with_averages(likely_of_training: Callable[..., Set[str]]) -> Callable[..., Set[str]]:
    @functools.wraps(likely_of_training)
    def wrapper(shapes: Mapping[str, Sequence[int]]) -> Set[str]:
        averages = {name for name, shape in shapes.items() if name.endswith("/EMA") and not len(shape)}
        return likely_of_training(shapes) | averages

    return wrapper
