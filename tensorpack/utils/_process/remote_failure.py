"""Errors of other processes: sent with their traceback, and raised here as what they were."""
from __future__ import annotations

import functools
import pickle
import traceback
from typing import Any, Callable, Dict, List, NoReturn, Optional, Tuple

# Errors that are made again from plain data: those of Python, with the arguments that they had.
_PLAIN_KINDS: Dict[str, Any] = {kind.__name__: kind for kind in (
    ArithmeticError, AssertionError, AttributeError, BufferError, EOFError, Exception, FileExistsError, FileNotFoundError,
    FloatingPointError, ImportError, IndexError, InterruptedError, IsADirectoryError, KeyError, LookupError, MemoryError,
    ModuleNotFoundError, NameError, NotADirectoryError, NotImplementedError, OSError, OverflowError, PermissionError,
    RecursionError,
    ReferenceError, RuntimeError, StopIteration, SyntaxError, SystemError, TimeoutError, TypeError, UnboundLocalError,
    UnicodeError,
    ValueError, ZeroDivisionError)}


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
        self._plain = _plain_error(error) if isinstance(error, kinds) else None

    def to_plain(self, with_pickle: bool) -> Dict[str, Any]:
        """The failure as plain data, with the pickle of an error that is not one of Python's if wanted."""
        return {"where": self._where, "summary": self._summary, "text": self._text, "error": self._plain,
                "pickle": self._pickled if with_pickle else None}

    @classmethod
    def from_plain(cls, form: Dict[str, Any], allow_pickle: bool) -> RemoteFailure:
        """The failure of `to_plain`; without pickles, errors of other types than Python's become a RuntimeError."""
        failure = cls.__new__(cls)
        failure._where, failure._summary, failure._text = form["where"], form["summary"], form["text"]
        failure._plain = form["error"]
        failure._pickled = form["pickle"] if allow_pickle else None
        return failure

    @staticmethod
    def is_plain_form(form: Any) -> bool:
        """Whether `from_plain` can take it."""
        return (isinstance(form, dict) and all(isinstance(form.get(name), str) for name in ("where", "summary", "text"))
                and isinstance(form.get("pickle", 0), (bytes, type(None)))
                and (form.get("error", 0) is None or isinstance(form.get("error"), list) and len(form["error"]) == 2
                     and isinstance(form["error"][0], str) and isinstance(form["error"][1], list)))

    def reraise(self) -> NoReturn:
        """Raise the same error, or a RuntimeError with its words if it cannot be pickled."""
        cause = RemoteTraceback("{}:\n{}".format(self._where, self._text))
        raise self._load() or RuntimeError("{} failed: {}".format(self._where, self._summary)) from cause

    def _load(self) -> Optional[BaseException]:
        try:
            if self._pickled is not None:
                return pickle.loads(self._pickled)()
        except Exception:  # its class is not there in this process
            pass
        if self._plain is None or self._plain[0] not in _PLAIN_KINDS:
            return None
        try:
            error: BaseException = _PLAIN_KINDS[self._plain[0]](*self._plain[1])
            return error
        except Exception:  # not what that kind takes
            return None


def _plain_error(error: BaseException) -> Optional[List[Any]]:
    """[name, arguments] of an error of Python whose arguments are text, numbers or the like; None for others."""
    is_plain = all(type(argument) in (str, int, float, bool, bytes, type(None)) for argument in error.args)
    is_of_python = _PLAIN_KINDS.get(type(error).__name__) is type(error)
    return [type(error).__name__, list(error.args)] if is_plain and is_of_python else None


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
