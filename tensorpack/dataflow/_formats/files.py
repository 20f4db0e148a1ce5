"""Which files a list of shards means: paths, patterns, ranges in braces."""
from __future__ import annotations

import glob
import itertools
import os
import re
from typing import Iterator, List, Sequence, Union

from ...utils._arguments.names import list_of_names

_BRACES = re.compile(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}")


def matching_files(who: str, paths: Union[str, Sequence[str]]) -> List[str]:
    """The files of a list of shards, in its order; those of a pattern in the order of their names, each file once.

    Args:
        who: the class that reads them, for errors.
        paths: a path or a list of paths. `~`, the wildcards `*`, `?` and `[...]`, ranges `{000..123}` and choices `{a,b}` are
            expanded, other than in the path of an existing file.

    Raises:
        FileNotFoundError: a path or a pattern matches nothing.
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [os.fspath(paths)]
    paths = list_of_names(who, "paths", [os.fspath(path) if isinstance(path, os.PathLike) else path for path in paths])
    found = dict.fromkeys(itertools.chain.from_iterable(_matching(who, path) for path in paths))
    if not found:
        raise FileNotFoundError("{}: paths must name at least one file; got an empty list".format(who))
    return list(found)


def _matching(who: str, path: str) -> List[str]:
    path = os.path.expanduser(path)
    if os.path.exists(path):
        return [path]
    found: List[str] = []
    for each in _braces_expanded(path):
        matches = [each] if os.path.exists(each) else sorted(glob.glob(each))
        if not matches:
            raise FileNotFoundError("{}: each path must match a file; got {!r}, which matches none; {}".format(
                who, each, _what_is_there(each)))
        found += matches
    return found


def _braces_expanded(pattern: str) -> Iterator[str]:
    match = _BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    first, last, choices = match.groups()
    if choices is None:
        choices = ",".join("{:0{}}".format(number, len(first)) for number in range(int(first), int(last) + 1))
    for choice in choices.split(","):
        yield from _braces_expanded(pattern[:match.start()] + choice + pattern[match.end():])


def _what_is_there(path: str) -> str:
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory):
        return "there is no directory {}".format(directory)
    names = sorted(os.listdir(directory))
    return "in {} there are {} entries{}".format(directory, len(names), ", such as " + names[0] if names else "")
