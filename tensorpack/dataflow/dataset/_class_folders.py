"""Which images lie in which class folders, and what else lies there."""
from __future__ import annotations

import collections
import os
from typing import Counter, Dict, List, NamedTuple

from ...utils import logger
from ...utils._text.counted import counted

_IMAGE_ENDINGS = frozenset([".bmp", ".dib", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
                            ".tiff", ".webp"])
_OF_FILE_MANAGERS = frozenset(["thumbs.db", "desktop.ini"])


class _Content(NamedTuple):
    """Sorted names of what lies in a folder; hidden things do not count."""

    folders: List[str]
    images: List[str]
    others: List[str]


def _list(directory: str) -> _Content:
    content = _Content([], [], [])
    for name in sorted(os.listdir(directory)):
        if name.startswith(".") or name.lower() in _OF_FILE_MANAGERS:
            continue
        if os.path.isdir(os.path.join(directory, name)):
            content.folders.append(name)
        else:
            (content.images if _ending(name) in _IMAGE_ENDINGS else content.others).append(name)
    return content


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower() or name


def class_names(directory: str) -> List[str]:
    """The folders in a directory that hold images."""
    return [name for name in _list(directory).folders if _list(os.path.join(directory, name)).images]


def names_of_other_parts(root: str, part: str) -> List[str]:
    """The classes of all parts in a directory but one; a class is as often there as it has parts."""
    return [name for other in _list(root).folders if other != part for name in class_names(os.path.join(root, other))]


def scan_classes(who: str, directory: str) -> Dict[str, List[str]]:
    """Paths of the images of each class, both sorted. Warns of what is left out: other files, folders without an image.

    Raises:
        FileNotFoundError: there is no such directory.
        ValueError: there is no image in a class folder, or a class folder has its images in folders of its own.
    """
    _check_exists(who, directory)
    top = _list(directory)
    classes: Dict[str, List[str]] = {}
    others = collections.Counter(map(_ending, top.others))
    for name in top.folders:
        content = _list(os.path.join(directory, name))
        others.update(map(_ending, content.others))
        _check_depth(who, directory, name, content)
        if content.images:
            classes[name] = [os.path.join(directory, name, file) for file in content.images]
    if not classes:
        raise ValueError("{}: {} must have a folder with images for each class, such as {}; got {}, none of them with "
                         "an image, and {}".format(who, directory, os.path.join(directory, "cat", "1.jpg"),
                                                   counted(len(top.folders), "folder"), counted(len(top.images), "image")))
    _warn(who, directory, [name for name in top.folders if name not in classes], len(top.images), others)
    return classes


def _check_exists(who: str, directory: str) -> None:
    if not os.path.isdir(directory):
        parent = os.path.dirname(os.path.abspath(directory))
        there = ", ".join(_list(parent).folders) if os.path.isdir(parent) else ""
        raise FileNotFoundError("{}: the directory {} must exist and hold a folder of images for each class; {}".format(
            who, directory, "beside it there are: " + there if there else "there is nothing beside it"))


def _check_depth(who: str, directory: str, name: str, content: _Content) -> None:
    deeper = class_names(os.path.join(directory, name)) if content.folders else []
    if deeper:
        raise ValueError("{who}: images of a class must lie directly in its folder; got images in {deep}. If {name!r} is a "
                         "part of the data, give it as name: {who}({root!r}, {name!r})".format(
                             who=who, root=directory, name=name, deep=os.path.join(directory, name, deeper[0])))


def _warn(who: str, directory: str, empty: List[str], num_in_no_class: int, others: Counter[str]) -> None:
    found = []
    if empty:
        found.append("folders that hold no image: {}".format(", ".join(empty)))
    if num_in_no_class:
        found.append("images that lie in no class folder: {}".format(num_in_no_class))
    if others:
        found.append("files that are no images by their names: {}".format(
            ", ".join("{} {}".format(count, ending) for ending, count in sorted(others.items()))))
    if found:
        logger.warning("%s: in %s these are left out: %s", who, directory, "; ".join(found))
