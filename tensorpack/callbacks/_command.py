"""A shell command with the values of statistics in it."""
from __future__ import annotations

import os
import re
from typing import Dict, List, Sequence, Union

from ..utils import logger
from ..utils._arguments.names import list_of_names
from ..utils._text.spec import shown

__all__ = ["CommandWithValues"]


class CommandWithValues:
    """A shell command with a field for each of some statistics.

    Args:
        who: the callback, for errors.
        command: has a `{name}` for each value, which may have a format; other braces are doubled.
        names: name or names of the statistics.

    Raises:
        TypeError: `names` has something that is no str.
        ValueError: there are no names, or the fields are others.

    Attributes:
        names: list of the names, each once.
    """

    def __init__(self, who: str, command: str, names: Union[str, Sequence[str]]):
        if not isinstance(command, str):
            raise TypeError("{}: the command must be a str; got {}".format(who, shown(command)))
        self.names: List[str] = list(dict.fromkeys(
            [names] if isinstance(names, str) else list_of_names(who, "names", names)))
        if not self.names:
            raise ValueError("{}: names must have at least one name; got none".format(who))
        self._command = command
        self._template = _numbered_fields(command, self.names)
        try:
            self._fill(dict.fromkeys(self.names, 0))
        except (KeyError, IndexError, ValueError) as e:
            raise ValueError("{}: command must have fields named in names={}, with formats for numbers, and other braces "
                             "doubled; got '{}' ({})".format(who, self.names, command, e)) from e

    def run(self, values: Dict[str, float]) -> None:
        """Run it with these values and wait for its end; a non-zero exit status is logged."""
        command = self._fill(values)
        status = os.system(command)
        if status != 0:
            logger.error("Command '%s' failed with status %s.", command, status)

    def _fill(self, values: Dict[str, float]) -> str:
        return self._template.format(*[values[name] for name in self.names])

    def __repr__(self) -> str:
        return repr(self._command)


def _numbered_fields(command: str, names: Sequence[str]) -> str:
    """Replace `{name` by `{0`, ..., since names of scalars have characters that field names cannot have."""
    longest_first = sorted(names, key=len, reverse=True)
    field = re.compile(r"(?<!\{)\{(" + "|".join(map(re.escape, longest_first)) + r")(?=[}:!])")
    return field.sub(lambda match: "{" + str(names.index(match.group(1))), command)
