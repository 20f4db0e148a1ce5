"""Everything that a run left in its log directory."""
from __future__ import annotations

import os
from typing import List, NamedTuple

from ...callbacks._monitors.json_stats import FILENAME as _STATISTICS
from .events import Image, read_images
from .history import History, read_history
from .log import FILENAME as _LOG
from .log import LogFacts, read_logs


class Run(NamedTuple):
    """A run: its name, statistics, what the log says, the images, and what could not be read, in sentences."""

    name: str
    history: History
    log: LogFacts
    images: List[Image]
    problems: List[str]


class NothingYet(ValueError):
    """A log directory is empty: if it is that of a training, this has not written anything yet."""


def read_runs(folders: List[str]) -> List[Run]:
    """The runs in these directories, named as shortly as tells them apart.

    Raises:
        ValueError: a directory is missing, or nothing in it is of a run; a NothingYet if there is nothing in it.
    """
    return [_read(folder, name) for folder, name in zip(folders, _names(folders))]


def _read(folder: str, name: str) -> Run:
    if not os.path.isdir(folder):
        raise ValueError("{}: must be the log directory of a run; got {}".format(
            folder, "a file; give the directory it is in" if os.path.exists(folder) else "a name that does not exist"))
    history, log = read_history(folder), read_logs(folder)
    if not history.epochs and log is None:
        names = sorted(os.listdir(folder))
        runs = [name for name in names if any(os.path.isfile(os.path.join(folder, name, file)) for file in (_STATISTICS, _LOG))]
        error = ValueError if names else NothingYet
        raise error("{}: must be the log directory of a run, with stats.json or log.log; got one with {}{}".format(
            folder, ", ".join(names[:5]) or "nothing in it",
            "; try {}".format(" ".join(os.path.join(folder, name) for name in runs[:3])) if runs else ""))
    images, problems = read_images(folder)
    if log is None:
        problems.append("There is no log.log: throughput, restarts, variables and messages are not known.")
    return Run(name, history, log or LogFacts(), images, ([history.problem] if history.problem else []) + problems)


def _names(folders: List[str]) -> List[str]:
    """The last parts of the paths, as many as make them differ."""
    parts = [os.path.abspath(folder).split(os.sep) for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(each[-count:]) for each in parts]
        if len(set(names)) == len(names):
            return names
    return ["{} ({})".format(name, number) for number, name in enumerate(names, 1)]  # the same directory again
