"""Callbacks in a list that are no mistake for sure, but seldom what was meant."""
from __future__ import annotations

from typing import Optional, Sequence, Tuple

from ...utils import logger
from ..base import Callback, unwrapped
from ..inference import Inferencer
from ..saver import MinSaver, ModelSaver

__all__ = ["warn_of_odd_callbacks"]


def warn_of_odd_callbacks(callbacks: Sequence[Callback]) -> None:
    """Warn of inferencers without a runner, of a callback that is there twice, and of savers that write the same files."""
    inside = [unwrapped(cb) for cb in callbacks]
    for number, cb in enumerate(inside):
        if isinstance(cb, Inferencer):
            logger.warning("%s sees no data by itself; write InferenceRunner(flow, [%s(...)]).", cb, type(cb).__name__)
        if any(cb is earlier for earlier in inside[:number]):
            logger.warning("%s is in the list of callbacks more than once, and acts as often.", cb)
        elif isinstance(cb, ModelSaver) and any(
                isinstance(earlier, ModelSaver) and earlier.checkpoint_dir == cb.checkpoint_dir for earlier in inside[:number]):
            logger.warning("Two ModelSavers write to %s, and each lists its own checkpoints only; use one, or give them "
                           "different checkpoint_dir=.", cb.checkpoint_dir or "the log directory")
        elif isinstance(cb, MinSaver) and any(
                isinstance(earlier, MinSaver) and _place(earlier) == _place(cb) for earlier in inside[:number]):
            logger.warning("Two %ss write the checkpoint %s of %s, and each takes the other's for its own; use one, or give "
                           "them different filename=.", type(cb).__name__, cb.name, cb.checkpoint_dir or "the log directory")


def _place(saver: MinSaver) -> Tuple[Optional[str], str, bool]:
    return saver.checkpoint_dir, saver.name, saver.keeps_several
