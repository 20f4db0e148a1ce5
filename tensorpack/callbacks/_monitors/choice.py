"""Which statistics a monitor takes, by regular expressions for their names."""
from __future__ import annotations

import re
from typing import Any, Iterable, List, Sequence, Set, Union

from ...tfutils._restore.names import nearest_to_pattern, some
from ...utils import logger

__all__ = ["NameChoice"]

_NAMES = 3


class NameChoice:
    """Takes names in which an expression of the whitelist is found, and none of the blacklist.

    Args:
        who: has the lists, for warnings.
        whitelist: None for all names.
        blacklist: None for no names.
    """

    def __init__(self, who: str, whitelist: Union[None, str, Sequence[str]], blacklist: Union[None, str, Sequence[str]]):
        self._who = who
        self._whitelist = None if whitelist is None else _patterns(whitelist)
        self._blacklist = _patterns(blacklist or ())
        self._told: Set[str] = set()

    def __contains__(self, name: str) -> bool:
        if self._whitelist is not None and not any(pattern.search(name) for pattern in self._whitelist):
            return False
        return not any(pattern.search(name) for pattern in self._blacklist)

    def tell(self, names: Iterable[str], at_end: bool) -> None:
        """Warn, once for each, of expressions that are found in none of these names.

        Before the end others may follow: then it is told only if the whitelist takes nothing at all. What is not to be
        taken is told only if a name is like it: lists for several trainings have more.

        Args:
            names: of all statistics that have a value.
            at_end: whether this is the last epoch.
        """
        names = sorted(names)
        if not names:
            return
        strangers = [pattern for pattern in self._whitelist or () if not any(map(pattern.search, names))]
        if at_end or len(strangers) == len(self._whitelist or ()):
            for pattern in strangers:
                near = nearest_to_pattern(pattern.pattern, names, _NAMES)
                self._warn("whitelist", pattern.pattern, "did you mean {}?".format(
                    " or ".join(map(repr, near))) if near else "there are {}.".format(some(names, _NAMES)))
        for pattern in self._blacklist if at_end else ():
            near = nearest_to_pattern(pattern.pattern, names, _NAMES)
            if near and not any(map(pattern.search, names)):
                self._warn("blacklist", pattern.pattern, "did you mean {}?".format(" or ".join(map(repr, near))))

    def _warn(self, argument: str, pattern: str, advice: str) -> None:
        if pattern not in self._told:
            self._told.add(pattern)
            logger.warning("%s(%s=): %r is found in the name of no statistic so far; %s", self._who, argument, pattern, advice)


def _patterns(regexes: Union[str, Sequence[str]]) -> List[Any]:
    return [re.compile(regex) for regex in ([regexes] if isinstance(regexes, str) else regexes)]
