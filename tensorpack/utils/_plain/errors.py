"""What is said about a pickle that was not read."""
from __future__ import annotations

import pickle
from contextlib import contextmanager
from typing import Iterator

from .unpickler import NotPlain


def not_plain(who: str, what: str, error: NotPlain) -> ValueError:
    """An error that names what a pickle refers to."""
    return ValueError("{}: {} must hold plain data and numpy arrays; got one that refers to {}, which can run code; if you "
                      "trust where it comes from, pass allow_pickle=True".format(who, what, error.name))


@contextmanager
def explained_pickle(who: str, what: str, size: int) -> Iterator[None]:
    """Within the context, errors of reading the pickle `what` become a ValueError that says what to do.

    What code in a pickle raises, where it is allowed, goes its own way.
    """
    try:
        yield
    except NotPlain as e:
        raise not_plain(who, what, e) from e
    except (EOFError, ValueError, pickle.UnpicklingError) as e:
        raise ValueError("{}: {} must be a complete pickle; got {} bytes that are not: {}; the file may be damaged".format(
            who, what, size, e)) from e


@contextmanager
def explained_numpy(who: str, path: str) -> Iterator[None]:
    """Within the context, errors of reading the numpy file `path` become a ValueError that says what to do."""
    try:
        yield
    except NotPlain as e:
        raise not_plain(who, path, e) from e
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except Exception as e:  # a damaged file raises whatever the parser that met it raises
        raise _damaged(who, path, e) from e


def _damaged(who: str, path: str, error: Exception) -> ValueError:
    return ValueError("{}: {} must be a complete numpy file; got one that is not: {}: {}".format(
        who, path, type(error).__name__, error))
