"""What a setter sets and the graph does not follow is warned of."""
import pytest
from small_training import messages, train

from tensorpack.callbacks.param import HyperParamSetterWithFunc, ObjAttrParam, ScheduledHyperParamSetter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.compat import tfv1 as tf
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.tfutils.gradproc import SummaryGradient
from tensorpack.tfutils.optimizer import apply_grad_processors

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


class Holder:
    weight = 1.


class Model(ModelDesc):
    weight = 1.


def _processed():
    opt = apply_grad_processors(tf.train.GradientDescentOptimizer(.1), [SummaryGradient()])
    opt.weight = 1.
    return opt


@pytest.mark.parametrize("make, said", [
    (Holder, None), (Model, "the graph keeps what the model had when build_graph read it"),
    (lambda: tf.train.GradientDescentOptimizer(.1), "the graph keeps what the optimizer had"),
    (_processed, "the graph keeps what the optimizer had"),
], ids=["another object", "model", "optimizer", "optimizer of the library"])
@pytest.mark.parametrize("setter", [lambda param: ScheduledHyperParamSetter(param, [(1, 2.)]),
                                    lambda param: HyperParamSetterWithFunc(param, lambda epoch, value: value + 1)],
                         ids=["schedule", "function"])
def test_an_attribute_that_the_graph_has_read_already(make, said, setter, log_records):
    holder = make()
    holder.weight = 1.
    train([setter(ObjAttrParam(holder, "weight"))], steps=1, epochs=1)
    told = [m for m in messages(log_records, "WARNING") if "sets 'weight'" in m]
    assert len(told) == (said is not None) and all(said in m and "get_variable('weight'" in m for m in told)


@pytest.mark.parametrize("points, said", [([0, 1, 2], None), ([1, 3, 5], 3), ([0, 500], 500), ([3, 4], None)],
                         ids=str)
def test_points_after_the_end_of_training(points, said, log_records):
    """Where all of them are, a warning says that the value is never set."""
    train([ScheduledHyperParamSetter(ObjAttrParam(Holder(), "weight"), [(point, .1) for point in points])], steps=1, epochs=2)
    told = [m for m in messages(log_records, "INFO") if "after the end of training" in m]
    assert told == ([] if said is None else [
        "[ScheduledHyperParamSetter] The points of weight from {} on are after the end of training, epoch 2.".format(said)])
