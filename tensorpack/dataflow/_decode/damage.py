"""Damaged image files: what to do with them, and how many there are."""
from __future__ import annotations

import itertools
import os
from typing import Any, Optional

from ...utils import logger

POLICIES = ("keep", "drop", "raise")
_WORDS = {"keep": "decoded as far as they go", "drop": "left out"}


def check_policy(who: str, on_damaged: Any) -> str:
    if on_damaged not in POLICIES:
        raise ValueError("{}: on_damaged must be 'keep', 'drop' or 'raise'; got {!r}".format(who, on_damaged))
    return str(on_damaged)


class DamageCount:
    """Counts images and the damaged ones among them.

    Args:
        who: who decodes them, for messages.
        on_damaged: what becomes of them.
        warns_at_once: whether to warn of the first, 10th, 100th, ... damaged image, rather than at the end of a pass.

    Attributes:
        num_images, num_damaged: so far; of this pass, if passes end.
    """

    def __init__(self, who: str, on_damaged: str, warns_at_once: bool = False):
        self._who = who
        self._on_damaged = on_damaged
        self._warns_at_once = warns_at_once
        self._begin()

    def _begin(self) -> None:
        self.num_images = self.num_damaged = 0
        self._images, self._damaged = itertools.count(1), itertools.count(1)  # their steps are safe among threads
        self._example = ""
        self._pid = os.getpid()

    def __reduce__(self) -> Any:
        return DamageCount, (self._who, self._on_damaged, self._warns_at_once)

    def add(self, damage: Optional[str], file: str = "") -> None:
        """One more image; `damage` says what is wrong with it, in words, if anything is."""
        if self._pid != os.getpid():
            self._begin()
        self.num_images = next(self._images)
        if damage is None:
            return
        number = self.num_damaged = next(self._damaged)
        self._example = self._example or ("{}: {}".format(file, damage) if file else damage)
        if self._warns_at_once and number == 10 ** (len(str(number)) - 1):
            self._warn("so far, in this process")

    def end_pass(self) -> None:
        """Say how many of how many images were damaged, and begin to count again."""
        if self.num_damaged:
            self._warn("in this pass")
        self._begin()

    def _warn(self, when: str) -> None:
        logger.warning("[%s] %d of %d images are damaged and were %s, %s; such as %s", self._who, self.num_damaged,
                       self.num_images, _WORDS.get(self._on_damaged, "refused"), when, self._example)
