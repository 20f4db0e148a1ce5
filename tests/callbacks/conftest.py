"""A trainer that trains nothing, and a callback that notes its calls."""
import pytest

from tensorpack.callbacks.base import Callback
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession
from tensorpack.train.base import Trainer


class CountingTrainer(Trainer):
    """Each step adds one to the variable `steps_seen`; the tensor `count:0` is its value after the step."""

    def __init__(self, use_resource=False):
        super().__init__()
        with self.graph.as_default():
            self.variable = tf.get_variable("steps_seen", shape=(), initializer=tf.zeros_initializer(), trainable=False,
                                            use_resource=use_resource)
            with tf.control_dependencies([self.variable.assign_add(1., read_value=False)]):
                self.count = tf.identity(self.variable.read_value(), name="count")
            self.train_op = self.count.op

    def go(self, callbacks=(), steps_per_epoch=4, max_epoch=2, monitors=(), starting_epoch=1):
        self.train(list(callbacks), list(monitors), NewSessionCreator(), JustCurrentSession(), steps_per_epoch,
                   starting_epoch, max_epoch)


class Journal(Callback):
    """Notes each call as (event, epoch_num, global_step, local_step)."""

    _chief_only = False

    def __init__(self):
        self.calls = []

    def note(self, event):
        self.calls.append((event, self.epoch_num, self.global_step, self.local_step))

    def of(self, *events):
        """The calls of these events; without their names if there is one event."""
        calls = [call for call in self.calls if call[0] in events]
        return [call[1:] for call in calls] if len(events) == 1 else calls

    def _setup_graph(self):
        self.calls.append(("setup_graph",))

    def _before_train(self):
        self.note("before_train")

    def _before_epoch(self):
        self.note("before_epoch")

    def _before_run(self, ctx):
        self.note("before_run")

    def _after_run(self, ctx, values):
        self.note("after_run")

    def _trigger_step(self):
        self.note("trigger_step")

    def _after_epoch(self):
        self.note("after_epoch")

    def _trigger_epoch(self):
        self.note("trigger_epoch")
        self.trigger()

    def _trigger(self):
        self.note("trigger")

    def _after_train(self):
        self.note("after_train")


@pytest.fixture
def counting_trainer():
    return CountingTrainer


@pytest.fixture
def journal():
    return Journal
