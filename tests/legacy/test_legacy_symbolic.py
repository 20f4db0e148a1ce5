"""`symbolic_functions` of older releases, against numpy."""
import numpy as np
import pytest

from tensorpack import tfv1
from tensorpack.tfutils import symbolic_functions as symbf

tf = tfv1
RNG = np.random.RandomState(0)
LOGITS = RNG.normal(size=[6, 4]).astype("float32")
LABELS = np.array([0, 1, 2, 3, 0, 1], "int32")
LEFT, RIGHT, OTHER = (RNG.normal(size=[5, 3]).astype("float32") for _ in range(3))
SIMILAR = np.array([1, 0, 1, 0, 0], "float32")
PROBABILITIES = RNG.uniform(0.05, 0.95, size=[2, 3, 4, 1]).astype("float32")
MASK = (RNG.uniform(size=[2, 3, 4, 1]) < 0.3).astype("int32")


def square(a, b):
    return ((a - b) ** 2).sum(axis=1)


def root(a, b):
    return np.sqrt(square(a, b) + 1e-10)


def balanced(z, y):
    beta = (1 - y).sum() / y.size
    return -beta * np.mean(y * np.log(z)) - (1 - beta) * np.mean((1 - y) * np.log(1 - z))


def cosine_loss():
    cosine = (LEFT * RIGHT).sum(1) / np.linalg.norm(LEFT, axis=1) / np.linalg.norm(RIGHT, axis=1)
    return 0.5 * np.mean((2 * SIMILAR - 1 - cosine) ** 2)


def soft_triplet():
    p, n = root(LEFT, RIGHT), root(LEFT, OTHER)
    return np.mean(np.log(np.exp(p) + np.exp(n)) - n), p.mean(), n.mean()


def contrastive():
    d = root(LEFT, RIGHT)
    loss = np.mean(0.5 * (SIMILAR * d ** 2 + (1 - SIMILAR) * np.maximum(2 - d, 0) ** 2))
    return loss, d[SIMILAR == 1].mean(), d[SIMILAR == 0].mean()


def incorrect(k):
    return np.array([label not in np.argsort(-row)[:k] for row, label in zip(LOGITS, LABELS)], "float32")


X = np.array([-3, -0.5, 0, 0.2, 1, 4], "float32")
CASES = {
    "prediction_incorrect": (lambda: symbf.prediction_incorrect(LOGITS, LABELS), lambda: incorrect(1)),
    "prediction_incorrect-top2": (lambda: symbf.prediction_incorrect(LOGITS, LABELS, 2, name="wrong-top2"),
                                  lambda: incorrect(2)),
    "accuracy": (lambda: symbf.accuracy(LOGITS, LABELS, topk=2), lambda: 1 - incorrect(2).mean()),
    "flatten": (lambda: symbf.flatten(tf.constant(LOGITS)), lambda: LOGITS.ravel()),
    "batch_flatten": (lambda: symbf.batch_flatten(tf.constant(PROBABILITIES)), lambda: PROBABILITIES.reshape(2, -1)),
    "logSoftmax": (lambda: symbf.logSoftmax(LOGITS), lambda: LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))),
    "one_hot": (lambda: symbf.one_hot(LABELS, 4), lambda: np.eye(4, dtype="float32")[LABELS]),
    "huber_loss": (lambda: symbf.huber_loss(tf.constant(X)), lambda: np.where(abs(X) < 1, X ** 2 / 2, abs(X) - 0.5)),
    "huber_loss-delta": (lambda: symbf.huber_loss(tf.constant(X), 2),
                         lambda: np.where(abs(X) < 2, X ** 2 / 2, 2 * (abs(X) - 1))),
    "triplet_loss": (lambda: symbf.triplet_loss(LEFT, RIGHT, OTHER, 1.5),
                     lambda: np.mean(np.maximum(0, 1.5 + square(LEFT, RIGHT) - square(LEFT, OTHER)))),
    "triplet_loss-extra": (lambda: symbf.triplet_loss(LEFT, RIGHT, OTHER, 1.5, extra=True)[1:],
                           lambda: [root(LEFT, RIGHT).mean(), root(LEFT, OTHER).mean()]),
    "soft_triplet_loss": (lambda: symbf.soft_triplet_loss(LEFT, RIGHT, OTHER), soft_triplet),
    "contrastive_loss": (lambda: symbf.contrastive_loss(LEFT, RIGHT, SIMILAR, 2.0, extra=True), contrastive),
    "contrastive_loss-none": (lambda: symbf.contrastive_loss(LEFT, RIGHT, np.ones(5), 2.0, extra=True)[2], lambda: 0.0),
    "siamese_cosine_loss": (lambda: symbf.siamese_cosine_loss(LEFT, RIGHT, SIMILAR), cosine_loss),
    "cosine_loss": (lambda: symbf.cosine_loss(LEFT, RIGHT, SIMILAR), cosine_loss),
    "class_balanced_cross_entropy": (
        lambda: symbf.class_balanced_cross_entropy(tf.constant(PROBABILITIES), tf.constant(MASK)),
        lambda: balanced(PROBABILITIES, MASK)),
    "class_balanced_binary_class_cross_entropy": (
        lambda: symbf.class_balanced_binary_class_cross_entropy(tf.constant(PROBABILITIES), tf.constant(MASK)),
        lambda: balanced(PROBABILITIES, MASK)),
    "class_balanced_sigmoid_cross_entropy": (
        lambda: symbf.class_balanced_sigmoid_cross_entropy(tf.constant(PROBABILITIES), tf.constant(MASK)),
        lambda: balanced(1 / (1 + np.exp(-PROBABILITIES)), MASK)),
    "class_balanced_sigmoid_cross_entropy-none": (
        lambda: symbf.class_balanced_sigmoid_cross_entropy(tf.constant(PROBABILITIES), tf.zeros([2, 3, 4, 1])), lambda: 0.0),
    "psnr": (lambda: symbf.psnr(LEFT, RIGHT), lambda: -10 * np.log10(np.mean((LEFT - RIGHT) ** 2))),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_value_is_that_of_numpy(name):
    build, wanted = CASES[name]
    with tf.Session() as sess:
        got = sess.run(build())
    np.testing.assert_allclose(got, wanted(), rtol=2e-4, atol=2e-5)


def test_names_of_operations():
    assert symbf.prediction_incorrect(LOGITS, LABELS).op.name == "incorrect_vector"
    assert symbf.accuracy(LOGITS, LABELS, name="a").op.name == "a"
    assert symbf.huber_loss(tf.constant(X)).op.name == "huber_loss"
    _, positive, negative = symbf.contrastive_loss(LEFT, RIGHT, SIMILAR, 2.0, extra=True)
    assert (positive.op.name, negative.op.name) == ("constrastive_loss/pos-dist", "constrastive_loss/neg-dist")


def test_a_scalar_variable_is_summarized():
    rate = symbf.get_scalar_var("learning_rate", 5, summary=True)
    symbf.get_scalar_var("weight", 1e-3, trainable=True)
    assert rate.dtype.base_dtype == tf.float32 and rate.op.name == "learning_rate"
    assert [v.op.name for v in tf.trainable_variables()] == ["weight"]
    summary, = tf.get_collection(tf.GraphKeys.SUMMARIES)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value, = tf.Summary.FromString(sess.run(summary)).value
    assert value.tag == "learning_rate-summary" and value.simple_value == 5


def test_gradients_of_guided_relus_are_positive():
    x = tf.constant([-1., 1., 2.])
    with symbf.guided_relu():
        guided = tf.nn.relu(x)
    plain = tf.nn.relu(x)
    weights = tf.constant([3., -3., 3.])
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(tf.gradients(guided * weights, x)[0]), [0, 0, 3])
        np.testing.assert_array_equal(sess.run(tf.gradients(plain * weights, x)[0]), [0, -3, 3])


def test_a_saliency_map_is_the_gradient_of_the_largest_logit():
    x = tf.constant(LEFT)
    output = symbf.saliency_map(tf.matmul(x, tf.constant(OTHER[:3])), x)
    assert output.op.name == "saliency_map"
    with tf.Session() as sess:
        np.testing.assert_allclose(sess.run(output), OTHER[:3].T[(LEFT @ OTHER[:3]).argmax(axis=1)], rtol=1e-5)


def test_a_shapeless_placeholder_has_a_default():
    x = symbf.shapeless_placeholder(tf.constant(LEFT), [0], "p")
    assert x.shape.as_list() == [None, 3] and x.op.name == "p"
    with tf.Session() as sess:
        np.testing.assert_array_equal(sess.run(x), LEFT)
        assert sess.run(x, {x: LEFT[:2]}).shape == (2, 3)
    with pytest.raises(ValueError, match="axis 0 must be known"):
        symbf.shapeless_placeholder(x, 0, "q")


def test_a_star_import_gives_the_functions_and_no_more(warnings):
    namespace = {}
    exec("from tensorpack.tfutils.symbolic_functions import *", namespace)
    assert {"prediction_incorrect", "huber_loss", "get_scalar_var", "rms"} <= set(namespace)
    assert not {"tf", "np", "logger"} & set(namespace)
    assert not warnings()
