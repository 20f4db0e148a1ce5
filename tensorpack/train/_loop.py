"""`TrainLoop`: where in its epochs and steps a training is."""
from __future__ import annotations

from ..tfutils.common import get_global_step_value

__all__ = ["TrainLoop"]


class TrainLoop:
    """The counters of a training loop: read by everybody, written by the trainer and its step counter only."""

    def __init__(self) -> None:
        self._epoch_num = 0
        self._global_step = 0
        self._local_step = -1

    def config(self, steps_per_epoch: int, starting_epoch: int, max_epoch: int) -> None:
        """Set the bounds of the loop.

        Raises:
            ValueError: a negative number of steps or epochs.
        """
        self.starting_epoch = int(starting_epoch)
        self.max_epoch = int(max_epoch)
        self.steps_per_epoch = int(steps_per_epoch)
        for name in ("steps_per_epoch", "max_epoch"):
            if getattr(self, name) < 0:
                raise ValueError("Trainer: {} must be >= 0; got {}".format(name, getattr(self, name)))
        self._epoch_num = self.starting_epoch - 1

    def update_global_step(self) -> None:
        """Read the global step from the default session."""
        self._global_step = get_global_step_value()

    @property
    def epoch_num(self) -> int:
        """Number of the current epoch; `starting_epoch - 1` before the first one begins."""
        return self._epoch_num

    @property
    def global_step(self) -> int:
        """How many runs of the hooked session the restored model and this training have seen."""
        return self._global_step

    @property
    def local_step(self) -> int:
        """Index of the current or last step within its epoch; -1 before the first step of the training."""
        return self._local_step
