"""What to do with files and records that cannot be read: an error, or count them and say so."""
from __future__ import annotations

from typing import List

from ...utils import logger

_SHOWN = 5  # reasons in a warning


class DamagedError(ValueError):
    """A file, or a record of one, cannot be used; the message names it and says why."""


class LeftOut:
    """Collects what is left out. With `on_error="raise"` nothing is: the first error is raised.

    Args:
        who: the flow, for messages.
        on_error: "raise" or "skip".
    """

    def __init__(self, who: str, on_error: str):
        self._who = who
        self._raises = on_error == "raise"
        self._reasons: List[str] = []
        self.count = 0

    def add(self, error: DamagedError) -> None:
        """One more is left out, or the error raised."""
        if self._raises:
            raise error
        self.count += 1
        if len(self._reasons) < _SHOWN and str(error) not in self._reasons:  # that of a block is the reason of all its records
            self._reasons.append(str(error))

    def tell(self, what: str, total: int) -> None:
        """Warn of how many were left out, and why; nothing if there were none."""
        if self.count:
            logger.warning("[%s] Left out %d of %d %s, such as:\n%s", self._who, self.count, total, what,
                           "\n".join(self._reasons))


def check_on_error(who: str, on_error: str) -> str:
    """`on_error`, if it is one of the two."""
    if on_error not in ("raise", "skip"):
        raise ValueError("{}: on_error must be 'raise' or 'skip'; got {!r}".format(who, on_error))
    return on_error
