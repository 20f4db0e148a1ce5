"""Telling, after the first trigger of a callback and at the end, that the statistic which it looks at has no value; at the
first trigger, that it comes too late or that the callback seems to take the wrong end of it for better."""
from __future__ import annotations

import re
from typing import Any, NamedTuple, Optional

from ...utils import logger
from ...utils._text.spec import shown

__all__ = ["Direction", "StatisticWatch", "larger_is_better"]

# Words in the names of statistics that tell which end is better.
_LARGER_IS_BETTER = frozenset(
    "acc accuracy ap ar auc auroc bleu correct dice f1 iou map miou precision psnr recall reward score ssim".split())
_SMALLER_IS_BETTER = frozenset(
    "cer cost crossentropy err error errors incorrect loss losses mae mse nll perplexity ppl rmse wer wrong".split())


class Direction(NamedTuple):
    """Which end of a statistic a callback takes for better.

    Attributes:
        larger: whether larger values are.
        effect: what it does because of that, such as "training ends when it does not fall".
        remedy: what to do if the other end is better, such as "pass mode='max'".
    """

    larger: bool
    effect: str
    remedy: str


class StatisticWatch:
    """Warns when a statistic has no value although all callbacks have been triggered, which is usually a typo; again when the
    training is over and it never had one.

    Args:
        cb: the callback that looks at it.
        name: of the statistic.
        consequence: what follows when there is no value, such as "it cannot stop training".
        must_come_after: whether the callback must come after the one that puts the statistic; then the wrong order is
            warned of, too.
        direction: which end it takes for better, if that matters; a name that sounds otherwise is warned of at the first
            trigger.

    Raises:
        TypeError: `name` is no str.
    """

    def __init__(self, cb: Any, name: str, consequence: str, must_come_after: bool,
                 direction: Optional[Direction] = None):
        if not isinstance(name, str):
            raise TypeError("{0}: the name of the statistic must be a str; got {1}; try {0}('validation_error', ...)".format(
                type(cb).__name__, shown(name)))
        self._cb = cb
        self._name = name
        self._consequence = consequence
        self._must_come_after = must_come_after
        self._direction = direction
        self._triggered_at: Optional[int] = None
        self._was_there = False
        self._is_done = False

    @property
    def name(self) -> str:
        """Of the statistic."""
        return self._name

    @property
    def takes_larger(self) -> Optional[bool]:
        """Whether larger values are taken for better; None if that does not matter."""
        return None if self._direction is None else self._direction.larger

    def note_trigger(self) -> None:
        """Call it at each trigger."""
        if self._triggered_at is None:
            self._triggered_at = self._cb.global_step
            self._was_there = self._step_of_value() == self._triggered_at
            self._tell_if_reversed()

    def _tell_if_reversed(self) -> None:
        if self._direction is None:
            return
        sounds = larger_is_better(self._name)
        if sounds is not None and sounds != self._direction.larger:
            taken, other = ("larger", "smaller") if self._direction.larger else ("smaller", "larger")
            logger.warning("%s: it takes %s values of '%s' for better: %s. If %s ones are, %s.", type(self._cb).__name__, taken,
                           self._name, self._direction.effect, other, self._direction.remedy)

    def tell_at_end(self) -> None:
        """Call it after training, instead of `tell`."""
        has_told = self._is_done
        self.tell()
        if has_told and self._step_of_value() is None:
            known = self._cb.trainer.monitors.get_names()
            logger.warning("%s has done nothing in this training: '%s' never had a value; the statistics were %s.",
                           type(self._cb).__name__, self._name, ", ".join(map(repr, known)) or "none at all")

    def tell(self) -> None:
        """Call it before each epoch, when all callbacks have been triggered."""
        if self._is_done or self._triggered_at is None:
            return
        self._is_done = True
        try:
            self._cb.trainer.monitors.get_latest(self._name)
        except KeyError as e:
            logger.warning("%s: there is no value of '%s' after the first trigger, so %s: %s", type(self._cb).__name__,
                           self._name, self._consequence, e.args[0].partition("; ")[2])
            return
        if self._must_come_after and not self._was_there and self._step_of_value() == self._triggered_at:
            logger.warning("%s: '%s' is put by a callback that comes after this one, so each trigger sees the value of the one "
                           "before; move %s behind that callback in the list of callbacks.", type(self._cb).__name__,
                           self._name, type(self._cb).__name__)

    def _step_of_value(self) -> Optional[int]:
        history = self._cb.trainer.monitors.get_history(self._name)
        return history[-1][0] if history else None


def larger_is_better(name: str) -> Optional[bool]:
    """Whether larger values of a statistic are better, as far as the words in its name tell; None if they do not.

    >>> [larger_is_better(name) for name in ("val-acc", "validationAccuracy", "mAP50", "error_top1", "cross_entropy")]
    [True, True, True, False, False]
    >>> [larger_is_better(name) for name in ("rate", "score_loss", "entropy", "not_correct")]
    [None, None, None, None]
    """
    name = re.sub("(?i)(cross)[^a-z0-9]*(entropy)", r"\1\2", name)  # entropy alone may be good
    parts = re.split(r"[^a-z0-9]+", "{} {}".format(name, re.sub("(?<=[a-z])(?=[A-Z])", " ", name)).lower())
    words = set(parts) | {part.rstrip("0123456789") for part in parts}
    is_good, is_bad = bool(words & _LARGER_IS_BETTER), bool(words & _SMALLER_IS_BETTER)
    return None if is_good == is_bad or "not" in words else is_good
