"""Files: downloads, the directory of datasets, and writing that leaves either the old content or the new, never a part."""
from __future__ import annotations

import http.client
import os
import shutil
import urllib.parse
import urllib.request
import uuid
from contextlib import contextmanager
from typing import IO, Any, Iterator, Optional

from . import logger
from ._paths import normpath
from .argtools import log_once
from .utils import get_tqdm

__all__ = [
    "atomic_directory",
    "atomic_write",
    "download",
    "get_dataset_path",
    "mkdir_p",
    "normpath",
    "recursive_walk",
]

_CHUNK = 1 << 18  # bytes of one read in a download: large enough to be fast, small enough for a lively progress bar


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


def download(url: str, dir: str, filename: Optional[str] = None, expect_size: Optional[int] = None, *,
             timeout: float = 60) -> str:
    """Download `url` into the directory `dir` and return the path of the file.

    Args:
        filename: name of the file; by default the last part of the URL's path.
        expect_size: size in bytes. A file of this name and size is taken as it is, and a download of another size is an
            error. Without it an existing file is downloaded again.
        timeout: seconds to wait for an answer or for more data.

    The file appears when it is complete. Raises OSError if it cannot be downloaded, is empty, shorter than the server
    announced, or not of the expected size.
    """
    filename = filename or os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    if not filename:
        raise ValueError("download: the URL must end with a file name; got {!r}; pass filename=".format(url))
    mkdir_p(dir)
    path = os.path.join(dir, filename)
    if os.path.isfile(path):
        if expect_size is not None and os.path.getsize(path) == expect_size:
            logger.info("File %s exists! Skip download.", filename)
            return path
        logger.warning("File %s exists. Will overwrite with a new download!", filename)
    try:
        size = _fetch(url, path, expect_size, timeout)
    except OSError:
        logger.error("Failed to download %s", url)
        raise
    except http.client.HTTPException as e:
        logger.error("Failed to download %s", url)
        raise OSError("download: the server must answer in HTTP; got {!r} from {}; try again".format(e, url)) from e
    logger.info("Succesfully downloaded %s. %d bytes.", filename, size)
    return path


def _fetch(url: str, path: str, expect_size: Optional[int], timeout: float) -> int:
    """Write what `url` holds to `path`; return its size."""
    with urllib.request.urlopen(url, timeout=timeout) as response, atomic_write(path, "wb") as f:
        announced = response.headers.get("Content-Length")
        total = int(announced) if announced is not None else None
        size = 0
        with get_tqdm(total=total, unit="B", unit_scale=True, miniters=1, desc=os.path.basename(path)) as bar:
            for chunk in iter(lambda: response.read(_CHUNK), b""):
                f.write(chunk)
                size += len(chunk)
                bar.update(len(chunk))
        _check_size(url, size, total, expect_size)
    return size


def _check_size(url: str, size: int, announced: Optional[int], expected: Optional[int]) -> None:
    if size == 0:
        raise OSError("download: the file must not be empty; got 0 bytes from {}".format(url))
    if announced is not None and size != announced:
        raise OSError("download: the server announced {} bytes; got {} from {}; try again".format(announced, size, url))
    if expected is not None and size != expected:
        raise OSError("download: the file must have {} bytes; got {} from {}; it may have changed there, or the answer is "
                      "an error page".format(expected, size, url))


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
