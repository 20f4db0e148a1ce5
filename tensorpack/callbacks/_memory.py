"""What callbacks remember from trigger to trigger, kept in the log directory for a training that is resumed."""
from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, List, NamedTuple, Optional

from ..utils import logger
from ..utils._plain.json_text import read_json
from ..utils.fs import atomic_write
from ._resume import read_entries, stopped_inside_epoch
from .base import Callback, unwrapped
from .saver import find_model_saver

__all__ = ["Memory", "Remembered"]

FILENAME = "callbacks.json"

# Of each callback; a training can be resumed from any of its checkpoints, which are fewer.
_MAX_STATES = 200

# Within an epoch the file is written no more often than this, so that callbacks may be triggered in each step.
_MIN_SECONDS = 1.0


class Remembered(NamedTuple):
    """The state of a callback at a moment; `state` holds numbers, text and lists of these."""

    epoch_num: int
    global_step: int
    state: Dict[str, Any]


class Memory:
    """The states of a callback, in `callbacks.json` in the log directory; without one, nothing is kept.

    The file maps the name of each memory to a list of states by global step. It is written by the chief, at the end of each
    epoch, and within it once in a second.

    Args:
        cb: the callback, which keeps this object as its attribute `_memory`.
        name: of what is remembered; callbacks of the same name are told apart by their order.
    """

    def __init__(self, cb: Callback, name: str):
        self._cb = cb
        self._name = name
        self._states: List[Remembered] = []  # of this training, up to now
        self._later: List[Remembered] = []  # all that the file had
        self._next_write = 0.0
        self._has_failed = False

    def recall(self) -> Optional[Remembered]:
        """The state at the step that this training goes on from, or else the last one before it; None in a new training.

        Call it before training.
        """
        trainer, step = self._cb.trainer, self._cb.global_step
        directory = logger.get_logger_dir()
        if directory is None or step == 0:
            return None
        epoch = trainer.starting_epoch
        first_unknown = epoch + stopped_inside_epoch(directory, epoch, step)
        self._later = _read(directory).get(self.key(), [])
        self._states = [each for each in self._later if each.epoch_num < first_unknown and each.global_step <= step]
        return self._states[-1] if self._states else None

    def recall_end(self) -> Optional[Remembered]:
        """The last state of the training that is resumed, if this one goes on from its newest checkpoint; call `recall` before.

        It may be of a later step than the checkpoint.
        """
        saver = find_model_saver(self._cb.trainer._callbacks.cbs)
        entries = {} if saver is None else read_entries(saver.checkpoint_dir)
        if not self._states or any(entry["global_step"] > self._cb.global_step for name, entry in entries.items()
                                   if name.startswith("model-")):
            return None
        return self._later[-1]

    def keep(self, state: Dict[str, Any], at_once: bool = False) -> None:
        """Remember a state for this step, in place of those of later steps, which are lost.

        Args:
            at_once: write it also within an epoch.
        """
        directory = logger.get_logger_dir()
        if directory is None or not self._cb.trainer.is_chief:
            return
        now = Remembered(self._cb.epoch_num, self._cb.global_step, state)
        self._states = [each for each in self._states if each.global_step < now.global_step][1 - _MAX_STATES:] + [now]
        ends_epoch = self._cb.local_step in (-1, self._cb.trainer.steps_per_epoch - 1)
        if at_once or ends_epoch or time.monotonic() >= self._next_write:
            self._write(directory)

    def _write(self, directory: str) -> None:
        self._next_write = time.monotonic() + _MIN_SECONDS
        try:
            everything = dict(_read(directory), **{self.key(): self._states})
            with atomic_write(os.path.join(directory, FILENAME)) as f:
                json.dump({key: [each._asdict() for each in states] for key, states in everything.items()}, f)
        except OSError as e:
            if not self._has_failed:
                self._has_failed = True
                logger.warning("%s: what it remembers for a resumed training cannot be written to %s: %s", self._cb,
                               os.path.join(directory, FILENAME), e)

    def key(self) -> str:
        """The name, with a number if other callbacks before this one have the same."""
        memories = [getattr(unwrapped(cb), "_memory", None) for cb in self._cb.trainer._callbacks.cbs]
        same = [memory for memory in memories if memory is not None and memory._name == self._name]
        position = same.index(self) if self in same else 0
        return "{}#{}".format(self._name, position + 1) if position else self._name


def _read(directory: str) -> Dict[str, List[Remembered]]:
    """The content of the file; empty when there is none, or none that can be read."""
    try:
        content = read_json(os.path.join(directory, FILENAME))
        return {key: [_checked(each) for each in states] for key, states in content.items()}
    except OSError:
        return {}  # there is none; what else is wrong, writing tells
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as e:
        logger.warning("%s cannot be read, so callbacks do not know what they did before: %s: %s",
                       os.path.join(directory, FILENAME), type(e).__name__, e)
        return {}


def _checked(entry: Dict[str, Any]) -> Remembered:
    return Remembered(int(entry["epoch_num"]), int(entry["global_step"]), dict(entry["state"]))
