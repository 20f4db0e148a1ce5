"""Files that a feature needs and that lie somewhere on the network: a local copy is used, a missing one is downloaded."""
from __future__ import annotations

import os
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from .. import logger
from .download import download


class RemoteFile(NamedTuple):
    """A file and where it can be had.

    Attributes:
        filename: what it is called locally.
        urls: where it is, tried one after the other.
        size: in bytes, if it is known.
        checksum: such as "md5:1234...", if it is known.
    """

    filename: str
    urls: Tuple[str, ...]
    size: Optional[int] = None
    checksum: Optional[str] = None


def obtain(who: str, directory: str, file: RemoteFile, verify: Optional[Callable[[str], Any]] = None) -> str:
    """The path of the file in `directory`; it is downloaded if it is not there.

    Args:
        who: the feature that needs it, named in the error.
        verify: called with the path of a complete download; raises ValueError if it is no good. Local files are trusted.

    Raises:
        OSError: the file is missing and no URL gives it; says how to place it by hand.
    """
    path = os.path.join(directory, file.filename)
    if os.path.isfile(path):
        return path
    failures: List[str] = []
    for url in file.urls:
        try:
            return download(url, directory, file.filename, file.size, checksum=file.checksum, verify=verify)
        except (OSError, ValueError) as e:
            failures.append("{}: {}".format(url, e))
            logger.warning("Cannot get %s", failures[-1])
    raise OSError("{}: {} is missing and cannot be downloaded; get the file {} elsewhere, from {}, and place it there{}. "
                  "Tried {}".format(who, path, file.filename, " or ".join(file.urls), _known_facts(file), "; ".join(failures)))


def _known_facts(file: RemoteFile) -> str:
    facts = ["{} bytes".format(file.size)] if file.size is not None else []
    facts += [file.checksum] if file.checksum is not None else []
    return " ({})".format(", ".join(facts)) if facts else ""
