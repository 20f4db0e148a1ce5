"""Callbacks as hooks and hooks as callbacks."""
import pytest

from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.hooks import CallbackToHook, HookToCallback, TFLocalCLIDebugHook
from tensorpack.compat import tfv1 as tf


class JournalHook(tf.train.SessionRunHook):
    """Notes its calls; fetches `count:0`."""

    def __init__(self):
        self.calls = []

    def begin(self):
        self.made = tf.no_op(name="made_by_hook")
        self.calls.append("begin")

    def after_create_session(self, session, coord):
        self.calls.append(("after_create_session", session, coord))

    def before_run(self, run_context):
        return tf.train.SessionRunArgs("count:0")

    def after_run(self, run_context, run_values):
        self.calls.append(run_values.results)

    def end(self, session):
        self.calls.append(("end", session, session.run("count:0")))


def test_a_callback_as_hook_forwards_runs_only(journal):
    cb = journal()
    cb.note = cb.calls.append
    hook = CallbackToHook(cb)
    assert isinstance(hook, tf.train.SessionRunHook)
    hook.begin()
    hook.after_create_session(None, None)
    assert hook.before_run(None) is None
    hook.after_run(None, None)
    hook.end(None)
    assert cb.calls == ["before_run", "after_run"]


def test_a_callback_as_hook_works_in_a_monitored_session():
    count = tf.assign_add(tf.get_variable("v", initializer=0.), 1.)

    class Fetcher(Callback):
        results = []

        def _before_run(self, ctx):
            return [count]

        def _after_run(self, ctx, values):
            self.results.append(values.results)

    with tf.train.MonitoredSession(hooks=[CallbackToHook(Fetcher())]) as sess:
        sess.run(count.op)
        sess.run(count.op)
    assert Fetcher.results == [[1.], [2.]]


def test_a_hook_as_callback_lives_through_a_training(counting_trainer):
    hook = JournalHook()
    trainer = counting_trainer()
    callback = HookToCallback(hook)
    with tf.name_scope("outer"):
        trainer.go([callback], steps_per_epoch=2, max_epoch=1)
    session = trainer.sess
    assert hook.calls == ["begin", ("after_create_session", session, trainer.hooked_sess.coord), 1., 2., ("end", session, 3.)]
    assert hook.made.name == "made_by_hook"
    assert callback.chief_only is False


def test_step_counter_hook(counting_trainer, tmp_path):
    hook = tf.train.StepCounterHook(every_n_steps=2, output_dir=str(tmp_path))
    counting_trainer().go([HookToCallback(hook)], steps_per_epoch=6, max_epoch=1)
    tf.summary.FileWriterCache.get(str(tmp_path)).flush()
    event_file, = tmp_path.iterdir()
    tags = [(event.step, value.tag) for event in tf.train.summary_iterator(str(event_file)) for value in event.summary.value]
    assert tags and set(tag for _, tag in tags) == {"global_step/sec"}
    tf.summary.FileWriterCache.clear()


def test_what_is_no_hook_is_refused():
    with pytest.raises(TypeError, match="HookToCallback: hook must be a tf.train.SessionRunHook; got 3"):
        HookToCallback(3)


def test_the_debugger_is_a_callback_of_the_chief():
    callback = TFLocalCLIDebugHook(ui_type="readline")
    assert callback.chief_only is True and isinstance(callback._hook, tf.train.SessionRunHook)
    callback.add_tensor_filter("always", lambda datum, tensor: True)
    assert "always" in callback._hook._pending_tensor_filters
