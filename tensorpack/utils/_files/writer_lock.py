"""Whether another process writes to a log file: the writer holds a lock on it, which the system releases when it dies."""
from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import IO, Any, Iterator, Optional

fcntl: Any = None
with suppress(ImportError):  # Windows has none: there nobody is noticed
    import fcntl

__all__ = ["has_other_writer", "hold_as_writer", "one_at_a_time"]


def hold_as_writer(file: IO[Any]) -> None:
    """Lock a file for this process, without its children, until it is closed; do nothing where there are no locks."""
    with suppress(OSError):
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def has_other_writer(path: str) -> bool:
    """Whether another process that lives holds this file."""
    if fcntl is None or not os.path.isfile(path):
        return False
    try:
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return os.access(path, os.W_OK)
    except OSError:
        return False
    return False


@contextmanager
def one_at_a_time(directory: str) -> Iterator[None]:
    """A context in which one process is at a time, of all that name this directory; it must exist."""
    if fcntl is None:
        yield
        return
    descriptor: Optional[int] = None
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
