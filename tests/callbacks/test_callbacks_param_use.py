"""A variable that a setter sets and nothing in the graph uses is warned of."""
import pytest
from small_training import messages, train

from tensorpack.callbacks.param import ScheduledHyperParamSetter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.compat import tfv1 as tf

USES = {
    "of the optimizer": lambda v: tf.train.GradientDescentOptimizer(v).minimize(tf.square(tf.get_variable("w", []))),
    "in a product": lambda v: v * 2,
    "under a condition": lambda v: tf.cond(tf.constant(True), lambda: v + 1, lambda: v),
    "in a dataset": lambda v: tf.data.make_initializable_iterator(
        tf.data.Dataset.from_tensors(tf.identity(v)).repeat()).get_next() * 2,
}
NO_USES = {
    "at all": lambda v: None, "but in a summary": lambda v: tf.summary.merge([tf.summary.scalar("rate", v)]),
    "but read": lambda v: tf.identity(v), "but assigned": lambda v: v.assign(3.0),
}


def words_on_use(use, resource, log_records):
    use(tf.get_variable("rate", [], initializer=tf.ones_initializer(), trainable=False, use_resource=resource))
    train([ScheduledHyperParamSetter("rate", [(1, 0.5)]), ModelSaver()], steps=1, epochs=1)
    return [m for m in messages(log_records, "WARNING") if "nothing in the graph uses it" in m]


@pytest.mark.parametrize("resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize("use", list(USES.values()), ids=list(USES))
def test_a_parameter_that_is_used(use, resource, log_dir, log_records):
    assert words_on_use(use, resource, log_records) == []


@pytest.mark.parametrize("resource", [False, True], ids=["reference", "resource"])
@pytest.mark.parametrize("use", list(NO_USES.values()), ids=list(NO_USES))
def test_a_parameter_that_is_not_used(use, resource, log_dir, log_records):
    (warning,) = words_on_use(use, resource, log_records)
    assert warning.startswith("[ScheduledHyperParamSetter] sets 'rate', and nothing in the graph uses it; is it given to the")
