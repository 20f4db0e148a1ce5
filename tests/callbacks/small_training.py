"""A training without model and data for tests of callbacks, and what they look at afterwards."""
import glob
import json
import os

from tensorpack.callbacks.base import Callback
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession, SaverRestore
from tensorpack.train.base import Trainer


def train(callbacks=(), monitors=(), steps=4, epochs=2, starting_epoch=1, restore=None, size=1):
    """Train a float vector `v` of this size, each element of which counts the steps, in the current default graph."""
    trainer = Trainer()
    variable = tf.get_variable("v", [size], initializer=tf.zeros_initializer())
    trainer.train_op = tf.assign_add(variable, tf.ones([size])).op
    init = JustCurrentSession() if restore is None else SaverRestore(restore)
    trainer.train(list(callbacks), list(monitors), NewSessionCreator(), init, steps, starting_epoch, epochs)
    return trainer


def train_in_new_graph(*args, **kwargs):
    with tf.Graph().as_default():
        return train(*args, **kwargs)


class Call(Callback):
    """Calls functions of itself at moments of the training: `Call(trigger_epoch=lambda cb: ...)`."""

    def __init__(self, **functions):
        self.functions = functions

    def _at(self, moment):
        self.functions.get(moment, lambda self: None)(self)

    def _before_train(self):
        self._at("before_train")

    def _before_epoch(self):
        self._at("before_epoch")

    def _trigger_step(self):
        self._at("trigger_step")

    def _trigger_epoch(self):
        self._at("trigger_epoch")

    def _after_train(self):
        self._at("after_train")


class PutEachEpoch(Callback):
    """Puts a scalar after each epoch: the value for this epoch in a dict, if it has one."""

    def __init__(self, name, values):
        self.stat, self.values = name, values

    def _trigger(self):
        if self.epoch_num in self.values:
            self.trainer.monitors.put_scalar(self.stat, self.values[self.epoch_num])


def strict_json(path):
    """Parse JSON and refuse NaN and Infinity, as other parsers do."""
    def refuse(word):
        raise AssertionError("{} is not JSON".format(word))

    with open(path) as f:
        return json.load(f, parse_constant=refuse)


def events(directory):
    """All events of the event files in a directory, file by file in the order of their names."""
    paths = sorted(glob.glob(os.path.join(directory, "events.out.tfevents.*")))
    return [event for path in paths for event in tf.train.summary_iterator(path)]


def messages(records, level):
    return [record.getMessage() for record in records if record.levelname == level]


def fail(cb):
    cb.trainer.monitors.put_scalar("last", cb.global_step)
    raise ValueError("broken")
