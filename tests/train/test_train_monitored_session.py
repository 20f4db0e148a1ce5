"""What `tf.train.MonitoredSession` does for a graph, and that the session of a trainer does it, too: one test for each row of
the table in docs/tutorial/extend/trainer.md."""
import numpy as np
import pytest

from tensorpack import Callback, DictRestore, MergeAllSummaries, ModelSaver, Trainer
from tensorpack.callbacks.hooks import HookToCallback
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator
from tensorpack.tfutils.sessinit import JustCurrentSession


class Look(Callback):
    """The value of something before the first step."""

    def __init__(self, fetches):
        self.fetches = fetches

    def _before_train(self):
        self.value = self.trainer.sess.run(self.fetches)


def train(fetches=(), callbacks=(), creator=None, init=None, steps=2):
    """The trainer, and what `fetches` were before the first step."""
    trainer, look = Trainer(), Look(fetches)
    trainer.train_op = tf.no_op()
    trainer.train(list(callbacks) + [look], [], creator or NewSessionCreator(), init or JustCurrentSession(), steps, 1, 1)
    return trainer, look.value


def variable(name, value, local=False, **kwargs):
    collections = [tf.GraphKeys.LOCAL_VARIABLES if local else tf.GraphKeys.GLOBAL_VARIABLES]
    return tf.Variable(value, name=name, collections=collections, **kwargs)


@pytest.mark.parametrize("use_resource", [True, False])
def test_variables_and_tables_are_initialized(use_resource):
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([3], [30]), -1)
    both = [variable("v", 1., use_resource=use_resource), variable("local", 2., True, use_resource=use_resource)]
    _, value = train(both + [table.lookup(tf.constant(3))])
    assert value == [1, 2, 30]


@pytest.mark.parametrize("is_shared", [True, False])
def test_resources_are_made(is_shared):
    """Those that libraries of TensorFlow register, such as its boosted trees."""
    from tensorflow.python.ops.resources import register_resource

    table = tf.raw_ops.MutableHashTableV2(key_dtype=tf.int32, value_dtype=tf.int32, shared_name="own")
    key = tf.constant(1)
    create = tf.raw_ops.LookupTableInsertV2(table_handle=table, keys=key, values=key * 5)
    register_resource(table, create, tf.equal(tf.raw_ops.LookupTableSizeV2(table_handle=table), 1), is_shared=is_shared)
    assert train(tf.raw_ops.LookupTableFindV2(table_handle=table, keys=key, default_value=0))[1] == 5


@pytest.mark.parametrize("use_resource", [True, False])
def test_local_variables_that_global_ones_give_follow_what_is_restored(use_resource):
    weight = variable("weight", 1., use_resource=use_resource)
    limit = variable("limit", 10 * tf.identity(weight), True, use_resource=use_resource)
    count = variable("count", 7., True, use_resource=use_resource)
    assert train([weight, limit, count], init=DictRestore({"weight": np.float32(4)}))[1] == [4, 40, 7]


def test_local_variables_of_a_session_in_use_are_left_alone():
    weight = variable("weight", 1.)
    limit = variable("limit", 10 * tf.identity(weight), True)
    tf.train.get_or_create_global_step()
    sess = tf.Session()
    sess.run([tf.global_variables_initializer(), limit.assign(3)])
    assert train(limit, creator=ReuseSessionCreator(sess))[1] == 3


def test_a_scaffold_is_given_by_its_session_creator():
    value, start = variable("v", 0.), tf.placeholder(tf.float32, [])
    local, order = variable("local", 0., True), []
    tf.train.get_or_create_global_step()
    doubled = value.assign(2 * value)
    scaffold = tf.train.Scaffold(
        init_op=tf.group(value.assign(start), tf.train.get_global_step().initializer), init_feed_dict={start: 5.},
        local_init_op=local.assign(8.).op, ready_for_local_init_op=tf.constant([], tf.string),
        init_fn=lambda scaffold, sess: order.append(sess.run(doubled)))
    trainer, values = train([value, local], creator=tf.train.ChiefSessionCreator(scaffold))
    assert order == [10] and values == [10, 8] and trainer.global_step == 2


def test_what_a_scaffold_misses_is_an_error():
    variable("v", 0.)
    scaffold = tf.train.Scaffold(init_op=tf.no_op())
    with pytest.raises(RuntimeError, match="Variables not initialized: v"):
        train(creator=tf.train.ChiefSessionCreator(scaffold))


def test_what_nobody_has_initialized_is_an_error_that_names_it():
    value, sess = variable("forgotten", 0.), tf.Session()
    sess.run(tf.train.get_or_create_global_step().initializer)
    with pytest.raises(tf.errors.FailedPreconditionError, match="forgotten"):
        train(value, creator=ReuseSessionCreator(sess))


def test_the_graph_is_final():
    trainer, _ = train()
    assert trainer.graph.finalized
    with pytest.raises(RuntimeError, match="finalized"), trainer.graph.as_default():
        tf.constant(1)


class Journal(tf.train.SessionRunHook):
    """The names of its calls."""

    def __init__(self):
        self.calls = []
        for name in ("begin", "after_create_session", "before_run", "after_run", "end"):
            setattr(self, name, lambda *args, name=name: self.calls.append(name))


@pytest.mark.parametrize("steps", [0, 2])
def test_hooks_are_called_as_a_monitored_session_calls_them(steps):
    expected, got = Journal(), Journal()
    train(callbacks=[HookToCallback(got)], steps=steps)
    with tf.Graph().as_default(), tf.train.MonitoredSession(hooks=[expected]) as sess:
        for _ in range(steps):
            sess.run([])
    assert got.calls == expected.calls


def test_a_hook_can_stop_the_training():
    trainer, _ = train(callbacks=[HookToCallback(tf.train.StopAtStepHook(num_steps=3))], steps=10)
    assert trainer.global_step == 3


def test_savers_and_summaries_are_callbacks(log_dir):
    tf.summary.scalar("x", variable("v", 1.))
    train(callbacks=[ModelSaver(), MergeAllSummaries()])
    assert len(tf.get_collection(tf.GraphKeys.SAVERS)) == 1


@pytest.mark.parametrize("error", [tf.errors.AbortedError, tf.errors.UnavailableError])
def test_a_lost_session_is_an_error_and_not_made_anew(error):
    class Lost(Callback):
        def _trigger_step(self):
            raise error(None, None, "lost")

    with pytest.raises(error, match="lost"):
        train(callbacks=[Lost()])


def test_the_session_is_closed_at_the_end():
    trainer, _ = train()
    assert trainer.hooked_sess.should_stop()
    with pytest.raises(RuntimeError, match="closed"):
        trainer.sess.run(trainer.train_op)
