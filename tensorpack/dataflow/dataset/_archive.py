"""Datasets that come as tar archives: the files in the archive are unpacked beside it, all of them or none."""
from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import zlib
from typing import Any, List, Sequence

from ...utils import logger
from ...utils._files.file_lock import file_lock
from ...utils._files.remote_file import RemoteFile, obtain


def obtain_unpacked(who: str, directory: str, archive: RemoteFile, needed: Sequence[str]) -> None:
    """Have the files or directories `needed` in `directory`: from `archive`, which is downloaded, where one is missing.

    Raises:
        OSError: the archive is missing too and cannot be downloaded.
        ValueError: the archive is damaged, or it has not what is needed.
    """
    if not _missing(directory, needed):
        return
    os.makedirs(directory, exist_ok=True)
    with file_lock(os.path.join(directory, ".{}.unpack.lock".format(archive.filename))):
        if not _missing(directory, needed):  # another process was faster
            return
        path = obtain(who, directory, archive)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".unpack-") as temporary:
            logger.info("Unpacking %s ...", path)
            _unpack(who, path, temporary)
            missing = _missing(temporary, needed)
            if missing:
                raise ValueError("Failed to find file: {}: the archive {} must contain it; delete or replace the "
                                 "archive".format(os.path.join(directory, missing[0]), path))
            _move_into(temporary, directory, last=needed)


def _missing(directory: str, needed: Sequence[str]) -> List[str]:
    return [name for name in needed if not os.path.exists(os.path.join(directory, name))]


def _unpack(who: str, path: str, target: str) -> None:
    """Write the files of an archive below `target`; links and devices are left out."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    _unpack_file(who, archive, member, target)
            for _ in iter(lambda: archive.fileobj.read(1 << 20), b""):
                pass  # up to the checksum: a damaged archive looks as if it ended early
    except (EOFError, OSError, tarfile.TarError, zlib.error) as e:
        if isinstance(e, OSError) and e.errno is not None:
            raise  # the system refuses something, such as more room; gzip's own complaints have no number
        raise ValueError("{}: {} must be a complete archive; got: {}; delete the file, so that it is downloaded again, or "
                         "replace it".format(who, path, e)) from e


def _unpack_file(who: str, archive: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> None:
    path = os.path.normpath(os.path.join(target, member.name))
    if not path.startswith(target + os.sep):
        raise ValueError("{}: files of the archive must stay in its directory; got {!r}".format(who, member.name))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content: Any = archive.extractfile(member)  # of a file it is never None
    with content as source, open(path, "wb") as f:
        shutil.copyfileobj(source, f)


def _move_into(source: str, directory: str, last: Sequence[str]) -> None:
    """Move everything into `directory`, over what is there; `last` comes last, since it tells that all is there."""
    for name in sorted(os.listdir(source), key=lambda name: (name in last, name)):
        new, path = os.path.join(source, name), os.path.join(directory, name)
        if os.path.isdir(new) and os.path.isdir(path):
            below = [os.path.relpath(os.path.join(directory, entry), path) for entry in last]
            _move_into(new, path, below)
        else:
            os.replace(new, path)
