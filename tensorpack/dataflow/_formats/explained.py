"""What is said when a package cannot read a file."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

# What packages raise for damaged bytes, by way of whatever these made them do.
_DAMAGES = (ArithmeticError, AssertionError, AttributeError, EOFError, IndexError, MemoryError, OSError, RuntimeError,
            TypeError, ValueError)


@contextmanager
def explained_file(who: str, path: str, kind: str) -> Iterator[None]:
    """Within the context, what a package raises that reads the file becomes a ValueError with the name of the file.

    A file that is missing or must not be read keeps its own error, and so does a KeyError.
    """
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except _DAMAGES as e:
        raise ValueError("{}: {} must be {}; got one that is not: {}".format(
            who, path, kind, str(e) or type(e).__name__)) from e
