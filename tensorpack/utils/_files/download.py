"""Downloads that survive broken connections.

What arrived is kept in a hidden directory beside the target, to be completed later.
"""
from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

from ...libinfo import __version__
from .. import logger
from .._plain.json_text import read_json
from ..utils import get_tqdm
from .file_lock import file_lock

_CHUNK = 1 << 18  # bytes of one read: large enough to be fast, small enough for a lively progress bar
_MAX_RESUMES = 20  # in one call, each after at least one new byte
_PAUSE = 1.0  # seconds before a broken connection is taken up again

Verify = Optional[Callable[[str], Any]]


def download(url: str, dir: str, filename: Optional[str] = None, expect_size: Optional[int] = None, *,
             checksum: Optional[str] = None, verify: Verify = None, timeout: float = 60) -> str:
    """Download `url` into the directory `dir` and return the path of the file.

    A broken connection is taken up again where it broke, if the server can do that; what has arrived when that fails, or when
    the process is killed, is kept in a hidden directory for the next call. The file appears when it is complete and checked.
    Of several processes that want the same file one downloads it, the others wait and use it.

    Args:
        filename: name of the file; by default the last part of the URL's path.
        expect_size: size in bytes. A file of this name and size is taken as it is, and a download of another size is an
            error. Without it and `checksum` an existing file is downloaded again.
        checksum: such as `"md5:<hexadecimal digits>"`, of any algorithm of `hashlib`; treated like the size.
        verify: called with the path of the complete download, before it gets its name; raises ValueError if that is no good.
        timeout: seconds to wait for an answer or for more data.

    Raises:
        OSError: the file cannot be downloaded, is empty, shorter than the server announced, or not what is expected.
        ValueError: the URL has no file name, or `verify` raised it.
    """
    filename = filename or os.path.basename(urllib.parse.unquote(urllib.parse.urlsplit(url).path))
    if not filename:
        raise ValueError("download: the URL must end with a file name; got {!r}; pass filename=".format(url))
    expected = _Expected(expect_size, checksum, verify)
    path = os.path.join(dir, filename)
    if expected.is_met_by(path):
        logger.info("File %s exists! Skip download.", filename)
        return path
    os.makedirs(dir or os.curdir, exist_ok=True)
    before = _identity(path)
    with file_lock(_hidden(path, "lock")) as waited:
        if waited and (expected.is_met_by(path) or (_identity(path) not in (None, before) and not expected.is_known)):
            logger.info("Another process downloaded %s.", filename)
            return path
        if before is not None:
            logger.warning("File %s exists. Will overwrite with a new download!", filename)
        size = _download_logged(url, path, expected, timeout)
    logger.info("Succesfully downloaded %s. %d bytes.", filename, size)
    return path


class _Expected:
    """What is known of a file in advance."""

    def __init__(self, size: Optional[int], checksum: Optional[str], verify: Verify):
        self._size = size
        self._algorithm, _, self._digest = (checksum or "").lower().partition(":")
        self._verify = verify
        if checksum is not None and (self._algorithm not in hashlib.algorithms_available or not self._digest):
            raise ValueError("download: checksum must be an algorithm, a colon and hexadecimal digits, such as "
                             "'sha256:8d2f...'; got {!r}".format(checksum))
        self.is_known = size is not None or checksum is not None

    def is_met_by(self, path: str) -> bool:
        """Whether the file exists and is known to be the right one."""
        return (self.is_known and os.path.isfile(path) and (self._size is None or os.path.getsize(path) == self._size)
                and (not self._digest or self._digest_of(path) == self._digest))

    def check(self, url: str, path: str) -> None:
        """Raise OSError, or what `verify` raises, if the file is another one."""
        size = os.path.getsize(path)
        if size == 0:
            raise OSError("download: the file must not be empty; got 0 bytes from {}".format(url))
        if self._size is not None and size != self._size:
            raise OSError("download: the file must have {} bytes; got {} from {}; it may have changed there, or the answer is "
                          "an error page".format(self._size, size, url))
        if self._digest and self._digest_of(path) != self._digest:
            raise OSError("download: the file must have the checksum {}:{}; got {} from {}; it may have changed there, or it "
                          "was altered on the way".format(self._algorithm, self._digest, self._digest_of(path), url))
        if self._verify is not None:
            self._verify(path)

    def _digest_of(self, path: str) -> str:
        digest = hashlib.new(self._algorithm)
        with open(path, "rb") as f:
            for chunk in iter(lambda: f.read(1 << 20), b""):
                digest.update(chunk)
        return digest.hexdigest()


def _identity(path: str) -> Optional[Tuple[int, int]]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _hidden(path: str, suffix: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, ".{}.{}".format(name, suffix))


def _download_logged(url: str, path: str, expected: _Expected, timeout: float) -> int:
    try:
        return _download_checked(url, path, expected, timeout)
    except OSError:
        logger.error("Failed to download %s", url)
        raise
    except http.client.HTTPException as e:
        logger.error("Failed to download %s", url)
        raise OSError("download: the server must answer in HTTP; got {!r} from {}; try again".format(e, url)) from e


def _download_checked(url: str, path: str, expected: _Expected, timeout: float) -> int:
    part = _Part(url, _hidden(path, "download"))
    try:
        _complete(part, os.path.basename(path), timeout)
    except BaseException:
        if not part.can_be_continued():
            part.remove()
        raise
    try:
        expected.check(url, part.content)
        os.replace(part.content, os.path.realpath(path))
    finally:
        part.remove()
    return os.path.getsize(path)


class _Part:
    """What has arrived of a file: a directory with the bytes, and where they are from, to be sure to continue the same file."""

    def __init__(self, url: str, directory: str):
        self.url = url
        self.content = os.path.join(directory, "content")
        self._directory = directory
        self._origin_file = os.path.join(directory, "origin.json")
        self._origin = self._read_origin()

    def _read_origin(self) -> Dict[str, Any]:
        try:
            origin = read_json(self._origin_file)
        except (OSError, ValueError):
            return {}
        is_ours = (isinstance(origin, dict) and origin.get("url") == self.url and type(origin.get("total")) in (int, type(None))
                   and isinstance(origin.get("validator"), (str, type(None))))
        return origin if is_ours else {}

    @property
    def size(self) -> int:
        """Bytes that arrived and can be continued."""
        return os.path.getsize(self.content) if self.validator and os.path.isfile(self.content) else 0

    @property
    def total(self) -> Optional[int]:
        """Size of the whole file, where the server announced it."""
        return self._origin.get("total")

    @property
    def validator(self) -> Optional[str]:
        """What the server calls this version of the file; None if it cannot send the rest of a file."""
        return self._origin.get("validator")

    def is_complete(self) -> bool:
        return self.size > 0 and self.size == self.total

    def can_be_continued(self) -> bool:
        return self.size > 0

    def start(self, total: Optional[int], validator: Optional[str]) -> None:
        """Begin from the first byte."""
        self.remove()
        os.mkdir(self._directory)
        self._origin = {"url": self.url, "total": total, "validator": validator}
        with open(self._origin_file, "w", encoding="utf-8") as f:
            json.dump(self._origin, f)

    def remove(self) -> None:
        self._origin = {}
        shutil.rmtree(self._directory, ignore_errors=True)


def _complete(part: _Part, name: str, timeout: float) -> None:
    """Fetch what is missing of a file, over several connections where need be."""
    for resumed in range(_MAX_RESUMES + 1):
        size_before = part.size
        if part.is_complete():
            return
        try:
            _fetch(part, name, timeout)
            return
        except (OSError, http.client.HTTPException) as e:
            if isinstance(e, urllib.error.HTTPError) or part.size <= size_before or resumed == _MAX_RESUMES:
                raise
            logger.warning("The download of %s was interrupted after %d bytes (%s); resuming.", part.url, part.size, e)
        time.sleep(_PAUSE)


def _fetch(part: _Part, name: str, timeout: float) -> None:
    """One connection: append to the part what the server sends, all of the file or the rest of it."""
    with _open(part, timeout) as response:
        announced = response.headers.get("Content-Length")
        if part.size == 0 or _first_byte(response) != part.size:
            if getattr(response, "status", None) == 206:
                raise OSError("download: the server must send what it was asked for; got {!r} from {}".format(
                    response.headers.get("Content-Range"), part.url))
            part.start(int(announced) if announced is not None else None, _validator(response))
        with open(part.content, "ab") as f:
            for chunk in _with_progress_bar(iter(lambda: response.read(_CHUNK), b""), f.tell(), part.total, name):
                f.write(chunk)
            f.flush()
            os.fsync(f.fileno())
            size = f.tell()
    if part.total is not None and size != part.total:
        raise OSError("download: the server announced {} bytes; got {} from {}; try again".format(part.total, size, part.url))


def _with_progress_bar(chunks: Iterator[bytes], start: int, total: Optional[int], name: str) -> Iterator[bytes]:
    with get_tqdm(total=total, initial=start, unit="B", unit_scale=True, miniters=1, desc=name) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))


def _open(part: _Part, timeout: float) -> Any:
    headers = {"User-Agent": "tensorpack/" + __version__}
    if part.size and part.validator:
        ranged = {**headers, "Range": "bytes={}-".format(part.size), "If-Range": part.validator}
        try:
            return urllib.request.urlopen(urllib.request.Request(part.url, headers=ranged), timeout=timeout)
        except urllib.error.HTTPError as e:
            if e.code != 416:  # what we have is no part of what is there now
                raise
            part.remove()
    return urllib.request.urlopen(urllib.request.Request(part.url, headers=headers), timeout=timeout)


def _first_byte(response: Any) -> Optional[int]:
    """Position of the first byte of a partial answer; None for a whole file."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return int(match.group(1)) if match and getattr(response, "status", None) == 206 else None


def _validator(response: Any) -> Optional[str]:
    if getattr(response, "status", None) != 200 or response.headers.get("Accept-Ranges") == "none":
        return None
    etag = response.headers.get("ETag")
    if etag and not etag.startswith("W/"):
        return etag
    return response.headers.get("Last-Modified")
