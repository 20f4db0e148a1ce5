"""Files that belong together are written beside their final place, and take it when all of them are there and proven."""
from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from typing import Iterator

from ...utils.fs import mkdir_p


@contextmanager
def staged(filename: str) -> Iterator[str]:
    """A context that gives a path of the same name in a new directory; when it is left without an error, all files there move.

    The file of that name moves last but for its JSON: what it refers to is there before. If the context is left by an
    exception, everything is as it was. A symbolic link is followed; an existing file keeps its permissions.
    """
    filename = os.path.realpath(filename)
    parent, base = os.path.split(filename)
    mkdir_p(parent)
    folder = os.path.join(parent, ".{}.{}.tmp".format(base, uuid.uuid4().hex[:12]))
    os.mkdir(folder)
    try:
        yield os.path.join(folder, base)
        for name in sorted(os.listdir(folder), key=[base, base + ".json"].__contains__):
            _move(os.path.join(folder, name), os.path.join(parent, name))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(source: str, target: str) -> None:
    with open(source, "rb") as f:
        os.fsync(f.fileno())
    if os.path.exists(target):
        shutil.copymode(target, source)
    os.replace(source, target)
