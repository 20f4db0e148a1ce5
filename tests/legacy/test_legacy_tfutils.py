"""Tools around TensorFlow in their older spellings."""
import numpy as np
import pytest

from tensorpack import TowerContext, compat, get_current_tower_context, l2_regularizer, regularize_cost, tfv1
from tensorpack.tfutils import collection, common, gradproc, model_utils, optimizer, scope_utils, sesscreate, varreplace
from tensorpack.tfutils.tower import TowerFunc

tf = tfv1


def evaluate(*tensors):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(list(tensors))


def weights():
    return tf.get_variable("conv/W", initializer=[1., 2.]), tf.get_variable("fc/W", initializer=[3.])


@pytest.mark.parametrize("regex, wanted", [("conv/W", 2.5), ("conv/W:0", 2.5), ("^conv/.*:0$", 2.5), (".*/W:0", 7), ("x:0", 0)])
def test_weight_decay_outside_of_towers_and_by_full_names(warnings, regex, wanted):
    weights()
    assert evaluate(regularize_cost(regex, l2_regularizer(1.0), name=None)) == [wanted]
    assert any("regularize_cost outside of a tower" in text for text in warnings())
    assert any("without ':0'" in text for text in warnings()) == (":0" in regex)


def test_weight_decay_in_a_tower_is_that_of_today(warnings):
    weights()
    with TowerContext("", is_training=False):
        assert evaluate(regularize_cost("conv/W", l2_regularizer(1.0))) == [0]
    assert not warnings()


class Doubled(gradproc.GradientProcessor):
    def process(self, grads):  # and no _process
        return [(grad * 2, variable) for grad, variable in grads]


def test_processors_of_a_list_and_of_an_optimizer():
    w, _ = weights()
    pairs = [(tf.constant([1., -3.]), w)]
    processors = [Doubled(), gradproc.ScaleGradient(("conv/.*", 10), log=False)]
    for apply in (gradproc.apply_grad_processors, optimizer.apply_grad_processors):
        assert [v.tolist() for v in evaluate(*[grad for grad, _ in apply(pairs, processors)])] == [[20, -60]]
    step = optimizer.apply_grad_processors(tf.train.GradientDescentOptimizer(1.0), processors).apply_gradients(pairs)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(w), [-19, 62])


def test_variables_by_the_older_contexts():
    with varreplace.replace_get_variable(lambda getter, *args, **kwargs: getter(*args, **kwargs) * 2):
        doubled = tf.get_variable("a", initializer=1.)
    with varreplace.remap_get_variable(lambda variable: variable + 1):
        moved = tf.get_variable("b", initializer=1.)
    with varreplace.freeze_get_variable():
        frozen = tf.get_variable("c", initializer=1.)
    assert evaluate(doubled, moved, frozen) == [2, 2, 1]
    assert tf.gradients(frozen * 2, tf.trainable_variables()) == [None] * 3


def test_collections_and_scopes():
    tf.add_to_collection("k", 1)
    backup = common.backup_collection(["k"])
    collection.clear_collection(["k"])
    assert tf.get_collection("k") == []
    common.restore_collection(backup)
    assert tf.get_collection("k") == [1]
    with tf.name_scope("outer"):
        assert scope_utils.get_name_scope_name() == "outer"

        @scope_utils.under_name_scope(name="inner")
        def f():
            return tf.constant(1)

        assert f().op.name == "outer/inner/Const"


def test_versions_and_lookups():
    assert common.get_tf_version_number() == float(".".join(tf.__version__.split(".")[:2])) >= 1.15
    assert common.is_tf2() == compat.is_tfv2()
    x = tf.constant(1, name="x")
    assert common.get_op_var_name("x") == ("x", "x:0")
    assert common.get_vars_by_names(["x"]) == [x]
    common.get_global_step_var()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert common.get_global_step() == 0
    with pytest.raises(NotImplementedError, match="trainer.local_step"):
        common.get_local_step_var()


@pytest.mark.parametrize("name, is_training", [("", True), ("tower1", True), ("towerp0", False)])
def test_a_tower_says_by_its_name_what_it_is_for(name, is_training):
    with TowerContext(name):
        assert get_current_tower_context().is_training == is_training


def test_the_number_of_a_tower():
    for context in (TowerContext("tower3", True, 3, "tower3"), TowerContext("tower2", is_training=True, index=3)):
        with context:
            assert context.index == 3 and not context.is_main_training_tower and not context.is_main_tower
    with TowerContext("t", True, 0):
        assert get_current_tower_context().is_main_tower
    assert TowerContext("t", True, "scope").vs_name == "scope"
    signature = [tf.TensorSpec([1], tf.float32, "x")]
    assert TowerFunc(lambda x: x, signature).inputs_desc == signature


def test_the_graph_of_a_session_creator_is_ignored_aloud(warnings):
    config = tf.ConfigProto(intra_op_parallelism_threads=1)
    for creator in (sesscreate.NewSessionCreator("", None, config), sesscreate.NewSessionCreator(graph=None, config=config),
                    sesscreate.NewSessionCreator("", config)):
        assert creator.config is config
    assert not warnings()
    sesscreate.NewSessionCreator(graph=tf.Graph()).create_session().close()
    assert any("NewSessionCreator(graph=)" in text for text in warnings())


def test_slim_losses_and_updates_go_with_the_cost():
    counter = tf.get_variable("counter", initializer=0., trainable=False)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.assign_add(counter, 1).op)
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(2.))
    cost = model_utils.apply_slim_collections(tf.constant(5.))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(cost) == 7 and sess.run(counter) == 1


def test_distributions_of_parameters():
    from tensorpack.tfutils.distributions import CategoricalDistribution, GaussianDistribution, ProductDistribution

    product = ProductDistribution("p", [CategoricalDistribution("c", 3), GaussianDistribution("g", 2, fixed_std=False)])
    assert (product.param_dim, product.sample_dim) == (7, 5)
    theta = product.encoder_activation(tf.constant([[1., 2., 3., 0.5, -0.5, 0., np.log(4.)]], tf.float32))
    x = np.array([[0, 1, 0, 1.5, 0.5]], "float32")
    loglikelihood, entropy, values, samples = evaluate(
        product.loglikelihood(x, theta), product.entropy(x, theta), theta, product.sample(4000, theta))
    probabilities = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    np.testing.assert_allclose(values[0], list(probabilities) + [0.5, -0.5, 1, 2], rtol=1e-5)
    wanted = np.log(probabilities[1]) - np.log(2 * np.pi) - 0.5 - np.log(2) - 0.5 * 0.25
    np.testing.assert_allclose(loglikelihood, [wanted], rtol=1e-4)
    np.testing.assert_allclose(entropy, -wanted, rtol=1e-4)
    np.testing.assert_allclose(samples.mean(axis=0), list(probabilities) + [0.5, -0.5], atol=0.15)
    np.testing.assert_allclose(samples[:, 3:].std(axis=0), [1, 2], rtol=0.1)


def test_a_model_is_exported_by_its_checkpoint(tmp_path, warnings):
    from tensorpack import ModelDesc
    from tensorpack.tfutils.export import ModelExport

    class Model(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec([None], tf.float32, "x")]

        def build_graph(self, x):
            tf.multiply(x, tf.get_variable("w", initializer=0.), name="y")

    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("w", initializer=3.)
        sess.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(sess, str(tmp_path / "model"), global_step=1)
    ModelExport(Model(), ["x"], ["y"]).export(path, str(tmp_path / "served"), version=2)
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.saved_model.load(sess, ["serve"], str(tmp_path / "served" / "2"))
        np.testing.assert_array_equal(sess.run("y:0", {"x:0": [1., 2.]}), [3, 6])
    assert any("ModelExporter(PredictConfig(...)).export_serving(path)" in text for text in warnings())
