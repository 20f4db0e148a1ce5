"""Online and offline predictors."""
import gc
import importlib
import os
import threading
import weakref

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import FullyConnected
from tensorpack.predict import OfflinePredictor, OnlinePredictor, PredictConfig, PredictorBase
from tensorpack.predict.base import AsyncPredictorBase
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter
from tensorpack.tfutils.sessinit import DictRestore, SmartInit
from tensorpack.tfutils.tower import get_current_tower_context

SIGNATURE = [tf.TensorSpec((None, 3), tf.float32, "x"), tf.TensorSpec((), tf.int32, "n")]
X = np.float32([[1, 2, 3], [4, 5, 6]])
W = {"fc/W": np.float32([[1, 0], [0, 1], [1, 1]])}
Y = [[4, 5], [10, 11]]
BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


def build(x, n, use_resource=False):
    assert not get_current_tower_context().is_training
    with tf.variable_scope("fc", use_resource=use_resource):
        w = tf.get_variable("W", [3, 2])
    y = tf.matmul(x, w, name="y")
    tf.identity(y * tf.cast(n, tf.float32), name="scaled")
    tf.split(y, 2, axis=1, name="halves")


def config(**kwargs):
    arguments = dict(tower_func=build, input_signature=SIGNATURE, input_names=["x"], output_names=["y"],
                     session_init=DictRestore(W))
    arguments.update(kwargs)
    return PredictConfig(**arguments)


def warnings_in(records):
    return [r.getMessage() for r in records if r.levelname == "WARNING"]


# ---- OfflinePredictor


@BOTH_KINDS
def test_offline_predictor_loads_and_predicts(use_resource):
    predictor = OfflinePredictor(config(tower_func=lambda x, n: build(x, n, use_resource)))
    result = predictor(X)
    assert isinstance(result, list) and result[0].tolist() == Y
    assert isinstance(predictor.graph, tf.Graph) and predictor.sess.graph is predictor.graph
    assert predictor.graph is not tf.get_default_graph() and not predictor.graph.finalized
    names = {op.name for op in predictor.graph.get_operations()}
    assert {"x", "n", "fc/W", "y", "scaled"} <= names  # no prefix


@pytest.mark.parametrize("inputs, outputs, feed, expected", [
    (["x", "n"], ["scaled", "y:0"], (X, 2), [[[8, 10], [20, 22]], Y]),
    (["x:0"], ["halves:1"], (X,), [[[5], [11]]]),
    (["y"], ["halves"], (np.float32([[7, 8]]),), [[[7]]]),
    ([], ["fc/W"], (), [W["fc/W"].tolist()]),
    (["x"], ["x", "y", "y"], (X,), [X.tolist(), Y, Y]),
], ids=["all", "output-1", "inner-input", "variable", "input-as-output-and-twice"])
@BOTH_KINDS
def test_any_tensor_can_be_input_or_output(use_resource, inputs, outputs, feed, expected):
    cfg = config(tower_func=lambda x, n: build(x, n, use_resource), input_names=inputs, output_names=outputs)
    with OfflinePredictor(cfg) as predictor:
        assert [a.tolist() for a in predictor(*feed)] == expected


@pytest.mark.parametrize("changes, words", [
    (dict(output_names=["Y"]), "did you mean 'y:0'"),
    (dict(output_names=["scalde"]), "scaled:0"),
    (dict(input_names=["xx"]), "input name 'xx'.*'x:0'"),
    (dict(input_names=["picture"]), r"input name 'picture'.*got no such name; there are \d names: '\w+:0'"),
    (dict(output_names=["halves:2"]), "halves:2"),
], ids=["case", "typo", "input", "other-input", "output-index"])
def test_a_name_that_is_not_there_is_answered_with_names_like_it(changes, words):
    with pytest.raises(KeyError, match=words):
        OfflinePredictor(config(**changes))


@pytest.mark.parametrize("name, words", [
    ("costs", r"did you mean 'cost:0'\?"), ("lose", "there are 6 names: 'cost:0', 'fc/W:0', 'fc/b:0', 'fc/output:0', 'im"),
    ("MatMull", r"did you mean 'fc/MatMul:0'\?"), ("out", r"did you mean 'fc/output:0'\?"),
    ("means", r"there are 6 names: .*; tf.identity\(x, name='means'\) in the model gives a tensor this name"),
])
def test_names_that_tensorflow_has_given_are_not_suggested_unless_one_of_them_is_meant(name, words):
    def build(image):
        logits = FullyConnected("fc", image * 2, 4)
        tf.nn.softmax(logits, name="prob")
        tf.reduce_mean(logits, name="cost")

    with pytest.raises(KeyError, match=words):
        OfflinePredictor(PredictConfig(tower_func=build, input_signature=[tf.TensorSpec([None, 3], tf.float32, "image")],
                                       input_names=["image"], output_names=[name]))


def test_a_resource_variable_is_no_input():
    with pytest.raises(ValueError, match="resource variable"):
        OfflinePredictor(config(tower_func=lambda x, n: build(x, n, True), input_names=["x", "fc/W"]))


def test_return_input_gives_both():
    inputs, outputs = OfflinePredictor(config(return_input=True))(X)
    assert isinstance(inputs, tuple) and inputs[0] is X and outputs[0].tolist() == Y


def test_one_config_builds_independent_predictors():
    cfg = config()
    first, second = OfflinePredictor(cfg), OfflinePredictor(cfg)
    assert first.graph is not second.graph and first.sess is not second.sess
    first.close()
    assert second(X)[0].tolist() == Y


def test_variables_that_may_be_missing_keep_their_initial_value_and_are_named(log_records):
    def with_more(x, n):
        build(x, n)
        tf.identity(tf.get_variable("extra", initializer=7.), name="e")

    cfg = config(tower_func=with_more, output_names=["e"], input_names=["x"], allow_missing=["extra"])
    assert OfflinePredictor(cfg)(X) == [7]
    assert any("extra" in m for m in warnings_in(log_records))


def test_a_predictor_without_model_is_warned_about(log_records):
    OfflinePredictor(config(session_init=None))
    assert any("session_init" in m for m in warnings_in(log_records))


def test_create_graph_false_adds_to_the_default_graph():
    predictor = OfflinePredictor(config(create_graph=False))
    assert predictor.graph is tf.get_default_graph() and predictor(X)[0].tolist() == Y


def test_an_inference_tower_leaves_no_update_operations():
    def with_updates(x, n):
        build(x, n)
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.no_op())

    predictor = OfflinePredictor(config(tower_func=with_updates))
    assert predictor.graph.get_collection(tf.GraphKeys.UPDATE_OPS) == []


def test_close_ends_the_predictor_and_frees_its_session():
    predictor = OfflinePredictor(config())
    predictor(X)
    session = weakref.ref(predictor.sess)
    predictor.close()
    predictor.close()
    gc.collect()
    assert session() is None
    with pytest.raises(RuntimeError, match=r"close\(\)"):
        predictor(X)


def test_a_context_manager_closes():
    with OfflinePredictor(config()) as predictor:
        assert predictor(X)[0].tolist() == Y
    with pytest.raises(RuntimeError):
        predictor(X)


def test_a_dropped_predictor_frees_its_session_unless_somebody_uses_it():
    predictor = OfflinePredictor(config())
    predictor(X)
    kept = predictor.sess
    del predictor
    gc.collect()
    assert kept.run("y:0", {"x:0": X}).tolist() == Y
    session = weakref.ref(kept)
    del kept
    gc.collect()
    assert session() is None


def test_close_leaves_a_given_session_open():
    with tf.Session() as sess:
        adapter = SessionCreatorAdapter(ReuseSessionCreator(sess), lambda s: s)
        with OfflinePredictor(config(create_graph=False, session_creator=adapter)) as predictor:
            assert predictor.sess is sess and predictor(X)[0].tolist() == Y
        assert sess.run("y:0", {"x:0": X}).tolist() == Y


def test_a_first_call_after_the_session_was_closed_says_what_to_do():
    with tf.Session() as sess:
        x = tf.placeholder(tf.float32, [], "x")
        predictor = OnlinePredictor([x], [x * 2], sess=sess)
    with pytest.raises(RuntimeError, match=r"OnlinePredictor: its session must be open; .*OfflinePredictor\(PredictConfig"):
        predictor(1)


def test_a_failed_load_closes_the_session():
    made = []
    creator = SessionCreatorAdapter(NewSessionCreator(), lambda sess: (made.append(sess), sess)[1])
    with pytest.raises(ValueError, match="fc/W"):
        OfflinePredictor(config(session_creator=creator, session_init=DictRestore({"fc/W": np.zeros(5, "float32")})))
    with pytest.raises(RuntimeError, match="closed"):
        made[0].run("y:0", {"x:0": X})


def test_a_thousand_calls_do_not_grow_the_graph():
    predictor = OfflinePredictor(config())
    predictor(X)
    count = len(predictor.graph.get_operations())
    for _ in range(1000):
        predictor(X)
    assert len(predictor.graph.get_operations()) == count


def test_threads_agree():
    predictor = OfflinePredictor(config(input_names=["x", "n"], output_names=["scaled"]))
    wrong = []

    def work(i):
        for _ in range(100):
            got = predictor(X + i, i)[0]
            if not np.allclose(got, (X + i).dot(W["fc/W"]) * i):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert wrong == []


# ---- values that are fed


@pytest.mark.parametrize("value", [
    X.tolist(), X.astype("float64"), X.astype("uint8"), np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X[None][0],
], ids=["list", "float64", "uint8", "fortran", "strided", "view"])
def test_values_are_fed_as_by_session_run(value):
    predictor = OfflinePredictor(config())
    assert np.array_equal(predictor(value)[0], predictor.sess.run("y:0", {"x:0": value}))


@pytest.mark.parametrize("value, words", [(X[:, :2], r"x:0.*\(2, 2\)"), (X[0], r"x:0.*\(3,\)")], ids=["size", "rank"])
def test_a_wrong_shape_is_named(value, words):
    with pytest.raises(ValueError, match=words):
        OfflinePredictor(config())(value)


def test_a_tensor_is_not_a_value():
    with pytest.raises(TypeError, match="array"):
        OfflinePredictor(config())(tf.constant(X))


@pytest.mark.parametrize("dp", [(), (X, X)], ids=["none", "two"])
def test_the_number_of_inputs_is_checked(dp):
    with pytest.raises(ValueError, match="1 inputs"):
        OfflinePredictor(config())(*dp)


def test_strings_booleans_and_unknown_shapes():
    signature = [tf.TensorSpec(None, tf.string, "s"), tf.TensorSpec((None,), tf.bool, "b")]

    def join(s, b):
        tf.identity(tf.string_join([s, s]), name="twice")
        tf.logical_not(b, name="not")

    predictor = OfflinePredictor(PredictConfig(tower_func=join, input_signature=signature, output_names=["twice", "not"]))
    twice, inverse = predictor(["a", "bc"], [True, False])
    assert twice.tolist() == [b"aa", b"bcbc"] and inverse.tolist() == [False, True]
    assert predictor(b"x", np.array([True]))[0] == b"xx"


def test_scalars_come_out_as_from_session_run():
    def build_sum(x, n):
        tf.reduce_sum(x, name="sum")

    predictor = OfflinePredictor(config(tower_func=build_sum, output_names=["sum"], session_init=None))
    assert type(predictor(X)[0]) is type(predictor.sess.run("sum:0", {"x:0": X}))


# ---- OnlinePredictor


@pytest.fixture
def built():
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.multiply(x, 2., name="y")
    return x, y


@pytest.mark.parametrize("by_name", [False, True], ids=["tensors", "names"])
def test_online_predictor_in_a_given_session(built, by_name):
    x, y = built
    with tf.Session() as sess:
        sess.graph.finalize()
        predictor = OnlinePredictor(["x" if by_name else x], ["y" if by_name else y], sess=sess)
        assert predictor.sess is sess and predictor.input_tensors == [x] and predictor.output_tensors == [y]
        assert predictor(X)[0].tolist() == (X * 2).tolist()
        with pytest.raises(KeyError, match="y:0"):
            OnlinePredictor(["x"], ["yy"], sess=sess)


@pytest.mark.parametrize("by_name", [False, True], ids=["tensors", "names"])
def test_the_default_session_of_the_first_call_is_kept(built, by_name):
    x, y = built
    predictor = OnlinePredictor(["x" if by_name else x], ["y" if by_name else y], return_input=True)
    with pytest.raises(RuntimeError, match="session"):
        predictor(X)
    with tf.Session() as sess:
        assert predictor(X)[1][0].tolist() == (X * 2).tolist()
        assert predictor.sess is sess
        with tf.Session():
            predictor(X)
            assert predictor.sess is sess
        result = []
        thread = threading.Thread(target=lambda: result.append(predictor(X)))  # threads see no default session
        thread.start()
        thread.join()
        assert len(result) == 1
    with pytest.raises(RuntimeError, match="closed"):
        predictor(X)


def test_setting_the_session_changes_it(built):
    v = tf.get_variable("v", initializer=1.)
    predictor = OnlinePredictor([], [v])
    first, second = tf.Session(), tf.Session()
    for sess, value in [(first, 1.), (second, 2.)]:
        sess.run(v.initializer, {v.initial_value: value})
        predictor.sess = sess
        assert predictor() == [value]
        sess.close()


def test_sparse_tensors_can_be_fed_and_fetched():
    sparse = tf.sparse_placeholder(tf.float32, name="sp")
    double = sparse.__mul__(tf.constant([[2.]]))
    value = tf.SparseTensorValue(np.int64([[0, 1]]), np.float32([3]), np.int64([2, 2]))
    with tf.Session() as sess:
        result, = OnlinePredictor([sparse], [double], sess=sess)(value)
    assert result.values.tolist() == [6] and result.indices.tolist() == [[0, 1]]


def test_accept_options_goes_to_make_callable(built):
    class Tracing(OnlinePredictor):
        ACCEPT_OPTIONS = True

        def _do_call(self, dp):
            metadata = tf.RunMetadata()
            result = (self._callable or self._make_callable())(
                *dp, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
            assert metadata.step_stats.dev_stats
            return result

    with tf.Session() as sess:
        assert Tracing(["x"], ["y"], sess=sess)(X)[0].tolist() == (X * 2).tolist()


def test_base_classes():
    class Echo(PredictorBase):
        def _do_call(self, dp):
            return list(dp)

    echo = Echo()
    assert echo(1, 2) == [1, 2]
    echo.return_input = True
    assert echo(1, 2) == ((1, 2), [1, 2])
    with pytest.raises(TypeError):
        AsyncPredictorBase()
    assert issubclass(AsyncPredictorBase, PredictorBase) and issubclass(OfflinePredictor, OnlinePredictor)


# ---- files of the original

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "data", "golden")


@pytest.mark.parametrize("source", ["directory", "params.npz"])
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_models_of_the_original_predict_the_same(optimizer, source, monkeypatch):
    monkeypatch.syspath_prepend(GOLDEN)
    layers_model = importlib.import_module("layers_model")
    directory = os.path.join(GOLDEN, "layers_" + optimizer)
    path = directory if source == "directory" else os.path.join(directory, source)
    cfg = PredictConfig(model=layers_model.Model(optimizer), session_init=SmartInit(path), input_names=["image"],
                        output_names=layers_model.OUTPUTS)
    with np.load(os.path.join(directory, "io.npz")) as io, OfflinePredictor(cfg) as predictor:
        for name, value in zip(layers_model.OUTPUTS, predictor(io["image"])):
            np.testing.assert_allclose(value, io[name.replace("/", "__")], atol=1e-5)
