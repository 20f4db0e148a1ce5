"""What crosses the border to spawned processes: objects that must be picklable, and errors on their way back."""
from __future__ import annotations

import copy
import functools
import pickle
import traceback
import types
from typing import Any, Iterator, Optional, Tuple

from ..compat import tfv1 as tf
from ..tfutils.tower import TowerFunc
from .config import PredictConfig

_MAX_DEPTH = 8


def dumps_config(who: str, config: PredictConfig) -> bytes:
    """Pickle a config without the towers that it has built in this process, which belong to graphs of this process.

    Raises:
        TypeError: a part of it cannot be pickled.
    """
    config = copy.copy(config)
    config.tower_func = TowerFunc(config.tower_func._tower_fn, config.input_signature)
    return dumps(who, "config", config)


def dumps(who: str, name: str, value: Any) -> bytes:
    """Pickle the argument `name` of `who`.

    Raises:
        TypeError: a part of it cannot be pickled; the message tells which.
    """
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as e:
        path, part = _culprit(value, name, _MAX_DEPTH)
        raise TypeError("{}: {} must be picklable, since it is sent to a spawned process; got {} = {!r}, which is not: {}; "
                        "define functions and classes at the top level of a module".format(who, name, path, part, e)) from e


def _culprit(value: Any, path: str, depth: int) -> Tuple[str, Any]:
    """The innermost part of an unpicklable value that cannot be pickled, and how to reach it."""
    for part_path, part in _parts(value, path) if depth else ():
        if not _is_picklable(part):
            return _culprit(part, part_path, depth - 1)
    return path, value


def _parts(value: Any, path: str) -> Iterator[Tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield "{}[{!r}]".format(path, key), part
    elif isinstance(value, (list, tuple)):
        for position, part in enumerate(value):
            yield "{}[{}]".format(path, position), part
    elif isinstance(value, types.MethodType):
        yield path + ".__self__", value.__self__
    elif isinstance(value, functools.partial):
        for name in ("func", "args", "keywords"):
            yield "{}.{}".format(path, name), getattr(value, name)
    elif not isinstance(value, (type, types.FunctionType)):
        for name, part in getattr(value, "__dict__", {}).items():
            yield "{}.{}".format(path, name), part


def _is_picklable(value: Any) -> bool:
    try:
        pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        return True
    except Exception:
        return False


class RemoteTraceback(Exception):
    """The cause of an error that was raised in another process: its traceback there."""

    def __str__(self) -> str:
        return "\n" + self.args[0]


class RemoteFailure:
    """An error with its traceback, which can be sent to another process and raised there.

    Args:
        where: the name of the process in which it happened.
        error: the error, just being handled.
    """

    def __init__(self, where: str, error: BaseException):
        self._where = where
        self._summary = "{}: {}".format(type(error).__name__, error)
        self._text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._pickled = _dumps_error(error)

    def reraise(self) -> None:
        """Raise the same error, or a RuntimeError with its words if it cannot be pickled."""
        cause = RemoteTraceback("{}:\n{}".format(self._where, self._text))
        raise self._load() or RuntimeError("{} failed: {}".format(self._where, self._summary)) from cause

    def _load(self) -> Optional[BaseException]:
        if self._pickled is None:
            return None
        try:
            return pickle.loads(self._pickled)()
        except Exception:  # its class is not there in this process
            return None


def _dumps_error(error: BaseException) -> Optional[bytes]:
    """A pickled function that makes the error again, or None."""
    if not isinstance(error, Exception):  # such as SystemExit, which must not end this process as well
        return None
    try:
        if isinstance(error, tf.errors.OpError):  # it refers to an operation, which cannot be pickled
            make = functools.partial(type(error), None, None, error.message)
        else:
            make = functools.partial(_same, error)
        pickled = pickle.dumps(make)
        return pickled if type(pickle.loads(pickled)()) is type(error) else None
    except Exception:
        return None


def _same(error: Exception) -> Exception:
    return error
