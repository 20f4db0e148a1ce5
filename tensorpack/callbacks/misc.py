"""Callbacks for the person who watches a training: how long it takes, news by a command, a shell inside of it."""
from __future__ import annotations

import bdb
import os
import pdb
import sys
import time
from typing import Sequence, Union

from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._console import NOT_ON_CONSOLE
from ..utils.utils import humanize_time_delta
from ._command import CommandWithValues
from ._epoch_times import EpochTimes
from .base import Callback, StopTraining

__all__ = ["EstimatedTimeLeft", "InjectShell", "SendStat"]


class SendStat(Callback):
    """Run a shell command with the latest values of some statistics at each trigger; on the chief only.

    Training waits for the command; a non-zero exit status is logged.

    Args:
        command: has a `{name}` for each value, which may have a format (`{name:.3f}`); other braces are doubled. For
            example `curl -d "error {val-error:.3f}" example.com`.
        names: name or names of statistics in the monitors.

    Raises:
        ValueError: there are no names, or the command has other fields.
        KeyError: when triggered, a statistic has no value yet.
    """

    def __init__(self, command: str, names: Union[str, Sequence[str]]):
        self._command = CommandWithValues("SendStat", command, names)
        self._names = self._command.names

    def _trigger(self) -> None:
        self._command.run({name: self.trainer.monitors.get_latest(name) for name in self._names})


class InjectShell(Callback):
    """Open a Python shell at each trigger while a file exists, with `self` (this callback) and `trainer` in it; on the
    chief only.

    Training goes on when the shell is left. In `ipython`, which falls back on `pdb` if IPython is not installed, leave it by
    `exit`; in `pdb` by `c`, or by `q` to end the training. Where there is no terminal, no shell is opened and a warning says
    so. The file is removed at the end of the training.

    Args:
        file: path of the file, relative to the working directory; `touch` it to get a shell.
        shell: "ipython" or "pdb".

    Raises:
        ValueError: `shell` is something else.
    """

    def __init__(self, file: str = "INJECT_SHELL.tmp", shell: str = "ipython"):
        if shell not in ("ipython", "pdb"):
            raise ValueError("InjectShell: shell must be 'ipython' or 'pdb'; got {!r}".format(shell))
        self._file = os.path.abspath(file)
        self._shell = shell
        self._has_warned = False
        logger.info("Create the file '%s' to open a %s shell at the next trigger.", self._file, shell)

    def _trigger(self) -> None:
        if not os.path.exists(self._file):
            return
        if _has_terminal():
            logger.info("Opening a shell, because of '%s'; remove the file and leave the shell to go on.", self._file)
            try:
                self._open_shell()
            except bdb.BdbQuit:
                raise StopTraining("the shell of InjectShell was left by quitting") from None
        elif not self._has_warned:
            self._has_warned = True
            logger.warning("InjectShell: '%s' exists, but there is no terminal for a shell; training goes on.", self._file)

    def _open_shell(self) -> None:
        trainer = self.trainer  # both names are for the user of the shell
        if self._shell == "ipython":
            try:
                import IPython
            except ImportError:
                logger.warning("InjectShell: IPython is not installed (pip install ipython); pdb opens instead.")
            else:
                IPython.embed(user_ns={"self": self, "trainer": trainer})
                return
        pdb.set_trace()

    def _after_train(self) -> None:
        try:
            os.remove(self._file)
        except OSError:
            pass


def _has_terminal() -> bool:
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False


class EstimatedTimeLeft(Callback):
    """Log how long the rest of the training will take, judged by the last epochs, at each trigger; on the chief only.

    On a terminal this stands below the table of `ScalarPrinter`, rounded and with one standard deviation of it.

    Args:
        last_k_epochs: how many of them count.
        median: take their median; the mean otherwise.

    Raises:
        TypeError, ValueError: `last_k_epochs` is no whole number of at least 1.
    """

    def __init__(self, last_k_epochs: int = 5, median: bool = True):
        self.last_k_epochs = whole_number(self, "last_k_epochs", last_k_epochs, minimum=1)
        self.median = median
        self.times = EpochTimes(self.last_k_epochs, median)
        self._is_in_table = False

    def leave_to_table(self) -> None:
        """Log to files only, since a monitor shows `times` on the terminal."""
        self._is_in_table = True

    def _before_train(self) -> None:
        self._is_in_table = False
        self.times.start(self.epoch_num, time.monotonic())

    def _trigger(self) -> None:
        self.times.note(self.epoch_num, time.monotonic())
        left = self.times.left(self.trainer.max_epoch - self.epoch_num)
        if left is not None:
            logger.info("Estimated Time Left: %s", humanize_time_delta(left.seconds),
                                extra=NOT_ON_CONSOLE if self._is_in_table else None)
