"""Errors of other processes: sent with their traceback, and raised here as what they were."""
from __future__ import annotations

import functools
import pickle
import traceback
from typing import Any, Callable, NoReturn, Optional, Tuple


class RemoteTraceback(Exception):
    """The cause of an error that was raised in another process: its traceback there."""

    def __str__(self) -> str:
        return "\n" + self.args[0]


class RemoteFailure:
    """An error with its traceback, which can be sent to another process and raised there.

    Args:
        where: the name of the process in which it happened.
        error: the error, just being handled.
        kinds: classes whose instances are raised as they are; others, such as SystemExit, must not end the other process as
            well and become a RuntimeError.
    """

    def __init__(self, where: str, error: BaseException, *, kinds: Tuple[type, ...] = (Exception,)):
        self._where = where
        self._summary = "{}: {}".format(type(error).__name__, error)
        self._text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self._pickled = _dumps_error(error) if isinstance(error, kinds) else None

    def reraise(self) -> NoReturn:
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


def _dumps_error(error: Any) -> Optional[bytes]:
    """A pickled function that makes the error again, or None."""
    try:
        if hasattr(error, "node_def") and hasattr(error, "op"):  # of TensorFlow: it refers to an operation, which stays here
            kind: Callable[..., Any] = type(error)
            make = functools.partial(kind, None, None, error.message)
        else:
            make = functools.partial(_same, error)
        pickled = pickle.dumps(make)
        return pickled if type(pickle.loads(pickled)()) is type(error) else None
    except Exception:
        return None


def _same(error: Any) -> Any:
    return error
