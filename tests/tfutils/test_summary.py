import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils import summary
from tensorpack.tfutils.summary import (
    add_activation_summary,
    add_moving_summary,
    add_param_summary,
    add_tensor_summary,
    create_image_summary,
    create_scalar_summary,
)
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext
from tensorpack.tfutils.varreplace import remap_variables
from tensorpack.utils.naming import MOVING_SUMMARY_OPS_KEY

SUMMARIES = tf.GraphKeys.SUMMARIES


def tags(collection=SUMMARIES):
    """The tags in the collection, in order: they are constant inputs of the summary operations."""
    with tf.Session() as sess:
        return [sess.run(op.op.inputs[0]).decode() for op in tf.get_collection(collection)]


def run_summaries(collection=SUMMARIES):
    """Evaluate the collection: tag -> value (scalars) or histogram."""
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        merged = tf.Summary.FromString(sess.run(tf.summary.merge_all(collection)))
    return {value.tag: value.histo if value.HasField("histo") else value.simple_value for value in merged.value}


def names(items):
    return [item.name for item in items]


# ------------------------------------------------------------------------------------------------ tensors


def test_tensor_summary_has_the_tags_of_its_types_in_the_given_order():
    x = tf.constant([0.0, 3.0, 4.0, 0.0], name="x")
    assert add_tensor_summary(x, ["rms", "histogram", "mean", "sparsity", "rms"]) is None
    assert tags() == ["x-rms", "x-histogram", "x-mean", "x-sparsity"]
    values = run_summaries()
    assert values["x-rms"] == 2.5 and values["x-mean"] == 1.75 and values["x-sparsity"] == 0.5
    assert values["x-histogram"].max == 4.0


def test_scalar_summary_is_under_the_current_name_scope():
    x = tf.constant(2.0, name="x")
    with tf.name_scope("outer"):
        add_tensor_summary(x, ["scalar"])
        add_tensor_summary(x, ["scalar"], name="y", collections=["mine"])
    assert tags() == ["outer/x-summary"]
    assert tags("mine") == ["outer/y-summary"]
    assert run_summaries()["outer/x-summary"] == 2.0


def test_mean_and_rms_of_integers_are_fractions():
    add_tensor_summary(tf.constant([1, 2], name="x"), ["mean", "rms"])
    assert run_summaries() == {"x-mean": 1.5, "x-rms": pytest.approx(2.5 ** 0.5)}


def test_unknown_type_is_refused_before_anything_is_made():
    with pytest.raises(KeyError, match="median.*histogram"):
        add_tensor_summary(tf.constant(1.0), ["scalar", "median"])
    assert tf.get_collection(SUMMARIES) == []


ADDERS = {
    "tensor": lambda x: add_tensor_summary(x, ["mean"]),
    "activation": add_activation_summary,
    "param": lambda x: add_param_summary((".*", ["mean"])),
    "moving": lambda x: add_moving_summary(tf.reduce_mean(x)),
}


@pytest.mark.parametrize("add", list(ADDERS.values()), ids=list(ADDERS))
@pytest.mark.parametrize("context, added", [
    (lambda: TrainTowerContext("tower0", index=0, total=2), True),
    (lambda: TrainTowerContext("tower1", index=1, total=2), False),
    (lambda: TowerContext("", is_training=False), False),
], ids=["main", "second", "predict"])
def test_only_the_main_tower_adds_summaries(add, context, added):
    tf.get_variable("W", shape=[2])
    x = tf.zeros((2, 2))
    with context() as entered:
        add(x)
        assert bool(entered.get_collection_in_tower(SUMMARIES)) == added
    assert bool(tf.local_variables()) == (added and add is ADDERS["moving"])


def test_summary_of_other_towers_on_request():
    with TowerContext("t", is_training=False) as context:
        add_tensor_summary(tf.constant(1.0, name="x"), ["scalar"], main_tower_only=False)
        assert len(context.get_collection_in_tower(SUMMARIES)) == 1


def test_activation_summaries_share_a_scope():
    for name in ("x", "y"):
        with tf.name_scope("outer"):
            add_activation_summary(tf.zeros((2, 3), name=name))
    assert tags()[:3] == ["activation-summary/outer/x-" + kind for kind in ("sparsity", "rms", "histogram")]
    assert tags()[3].startswith("activation-summary/outer_1/y-")


def test_activation_summary_options():
    add_activation_summary(tf.zeros((2, 3)), types=["mean"], name="z", collections=["mine"])
    assert tags("mine") == ["activation-summary/z-mean"]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_activation_of_low_rank_is_a_warning(log_records, shape):
    add_activation_summary(tf.zeros(shape, name="low"))
    assert tf.get_collection(SUMMARIES) == []
    assert [record.levelname for record in log_records] == ["WARNING"]
    assert "rank {}".format(len(shape)) in log_records[0].getMessage()


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_param_summary_matches_whole_names(use_resource):
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        for name in ("conv/W", "conv/W2", "conv/b", "fc/W"):
            tf.get_variable(name, shape=[2], initializer=tf.ones_initializer())
        tf.get_variable("bn/W", shape=[2], trainable=False)
    add_param_summary((".*/W", ["mean", "histogram"]), ("conv/.$", ["rms"]))
    assert tags() == ["param-summary/" + tag for tag in (
        "conv/W-mean", "conv/W-histogram", "conv/W-rms", "conv/b-rms", "fc/W-mean", "fc/W-histogram")]
    assert run_summaries()["param-summary/conv/W-mean"] == 1.0


def test_param_summary_checks_its_arguments():
    with pytest.raises(ValueError, match="pair"):
        add_param_summary(".*/W", ["mean"])
    with pytest.raises(TypeError, match="collection"):
        add_param_summary((".*/W", ["mean"]), collection="mine")


# ------------------------------------------------------------------------------------------------ moving averages


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def variable_kind(request):
    tf.get_variable_scope().set_use_resource(request.param)
    return request.param


def expected_averages(values, decay):
    biased, result = 0.0, []
    for step, value in enumerate(values, 1):
        biased = decay * biased + (1 - decay) * value
        result.append(biased / (1 - decay ** step))
    return result


@pytest.mark.parametrize("tower, options", [("", {}), ("tower0", dict(index=0, total=2)), (None, {})],
                         ids=["unnamed tower", "tower0", "no tower"])
def test_moving_average_names(variable_kind, tower, options):
    def build():
        with tf.name_scope("net"):
            return add_moving_summary(tf.constant(1.0, name="cost"))

    if tower is None:
        updates = build()
    else:
        with TrainTowerContext(tower, **options):
            updates = build()
    assert names(updates) == ["EMA/net/cost_EMA_apply:0"]
    assert tf.get_collection(MOVING_SUMMARY_OPS_KEY) == updates
    assert names(tf.local_variables()) == ["EMA/net/cost:0", "EMA/net/cost/biased:0", "EMA/net/cost/local_step:0"]
    assert tf.global_variables() == tf.trainable_variables() == []
    assert tags() == ["net/cost-summary"]
    assert names(tf.get_collection(SUMMARIES)) == ["net/cost-summary:0"]


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.float16, tf.int32])
def test_moving_average_values(variable_kind, dtype):
    x = tf.placeholder(dtype, (), name="x")
    update, = add_moving_summary(x, decay=0.9)
    values = [3, 5, -2, 8]
    expected = expected_averages(values, 0.9)
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        for step, (value, average) in enumerate(zip(values, expected), 1):
            got, merged = sess.run([update, tf.get_collection(SUMMARIES)[0]], {x: value})
            assert got == pytest.approx(average, rel=1e-5)
            assert tf.Summary.FromString(merged).value[0].simple_value == pytest.approx(average, rel=1e-5)
            variables = dict(zip(("average", "biased", "step"), sess.run(tf.local_variables())))
            assert variables["average"] == pytest.approx(average, rel=1e-5)
            assert variables["biased"] == pytest.approx(average * (1 - 0.9 ** step), rel=1e-5)
            assert variables["step"] == step
    assert update.dtype == (tf.float64 if dtype == tf.float64 else tf.float32)


def test_moving_average_of_a_variable(variable_kind):
    variable = tf.get_variable("v", initializer=4.0)
    update, = add_moving_summary(variable)
    assert update.name == "EMA/v_EMA_apply:0"
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        assert sess.run(update) == pytest.approx(4.0)


def test_several_tensors_keep_their_order():
    x, y = tf.constant(1.0, name="x"), tf.constant(2.0, name="y")
    assert names(add_moving_summary(y, x)) == ["EMA/y_EMA_apply:0", "EMA/x_EMA_apply:0"]
    assert add_moving_summary() == []


def test_second_call_gives_the_existing_average():
    x = tf.constant(1.0, name="x")
    first = add_moving_summary(x, collection=None, summary_collections=["mine"])
    num_ops = len(tf.get_default_graph().get_operations())
    assert tf.get_collection(MOVING_SUMMARY_OPS_KEY) == tf.get_collection(SUMMARIES) == []
    for _ in range(2):
        assert add_moving_summary(x) == first
    assert len(tf.get_default_graph().get_operations()) == num_ops
    assert tf.get_collection(MOVING_SUMMARY_OPS_KEY) == first
    assert tf.get_collection(SUMMARIES) == tf.get_collection("mine")


def test_second_call_with_another_decay_warns(log_records):
    x = tf.constant(1.0, name="x")
    add_moving_summary(x)
    assert log_records == []
    add_moving_summary(x, decay=0.5)
    assert [record.levelname for record in log_records] == ["WARNING"]
    assert "0.95" in log_records[0].getMessage()


def test_averages_of_one_graph_are_not_taken_for_those_of_another():
    add_moving_summary(tf.constant(1.0, name="x"))
    with tf.Graph().as_default() as graph:
        update, = add_moving_summary(tf.constant(1.0, name="x"))
        assert update.graph is graph


def test_collections_can_be_chosen():
    update, = add_moving_summary(tf.constant(1.0, name="x"), collection="ops", summary_collections=["a", "b"])
    assert tf.get_collection("ops") == [update]
    assert tf.get_collection(MOVING_SUMMARY_OPS_KEY) == tf.get_collection(SUMMARIES) == []
    assert tags("a") == tags("b") == ["x-summary"]


def test_moving_average_inside_a_variable_scope(variable_kind):
    with tf.variable_scope("vs"):
        update, = add_moving_summary(tf.constant(1.0, name="x"))
    assert names(tf.local_variables()) == ["vs/EMA/vs/x:0", "vs/vs/EMA/vs/x/biased:0", "vs/vs/EMA/vs/x/local_step:0"]
    assert update.name == "EMA/vs/x_EMA_apply:0"
    assert tags() == ["vs/x-summary"]


def test_moving_average_is_not_touched_by_scopes_meant_for_the_model():
    x = tf.constant(1.0, name="x")
    with tf.variable_scope("vs", regularizer=tf.reduce_sum, initializer=tf.ones_initializer(), reuse=tf.AUTO_REUSE):
        with remap_variables(lambda v: v * 0.0):
            update, = add_moving_summary(x)
    assert tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) == []
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        assert sess.run(update) == pytest.approx(1.0)


def test_under_reuse_it_warns_and_does_nothing(log_records):
    x = tf.constant(1.0)
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        assert add_moving_summary(x) == []
    assert [record.levelname for record in log_records] == ["WARNING"]
    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        assert len(add_moving_summary(x)) == 1


def test_inside_xla_it_does_nothing():
    from tensorpack import compat

    results = []

    def computation(x):
        results.append(add_moving_summary(x))
        return [x + 1.0]

    compat.xla_compile(computation, [tf.constant(1.0)])
    assert results == [None]
    assert tf.local_variables() == []


@pytest.mark.parametrize("args, options, error, words", [
    (lambda: [tf.zeros((2,), name="vector")], {}, ValueError, "scalar; got vector"),
    (lambda: [tf.placeholder(tf.float32)], {}, ValueError, "scalar"),
    (lambda: [3.0], {}, TypeError, "tensor"),
    (lambda: [tf.constant(1.0)], dict(decay=1.0), ValueError, "decay"),
    (lambda: [tf.constant(1.0)], dict(colection="x"), TypeError, "colection"),
], ids=["vector", "unknown rank", "number", "decay", "keyword"])
def test_moving_average_refuses(args, options, error, words):
    with pytest.raises(error, match=words):
        add_moving_summary(*args(), **options)
    assert tf.local_variables() == []


# ------------------------------------------------------------------------------------------------ without a graph


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5)])
def test_scalar_summary_proto(value):
    made = create_scalar_summary("loss", value)
    assert isinstance(made, tf.Summary)
    assert [(item.tag, item.simple_value) for item in made.value] == [("loss", 0.5)]


def test_summary_names_must_be_strings():
    with pytest.raises(TypeError, match="string"):
        create_scalar_summary(b"loss", 1.0)
    with pytest.raises(TypeError, match="string"):
        create_image_summary(None, np.zeros((1, 2, 2, 3)))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_image_summary_holds_pngs(channels, dtype):
    images = np.random.RandomState(0).randint(0, 256, (2, 5, 7, channels)).astype(dtype)
    made = create_image_summary("patch", images)
    assert [value.tag for value in made.value] == ["patch/0", "patch/1"]
    for value, image in zip(made.value, images):
        assert (value.image.height, value.image.width, value.image.colorspace) == (5, 7, channels)
        assert value.image.encoded_image_string.startswith(b"\x89PNG")
        with tf.Session() as sess:
            decoded = sess.run(tf.image.decode_png(value.image.encoded_image_string))
        np.testing.assert_array_equal(decoded, image)


def test_single_image_has_the_plain_tag():
    assert [value.tag for value in create_image_summary("patch", np.zeros((1, 2, 2, 3))).value] == ["patch"]


@pytest.mark.parametrize("shape", [(2, 2, 3), (1, 2, 2, 2), (1, 2, 2)])
def test_image_summary_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="N, H, W, C"):
        create_image_summary("patch", np.zeros(shape))


def test_image_summary_says_what_to_install(monkeypatch):
    from tensorpack.utils.optional import optional_import

    missing = optional_import("no_such_cv2", needed_by="create_image_summary", pip="opencv-python-headless")
    monkeypatch.setattr(summary, "cv2", missing)
    with pytest.raises(ImportError, match="create_image_summary.*opencv-python-headless"):
        create_image_summary("patch", np.zeros((1, 2, 2, 3)))


ONLY_WHERE_USED = {
    "vector": lambda: add_moving_summary(tf.zeros([3])),
    "number": lambda: add_moving_summary(3.0),
    "decay": lambda: add_moving_summary(tf.zeros([]), decay=3),
    "type": lambda: add_tensor_summary(tf.zeros([3]), ["no such"]),
    "no tensor": lambda: add_tensor_summary(3, ["rms"]),
    "activation": lambda: add_activation_summary(3),
    "pairs": lambda: add_param_summary("W"),
}


@pytest.mark.parametrize("name, is_training", [("", False), ("tower1", False), ("tower1", True)])
@pytest.mark.parametrize("call", sorted(ONLY_WHERE_USED))
def test_arguments_are_checked_only_where_they_are_used(call, name, is_training):
    """So a model that trains can be built for inference, whatever is summarized."""
    context = TrainTowerContext(name, index=1, total=2) if is_training else TowerContext(name, is_training=False)
    with context:
        assert ONLY_WHERE_USED[call]() == ([] if call in ("vector", "number", "decay") else None)
    with TrainTowerContext(""), pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        ONLY_WHERE_USED[call]()
