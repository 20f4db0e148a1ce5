"""What tests of the savers look at in a checkpoint, and a disk that is full for a while."""
import os
import resource
from contextlib import contextmanager

from tensorpack.callbacks.base import Callback
from tensorpack.compat import new_checkpoint_reader

BIG = 1000000  # elements of `v`: 4 MB, more than the full disk takes


def saved_value(directory, name):
    """The first element of `v` in a checkpoint: the number of steps that its weights have seen."""
    return new_checkpoint_reader(os.path.join(directory, name)).get_tensor("v")[0]


@contextmanager
def full_disk(num_bytes):
    """Within it no file of this process can grow beyond `num_bytes`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FullDiskFor(Callback):
    """Triggers another callback, in some epochs while the disk is full."""

    def __init__(self, cb, epochs):
        self.wrapped, self.epochs = cb, epochs

    def _setup_graph(self):
        self.wrapped.setup_graph(self.trainer)

    def _before_train(self):
        self.wrapped.before_train()

    def _trigger_epoch(self):
        if self.epoch_num in self.epochs:
            with full_disk(1000000):
                self.wrapped.trigger_epoch()
        else:
            self.wrapped.trigger_epoch()
