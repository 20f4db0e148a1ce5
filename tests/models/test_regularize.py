"""Weight decay, regulariser functions and Dropout."""
import layer_reference as ref
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import (
    Dropout,
    FullyConnected,
    LinearWrap,
    l1_regularizer,
    l2_regularizer,
    regularize_cost,
    regularize_cost_from_collection,
)
from tensorpack.tfutils.tower import TrainTowerContext


def two_layers(x=None):
    x = tf.placeholder(tf.float32, [2, 3]) if x is None else x
    return FullyConnected("fc2", FullyConnected("fc1", x, 4), 5)


def evaluate(tensor):
    with tf.Session() as sess:
        values = ref.randomize(sess)
        return sess.run(tensor), values


def test_regularizer_functions():
    w = ref.random_array(3, 4)
    with tf.Session() as sess:
        l1, l2 = sess.run([l1_regularizer(0.3)(tf.constant(w)), l2_regularizer(0.3)(tf.constant(w))])
    np.testing.assert_allclose([l1, l2], [0.3 * np.abs(w).sum(), 0.15 * (w ** 2).sum()], rtol=1e-5)


@pytest.mark.parametrize("regex,names", [
    ("fc.*/W", ["fc1/W", "fc2/W"]), ("c1", ["fc1/W", "fc1/b"]), ("^fc2/b$", ["fc2/b"])], ids=["weights", "inside", "anchored"])
def test_regularize_cost_sums_over_matching_variables(regex, names, log_records):
    with ref.training_tower():
        two_layers()
        tf.get_variable("fc_frozen/W", [3], trainable=False)
        cost = regularize_cost(regex, l2_regularizer(0.1), name="decay")
    assert cost.name == "decay:0" and cost.dtype == tf.float32
    got, values = evaluate(cost)
    np.testing.assert_allclose(got, sum(0.05 * (values[name] ** 2).sum() for name in names), rtol=1e-4)
    texts = [r.getMessage() for r in log_records]
    assert any("found {} variable".format(len(names)) in text for text in texts)
    assert any(text.endswith(": " + ", ".join(names)) for text in texts)
    assert all(op.startswith("decay_internals/") for op in ref.op_names() if "regularizer" in op)


def test_nothing_to_regularize_is_zero():
    with ref.training_tower():
        two_layers()
        cost = regularize_cost("conv", l2_regularizer(0.1), name="decay")
    assert cost.name == "decay_internals/empty_decay:0"
    assert evaluate(cost)[0] == 0


@pytest.mark.parametrize("make", [lambda: regularize_cost("fc", l2_regularizer(1.0), name="decay"),
                                  lambda: regularize_cost_from_collection(name="decay")], ids=["regex", "collection"])
def test_inference_is_zero(make):
    with ref.inference_tower():
        two_layers()
        tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(1.0))
        cost = make()
    assert (cost.name, cost.dtype) == ("empty_decay:0", tf.float32)
    assert evaluate(cost)[0] == 0


@pytest.mark.parametrize("regex", ["^fc1/W", "fc1/W"])
def test_each_replica_regularizes_its_own_variables(regex):
    costs = []
    for index, scope in enumerate(["", "tower1"]):
        with TrainTowerContext("tower{}".format(index), vs_name=scope, index=index, total=2):
            two_layers()
            costs.append(regularize_cost(regex, l2_regularizer(1.0)))
    got, values = evaluate(costs)
    np.testing.assert_allclose(got, [0.5 * (values[n] ** 2).sum() for n in ("fc1/W", "tower1/fc1/W")], rtol=1e-4)


def test_towers_that_share_variables_regularize_all_of_them():
    costs = []
    for index in (0, 1):
        with tf.variable_scope(tf.get_variable_scope(), reuse=index > 0):
            with TrainTowerContext("tower{}".format(index), index=index, total=2):
                two_layers()
                costs.append(regularize_cost("W", l2_regularizer(1.0)))
    got, values = evaluate(costs)
    np.testing.assert_allclose(got, 2 * [0.5 * sum((values[n] ** 2).sum() for n in ("fc1/W", "fc2/W"))], rtol=1e-4)


def test_half_precision_variables_are_cast():
    with ref.training_tower():
        two_layers(tf.placeholder(tf.float16, [2, 3]))
        assert regularize_cost("W", l2_regularizer(1.0)).dtype == tf.float32


def test_names_are_logged_once_per_graph(log_records):
    for _ in range(2):
        with tf.Graph().as_default():
            with ref.training_tower():
                two_layers()
                regularize_cost("W", l2_regularizer(1.0))
                regularize_cost("b", l2_regularizer(1.0), name="second")
    assert sum("will be regularized" in r.getMessage() for r in log_records) == 2
    assert sum("found 2 variables" in r.getMessage() for r in log_records) == 4


def test_collection_of_losses_is_summed(log_records):
    x = tf.placeholder(tf.float32, [2, 3])
    with ref.training_tower():
        with tf.variable_scope("scope", regularizer=l1_regularizer(2.0)):
            tf.get_variable("v", [3])
        FullyConnected("fc", x, 4, kernel_regularizer=l2_regularizer(1.0))
        cost = regularize_cost_from_collection(name="decay")
    assert cost.name == "decay:0"
    got, values = evaluate(cost)
    np.testing.assert_allclose(got, 2 * np.abs(values["scope/v"]).sum() + 0.5 * (values["fc/W"] ** 2).sum(), rtol=1e-4)
    assert any("found 2 losses" in r.getMessage() for r in log_records)


def test_an_empty_collection_is_zero():
    with ref.training_tower():
        cost = regularize_cost_from_collection(name="decay")
    assert cost.name == "empty_decay:0"
    assert evaluate(cost)[0] == 0


def test_a_tower_context_is_needed():
    with pytest.raises(RuntimeError, match="must be called inside a tower context"):
        Dropout(tf.ones([3]))


def dropped(make, size=20000):
    """Fraction of zeros, and the distinct other values."""
    with ref.training_tower():
        y = make(tf.ones([size]))
    with tf.Session() as sess:
        value = sess.run(y)
    return (value == 0).mean(), sorted(set(value[value != 0]))


@pytest.mark.parametrize("make,rate", [
    (lambda x: Dropout(x), 0.5), (lambda x: Dropout("d", x, rate=0.2), 0.2), (lambda x: Dropout(x, keep_prob=0.9), 0.1),
    (lambda x: Dropout(x, 0.75), 0.25), (lambda x: Dropout(x, 0.75, rate=0.9), 0.25), (lambda x: Dropout(x, rate=0), 0),
    (lambda x: LinearWrap(x).Dropout("d", rate=0.2)(), 0.2)],
    ids=["default", "rate", "keep_prob", "positional-keeps", "positional-wins", "zero", "linearwrap"])
def test_dropout_zeroes_and_scales(make, rate):
    zeros, values = dropped(make)
    assert abs(zeros - rate) < 0.02
    np.testing.assert_allclose(values, [1 / (1 - rate)], atol=1e-4)


@pytest.mark.parametrize("keep_prob,warnings", [(0.5, 0), (0.75, 1)])
def test_positional_probability_is_warned_of(keep_prob, warnings, log_records):
    dropped(lambda x: Dropout(x, keep_prob))
    assert len(log_records) == warnings


def test_the_warning_of_a_positional_probability_tells_layer_value_and_what_to_write(log_records):
    with ref.training_tower(), tf.variable_scope("block"):
        Dropout("d", tf.ones([3]), 0.1)
        Dropout("e", tf.ones([3]), tf.constant(0.1, name="p"))
    of_number, of_tensor = [record.getMessage() for record in log_records]
    assert of_number == ("Dropout 'block/d': a positional probability is that of *keeping*, so 10 % is kept of its input; if "
                         "it is that of dropping, write rate=0.1, else keep_prob=0.1.")
    assert of_tensor.startswith("Dropout 'block/e': ") and "/p:0" in of_tensor


def test_dropout_at_inference_is_the_input_itself():
    with ref.inference_tower():
        x = tf.ones([3])
        before = ref.op_names()
        assert Dropout("d", x, rate=0.5) is x
        assert Dropout(x, rate=0.5) is x
        assert ref.op_names() == before


@pytest.mark.parametrize("argument", ["training", "is_training"])
def test_dropout_mode_can_be_given(argument):
    x = tf.ones([1000])
    with ref.inference_tower():
        assert Dropout(x, **{argument: True}) is not x
    with ref.training_tower():
        assert Dropout(x, **{argument: False}) is x


def test_dropout_mode_can_be_a_tensor():
    mode = tf.placeholder(tf.bool, [])
    with ref.training_tower():
        y = Dropout(tf.ones([1000]), rate=0.5, training=mode)
    with tf.Session() as sess:
        assert (sess.run(y, {mode: True}) == 0).any()
        assert (sess.run(y, {mode: False}) == 1).all()


def test_dropout_gradient_is_that_of_what_was_kept():
    x = tf.constant(ref.random_array(30, 40))
    with ref.training_tower():
        y = Dropout("d", x, rate=0.3)
    gradient = tf.gradients(tf.reduce_sum(2 * y), x)[0]
    with tf.Session() as sess:
        value, kept, slope = sess.run([x, y, gradient])
    np.testing.assert_allclose(slope, np.where(kept == 0, 0, 2 / 0.7), rtol=1e-5)
    np.testing.assert_allclose(kept, value * slope / 2, rtol=1e-5)


def test_dropout_options_are_honoured():
    x = tf.ones([50, 40])
    with ref.training_tower():
        columns = Dropout("d", x, rate=0.5, noise_shape=[1, 40], name="mask")
        same = [Dropout(x, rate=0.5, seed=5) for _ in range(2)]
    assert columns.op.name.startswith("d/mask/")
    tf.set_random_seed(1)
    with tf.Session() as sess:
        a = sess.run(columns)
        assert (a == a[:1]).all() and (a == 0).any()
    with tf.Session() as sess:
        first = sess.run(same[0])
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(same[0]), first)


@pytest.mark.parametrize("options,error,text", [
    (dict(rate=0.5, keep_prob=0.5), ValueError, "got rate=0.5 and keep_prob=0.5"),
    (dict(rat=0.5), TypeError, "unknown arguments rat"),
    (dict(training=True, is_training=True), ValueError, "got both"),
    (dict(training="yes"), ValueError, "must be a bool or a scalar bool tensor; got 'yes'"),
], ids=["both", "unknown", "both-modes", "mode"])
def test_wrong_dropout_arguments_are_refused(options, error, text):
    with ref.training_tower(), pytest.raises(error, match=text):
        Dropout(tf.ones([3]), **options)


def test_dropout_takes_one_positional_probability():
    with ref.training_tower(), pytest.raises(TypeError, match="only the probability of keeping may be positional"):
        Dropout(tf.ones([3]), 0.5, 0.3)
