"""Session creators."""
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils import sesscreate
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter, owns_session


def warnings_in(records):
    return [r.getMessage() for r in records if r.levelname == "WARNING"]


def test_a_new_session_is_initialised_and_its_graph_not_finalized(log_records):
    a = tf.get_variable("a", initializer=3.)
    b = tf.get_variable("b", initializer=4., collections=[tf.GraphKeys.LOCAL_VARIABLES])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [5]), -1)
    found = table.lookup(tf.constant([1, 2]))
    with NewSessionCreator().create_session() as sess:
        assert sess.run([a, b]) == [3, 4]
        assert sess.run(found).tolist() == [5, -1]
        assert not sess.graph.finalized
    assert warnings_in(log_records) == []


def test_local_variables_may_be_initialised_from_global_ones():
    a = tf.get_variable("a", initializer=3.)
    b = tf.get_variable("b", initializer=lambda: a + 1, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    with NewSessionCreator().create_session() as sess:
        assert sess.run(b) == 4


def test_initialisers_have_the_names_of_the_contract():
    tf.get_variable("a", initializer=3.)
    with NewSessionCreator().create_session() as sess:
        names = [op.name for op in sess.graph.get_operations()]
    assert {"init", "init_1", "init_all_tables"} <= set(names)


def test_the_config_is_known_and_says_whether_the_user_gave_it(log_records):
    default = NewSessionCreator()
    assert not default.user_provided_config and default.config.allow_soft_placement and default.target == ""
    config = tf.ConfigProto(log_device_placement=False)
    given = NewSessionCreator(config=config)
    assert given.user_provided_config and given.config is config
    assert warnings_in(log_records) == []  # nothing to warn about without a GPU


def test_a_given_config_is_warned_about_where_there_is_a_gpu(monkeypatch, log_records):
    monkeypatch.setattr(sesscreate.compat, "has_gpu", lambda: True)
    NewSessionCreator()
    assert warnings_in(log_records) == []
    NewSessionCreator(config=tf.ConfigProto())
    assert len(warnings_in(log_records)) == 1 and "no effect" in warnings_in(log_records)[0]


def test_an_initialiser_that_waits_for_a_queue_is_warned_about(log_records):
    queue = tf.FIFOQueue(2, [tf.float32], shapes=[[]])
    with tf.Session() as filler:  # queues live in the session: fill it by an initialiser's own dependency
        filler.run(queue.enqueue(1.))
    enqueue = queue.enqueue(7.)
    with tf.control_dependencies([enqueue]):
        value = queue.dequeue(name="my_dequeue")
    v = tf.get_variable("v", initializer=value)
    tf.FIFOQueue(2, [tf.float32], name="unrelated").dequeue(name="unrelated_dequeue")
    with NewSessionCreator().create_session() as sess:
        assert sess.run(v) == 7
    messages = " ".join(warnings_in(log_records))
    assert "my_dequeue" in messages and "unrelated_dequeue" not in messages


def test_a_failed_initialisation_closes_the_session(monkeypatch):
    made = []
    session = tf.Session
    monkeypatch.setattr(tf, "Session", lambda *args, **kwargs: made.append(session(*args, **kwargs)) or made[-1])
    with tf.control_dependencies([tf.Assert(tf.constant(False), ["broken initialiser"])]):
        v = tf.get_variable("v", initializer=tf.identity(tf.zeros([])))
    with pytest.raises(tf.errors.InvalidArgumentError, match="broken initialiser"):
        NewSessionCreator().create_session()
    with pytest.raises(RuntimeError, match="closed"):
        made[0].run(v)


def test_reuse_returns_the_session_and_initialises_nothing():
    v = tf.get_variable("v", initializer=1.)
    with tf.Session() as sess:
        assert ReuseSessionCreator(sess).create_session() is sess
        with pytest.raises(tf.errors.FailedPreconditionError):
            sess.run(v)


def test_the_adapter_applies_its_function():
    with tf.Session() as sess:
        seen = []
        adapter = SessionCreatorAdapter(ReuseSessionCreator(sess), lambda s: (seen.append(s), "wrapped")[1])
        assert adapter.create_session() == "wrapped" and seen == [sess]
        assert not owns_session(adapter)
    assert owns_session(NewSessionCreator())
    for creator in [NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter]:
        assert issubclass(creator, tf.train.SessionCreator)
