"""`TrackerMonitor`: what monitors that send to a tracking service have in common."""
from __future__ import annotations

import copy
import glob
import json
import os
import shutil
import sys
import tempfile
import time
from abc import abstractmethod
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

import numpy as np

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._plain.json_text import read_json
from ...utils.fs import atomic_write
from .base import MonitorBase
from .sender import BackgroundSender

Scalars = Dict[str, float]


class ScalarsOfStep(NamedTuple):
    """Scalars, their global step, and when they were put, in seconds since the epoch of Unix."""

    step: int
    time: float
    scalars: Scalars


_SENDING = ".sending-"  # folders of checkpoints that are being sent begin with it


class TrackerMonitor(MonitorBase):
    """Sends scalars by the step, images, histograms and, when asked, checkpoints, by a thread of its own; chief only.

    The identity of the run is kept in the log directory, so that a training that is resumed goes on with its run.

    Args:
        config: {name: value}, hyper-parameters that the service shows beside the run.
        checkpoints: send each new checkpoint of the log directory at the end of an epoch.
        flush_seconds: how long the end of the training waits for what is not sent yet.

    Raises:
        TypeError, ValueError: an argument is none of these.
    """

    _service: str  # its name, for messages
    _identity_file: str  # in the log directory

    def __init__(self, config: Optional[Mapping[str, Any]] = None, checkpoints: bool = False, flush_seconds: float = 30):
        if config is not None and not isinstance(config, Mapping):
            raise TypeError("{}: config must be a dict of hyper-parameters; got {}".format(
                type(self).__name__, type(config).__name__))
        if not 0 <= flush_seconds < float("inf"):
            raise ValueError("{}: flush_seconds must be finite and not negative; got {}".format(
                type(self).__name__, flush_seconds))
        self._config = dict(config or {})
        self._sends_checkpoints = checkpoints
        self._flush_seconds = flush_seconds
        self._forget()

    def _forget(self) -> None:
        self._connection = self  # what the thread uses
        self._sender: Optional[BackgroundSender] = None
        self._scalars: Scalars = {}
        self._step: Optional[int] = None  # that of the scalars
        self._last_checkpoint: Optional[str] = None
        self._error_before: Optional[BaseException] = None

    @abstractmethod
    def _open(self, identity: Optional[str]) -> str:
        """Begin a run of the service, or go on with that of this identity; returns the identity. Called in the thread."""

    def _send_config(self) -> None:
        """Send the hyper-parameters, if `_open` has not done it. Called in the thread."""

    @abstractmethod
    def _send_scalars(self, steps: List[ScalarsOfStep]) -> None:
        """Send scalars of one or more steps. Called in the thread."""

    @abstractmethod
    def _send_image(self, step: int, name: str, image: np.ndarray) -> None:
        """Send a uint8 image, HxWxC with C of 1, 3 or 4, RGB. Called in the thread."""

    def _send_histogram(self, step: int, name: str, counts: np.ndarray, edges: np.ndarray) -> None:
        """Send a histogram: n counts and n + 1 edges. Called in the thread."""

    @abstractmethod
    def _send_files(self, step: int, name: str, paths: List[str]) -> None:
        """Send the files of a checkpoint. Called in the thread."""

    @abstractmethod
    def _close(self, failed: bool) -> None:
        """End the run of the service. Called in the thread."""

    def _before_train(self) -> None:
        if not self.trainer.is_chief:
            return
        is_resumed = self.trainer.loop.starting_epoch > 1 or self.global_step > 0
        folder = logger.get_logger_dir()
        path = os.path.join(folder, self._identity_file) if folder else None
        self._last_checkpoint = self._newest_checkpoint()
        self._remove_unsent()  # of a run that was killed
        # A thread that an earlier training has given up may still open its run: it must not change that of this one.
        connection = self._connection = copy.copy(self)

        def begin() -> None:
            identity = connection._open(_read_identity(path) if path and is_resumed else None)
            if path and self._connection is connection:
                with atomic_write(path) as f:
                    json.dump({"id": identity}, f)

        self._sender = BackgroundSender(type(self).__name__, self._service, begin)
        self._sender.put_item(lambda items: connection._send_config(), None)
        self._error_before = sys.exc_info()[1]  # when this training is what follows an error of another one

    def process_scalar(self, name: str, val: float) -> None:
        if self.trainer.is_chief:
            if self._step != self.global_step:
                self._flush()
                self._step = self.global_step
            self._scalars[name] = float(val)

    def process_image(self, name: str, val: np.ndarray) -> None:
        if self._sender is None:
            return
        pixels = np.clip(np.nan_to_num(val), 0, 255).astype("uint8")
        for index, image in enumerate(pixels):
            each = name if len(pixels) == 1 else "{}/{}".format(name, index)
            self._put_at_step(self._connection._send_image, each, image)

    def process_summary(self, summary: tf.Summary) -> None:
        for value in summary.value:
            if value.HasField("histo") and value.histo.bucket:
                # the outer ones may reach to infinity, in effect
                edges = np.clip([value.histo.min] + list(value.histo.bucket_limit), value.histo.min, value.histo.max)
                self._put_at_step(self._connection._send_histogram, value.tag, np.array(value.histo.bucket), edges)

    def _trigger(self) -> None:
        self._flush()
        checkpoint = self._newest_checkpoint() if self._sends_checkpoints and self._sender else None
        if checkpoint and checkpoint != self._last_checkpoint:
            self._last_checkpoint = checkpoint
            self._put_checkpoint(checkpoint)

    def _after_train(self) -> None:
        if self._sender is not None:
            self._trigger()
            connection, error = self._connection, sys.exc_info()[1]  # by which the training ends, on its way up
            failed = error is not None and error is not self._error_before
            self._sender.put_item(lambda items: connection._close(failed), None)
            if not self._sender.close(self._flush_seconds):
                self._remove_unsent()
            self._sender = self._error_before = None

    def _flush(self) -> None:
        if self._scalars and self._sender:
            self._sender.put_item(self._connection._send_scalars, ScalarsOfStep(self._step or 0, time.time(), self._scalars))
            self._scalars = {}

    def _put_at_step(self, send: Callable[..., None], *arguments: Any) -> bool:
        step = self.global_step
        return self._sender is not None and self._sender.put(lambda: send(step, *arguments))

    @staticmethod
    def _remove_unsent() -> None:
        folder = logger.get_logger_dir()
        for unsent in glob.glob(os.path.join(glob.escape(folder), _SENDING + "*")) if folder else ():
            shutil.rmtree(unsent, ignore_errors=True)

    def _newest_checkpoint(self) -> Optional[str]:
        folder = logger.get_logger_dir()
        return tf.train.latest_checkpoint(folder) if folder else None

    def _put_checkpoint(self, prefix: str) -> None:
        """Have the files sent as they are at this moment: ModelSaver may remove them before their turn comes."""
        folder = tempfile.mkdtemp(prefix=_SENDING, dir=os.path.dirname(prefix))
        try:
            paths = [_link(path, folder) for path in tf.gfile.Glob(prefix + ".*")]
        except OSError as e:
            logger.warning("%s: the checkpoint %s is not sent: %s", type(self).__name__, prefix, e)
            shutil.rmtree(folder, ignore_errors=True)
            return

        connection = self._connection

        def send(step: int) -> None:
            try:
                connection._send_files(step, os.path.basename(prefix), paths)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        if not self._put_at_step(send):
            shutil.rmtree(folder, ignore_errors=True)


def _link(path: str, folder: str) -> str:
    """Another name for a file, in `folder`; a copy where the file system has no such thing."""
    target = os.path.join(folder, os.path.basename(path))
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
    return target


def _read_identity(path: str) -> Optional[str]:
    try:
        return str(read_json(path)["id"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError) as e:
        logger.warning("%s does not say which run to go on with (%s); a new one begins.", path, e)
        return None
