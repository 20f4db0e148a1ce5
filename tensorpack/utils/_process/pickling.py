"""Pickling of what is sent to another process, with an error that names the part that cannot be pickled."""
from __future__ import annotations

import functools
import pickle
import types
from typing import Any, Iterator, Tuple

_MAX_DEPTH = 8


def dumps(who: str, name: str, value: Any) -> bytes:
    """Pickle the argument `name` of `who`.

    Raises:
        TypeError: a part of it cannot be pickled; the message tells which.
    """
    try:
        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except Exception as e:
        raise unpicklable(who, name, value, e) from e


def unpicklable(who: str, name: str, value: Any, error: BaseException) -> TypeError:
    """The error to raise when pickling `value` has failed with `error`."""
    path, part = _culprit(value, name, _MAX_DEPTH)
    return TypeError("{}: {} must be picklable, since it is sent to another process; got {} = {!r}, which is not: {}; "
                     "define functions and classes at the top level of a module".format(who, name, path, part, error))


def is_picklable(value: Any) -> bool:
    """Whether `value` can be pickled."""
    try:
        pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        return True
    except Exception:
        return False


def _culprit(value: Any, path: str, depth: int) -> Tuple[str, Any]:
    """The innermost part of an unpicklable value that cannot be pickled, and how to reach it."""
    for part_path, part in _parts(value, path) if depth else ():
        if not is_picklable(part):
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
