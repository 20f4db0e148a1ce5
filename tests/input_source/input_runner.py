"""What the tests of input sources share: a signature and a session that an input source runs in, without a trainer."""
from contextlib import contextmanager

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.hooks import CallbackToHook
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow
from tensorpack.tfutils._session.hooked_session import HookedSession


class Source(DataFlow):
    """A DataFlow whose passes are what a function yields; counts its resets and open iterations."""

    def __init__(self, function):
        self.function = function
        self.resets = self.passes = self.open = 0

    def reset_state(self):
        self.resets += 1

    def __iter__(self):
        self.passes += 1
        self.open += 1
        try:
            yield from self.function()
        finally:
            self.open -= 1


def counting(start=0):
    """Datapoints [start], [start + 1], ... without end."""
    def numbers():
        n = start
        while True:
            yield [n]
            n += 1
    return Source(numbers)


NUMBER = [tf.TensorSpec([], "int32", "x")]


class Run:
    """A session in which the callbacks of a source run."""

    def __init__(self, source, callbacks, inputs):
        self.source = source
        self.callbacks = callbacks
        self.inputs = inputs
        self.tensors = [tf.identity(x) for x in inputs]
        self.sess = tf.Session()
        self.hooked = HookedSession(self.sess, [CallbackToHook(cb) for cb in callbacks])

    def step(self):
        return [value.tolist() if hasattr(value, "tolist") else value for value in self.hooked.run(self.tensors)]

    def failure(self):
        return next((e for e in [cb._failure() for cb in self.callbacks] if e is not None), None)


@contextmanager
def running(source, signature=NUMBER, towers=1):
    """Set up the source, start its callbacks, and stop them in the end."""
    callbacks = source.setup(signature)
    inputs = [x for _ in range(towers) for x in source.get_input_tensors()]
    for cb in callbacks:
        assert isinstance(cb, Callback)
        cb.setup_graph(None)
    run = Run(source, callbacks, inputs)
    with run.sess, run.sess.as_default():
        run.sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        tf.get_default_graph().finalize()
        try:
            for cb in callbacks:
                cb.before_train()
            yield run
        finally:
            for cb in callbacks:
                cb.after_train()
