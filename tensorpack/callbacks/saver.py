"""Checkpoints while training: `ModelSaver` saves them regularly, `MinSaver` and `MaxSaver` keep the best one.

A checkpoint is `<prefix>.index` and `<prefix>.data-*`; readers begin with the index, so that it must appear last.
"""
from __future__ import annotations

import math
import os
import re
import uuid
from datetime import datetime
from typing import Any, List, NamedTuple, Optional, Sequence, Union

from ..compat import deprecation_silenced, new_checkpoint_reader, variable_value
from ..compat import tfv1 as tf
from ..tfutils._restore.checkpoint import recorded_checkpoints
from ..tfutils._restore.names import some
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import shown
from ..utils._types import NOT_YET
from ._checks.arguments import check_number, directory_now, directory_so_far
from ._checks.statistic import Direction, StatisticWatch
from ._monitors.json_stats import Record, records_to_keep
from ._monitors.writers import JSONWriter
from ._resume import (
    is_over,
    read_entries,
    record_checkpoint,
    recorded_value,
    stopped_inside_epoch,
    unwritten_statistics,
)
from .base import Callback, unwrapped

__all__ = ["MaxSaver", "MinSaver", "ModelSaver"]

# What a full disk, missing permissions, a vanished directory and the like raise. EFBIG arrives as OutOfRangeError.
_WRITE_ERRORS = (OSError, tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError, tf.errors.AlreadyExistsError,
                 tf.errors.NotFoundError, tf.errors.OutOfRangeError, tf.errors.UnknownError, tf.errors.DataLossError)

_CHECKED = (tf.float16, tf.float32, tf.float64)  # what `tf.is_finite` takes on all devices

_UNFINISHED_FILE = re.compile(r"model-\d+\..*tempstate\d+$|checkpoint\.tmp|\.(resume|stats)\.json\.[0-9a-f]+\.tmp$")


class _Moment(NamedTuple):
    """When a checkpoint was taken."""

    epoch_num: int
    epoch_finished: bool
    global_step: int


class _Best(NamedTuple):
    """A checkpoint that is kept for its value; None for what nothing tells any more."""

    value: Optional[float]
    global_step: Optional[int]
    path: str


class ModelSaver(Callback):
    """Saves the variables at each trigger, and the graph once before training. Runs on the chief only.

    Writes `model-<global_step>.index`, `.data-*`, `checkpoint` (the list of checkpoints, with relative paths),
    `graph-<MMDD-HHMMSS>.meta`, and `resume.json`, which tells the epoch of each checkpoint and has the statistics up to
    the newest one that `stats.json` could not take. A checkpoint is listed only when it is complete, so that a crash at any
    moment leaves the one before as the newest. After a restart the checkpoints of the earlier run that are listed still count
    for `max_to_keep`, and its periods go on. Saves on trigger only, not at the end of training. A checkpoint whose trained
    weights are NaN or infinite is saved, too, and warned of.

    Args:
        max_to_keep: older checkpoints than these are deleted; 0 or None to keep all.
        keep_checkpoint_every_n_hours: a checkpoint of each such period is never deleted.
        checkpoint_dir: created if missing; by default the log directory.
        var_collections: a collection key, or a list of keys whose variables are saved; by default GLOBAL_VARIABLES.
        on_error: what to do when a checkpoint cannot be written (disk full, no permission): "log" it and train on, or
            "raise" RuntimeError.

    Raises:
        RuntimeError: when the graph is set up, there is neither `checkpoint_dir` nor a log directory.
        OSError: before training, the directory cannot be made.
        TypeError, ValueError: a number is none, or negative.
        ValueError: `on_error` is unknown; or, when the graph is set up, the collections have no variables.
    """

    def __init__(self, max_to_keep: Optional[int] = 10, keep_checkpoint_every_n_hours: float = 0.5,
                 checkpoint_dir: Optional[str] = None, var_collections: Union[None, str, Sequence[str]] = None, *,
                 on_error: str = "log"):
        if on_error not in ("log", "raise"):
            raise ValueError("ModelSaver: on_error must be 'log' or 'raise'; got {!r}".format(on_error))
        if isinstance(max_to_keep, (str, os.PathLike)):
            raise TypeError("ModelSaver: max_to_keep must be a whole number; got {0}; a directory is given by its keyword: "
                            "ModelSaver(checkpoint_dir={0})".format(shown(max_to_keep)))
        self._max_to_keep = None if max_to_keep is None else whole_number(self, "max_to_keep", max_to_keep, minimum=0)
        self._keep_checkpoint_every_n_hours = check_number(
            "ModelSaver", "keep_checkpoint_every_n_hours", keep_checkpoint_every_n_hours, minimum=0)
        self._on_error = on_error
        self.checkpoint_dir = directory_so_far(checkpoint_dir)
        if var_collections is None:
            var_collections = [tf.GraphKeys.GLOBAL_VARIABLES]
        self._var_collections = [var_collections] if isinstance(var_collections, str) else list(var_collections)

    def _setup_graph(self) -> None:
        self.checkpoint_dir = _require_directory("ModelSaver", self.checkpoint_dir)
        self._saver = tf.train.Saver(
            var_list=_variables(self._var_collections), max_to_keep=self._max_to_keep,
            keep_checkpoint_every_n_hours=self._keep_checkpoint_every_n_hours, write_version=tf.train.SaverDef.V2,
            save_relative_paths=True)
        tf.add_to_collection(tf.GraphKeys.SAVERS, self._saver)
        self._weights = _Weights(_variables(self._var_collections))

    def _before_train(self) -> None:
        _make_directory(self.checkpoint_dir)  # without it there is no use in training
        try:
            self._remove_unfinished()
            if self.global_step == 0:
                self._tell_of_others()
            else:
                self._take_over_checkpoints()
                self.trainer.monitors._take_over(unwritten_statistics(self.checkpoint_dir))
            if not is_over(self.trainer):
                self._saver.export_meta_graph(self._meta_graph_path(), collection_list=self.graph.get_all_collection_keys())
        except _WRITE_ERRORS as e:
            self._report("write the graph to {}".format(self.checkpoint_dir), e)

    def _trigger(self) -> None:
        path = os.path.join(self.checkpoint_dir, "model-{}".format(self.global_step))
        try:
            _make_directory(self.checkpoint_dir)
            self._unlist(path)
            finished = self.local_step in (-1, self.trainer.steps_per_epoch - 1)
            self.trainer.monitors._before_checkpoint()
            record_checkpoint(self.checkpoint_dir, os.path.basename(path), self.epoch_num, finished, self.global_step,
                              unwritten=self.trainer.monitors._unwritten())
            with deprecation_silenced():  # of what deletes old checkpoints
                self._saver.save(self.trainer.sess, os.path.join(self.checkpoint_dir, "model"),
                                 global_step=self.global_step, write_meta_graph=False)
            logger.info("Model saved to %s.", path)
            self._weights.tell(self.trainer.sess, path)
        except _WRITE_ERRORS as e:
            self._report("save {}".format(path), e)

    def _report(self, what: str, error: BaseException) -> None:
        message = "ModelSaver: cannot {}".format(what)
        logger.error("%s; earlier checkpoints are not touched.", message, exc_info=True)
        if self._on_error == "raise":
            raise RuntimeError("{}: {}".format(message, error)) from error

    def _remove_unfinished(self) -> None:
        """Remove what a process that was killed while it wrote a file has left behind."""
        for directory in {self.checkpoint_dir, logger.get_logger_dir() or self.checkpoint_dir}:
            for name in tf.gfile.ListDirectory(directory):
                if _UNFINISHED_FILE.match(name):
                    logger.info("Removing %s, left behind by a process that was interrupted.", name)
                    tf.gfile.Remove(os.path.join(directory, name))

    def _tell_of_others(self) -> None:
        names = [name for name in map(os.path.basename, recorded_checkpoints(self.checkpoint_dir))
                 if tf.gfile.Exists(os.path.join(self.checkpoint_dir, name + ".index")) and _step_of(name) > 0]
        if names:
            logger.warning("[ModelSaver] %s has checkpoints of an earlier training, the newest of which is %s. This one begins "
                           "at step 0 and replaces those of the steps that it reaches. AutoResumeTrainConfig goes on with "
                           "them; logger.set_logger_dir(path, 'b') puts them away.", self.checkpoint_dir, names[0])

    def _take_over_checkpoints(self) -> None:
        """Manage the listed checkpoints of the run that this one continues, if it does, as if they were its own."""
        # Those in this directory only, also where the list has the absolute paths of the one that it was copied from: they
        # will be deleted in turn.
        names = [os.path.basename(handle) for handle in reversed(recorded_checkpoints(self.checkpoint_dir))]
        paths = [os.path.join(self.checkpoint_dir, name) for name in names]
        steps = {path: _step_of(path) for path in paths if tf.gfile.Exists(path + ".index")}
        if self.global_step in steps.values():
            self._set_listed([path for path, step in steps.items() if 0 <= step <= self.global_step])
            self._continue_period()

    def _continue_period(self) -> None:
        """Let the period of which a checkpoint is never deleted go on: TensorFlow begins it anew with each saver."""
        listed = {os.path.basename(path) for path in self._saver.last_checkpoints}
        kept = [name + ".index" for name in _checkpoints_in(self.checkpoint_dir) if _step_of(name) >= 0 and name not in listed]
        graphs = [name for name in tf.gfile.ListDirectory(self.checkpoint_dir) if re.match(r"graph-.*\.meta$", name)]
        times = [tf.gfile.Stat(os.path.join(self.checkpoint_dir, name)).mtime_nsec / 1e9 for name in kept or graphs]
        if times:
            begin = max(times) if kept else min(times)
            self._saver._next_checkpoint_time = begin + self._keep_checkpoint_every_n_hours * 3600

    def _set_listed(self, paths: Sequence[str]) -> None:
        self._saver.set_last_checkpoints_with_time(
            [(path, tf.gfile.Stat(path + ".index").mtime_nsec / 1e9) for path in paths])

    def _unlist(self, path: str) -> None:
        """If the checkpoint that is about to be overwritten is listed, list those before it only.

        Its two files are not replaced in one moment; without this a crash in between leaves a broken newest checkpoint.
        """
        kept = [listed for listed in self._saver.last_checkpoints if listed != path]
        if kept and len(kept) < len(self._saver.last_checkpoints):
            self._set_listed(kept)
            names = [os.path.basename(listed) for listed in kept]
            state = tf.train.generate_checkpoint_state_proto(
                os.path.abspath(self.checkpoint_dir), names[-1], all_model_checkpoint_paths=names)
            state_file = os.path.join(self.checkpoint_dir, "checkpoint")
            with tf.gfile.GFile(state_file + ".tmp", "w") as f:
                f.write(str(state))
            tf.gfile.Rename(state_file + ".tmp", state_file, overwrite=True)

    def _meta_graph_path(self) -> str:
        stamp = datetime.now().strftime("%m%d-%H%M%S")
        name, number = "graph-{}.meta".format(stamp), 0
        while tf.gfile.Exists(os.path.join(self.checkpoint_dir, name)):
            number += 1
            name = "graph-{}-{}.meta".format(stamp, number)
        return os.path.join(self.checkpoint_dir, name)


class _Weights:
    """Those of the saved variables that are trained: whether their values still make sense."""

    def __init__(self, saved: Sequence[Any]):
        trained = [v for v in tf.trainable_variables() if any(v is each for each in saved) and v.dtype.base_dtype in _CHECKED]
        self._names = [v.op.name for v in trained]
        self._are_finite = [tf.reduce_all(tf.is_finite(variable_value(v))) for v in trained]
        self._is_told = False

    def tell(self, sess: tf.Session, path: str) -> None:
        """Warn of a checkpoint, the first of several in a row, that has weights which are not finite."""
        spoilt = [name for name, is_finite in zip(self._names, sess.run(self._are_finite)) if not is_finite]
        if spoilt and not self._is_told:
            logger.warning("%s has weights that are NaN or infinite: %s. Nothing can be learned from here on; earlier "
                           "checkpoints are deleted in turn. TerminateOnNaN(name of the cost) in the callbacks ends such a "
                           "training before its weights are spoilt.", path, some(spoilt, 3))
        self._is_told = bool(spoilt)


class MinSaver(Callback):
    """Keeps a checkpoint of the weights with which a statistic was lowest: `<dir>/min-<stat>.{index,data-*}`.

    When triggered it waits for a value of this very step, until all other callbacks have been triggered; it may stand
    before or after those that compute the statistic and those that save models. If the value is the best one so far, the
    variables are saved (those that `ModelSaver` saves; without one all global variables). Values that are not finite are no
    candidates. The files are not listed in `checkpoint`, and `resume.json` tells their value and epoch. After a restart the
    best value is that of the existing files, if `stats.json` shows that they are of the run that goes on. Runs on the chief
    only.

    Args:
        monitor_stat: name of the statistic in the monitors. One that sounds as if the other end were better, such as
            `val-accuracy` here or `val-error` for MaxSaver, is warned of.
        reverse: keep the highest instead; the files are called `max-<stat>`.
        filename: to use instead of `min-<stat>`. A `/` in either becomes `-`.
        checkpoint_dir: by default the log directory.
        keep: how many checkpoints to keep. If more than one, they are called `min-<stat>-<global step>-<value>`.

    Raises:
        RuntimeError: when the graph is set up, there is neither `checkpoint_dir` nor a log directory.
        TypeError, ValueError: `monitor_stat` is no str, or `keep` no whole number of at least 1.
    """

    def __init__(self, monitor_stat: str, reverse: bool = False, filename: Optional[str] = None,
                 checkpoint_dir: Optional[str] = None, *, keep: int = 1):
        self._keep = whole_number(self, "keep", keep, minimum=1)
        self._monitor_stat = monitor_stat
        self._reverse = reverse
        self._filename = filename
        self.checkpoint_dir = directory_so_far(checkpoint_dir)
        self._best: List[_Best] = []  # the best one first
        self._num_seen = 0
        self._watch = StatisticWatch(self, monitor_stat, "nothing is saved", must_come_after=False, direction=Direction(
            larger=reverse, effect="the weights with its {} value are kept".format("highest" if reverse else "lowest"),
            remedy="use {}({!r})".format("MinSaver" if reverse else "MaxSaver", monitor_stat)))
        self._waiting_at: Optional[_Moment] = None
        self._own_saver: tf.train.Saver = NOT_YET

    def _setup_graph(self) -> None:
        self.checkpoint_dir = _require_directory(type(self).__name__, self.checkpoint_dir)
        self._model_saver = find_model_saver(self.trainer._callbacks.cbs)
        if self._model_saver is None:
            self._own_saver = tf.train.Saver(var_list=_variables([tf.GraphKeys.GLOBAL_VARIABLES]))

    def _before_train(self) -> None:
        _make_directory(self.checkpoint_dir)
        try:
            self._finish_interrupted_save()
        except _WRITE_ERRORS:
            logger.error("[%s] cannot tidy %s.", self, self.checkpoint_dir, exc_info=True)
        if self.global_step > 0:
            self._continue_earlier_run()
        elif self._keep == 1 and tf.gfile.Exists(self._prefix + ".index"):
            logger.warning("[%s] %s is of an earlier training. This one begins at step 0 and replaces it at its first value; "
                           "logger.set_logger_dir(path, 'b') puts it away.", type(self).__name__, self._prefix)

    def _trigger(self) -> None:
        self._watch.note_trigger()
        finished = self.local_step in (-1, self.trainer.steps_per_epoch - 1)
        self._waiting_at = _Moment(self.epoch_num, finished, self.global_step)
        if self._latest_step() == self.global_step:
            self._settle()

    def _before_run(self, ctx: tf.train.SessionRunContext) -> None:
        self._settle()

    def _before_epoch(self) -> None:
        self._settle()
        self._watch.tell()

    def _after_train(self) -> None:
        self._settle()
        self._watch.tell_at_end()

    def _latest_step(self) -> Optional[int]:
        history = self.trainer.monitors.get_history(self._monitor_stat)
        return history[-1][0] if history else None

    def _settle(self) -> None:
        """Look at the value that a trigger waits for. The weights are still those of the trigger if the step is."""
        if self._waiting_at is None:
            return
        waiting_at, self._waiting_at = self._waiting_at, None
        history = self.trainer.monitors.get_history(self._monitor_stat)
        num_new, self._num_seen = len(history) - self._num_seen, len(history)
        if not num_new or not self._is_better(history[-1][1]):
            return
        step, value = history[-1]
        if not step == waiting_at.global_step == self.global_step:
            logger.warning("[%s] '%s' has a new best value %.5g of global_step %d, but its weights are gone at global_step "
                           "%d; trigger this callback when the statistic is computed.", self, self._monitor_stat, value,
                           step, self.global_step)
        else:
            self._save(waiting_at, value)

    def _is_better(self, value: float) -> bool:
        if not math.isfinite(value):
            return False
        return len(self._best) < self._keep or self._rank(value) < self._rank(self._best[-1].value)

    def _rank(self, value: Optional[float]) -> float:
        """The lower, the better."""
        if value is None:
            return math.inf
        return -value if self._reverse else value

    @property
    def name(self) -> str:
        """Of its checkpoint, or what the names of its checkpoints begin with."""
        return (self._filename or ("max-" if self._reverse else "min-") + self._monitor_stat).replace("/", "-")

    @property
    def keeps_several(self) -> bool:
        """Whether steps and values are parts of the names of its checkpoints."""
        return self._keep > 1

    @property
    def _prefix(self) -> str:
        return os.path.join(self.checkpoint_dir, self.name)

    @property
    def _scratch_prefix(self) -> str:
        return ".{}.tmp-".format(os.path.basename(self._prefix))

    def _path(self, step: int, value: float) -> str:
        return self._prefix if self._keep == 1 else "{}-{}-{:.5g}".format(self._prefix, step, value)

    def _save(self, moment: _Moment, value: float) -> None:
        saver = self._model_saver._saver if self._model_saver else self._own_saver
        new = _Best(value, moment.global_step, self._path(moment.global_step, value))
        name = os.path.basename(new.path)
        others = [best for best in self._best if best.path != new.path]
        replaced = {best.global_step: best.value for best in self._best if best.path == new.path}
        scratch = os.path.join(self.checkpoint_dir, self._scratch_prefix + uuid.uuid4().hex[:12])
        try:
            try:
                _make_directory(scratch)
                # before the files: what is on disk, the old ones or the new ones, always has its value
                record_checkpoint(self.checkpoint_dir, name, *moment, values={**replaced, new.global_step: value},
                                  unwritten=self.trainer.monitors._unwritten())
                with deprecation_silenced():
                    saver.save(self.trainer.sess, os.path.join(scratch, name), write_state=False, write_meta_graph=False)
                _replace_checkpoint(os.path.join(scratch, name), new.path)
            finally:
                if tf.gfile.Exists(scratch):
                    tf.gfile.DeleteRecursively(scratch)
        except _WRITE_ERRORS:
            logger.error("[%s] cannot save %s; the one before stays the best.", self, new.path, exc_info=True)
            return
        self._set_best(others + [new])
        logger.info("Model at global_step=%d with %s %s=%.5g saved.", moment.global_step,
                    "maximum" if self._reverse else "minimum", self._monitor_stat, value)

    def _set_best(self, found: List[_Best]) -> None:
        """Keep the best of these; the files of the others are removed."""
        found = sorted(found, key=lambda best: self._rank(best.value))
        self._best = found[:self._keep]
        for best in found[self._keep:]:
            _remove_checkpoint(best.path)

    def _finish_interrupted_save(self) -> None:
        """What a killed process had saved completely takes the place of files that are gone already; the rest is removed."""
        for folder in tf.gfile.ListDirectory(self.checkpoint_dir):
            if folder.startswith(self._scratch_prefix):
                scratch = os.path.join(self.checkpoint_dir, folder)
                for name in _checkpoints_in(scratch):
                    target = os.path.join(self.checkpoint_dir, name)
                    if not tf.gfile.Exists(target + ".index"):
                        _replace_checkpoint(os.path.join(scratch, name), target)
                tf.gfile.DeleteRecursively(scratch)

    def _continue_earlier_run(self) -> None:
        """Go on with the best value so far, if this run continues the one that wrote the files."""
        log_dir, records = logger.get_logger_dir(), JSONWriter.load_existing_json()
        if log_dir is None or not records:
            return
        epoch, step = self.trainer.starting_epoch, self.global_step
        if records_to_keep(records, epoch, step, stopped_inside_epoch(log_dir, epoch, step)) is None:
            return
        names = [name for name in _checkpoints_in(self.checkpoint_dir) if self._is_own(name)]
        found = [self._best_in_files(os.path.join(self.checkpoint_dir, name), records) for name in names]
        # files of later steps than the one that is restored are of a run that was given up
        self._set_best([best for best in found if self._keep == 1 or (best.global_step or 0) <= step])
        if self._best:
            logger.info("[%s] The best %s of the earlier run is %s.", self, self._monitor_stat, self._best[0].value)
        interrupted = self._interrupted_value(step)
        if interrupted is not None and self._is_better(interrupted):
            logger.info("[%s] The earlier run died while it saved the best model, whose weights are those of now.", self)
            self._save(_Moment(epoch - 1, True, step), interrupted)

    def _is_own(self, name: str) -> bool:
        prefix = os.path.basename(self._prefix)
        if self._keep == 1:
            return name == prefix
        return re.match(re.escape(prefix) + r"-\d+-[-+.e\d]+$", name) is not None

    def _interrupted_value(self, step: int) -> Optional[float]:
        """The value that `resume.json` has for this step without files of this step."""
        if any(best.global_step == step for best in self._best):
            return None
        paths = [os.path.join(self.checkpoint_dir, name) for name in read_entries(self.checkpoint_dir) if self._is_own(name)]
        return next((value for value in (recorded_value(path, step) for path in paths) if value is not None), None)

    def _best_in_files(self, path: str, records: List[Record]) -> _Best:
        """An existing checkpoint with its value; where nothing tells, the best that `stats.json` has."""
        step = _read_global_step(path)
        recorded = recorded_value(path, step)
        if recorded is not None:
            return _Best(recorded, step, path)
        pairs = [(record.get("global_step"), record.get(self._monitor_stat)) for record in records]
        values = {step: value for step, value in pairs if isinstance(value, (int, float)) and math.isfinite(value)}
        value = values.get(step, (max if self._reverse else min)(values.values())) if values else None
        return _Best(value, step, path)


class MaxSaver(MinSaver):
    """Keeps a checkpoint of the weights with which a statistic was highest: `<dir>/max-<stat>`; see `MinSaver`."""

    def __init__(self, monitor_stat: str, filename: Optional[str] = None, checkpoint_dir: Optional[str] = None, *,
                 keep: int = 1):
        super().__init__(monitor_stat, True, filename=filename, checkpoint_dir=checkpoint_dir, keep=keep)


def _require_directory(who: str, directory: Optional[str]) -> str:
    """The directory, or else the log directory, which may be set after the callback was made."""
    directory = directory_now(directory)
    if directory is None:
        raise RuntimeError("{}: there must be a directory for checkpoints; got neither checkpoint_dir nor a log directory; "
                           "call logger.set_logger_dir() before the training".format(who))
    return directory


def _make_directory(path: str) -> None:
    try:
        tf.gfile.MakeDirs(path)
    except tf.errors.OpError as e:
        raise OSError("the directory for checkpoints cannot be made: {}".format(e.message)) from e


def _variables(collections: Sequence[str]) -> List[Any]:
    """The variables of all collections, each once."""
    found = {id(variable): variable for key in collections for variable in tf.get_collection(key)}
    if not found:
        raise ValueError("ModelSaver: there must be variables to save; got none in the collections {}".format(
            list(collections)))
    return list(found.values())


def _step_of(path: str) -> int:
    """The step in the name of a ModelSaver's checkpoint; -1 for other names."""
    match = re.match(r"model-(\d+)$", os.path.basename(path))
    return int(match.group(1)) if match else -1


def find_model_saver(callbacks: Sequence[Callback]) -> Optional[ModelSaver]:
    """The first ModelSaver among callbacks, also within others such as PeriodicTrigger."""
    for cb in callbacks:
        cb = unwrapped(cb)
        if isinstance(cb, ModelSaver):
            return cb
    return None


def _replace_checkpoint(source: str, target: str) -> None:
    """Rename the files of a checkpoint.

    The old index goes first and the new one comes last, so that there is at no moment an index whose data are another's.
    """
    if tf.gfile.Exists(target + ".index"):
        tf.gfile.Remove(target + ".index")
    directory, name = os.path.split(source)
    suffixes = [file[len(name):] for file in tf.gfile.ListDirectory(directory) if file.startswith(name + ".")]
    for suffix in sorted(suffixes, key=lambda suffix: suffix == ".index"):
        tf.gfile.Rename(source + suffix, target + suffix, overwrite=True)


def _remove_checkpoint(path: str) -> None:
    """Remove its files, the index first."""
    directory, name = os.path.split(path)
    files = [file for file in tf.gfile.ListDirectory(directory) if file.startswith(name + ".")]
    for file in sorted(files, key=lambda file: file != name + ".index"):
        tf.gfile.Remove(os.path.join(directory, file))


def _checkpoints_in(directory: str) -> List[str]:
    return [name[:-len(".index")] for name in tf.gfile.ListDirectory(directory) if name.endswith(".index")]


def _read_global_step(path: str) -> Optional[int]:
    try:
        return int(new_checkpoint_reader(path).get_tensor("global_step"))
    except (tf.errors.OpError, ValueError, RuntimeError):
        return None
