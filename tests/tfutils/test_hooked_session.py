"""HookedSession: the semantics of MonitoredSession, whichever way a request is served."""
import collections

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils._session.hooked_session import _MAX_PLANS, HookedSession

Pair = collections.namedtuple("Pair", ["first", "second"])


class Recorder(tf.train.SessionRunHook):
    """Requests what `make_request(step)` gives, and keeps what it gets."""

    def __init__(self, make_request, journal=None, name=""):
        self.make_request, self.journal, self.name = make_request, journal if journal is not None else [], name
        self.results, self.step = [], 0

    def before_run(self, context):
        self.journal.append(("before", self.name))
        self.step += 1
        return self.make_request(self.step)

    def after_run(self, context, values):
        self.journal.append(("after", self.name))
        self.results.append(values.results)


@pytest.fixture
def net():
    """x (placeholder), counter (variable that `step` increments), double = 2x, text."""
    net = collections.namedtuple("Net", "x counter step double text sess")
    net.x = tf.placeholder(tf.float32, [None, 2], name="x")
    net.counter = tf.get_variable("counter", shape=(), initializer=tf.zeros_initializer(), trainable=False)
    net.step = tf.assign_add(net.counter, 1.).op
    net.double = tf.multiply(net.x, 2., name="double")
    net.text = tf.placeholder(tf.string, [None], name="text")
    net.sess = tf.Session()
    net.sess.run(tf.global_variables_initializer())
    yield net
    net.sess.close()


def test_all_before_run_then_one_run_then_all_after_run(net):
    journal = []
    hooks = [Recorder(lambda step: None, journal, name) for name in "ab"]
    HookedSession(net.sess, hooks).run(net.step)
    assert journal == [("before", "a"), ("before", "b"), ("after", "a"), ("after", "b")]
    assert net.sess.run(net.counter) == 1.


@pytest.mark.parametrize("fetch", [
    lambda net: None,
    lambda net: net.counter,
    lambda net: [net.counter, net.step],
    lambda net: (net.counter, [net.double, "double:0", "double"]),
    lambda net: {"a": net.double, "b": (net.counter,)},
    lambda net: Pair(net.double, net.counter),
    lambda net: collections.OrderedDict([("z", net.double), ("a", net.counter)]),
    lambda net: [],
], ids=["none", "variable", "list", "nested", "dict", "namedtuple", "ordered-dict", "empty"])
def test_results_have_the_structure_of_session_run(net, fetch):
    request = fetch(net)
    feed = {net.x: [[1, 2]]}
    hook = Recorder(lambda step: None if request is None else tf.train.SessionRunArgs(request, feed))
    got = HookedSession(net.sess, [hook]).run([net.double], feed_dict=feed if request is None else None)
    np.testing.assert_array_equal(got[0], [[2, 4]])
    if request is None:
        assert hook.results == [None]
        return
    net.sess.run(net.counter.initializer)
    expected = net.sess.run(request, feed)
    assert type(hook.results[0]) is type(expected)
    assert [np.shape(v) for v in tf.nest.flatten(hook.results[0])] == [np.shape(v) for v in tf.nest.flatten(expected)]


def test_fresh_lists_every_step_are_served_by_one_plan(net):
    session = HookedSession(net.sess, [Recorder(lambda step: tf.train.SessionRunArgs([net.counter]))])
    for _ in range(20):
        session.run([net.step])
    assert len({id(plan) for plan in session._plans.values()}) == 1
    assert net.sess.run(net.counter) == 20


def test_a_list_that_its_owner_changes_is_seen_as_it_is_now(net):
    fetches = [net.counter]
    session = HookedSession(net.sess)
    assert len(session.run(fetches)) == 1
    fetches.append(net.step)
    assert session.run(fetches)[1:] == [None]
    assert net.sess.run(net.counter) == 1.
    assert len(session.run([net.counter])) == 1


def test_feeds_of_hooks_change_from_step_to_step(net):
    hook = Recorder(lambda step: tf.train.SessionRunArgs(net.double, {net.x: np.full((step, 2), step, "float32")}))
    session = HookedSession(net.sess, [hook])
    for _ in range(5):
        session.run(net.step)
    for step, result in enumerate(hook.results, 1):
        np.testing.assert_array_equal(result, np.full((step, 2), 2 * step))


@pytest.mark.parametrize("value", [
    [[1, 2]], ((1., 2.),), np.array([[1, 2]], dtype="float64"), np.array([[1, 2], [3, 4]], dtype="int32").T,
    np.arange(8, dtype="float32").reshape(2, 4)[:, ::2]], ids=["list", "tuple", "float64", "transposed", "strided"])
def test_fed_values_are_converted_as_by_session_run(net, value):
    np.testing.assert_array_equal(
        HookedSession(net.sess).run(net.double, {net.x: value}), net.sess.run(net.double, {net.x: value}))


def test_strings_are_fed_and_fetched(net):
    for value in (["a", "bc"], np.array(["a", "bc"]), np.array([b"a", b"bc"], dtype=object)):
        got = HookedSession(net.sess).run(tf.identity(net.text), {net.text: value})
        assert got.tolist() == [b"a", b"bc"]


def test_a_fed_tensor_can_be_fetched(net):
    value, double = HookedSession(net.sess).run([net.x, net.double], {net.x: [[1, 2]]})
    assert value.tolist() == [[1, 2]] and double.tolist() == [[2, 4]]


def test_a_wrong_shape_is_refused_with_both_shapes(net):
    with pytest.raises(ValueError, match=r"'x:0': the value must have the shape .*, 2\); got \(1, 3\)"):
        HookedSession(net.sess).run(net.double, {net.x: [[1, 2, 3]]})


def test_feeding_a_tensor_is_refused(net):
    with pytest.raises(TypeError, match="must be an array"):
        HookedSession(net.sess).run(net.double, {net.x: tf.ones([1, 2])})


def test_a_tensor_fed_twice_is_refused(net):
    hook = Recorder(lambda step: tf.train.SessionRunArgs(None, {net.x: [[1, 1]]}))
    with pytest.raises(RuntimeError, match="fed twice"):
        HookedSession(net.sess, [hook]).run(net.double, {net.x: [[2, 2]]})


def test_a_reference_variable_can_be_fed(net):
    assert HookedSession(net.sess).run(net.counter + 1, {net.counter: 41.}) == 42.


def test_options_are_merged_and_metadata_arrives(net):
    seen = []

    class Tracer(tf.train.SessionRunHook):
        def before_run(self, context):
            return tf.train.SessionRunArgs(None, None, tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, timeout_in_ms=50000))

        def after_run(self, context, values):
            seen.append((values.options.trace_level, values.options.timeout_in_ms,
                         len(values.run_metadata.step_stats.dev_stats)))

    other = Recorder(lambda step: tf.train.SessionRunArgs(net.double, {net.x: [[1, 1]]}, tf.RunOptions(timeout_in_ms=40000)))
    assert HookedSession(net.sess, [Tracer(), other]).run(net.step) is None
    (trace_level, timeout, devices), = seen
    assert (trace_level, timeout) == (tf.RunOptions.FULL_TRACE, 40000) and devices > 0
    np.testing.assert_array_equal(other.results[0], [[2, 2]])


def test_a_hook_can_request_a_stop(net):
    class Stopper(tf.train.SessionRunHook):
        def after_run(self, context, values):
            context.request_stop()

    session = HookedSession(net.sess, [Stopper()])
    assert not session.should_stop()
    session.run(net.step)
    assert session.should_stop()
    with pytest.raises(RuntimeError, match="should_stop"):
        session.run(net.step)


def test_close_closes_the_session_and_can_be_repeated(net):
    session = HookedSession(net.sess)
    session.run(net.step)
    session.close()
    session.close()
    with pytest.raises(RuntimeError):
        net.sess.run(net.step)


def test_plans_are_bounded_when_everybody_fetches_new_tensors(net):
    session = HookedSession(net.sess)
    for _ in range(_MAX_PLANS):
        session.run(net.counter + 0.)
    assert len(session._plans) <= _MAX_PLANS


def test_runs_after_the_graph_is_final(net):
    net.sess.graph.finalize()
    request = tf.train.SessionRunArgs([net.counter, "double:0"], {net.x: [[1, 1]]})
    session = HookedSession(net.sess, [Recorder(lambda step: request)])
    session.run(net.step)
    assert session.graph is net.sess.graph and session.raw_session() is net.sess


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_monitored_session_on_random_requests(net, seed):
    """The same hooks and calls give the same results as in TensorFlow's own MonitoredSession."""
    choices = [None, tf.train.SessionRunArgs([net.double]), tf.train.SessionRunArgs({"d": net.double, "o": [net.double.op]}),
               tf.train.SessionRunArgs(net.double, {net.x: [[3, 4]]}),
               tf.train.SessionRunArgs(net.double, options=tf.RunOptions(timeout_in_ms=30000))]

    def drive(make_session):
        rng = np.random.RandomState(seed)
        feeder = [False]

        def request(step):
            chosen = choices[rng.randint(len(choices))]
            if chosen is not None and chosen.feed_dict:
                if feeder[0]:
                    return None
                feeder[0] = True
            return chosen
        hooks = [Recorder(request) for _ in range(3)]
        session = make_session(hooks)
        for _ in range(12):
            feeder[0] = False
            needs_feed = rng.randint(2)
            try:
                session.run(net.step if needs_feed else [net.double], feed_dict={})
            except tf.errors.InvalidArgumentError:  # nobody fed x
                for hook in hooks:
                    hook.results.append("failed")
        return [hook.results for hook in hooks]

    class Creator(tf.train.SessionCreator):
        def create_session(self):
            return net.sess

    expected = drive(lambda hooks: tf.train.MonitoredSession(Creator(), hooks))
    got = drive(lambda hooks: HookedSession(net.sess, hooks))
    assert repr(got) == repr(expected)
