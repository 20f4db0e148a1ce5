"""The two monitors that write files into the log directory: TensorBoard's event files, and `stats.json`."""
from __future__ import annotations

import functools
import glob
import os
import shutil
import threading
import time
from datetime import datetime
from typing import Any, Callable, Dict, List, Optional, Sequence, Set

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._arguments.numbers import whole_number
from ...utils._rng import is_first_worker
from ...utils._types import NOT_YET
from .._checks.arguments import check_number
from .._resume import is_over, stopped_inside_epoch, unwritten_statistics
from . import json_stats as _json_stats
from .base import MonitorBase, as_number
from .json_stats import Record, StatsFile, completed, read_records, records_to_keep, unused_path, with_missing

__all__ = ["JSONWriter", "TFEventWriter"]


class TFEventWriter(MonitorBase):
    """Writes summaries and events to `events.out.tfevents.<time>.<host>`, for TensorBoard.

    The file starts with the version and the graph (step 0). Then come one Summary event per summary and per scalar or image
    that was put, at the global step. It is flushed at every epoch and at the end of training, also after a crash. If it
    cannot be written, this is logged once and training goes on without it.

    Without a directory it does nothing, and warns of that when the graph is set up.

    Args:
        logdir: an existing directory; by default the log directory.
        max_queue: number of events that may wait to be written; 0 for any number.
        flush_secs: the file is flushed at least this often while events come.
        split_files: start a new file after each epoch.

    Raises:
        ValueError: `logdir` does not exist.
        TypeError, ValueError: a number is none, or negative.
    """

    def __init__(self, logdir: Optional[str] = None, max_queue: int = 10, flush_secs: float = 120,
                 split_files: bool = False):
        if logdir is not None and not tf.gfile.IsDirectory(logdir):
            raise ValueError("TFEventWriter: logdir must be an existing directory; got '{}'; make it first".format(logdir))
        self._given_logdir = logdir
        self._logdir = logger.get_logger_dir() if logdir is None else logdir
        self._max_queue = whole_number(self, "max_queue", max_queue, minimum=0)
        self._flush_secs = check_number("TFEventWriter", "flush_secs", flush_secs, minimum=0)
        self._split_files = split_files
        self._graph_thread: Optional[threading.Thread] = None
        self._forget()

    def _forget(self) -> None:
        self._writer: Optional[tf.summary.FileWriter] = None
        self._is_opened = False

    def _setup_graph(self) -> None:
        self._logdir = self._given_logdir or logger.get_logger_dir() or self._logdir or _log_dir(self)

    def _before_train(self) -> None:
        if self._logdir is None or is_over(self.trainer):
            return
        self._prepare()
        # A big graph takes seconds to serialise; the first step need not wait for it, only the first event.
        self._graph_thread = threading.Thread(target=self._guard, args=(self._add_graph,), name="TFEventWriter-graph")
        self._graph_thread.daemon = True
        self._graph_thread.start()

    def process_summary(self, summary: tf.Summary) -> None:
        self._prepare()
        self._guard(lambda: self._writer and self._writer.add_summary(summary, self.global_step))

    def process_event(self, evt: tf.Event) -> None:
        self._prepare()
        self._guard(lambda: self._writer and self._writer.add_event(evt))

    def _trigger(self) -> None:
        self._wait_for_graph()
        self._guard(self._start_next_file if self._split_files else lambda: self._writer and self._writer.flush())

    def _after_train(self) -> None:
        self._wait_for_graph()
        self._guard(lambda: self._writer and self._writer.close())

    def _prepare(self) -> None:
        """Wait until the file is there and takes events."""
        self._wait_for_graph()
        if not self._is_opened:
            self._is_opened = True
            if self._logdir is not None:
                self._guard(functools.partial(self._open, self._logdir))

    def _open(self, logdir: str) -> None:
        self._writer = tf.summary.FileWriter(logdir, max_queue=self._max_queue, flush_secs=self._flush_secs,
                                             filename_suffix=_unused_suffix(logdir))

    def _start_next_file(self) -> None:
        if self._writer and self._logdir is not None:
            self._writer.close()
            self._open(self._logdir)

    def _add_graph(self) -> None:
        if self._writer:
            self._writer.add_graph(self.graph)

    def _wait_for_graph(self) -> None:
        if self._graph_thread is not None:
            self._graph_thread.join()
            self._graph_thread = None

    def _guard(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception:  # TF 2.x: the writing thread's errors arrive as IndexError, ValueError, ... by their status code
            self._writer = None
            logger.error("TFEventWriter: cannot write to %s; training goes on without event files.", self._logdir,
                         exc_info=True)


def _unused_suffix(logdir: str) -> Optional[str]:
    """TensorFlow names event files by the second and truncates one that exists: what makes the name of a new one unused."""
    pattern = os.path.join(glob.escape(logdir), "events.out.tfevents.{:010d}.*".format(int(time.time())))
    of_this_second = len(glob.glob(pattern))
    return ".{}".format(of_this_second) if of_this_second else None


def _log_dir(monitor: MonitorBase) -> Optional[str]:
    """The log directory, when the graph is set up; a warning if there is none."""
    directory = logger.get_logger_dir()
    if directory is None and is_first_worker():  # others write nothing in any case
        logger.warning("%s does nothing: there is no log directory. Call logger.set_logger_dir() before the training.", monitor)
    return directory


class JSONWriter(MonitorBase):
    """Writes scalars to `stats.json` in the log directory: a JSON list with an object for each moment.

    Keys are the names of the scalars put since the last object, then `epoch_num` and `global_step`. NaN and infinities, for
    which JSON has no word, are written as null. What is no scalar is skipped with one warning per name.

    What is pending is written before training, after each step but the last of an epoch, before each checkpoint, after each
    epoch and at the end of training; what is put at one global step shares an object, and there is none without scalars. The
    file is replaced
    atomically, so that it is valid at any moment, at these moments; after a step, however, only if the last write was long
    enough ago (at least a second, and 50 times what that write took): a crash of the process can lose the objects
    of the last steps before it, not those up to the newest checkpoint, nor those of an epoch that has ended. While the
    file cannot be written, `resume.json` beside the newest checkpoint has what it lacks, and a training that is resumed
    puts it back.

    If the directory has a `stats.json` that ends just before this run starts, this run goes on with it; objects about steps
    after the restored one, from work that a crash has undone, are dropped. Any other `stats.json` is renamed to
    `stats.json.<time>`.

    Without a log directory it does nothing, and warns of that when the graph is set up.
    """

    FILENAME = _json_stats.FILENAME

    def __init__(self) -> None:
        self._dir = logger.get_logger_dir()
        self._skipped: Set[str] = set()
        self._path: str = NOT_YET
        self._forget()

    def _forget(self) -> None:
        self._pending: Dict[str, Any] = {}
        self._file: Optional[StatsFile] = None
        self._last: Record = {}  # which this run has appended to the file
        self._carried: List[Record] = []  # by a checkpoint of the earlier run, since its file could not be written

    @staticmethod
    def load_existing_json(dir: Optional[str] = None) -> Optional[List[Record]]:
        """All objects in the `stats.json` of `dir` (default: the log directory); None if there is none that can be read.

        What could not be written to the file, and the newest checkpoint in `dir` has instead, is among them.
        """
        dir = logger.get_logger_dir() if dir is None else dir
        if dir is None:
            return None
        try:
            records, missing = read_records(os.path.join(dir, JSONWriter.FILENAME)), unwritten_statistics(dir)
            return with_missing(records or [], missing) if missing else records
        except (OSError, ValueError) as e:
            logger.warning("The statistics of the earlier run cannot be read: %s", e)
            return None

    @staticmethod
    def load_existing_epoch_number(dir: Optional[str] = None) -> Optional[int]:
        """The last `epoch_num` in the `stats.json` of `dir` (default: the log directory); None if unknown."""
        records = JSONWriter.load_existing_json(dir)
        epoch = records[-1].get("epoch_num") if records else None
        return epoch if isinstance(epoch, int) else None

    def _setup_graph(self) -> None:
        self._dir = logger.get_logger_dir() or self._dir or _log_dir(self)

    def process_scalar(self, name: str, val: float) -> None:
        if self._dir is None:
            return
        number = as_number(val)
        if number is not None:
            self._pending[name] = number
        elif name not in self._skipped:
            self._skipped.add(name)
            logger.warning("JSONWriter: '%s' must be a scalar; got %s; it is left out of %s.", name, type(val).__name__,
                           self.FILENAME)

    def _before_train(self) -> None:
        if self._dir is not None:
            self._path = os.path.join(self._dir, self.FILENAME)
            self._file = self._open(self._dir)
            self._flush()

    def _trigger_step(self) -> None:
        if self.local_step != self.trainer.steps_per_epoch - 1:
            self._flush(force=False)

    def _trigger(self) -> None:
        self._flush()

    def _after_train(self) -> None:
        self._flush()

    def _before_checkpoint(self) -> None:
        if self._file is None:
            return
        # a run that is killed after the checkpoint goes on with the next epoch, so what is known of this one must be there
        self._flush()

    def _unwritten(self) -> List[Record]:
        return [] if self._file is None else self._file.unwritten

    def _take_over(self, unwritten: Sequence[Record]) -> None:
        self._carried += unwritten

    def _flush(self, force: bool = True) -> None:
        if self._file is None:
            return
        if self._pending:
            pending, self._pending = self._pending, {}
            if (self._last.get("epoch_num"), self._last.get("global_step")) == (self.epoch_num, self.global_step):
                self._last = completed(dict(self._last, **pending), self.epoch_num, self.global_step)
                self._file.replace_last(self._last)
            else:
                self._last = completed(pending, self.epoch_num, self.global_step)
                self._file.append(self._last)
        self._write(self._file, force)

    def _write(self, file: StatsFile, force: bool) -> None:
        try:
            file.write(force)
        except OSError:
            logger.error("JSONWriter: cannot write %s; what it lacks is kept in memory, and beside each checkpoint; the next "
                         "flush tries again.", self._path, exc_info=True)

    def _open(self, directory: str) -> StatsFile:
        try:
            written = read_records(self._path) or []
            records = with_missing(written, self._carried) if self._carried else written
            if not records:
                return StatsFile(self._path)
            return self._continue(directory, records, _num_same(written, records))
        except (OSError, ValueError) as e:
            logger.warning("The statistics of the earlier run cannot be read (%s); %s", e, self._set_aside())
            return StatsFile(self._path)

    def _continue(self, directory: str, records: List[Record], num_written: int) -> StatsFile:
        epoch, step = self.trainer.starting_epoch, self.global_step
        keep = records_to_keep(records, epoch, step, stopped_inside_epoch(directory, epoch, step))
        if keep is None:
            logger.warning("%s ends at epoch %s, global_step %s;", self._path, records[-1].get("epoch_num"),
                           records[-1].get("global_step"))
            logger.warning("this training starts at epoch %d, global_step %d, so it is not a continuation of that one.",
                           epoch, step)
            logger.warning("%s", self._set_aside())
            return StatsFile(self._path)
        logger.info("Found existing JSON at %s, will append to it.", self._path)
        if keep < len(records):
            logger.warning("%d of its %d records are about lost work after global_step %d, from where epoch %d is done again; "
                           "they are dropped.%s", len(records) - keep, len(records), step, epoch,
                           "" if step else " " + self._keep_copy())
        return StatsFile(self._path, records[:keep], min(keep, num_written))

    def _set_aside(self) -> str:
        target = self._unused_path()
        try:
            os.rename(self._path, target)
        except FileNotFoundError:
            return "it has not been written."
        except OSError as e:
            return "it could not be renamed either: {}".format(e)
        return "it is renamed to {}.".format(target)

    def _keep_copy(self) -> str:
        """Without a restored step the records' own epochs are the only evidence, so nothing is thrown away for good."""
        target = self._unused_path()
        shutil.copyfile(self._path, target)
        return "The old file is kept as {}.".format(target)

    def _unused_path(self) -> str:
        return unused_path(self._path, datetime.now().strftime("%m%d-%H%M%S"))


def _num_same(some: Sequence[Record], others: Sequence[Record]) -> int:
    """How many records both begin with."""
    return next((i for i, (one, other) in enumerate(zip(some, others)) if one != other), min(len(some), len(others)))
