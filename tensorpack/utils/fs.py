"""Files: downloads, the directory of datasets, and writing that leaves either the old content or the new, never a part."""
from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from typing import IO, Any, Iterator, Optional

from . import logger
from ._files.download import download
from ._files.paths import normpath
from .argtools import log_once

__all__ = [
    "atomic_directory",
    "atomic_write",
    "download",
    "get_dataset_path",
    "mkdir_p",
    "normpath",
    "recursive_walk",
]

def mkdir_p(dirname: str) -> None:
    """Create the directory and its parents where they are missing; `""` is accepted and does nothing.

    Raises FileExistsError if a file of this name exists.
    """
    if dirname is None:
        raise TypeError("mkdir_p: dirname must be a path; got None")
    if dirname != "" and not os.path.isdir(dirname):
        os.makedirs(dirname, exist_ok=True)


def recursive_walk(rootdir: str) -> Iterator[str]:
    """Paths of all files below `rootdir`, in alphabetical order within a directory."""
    for directory, subdirectories, files in os.walk(rootdir):
        subdirectories.sort()
        for name in sorted(files):
            yield os.path.join(directory, name)


@contextmanager
def atomic_write(path: str, mode: str = "w", *, encoding: Optional[str] = None) -> Iterator[IO[Any]]:
    """A context that gives a file to write; `path` gets its content when the context is left without an error.

    Args:
        path: where the content shall be; a symbolic link is followed. An existing file keeps its permissions.
        mode: "w" or "wb".
        encoding: of a text file, utf-8 by default.

    If the context is left by an exception, `path` is as it was and no other file remains.
    """
    if mode not in ("w", "wb"):
        raise ValueError("atomic_write: mode must be 'w' or 'wb'; got {!r}".format(mode))
    path = os.path.realpath(path)
    temporary = _temporary_sibling(path)
    try:
        with open(temporary, mode, encoding=(encoding or "utf-8") if mode == "w" else None) as f:
            yield f
            f.flush()
            os.fsync(f.fileno())
        if os.path.exists(path):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        _remove(temporary)
        raise


@contextmanager
def atomic_directory(path: str) -> Iterator[str]:
    """A context that gives the path of a new directory to fill; it becomes `path` when the context is left without an error.

    A directory that exists at `path` is replaced, and missing parents are created. If the context is left by an exception,
    `path` is as it was and the new directory is gone.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isdir(path):
        raise NotADirectoryError("atomic_directory: path must not be a file; got {!r}".format(path))
    mkdir_p(os.path.dirname(path))
    temporary = _temporary_sibling(path)
    os.mkdir(temporary)
    try:
        yield temporary
        _replace_directory(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _replace_directory(new: str, path: str) -> None:
    if not os.path.isdir(path):
        os.rename(new, path)
        return
    old = _temporary_sibling(path)
    os.rename(path, old)
    try:
        os.rename(new, path)
    except BaseException:
        os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _temporary_sibling(path: str) -> str:
    """An unused name in the same directory; it starts with a dot, so that nobody takes it for content."""
    directory, name = os.path.split(path)
    return os.path.join(directory, ".{}.{}.tmp".format(name, uuid.uuid4().hex[:12]))


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def get_dataset_path(*args: str) -> str:
    """A path below the directory of datasets: `$TENSORPACK_DATASET`, or else `~/tensorpack_data`, which is then created.

    The path itself is not created. Raises ValueError if `$TENSORPACK_DATASET` is no directory.
    """
    root = os.environ.get("TENSORPACK_DATASET")
    if not root:
        root = os.path.join(os.path.expanduser("~"), "tensorpack_data")
        log_once("Env var $TENSORPACK_DATASET not set, using {} for datasets.".format(root), "warning")
        if not os.path.isdir(root):
            mkdir_p(root)
            logger.info("Created the directory %s.", root)
    if not os.path.isdir(root):
        raise ValueError("get_dataset_path: $TENSORPACK_DATASET must be an existing directory; got {!r}; create it or "
                         "change the variable".format(root))
    return os.path.join(root, *args)
