"""Where an interrupted training stopped: its newest complete checkpoint, and the epoch to go on with."""
from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Iterator, List, Optional, Tuple

from ..callbacks._checks.arguments import directory_now
from ..callbacks._resume import starting_epoch_after
from ..callbacks.base import Callback
from ..callbacks.monitor import JSONWriter
from ..callbacks.saver import find_model_saver
from ..compat import tfv1 as tf
from ..tfutils._restore.assigning import Misfit
from ..tfutils._restore.checkpoint import open_checkpoint, recorded_checkpoints, where_recorded
from ..tfutils._restore.restoration import NoMatch, RestoreOptions
from ..tfutils.sessinit import SaverRestore
from ..utils import logger
from ..utils._files.emptied import emptied_by
from ..utils._rng import is_first_worker


def checkpoint_directory(callbacks: Optional[List[Callback]]) -> Optional[str]:
    """Where the ModelSaver among `callbacks` saves; without one, or if it has no directory yet, the log directory, or None."""
    saver = find_model_saver(callbacks or [])
    return directory_now(None if saver is None else saver.checkpoint_dir)


class EarlierCheckpoint(SaverRestore):
    """A SaverRestore of a checkpoint that nobody has named, so that errors say where it is from."""

    @property
    def _options(self) -> RestoreOptions:
        return super()._options._replace(goes_on=True)

    def _setup_graph(self) -> None:
        with self._told():
            super()._setup_graph()

    def _run_init(self, sess: tf.Session) -> None:
        with self._told():
            super()._run_init(sess)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError) as e:
            what = e.facts if isinstance(e, (Misfit, NoMatch)) else e
            error = TypeError if isinstance(e, TypeError) else ValueError
            raise error(
                "AutoResumeTrainConfig: the model must be the one of the earlier training, whose checkpoint is {0}; got: {1}; "
                "use a new log directory for another model, or pass always_resume=False and session_init=SmartInit({0!r}, "
                "ignore_mismatch=True) to take what fits".format(self.path, what)) from e


def find_checkpoint(directory: Optional[str], otherwise: str = "the training starts from scratch") -> Optional[str]:
    """Prefix of the newest checkpoint that `<directory>/checkpoint` lists and that can be read; None without one.

    Args:
        otherwise: what happens without one, for the log.
    """
    if directory is None:
        if not is_first_worker():
            logger.info("This worker has no log directory: it starts where rank 0 does.")
            return None
        logger.warning("No log directory is set, so there is nothing to resume from: %s. "
                       "Call logger.set_logger_dir(path, 'k') before the configuration is made.", otherwise)
        return None
    recorded = recorded_checkpoints(directory)
    if not recorded:
        _tell_that_none_is_listed(directory, otherwise)
    for handle in recorded:
        path = where_recorded(handle, directory)
        if _is_complete(path):
            return path
        logger.warning("Checkpoint %s is listed in %s but missing or damaged; trying the one before it.", path,
                       os.path.join(directory, "checkpoint"))
    if recorded:
        logger.warning("No checkpoint that is listed in %s can be read: %s.",
                       os.path.join(directory, "checkpoint"), otherwise)
    return None


def _tell_that_none_is_listed(directory: str, otherwise: str) -> None:
    action = emptied_by(directory)
    if action is None:
        logger.info("No checkpoint is listed in %s: %s.", directory, otherwise)
        return
    logger.warning("No checkpoint is listed in %s: %s. Those of an earlier run were %s by set_logger_dir(action='%s'); with "
                   "action='k' a training goes on from them.", directory, otherwise,
                   "removed" if action == "d" else "put away", action)


def _is_complete(path: str) -> bool:
    """Whether every variable can be read; a file may be there and end too early."""
    try:
        reader = open_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except ValueError:
        return False
    return True


def find_starting_epoch(path: str) -> Tuple[Optional[int], str]:
    """The epoch that follows checkpoint `path`, and how it is known; None when nothing tells."""
    epoch = starting_epoch_after(path)
    if epoch is not None:
        return epoch, "the checkpoint was recorded with its epoch"
    directory = logger.get_logger_dir()
    records = JSONWriter.load_existing_json(directory) if directory is not None else None
    if not records:
        return None, ""
    step = os.path.basename(path).rpartition("-")[2]
    of_step = [r["epoch_num"] for r in records if "epoch_num" in r and str(r.get("global_step")) == step]
    if of_step:
        return of_step[-1] + 1, "stats.json has the epoch of global_step {}".format(step)
    last = JSONWriter.load_existing_epoch_number(directory)
    return (None, "") if last is None else (last + 1, "stats.json ends with epoch {}".format(last))
