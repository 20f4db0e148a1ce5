import re
import threading

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.tower import (
    BaseTowerContext,
    PredictTowerContext,
    TowerContext,
    TowerFunc,
    TowerFuncWrapper,
    TowerTensorHandle,
    TowerTensorHandles,
    TrainTowerContext,
    get_current_tower_context,
)
from tensorpack.utils import argtools
from tensorpack.utils.naming import MOVING_SUMMARY_OPS_KEY

SIGNATURE = [tf.TensorSpec((None, 2), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]
LOCAL_KEYS = [tf.GraphKeys.SUMMARIES, MOVING_SUMMARY_OPS_KEY, tf.GraphKeys.UPDATE_OPS, "mine"]


def graph_name_scope():
    return tf.get_default_graph().get_name_scope() or ""


def test_factory_makes_train_and_predict_contexts():
    train, predict = TowerContext("a", True, vs_name="v"), TowerContext("b", is_training=False)
    assert isinstance(train, TrainTowerContext) and isinstance(predict, PredictTowerContext)
    assert isinstance(train, BaseTowerContext) and isinstance(predict, BaseTowerContext)
    assert (train.name, train.ns_name, train.vs_name, train.is_training) == ("a", "a", "v", True)
    assert (train.index, train.total) == (0, 1)
    assert (predict.name, predict.ns_name, predict.vs_name, predict.is_training) == ("b", "b", "", False)
    assert str(train) == "TowerContext(name=a, is_training=True)"
    assert str(predict) == "TowerContext(name=b, is_training=False)"


def test_current_context_is_the_entered_one():
    assert get_current_tower_context() is None
    context = TowerContext("", is_training=True)
    with context as entered:
        assert entered is context is get_current_tower_context()
    assert get_current_tower_context() is None


def test_current_context_belongs_to_the_thread():
    seen = []
    with TowerContext("", is_training=True):
        thread = threading.Thread(target=lambda: seen.append(get_current_tower_context()))
        thread.start()
        thread.join()
    assert seen == [None]


@pytest.mark.parametrize("make, main, own", [
    (lambda: TrainTowerContext("t"), True, True),
    (lambda: TrainTowerContext("t", index=1, total=2), False, False),
    (lambda: TrainTowerContext("t", "v", index=1, total=2), False, True),
    (lambda: TrainTowerContext("t", "v"), True, True),
    (lambda: PredictTowerContext("t"), False, True),
    (lambda: PredictTowerContext("t", "v"), False, True),
], ids=["main", "shared", "replicated", "main with scope", "predict", "predict with scope"])
def test_main_tower_and_ownership(make, main, own):
    context = make()
    assert context.is_main_training_tower is main
    assert context.has_own_variables is own


@pytest.mark.parametrize("make", [TrainTowerContext, PredictTowerContext])
@pytest.mark.parametrize("reuse", [True, tf.AUTO_REUSE], ids=["True", "AUTO_REUSE"])
def test_tower_made_under_reuse_owns_no_variables(make, reuse):
    with tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
        context = make("t")
    assert context.has_own_variables is False


def in_scope(scope, make, **options):
    with tf.variable_scope(scope or tf.get_variable_scope(), **options):
        make()


@pytest.mark.parametrize("make, words", [
    (lambda: TowerContext("t/", True), "slash"),
    (lambda: TowerContext("", True, vs_name="v"), "non-empty name"),
    (lambda: TowerContext("", False, vs_name="v"), "non-empty name"),
    (lambda: in_scope("outer", lambda: TowerContext("t", True)), "outer"),
    (lambda: in_scope(None, lambda: TowerContext("t", True, vs_name="v"), reuse=True), "reuse=True"),
    (lambda: TrainTowerContext("t", index=1, total=1), "index=1, total=1"),
    (lambda: TrainTowerContext("t", index=0, total=0), "index=0, total=0"),
    (lambda: TrainTowerContext("t", index=-1, total=1), "index=-1"),
], ids=["trailing slash", "scope without name", "the same to predict", "inside a variable scope", "scope under reuse",
        "index too large", "no towers", "negative index"])
def test_construction_refuses(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_construction_refuses_names_that_are_no_strings():
    with pytest.raises(TypeError, match="strings"):
        TowerContext(None, is_training=True)


@pytest.mark.parametrize("make, op_name, variable_name", [
    (lambda: TowerContext("", True), "fc/out", "fc/W"),
    (lambda: TowerContext("tower1", True), "tower1/fc/out", "fc/W"),
    (lambda: TowerContext("tower1", True, vs_name="v"), "tower1/fc/out", "v/fc/W"),
    (lambda: TowerContext("pred", False, vs_name="v"), "pred/fc/out", "v/fc/W"),
], ids=["unnamed", "named", "with variable scope", "predict"])
def test_names_inside(make, op_name, variable_name):
    with make():
        with tf.variable_scope("fc"):
            variable = tf.get_variable("W", shape=[])
            output = tf.identity(variable, name="out")
    assert output.op.name == op_name
    assert variable.op.name == variable_name


def test_named_tower_drops_outer_name_scopes_and_may_be_entered_again():
    with tf.name_scope("outer"):
        for expected in ("t/x", "t/x_1"):
            with TowerContext("t", is_training=False):
                assert graph_name_scope() == "t"
                assert tf.constant(0, name="x").op.name == expected
        assert graph_name_scope() == "outer"


def test_predict_tower_inside_a_variable_scope():
    with tf.variable_scope("v"):
        with TowerContext("t", is_training=False):
            variable = tf.get_variable("W", shape=[])
            assert tf.constant(0, name="x").op.name == "t/x"
    assert variable.op.name == "v/W"


def test_context_is_entered_once():
    context = TowerContext("", is_training=False)
    with context:
        pass
    with pytest.raises(RuntimeError, match="entered once"):
        context.__enter__()


def test_contexts_do_not_nest():
    with TowerContext("a", is_training=True):
        with pytest.raises(RuntimeError, match="name=b.*name=a"):
            TowerContext("b", is_training=False).__enter__()
        assert get_current_tower_context().name == "a"
        assert graph_name_scope() == "a"


def test_failed_enter_leaves_no_trace():
    with tf.name_scope("outer"):
        with pytest.raises(RuntimeError, match="name conflict.*'outer'"):
            TowerContext("", is_training=True).__enter__()
        assert get_current_tower_context() is None
        assert graph_name_scope() == "outer"
    with TowerContext("", is_training=True):
        assert graph_name_scope() == ""


def test_exception_of_the_body_propagates_and_closes_the_scopes():
    with pytest.raises(KeyError, match="mine"):
        with TowerContext("t", is_training=False, vs_name="v"):
            raise KeyError("mine")
    assert get_current_tower_context() is None
    assert graph_name_scope() == ""
    assert tf.get_variable_scope().name == ""


def reusing_tower():
    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        return TowerContext("t", is_training=True)


def test_new_trainable_variables_are_refused_by_name():
    with pytest.raises(ValueError, match="new fc/W, fc/b"):
        with reusing_tower():
            tf.get_variable("fc/W", shape=[])
            tf.get_variable("fc/b", shape=[])
            tf.get_variable("fc/mean", shape=[], trainable=False)
    assert get_current_tower_context() is None
    assert graph_name_scope() == ""
    with TowerContext("", is_training=True):
        pass


def test_new_trainable_variables_do_not_mask_the_error_of_the_body():
    with pytest.raises(KeyError, match="mine"):
        with reusing_tower():
            tf.get_variable("W", shape=[])
            raise KeyError("mine")


@pytest.mark.parametrize("make, kept", [
    (lambda: TrainTowerContext("t"), LOCAL_KEYS),
    (lambda: TrainTowerContext("t", index=1, total=2), [tf.GraphKeys.UPDATE_OPS, "mine"]),
    (lambda: PredictTowerContext("t"), ["mine"]),
], ids=["main", "second", "predict"])
def test_collections_that_a_tower_may_grow(make, kept):
    for key in LOCAL_KEYS:
        tf.add_to_collection(key, "before")
    with make():
        for key in LOCAL_KEYS:
            tf.add_to_collection(key, "inside")
    assert [key for key in LOCAL_KEYS if "inside" in tf.get_collection(key)] == kept
    assert all("before" in tf.get_collection(key) for key in LOCAL_KEYS)


def test_frozen_collections_exist_after_a_predict_tower():
    with PredictTowerContext("t"):
        pass
    assert set(tf.get_default_graph().get_all_collection_keys()) == set(LOCAL_KEYS[:3])


def test_nothing_is_restored_after_an_exception():
    with pytest.raises(KeyError):
        with PredictTowerContext("t"):
            tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, "inside")
            raise KeyError()
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == ["inside"]


@pytest.mark.parametrize("index, reported", [(0, False), (1, True)], ids=["main", "second"])
def test_only_other_towers_report_collections(log_records, index, reported):
    with TrainTowerContext("tower5", index=index, total=2):
        tf.add_to_collection("mine", 1)
    messages = [record.getMessage() for record in log_records]
    assert any("mine (1)" in message and "tower5" in message for message in messages) == reported


def test_collection_in_tower_is_what_the_tower_added():
    tf.get_variable("before", shape=[])
    context = TowerContext("", is_training=True)
    with pytest.raises(RuntimeError, match="entered"):
        context.get_collection_in_tower("variables")
    with context:
        inside = tf.get_variable("inside", shape=[])
        assert context.get_collection_in_tower(tf.GraphKeys.TRAINABLE_VARIABLES) == [inside]
    later = tf.get_variable("later", shape=[])
    with tf.Graph().as_default():
        assert context.get_collection_in_tower(tf.GraphKeys.TRAINABLE_VARIABLES) == [inside, later]


# ------------------------------------------------------------------------------------------------ tower functions


def build(image, label):
    with tf.variable_scope("fc", use_resource=build.use_resource):
        weights = tf.get_variable("W", initializer=2.0)
    tf.multiply(image, weights, name="product")
    tf.split(tf.range(12), 12, name="parts")
    tf.add_to_collection("mine", "item")
    return tf.reduce_sum(image, name="cost")


build.use_resource = False


def call(tower_func, context, inputs=None):
    if inputs is None:
        inputs = [tf.placeholder(spec.dtype, spec.shape) for spec in SIGNATURE]
    with context:
        return tower_func(*inputs)


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def use_resource(request):
    build.use_resource = request.param
    yield request.param
    build.use_resource = False


def test_tower_func_keeps_its_signature_and_records_each_call():
    func = TowerFunc(build, SIGNATURE)
    assert func.input_signature == SIGNATURE
    assert len(func.towers) == 0
    inputs = [tf.placeholder(spec.dtype, spec.shape) for spec in SIGNATURE]
    cost = call(func, TowerContext("t", True), inputs)
    handle = func.towers[0]
    assert len(func.towers) == 1
    assert handle.output is handle.outputs is cost
    assert list(handle.inputs) == list(handle.input) == inputs
    assert (handle.ns_name, handle.vs_name, handle.is_training) == ("t", "", True)


def test_tower_func_of_a_tower_func_is_that_object():
    func = TowerFuncWrapper(build, SIGNATURE)
    call(func, TowerContext("t", True))
    again = TowerFunc(func, SIGNATURE)
    assert again is func
    assert len(again.towers) == 1
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        call(again, TowerContext("p", False))
    assert len(func.towers) == 2


def spec(name):
    return tf.TensorSpec((), tf.float32, name)


@pytest.mark.parametrize("function, signature, error, words", [
    (3, SIGNATURE, TypeError, "callable"),
    (build, SIGNATURE[0], TypeError, "list"),
    (build, ["image"], TypeError, "input 0 is 'image'"),
    (build, [spec("a"), spec(None)], ValueError, "input 1"),
    (build, [spec("")], ValueError, "input 0"),
    (build, [spec("a:0")], ValueError, "a:0"),
    (build, [spec("a/b")], ValueError, "a/b"),
    (build, [spec("a b")], ValueError, "a b"),
    (build, [spec("a"), spec("b"), spec("a")], ValueError, "unique; a given"),
], ids=["not callable", "no list", "no TensorSpec", "no name", "empty name", "colon", "slash", "blank", "duplicate"])
def test_tower_func_refuses(function, signature, error, words):
    with pytest.raises(error, match=words):
        TowerFunc(function, signature)


class _Swapped:
    def build_graph(self, label, image):
        return image


@pytest.mark.parametrize("function, words", [
    (_Swapped().build_graph, "_Swapped.build_graph: .* in the order image, label, so that the argument 'label' gets the input "
                             "'image', 'image' gets the input 'label'; put both"),
    (lambda label, other: label, "argument 'label' gets the input 'image'; put both"),
    (lambda image, label: image, None), (lambda x, y: x, None), (lambda *inputs: inputs, None), (dict, None),
    (lambda image, truth: image, None)])
def test_arguments_in_another_order_than_the_inputs_are_told(log_records, monkeypatch, function, words):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    TowerFunc(function, SIGNATURE)
    told = [each.getMessage() for each in log_records if "inputs are given by position" in each.getMessage()]
    assert len(told) == (words is not None)
    if words is not None:
        assert re.search(words, told[0])


def test_tower_func_must_be_called_in_a_context():
    with pytest.raises(RuntimeError, match="with TowerContext"):
        TowerFunc(build, SIGNATURE)(1, 2)


def test_number_of_inputs_is_checked_before_the_function_runs():
    calls = []
    func = TowerFunc(lambda *args: calls.append(args), SIGNATURE)
    with TowerContext("", True):
        with pytest.raises(ValueError, match=r"2 inputs \(image, label\); got 1"):
            func(tf.constant(0))
    assert calls == [] and len(func.towers) == 0


def test_failed_call_is_not_recorded():
    def fail(image, label):
        raise KeyError("mine")

    func = TowerFunc(fail, SIGNATURE)
    with pytest.raises(KeyError, match="mine"):
        call(func, TowerContext("", True))
    assert len(func.towers) == 0


@pytest.fixture
def three_towers():
    func = TowerFunc(build, SIGNATURE)
    call(func, TrainTowerContext("tower0", index=0, total=2))
    call(func, TrainTowerContext("tower1", "tower1", index=1, total=2))
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        call(func, PredictTowerContext("predict"))
        call(func, PredictTowerContext("predict"))
    return func.towers


def test_handles_by_position_and_name(three_towers):
    assert len(three_towers) == 4
    assert three_towers[0] is three_towers["tower0"]
    assert three_towers[-1] is three_towers["predict"] is three_towers[3]
    assert [handle.ns_name for handle in three_towers] == ["tower0", "tower1", "predict", "predict"]
    with pytest.raises(IndexError):
        three_towers[4]
    with pytest.raises(KeyError, match="nope.*predict"):
        three_towers["nope"]


def test_handles_are_those_of_the_time_they_were_asked_for():
    func = TowerFunc(build, SIGNATURE)
    before = func.towers
    call(func, TowerContext("t", True))
    assert (len(before), len(func.towers)) == (0, 1)


def test_handles_are_filtered_by_purpose(three_towers):
    assert isinstance(three_towers.training(), TowerTensorHandles)
    assert [handle.ns_name for handle in three_towers.training()] == ["tower0", "tower1"]
    assert [handle.ns_name for handle in three_towers.inference()] == ["predict", "predict"]


def test_tensors_are_found_by_names_without_prefix(three_towers):
    handle = three_towers["tower1"]
    assert handle.get_tensor("product").name == "tower1/product:0"
    assert handle["cost:0"] is handle.output
    assert handle.get_tensors(["cost", "parts:11"]) == [handle.output, handle["parts:11"]]
    assert handle["parts:11"].name == "tower1/parts:11"


def test_a_tensor_is_found_from_another_default_graph(three_towers):
    with tf.Graph().as_default():
        assert three_towers["tower1"]["cost"] is three_towers["tower1"].output


def test_inputs_are_found_by_the_names_of_the_signature(three_towers, log_records):
    handle = three_towers["tower0"]
    assert handle["image"] is handle.inputs[0]
    assert handle["label:0"] is handle.inputs[1]
    assert log_records == []


def test_input_wins_over_a_tensor_of_its_name_and_says_so(log_records):
    func = TowerFunc(lambda image, label: tf.identity(image, name="image"), SIGNATURE)
    call(func, TowerContext("t", False))
    handle = func.towers[0]
    log_records.clear()
    assert handle["image"] is handle.inputs[0]
    assert [record.levelname for record in log_records] == ["INFO"]
    assert "t/image:0" in log_records[0].getMessage()


def test_variables_give_values(use_resource):
    func = TowerFunc(build, SIGNATURE)
    call(func, TowerContext("tower1", True, vs_name="tower1"))
    call(func, TowerContext("", False))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for handle in func.towers:
            found = [handle.get_variable("fc/W"), handle["fc/W"], handle["fc/W:0"]] + handle.get_variables(["fc/W"])
            assert sess.run(found) == [2.0] * 4
    assert func.towers[0].get_variable("fc/W").op.name.startswith("tower1/fc/W")


@pytest.mark.parametrize("method, name", [("get_tensor", "nope"), ("get_tensor", "cost:7"), ("get_variable", "fc/nope")])
def test_missing_names_are_key_errors(three_towers, method, name):
    with pytest.raises(KeyError, match="tower1.*{}".format(name)):
        getattr(three_towers["tower1"], method)(name)


def test_collection_of_a_handle(three_towers, log_records):
    assert three_towers["tower1"].get_collection("variables") == [tf.global_variables()[1]]
    assert three_towers["predict"].get_collection("variables") == []
    log_records.clear()
    assert three_towers["tower1"].get_collection(name="variables") == [tf.global_variables()[1]]
    assert [record.levelname for record in log_records] == ["WARNING"]
    with pytest.raises(TypeError, match="key"):
        three_towers["tower1"].get_collection()


def test_handle_can_be_made_without_a_signature():
    x = tf.placeholder(tf.float32, (), name="x")
    with TowerContext("", False) as context:
        handle = TowerTensorHandle(context, [x], x)
    assert handle["x"] is x
