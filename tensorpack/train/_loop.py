"""`TrainLoop`: where in its epochs and steps a training is."""
from __future__ import annotations

from ..tfutils.common import get_global_step_value
from ..utils._made_later import made_later

__all__ = ["TrainLoop", "check_not_negative"]

_NO_BOUNDS = "it is known from _before_train on"


class TrainLoop:
    """The counters of a training loop: read by everybody, written by the trainer and its step counter only."""

    starting_epoch: int = made_later(_NO_BOUNDS)
    max_epoch: int = made_later(_NO_BOUNDS)
    steps_per_epoch: int = made_later(_NO_BOUNDS)

    def __init__(self) -> None:
        self._epoch_num = 0
        self._global_step = 0
        self._local_step = -1

    def config(self, steps_per_epoch: int, starting_epoch: int, max_epoch: int) -> None:
        """Set the bounds of the loop.

        Raises:
            ValueError: a negative number of steps or epochs.
        """
        check_not_negative(steps_per_epoch=steps_per_epoch, max_epoch=max_epoch)
        self.starting_epoch = int(starting_epoch)
        self.max_epoch = int(max_epoch)
        self.steps_per_epoch = int(steps_per_epoch)
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


def check_not_negative(**numbers: int) -> None:
    """Raise ValueError for a number of steps or epochs below 0."""
    for name, value in numbers.items():
        if int(value) < 0:
            raise ValueError("Trainer: {} must be >= 0; got {}".format(name, value))
