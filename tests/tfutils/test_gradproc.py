"""Gradient processors: which variables they touch, what they do, names and messages."""
import logging

import numpy as np
import pytest
from linear_training import train_linear

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.gradproc import (
    CheckGradient,
    FilterNoneGrad,
    GlobalNormClip,
    GradientProcessor,
    MapGradient,
    PrintGradient,
    ScaleGradient,
    SummaryGradient,
)
from tensorpack.tfutils.optimizer import apply_grad_processors
from tensorpack.utils.naming import MOVING_SUMMARY_OPS_KEY


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def resource(request):
    return request.param


def variables(*names, resource=False):
    return [tf.get_variable(name, initializer=[1.0, 2.0], use_resource=resource) for name in names]


def pairs(*names, resource=False, value=1.0):
    return [(tf.constant([value, value]), v) for v in variables(*names, resource=resource)]


def run(fetches):
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return sess.run(fetches)


def values(grads):
    return {v.op.name: g.tolist() for g, (_, v) in zip(run([g for g, _ in grads]), grads)}


def names(grads):
    return [v.op.name for _, v in grads]


def warnings_of(records):
    return [r.getMessage() for r in records if r.levelno == logging.WARNING]


def lookup_gradient(name="table"):
    """A pair with tf.IndexedSlices in which row 1 occurs twice."""
    table = tf.get_variable(name, initializer=np.ones((4, 2), "float32"))
    loss = tf.reduce_sum(tf.gather(table, tf.constant([1, 1, 3])))
    grad, = tf.gradients(loss, table)
    assert isinstance(grad, tf.IndexedSlices)
    return grad, table


# ------------------------------------------------------------------------------------------------ the base


class Doubled(GradientProcessor):
    def _process(self, grads):
        return [(tf.multiply(g, 2, name="double"), v) for g, v in grads]


def test_operations_are_in_a_scope_of_the_class_which_later_calls_enter_again():
    a, b = pairs("a", "b")
    processor = Doubled()
    first, second = processor.process([a]), processor.process((b,))
    assert first[0][0].op.name == "Doubled/double" and second[0][0].op.name == "Doubled/double_1"
    assert Doubled().process([a])[0][0].op.name == "Doubled_1/double"


def test_one_processor_serves_several_graphs():
    processor = Doubled()
    with tf.name_scope("outer"):
        assert processor.process(pairs("a"))[0][0].op.name == "outer/Doubled/double"
    with tf.Graph().as_default():
        assert processor.process(pairs("a"))[0][0].op.name == "Doubled/double"


def test_the_base_cannot_be_made():
    with pytest.raises(TypeError, match="_process"):
        GradientProcessor()


def test_filter_drops_pairs_without_gradient_and_names_them(log_records):
    (g, a), (_, b), (_, c) = pairs("a", "b", "c")
    assert FilterNoneGrad().process([(None, b), (g, a), (None, c)]) == [(g, a)]
    message, = warnings_of(log_records)
    assert "2" in message and "b, c" in message
    assert FilterNoneGrad(verbose=False).process([(None, b)]) == []
    assert len(warnings_of(log_records)) == 1


def test_global_norm_clip_scales_all_gradients_by_one_factor(resource):
    grads = [(tf.constant([3.0, 0.0]), v) for v in variables("a", resource=resource)]
    grads += [(tf.constant([0.0, 4.0]), v) for v in variables("b", resource=resource)]
    grads += [(None, v) for v in variables("c", resource=resource)]
    clipped = GlobalNormClip(1).process(grads)
    assert names(clipped) == ["a", "b", "c"] and clipped[2][0] is None
    np.testing.assert_allclose(values(clipped[:2])["a"], [0.6, 0], rtol=1e-6)
    np.testing.assert_allclose(values(clipped[:2])["b"], [0, 0.8], rtol=1e-6)
    assert values(GlobalNormClip(10).process(grads)[:2]) == {"a": [3, 0], "b": [0, 4]}
    assert GlobalNormClip(10).process(grads[2:]) == grads[2:]


def test_global_norm_must_be_positive():
    with pytest.raises(ValueError, match="global_norm.*positive.*-1"):
        GlobalNormClip(-1)


# ------------------------------------------------------------------------------------------------ MapGradient


def one(grad):
    return grad * 3


def two(grad, var):
    return grad * var


class Owner:
    def bound_one(self, grad):
        return grad * 3

    def bound_two(self, grad, var):
        return grad * var


FUNCTIONS = {"one": (one, [3, 3]), "two": (two, [1, 2]), "bound_one": (Owner().bound_one, [3, 3]),
             "bound_two": (Owner().bound_two, [1, 2])}


@pytest.mark.parametrize("func, expected", list(FUNCTIONS.values()), ids=list(FUNCTIONS))
def test_map_calls_functions_of_one_or_two_arguments(func, expected, resource):
    assert values(MapGradient(func).process(pairs("a", resource=resource))) == {"a": expected}


@pytest.mark.parametrize("func", [lambda: 1, lambda a, b, c: a, lambda *args: args[0]],
                         ids=["none", "three", "varargs"])
def test_map_refuses_other_functions(func):
    with pytest.raises(TypeError, match="grad, var"):
        MapGradient(func)


def test_map_keeps_order_drops_none_and_passes_the_unmatched():
    grads = pairs("a", "drop", "other", "b")
    mapped = MapGradient(lambda g, v: None if v.op.name == "drop" else -g, "a|b|drop").process(grads)
    assert names(mapped) == ["a", "other", "b"]
    assert mapped[1] == grads[2]
    assert values(mapped) == {"a": [-1, -1], "other": [1, 1], "b": [-1, -1]}


MATCHES = {
    "alternatives": ("a|b", ["a", "b"]),
    "prefix only": ("fc", []),
    "whole name": ("fc/W", ["fc/W", "tower1/fc/W"]),
    "own dollar": (".*/W$", ["fc/W", "tower1/fc/W"]),
    "all": (".*", ["a", "ab", "b", "fc/W", "tower1/fc/W", "x/tower1/W2"]),
    "inner tower stays": ("x/W2", []),
}


@pytest.mark.parametrize("regex, expected", list(MATCHES.values()), ids=list(MATCHES))
def test_a_regex_matches_whole_names_without_the_tower(regex, expected):
    called = []
    MapGradient(lambda g, v: called.append(v.op.name) or g, regex).process(
        pairs("a", "ab", "b", "fc/W", "tower1/fc/W", "x/tower1/W2"))
    assert called == expected


def test_map_leaves_out_variables_without_gradient_and_does_not_call_its_function(log_records):
    (g, a), (_, b) = pairs("a", "b")
    seen = []
    mapped = MapGradient(lambda grad: seen.append(grad) or grad).process([(None, a), (g, b)])
    assert seen == [g] and mapped == [(g, b)]
    assert MapGradient(one, "a").process([(None, a), (None, b)]) == [(None, b)]
    assert warnings_of(log_records) == []


# ------------------------------------------------------------------------------------------------ its children


def summary_tags(key=tf.GraphKeys.SUMMARIES):
    with tf.Session() as sess:
        return [sess.run(item.op.inputs[0]).decode() for item in tf.get_collection(key)]


def test_summary_has_its_tags_and_leaves_gradients_alone(resource):
    grads = pairs("fc/W", "tower1/fc/W", resource=resource, value=2.0)
    assert SummaryGradient().process(grads) == grads
    assert summary_tags() == ["SummaryGradient/fc/W-grad", "SummaryGradient/fc/W/rms-summary"]
    update, = tf.get_collection(MOVING_SUMMARY_OPS_KEY)
    assert run(update) == pytest.approx(2.0)


def test_summary_is_made_once_in_each_graph():
    for _ in range(2):
        with tf.Graph().as_default():
            grads = pairs("W")
            SummaryGradient().process(grads)
            SummaryGradient().process(grads)
            assert len(summary_tags()) == 2


def test_histograms_into_chosen_collections_of_chosen_variables():
    SummaryGradient("a", collections=["mine"]).process(pairs("a", "b"))
    assert summary_tags() == ["SummaryGradient/a/rms-summary"]
    assert summary_tags("mine") == ["SummaryGradient/a-grad"]


def test_summary_of_slices_is_that_of_the_dense_gradient():
    grad, table = lookup_gradient()
    assert SummaryGradient().process([(grad, table)]) == [(grad, table)]
    update, = tf.get_collection(MOVING_SUMMARY_OPS_KEY)
    assert run(update) == pytest.approx(((2 * 4 + 2) / 8) ** 0.5)  # rows 0 2 0 1 of width 2


def test_print_names_each_variable_once_in_each_graph(resource, capfd):
    for _ in range(2):
        with tf.Graph().as_default():
            grads = pairs("fc/W", "b", resource=resource)
            printed = PrintGradient("fc/.*").process(grads)
            again = PrintGradient("fc/.*").process(printed)
            assert again[0][0] is printed[0][0] and printed[1] == grads[1]
            assert values(again) == {"fc/W": [1, 1], "b": [1, 1]}
            lines = [line for line in capfd.readouterr().err.splitlines() if "-grad" in line]
            assert lines == ["fc/W-grad: shape: [2] mean: 1 rms: 1 values: [1 1]"]


def test_check_names_the_variable_of_a_gradient_that_is_not_finite(resource):
    grads = pairs("good", resource=resource) + pairs("fc/bad", resource=resource, value=float("nan"))
    checked = CheckGradient().process(grads)
    assert values(checked[:1]) == {"good": [1, 1]}
    with pytest.raises(tf.errors.InvalidArgumentError, match="CheckGradient/fc/bad"):
        run(checked[1][0])


def test_scale_multiplies_by_the_first_match_and_drops_at_zero(resource, log_records):
    grads = pairs("a/W", "a/b", "c", "frozen", "tower1/a/W", resource=resource)
    scaled = ScaleGradient([("a/W", 10), ("a/.*", 0.5), ("frozen", 0)]).process(grads)
    assert names(scaled) == ["a/W", "a/b", "c", "tower1/a/W"]
    assert scaled[2] == grads[2]
    assert values(scaled) == {"a/W": [10, 10], "a/b": [0.5, 0.5], "c": [1, 1], "tower1/a/W": [10, 10]}
    infos = [r.getMessage() for r in log_records if r.levelno == logging.INFO]
    assert len(infos) == 4 and any("a/b" in m and "0.5" in m for m in infos)


def test_scale_takes_one_pair_and_can_be_quiet(log_records):
    scaled = ScaleGradient(("a|b", 2), verbose=False).process(pairs("a", "b", "ab"))
    assert values(scaled) == {"a": [2, 2], "b": [2, 2], "ab": [1, 1]}
    assert log_records == []


@pytest.mark.parametrize("args", [((("a", 1), ("b", 2)),), (["a", 2],), ([("a", 1, 2)],), (("a", 1), ("b", 2))],
                         ids=["tuple of tuples", "list of no pairs", "three", "second pair as verbose"])
def test_scale_refuses_other_forms(args):
    with pytest.raises(TypeError, match="ScaleGradient"):
        ScaleGradient(*args)


@pytest.mark.parametrize("processor, factor", [(CheckGradient(), 1), (ScaleGradient(("table", 3), verbose=False), 3),
                                               (PrintGradient(), 1)], ids=["check", "scale", "print"])
def test_slices_stay_slices(processor, factor, capfd):
    (grad, _), = processor.process([lookup_gradient()])
    assert isinstance(grad, tf.IndexedSlices)
    np.testing.assert_array_equal(run(grad).values, np.full((3, 2), factor))


# ------------------------------------------------------------------------------------------------ in training


def test_training_with_processors():
    calls = []
    processors = [FilterNoneGrad(), MapGradient(lambda g: calls.append(g) or g * 0.5), GlobalNormClip(1e3), CheckGradient(),
                  SummaryGradient(), ScaleGradient(("W", 2), verbose=False)]
    plain, _ = train_linear(lambda: tf.train.GradientDescentOptimizer(0.1))
    weights, graph = train_linear(lambda: apply_grad_processors(tf.train.GradientDescentOptimizer(0.1), processors))
    assert len(calls) == 1 and len(weights) == 16
    np.testing.assert_allclose(weights, plain, rtol=1e-5)
    assert np.abs(weights[-1]).max() > 0.3
    assert "SummaryGradient/W-grad" in summary_tags_of(graph)


def summary_tags_of(graph):
    with graph.as_default():
        return summary_tags()
