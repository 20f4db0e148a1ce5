"""Arguments of several callbacks: checks of numbers (counts are checked by `utils._arguments.numbers`), and where files go."""
from __future__ import annotations

import math
import numbers
import os
from typing import Any, Optional

from ...utils import logger
from ...utils._text.spec import shown
from ...utils._types import NOT_YET

__all__ = ["check_number", "check_strings", "directory_so_far"]


def check_number(who: str, name: str, value: Any, minimum: Optional[float] = None, above: Optional[float] = None) -> Any:
    """`value`, which must be a real number.

    Args:
        who: the class that takes it, for errors.
        name: the argument's name.
        minimum: the smallest number allowed.
        above: all allowed numbers are larger than this one.

    Raises:
        TypeError: it is no number; a bool is none.
        ValueError: it is NaN or too small.
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError("{}: {} must be a number; got {}".format(who, name, shown(value)))
    if math.isnan(value):
        raise ValueError("{}: {} must be a number; got {}".format(who, name, shown(value)))
    if minimum is not None and value < minimum:
        raise ValueError("{}: {} must be at least {}; got {}".format(who, name, minimum, shown(value)))
    if above is not None and value <= above:
        raise ValueError("{}: {} must be above {}; got {}".format(who, name, above, shown(value)))
    return value


def check_strings(who: Any, **values: Any) -> None:
    """Refuse values that are no str, by the name of the argument and the class of `who`.

    Raises:
        TypeError: one is none.
    """
    for name, value in values.items():
        if not isinstance(value, str):
            raise TypeError("{}: {} must be a str; got {}".format(type(who).__name__, name, shown(value)))


def directory_so_far(directory: Optional[str] = None) -> str:
    """`directory`, or else the log directory; NOT_YET without one: it may be set until the graph is set up."""
    if directory is None:
        directory = logger.get_logger_dir()
    return NOT_YET if directory is None else os.path.expanduser(directory)


def directory_now(directory: Optional[str]) -> Optional[str]:
    """What `directory_so_far` gave, or else the log directory: a relative one is elsewhere after `os.chdir`."""
    return directory if directory and directory != logger.LOG_DIR else logger.get_logger_dir()
