"""Patterns and scopes that are for nothing: one warning with near names, and none where that may be meant."""
import logging

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.models import FullyConnected, l2_regularizer, regularize_cost
from tensorpack.tfutils.gradproc import MapGradient, PrintGradient, ScaleGradient, SummaryGradient
from tensorpack.tfutils.summary import add_param_summary
from tensorpack.tfutils.tower import TowerContext, TrainTowerContext
from tensorpack.tfutils.varreplace import freeze_variables

NAMES = ("conv2/W", "conv2/b", "fc/W", "fc/b")


def warnings_of(records):
    return [r.getMessage() for r in records if r.levelno == logging.WARNING]


def build(names=NAMES):
    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        for name in names:
            tf.get_variable(name, [2])


def pairs():
    return [(tf.ones([2]), variable) for variable in tf.trainable_variables()]


def summarize(regex):
    add_param_summary((regex, ["rms"]))


def regularize(regex):
    regularize_cost(regex, l2_regularizer(1e-4))


USERS = {
    "ScaleGradient": lambda regex: ScaleGradient([(regex, 0.1)]).process(pairs()),
    "MapGradient": lambda regex: MapGradient(lambda grad: grad, regex).process(pairs()),
    "SummaryGradient": lambda regex: SummaryGradient(regex).process(pairs()),
    "PrintGradient": lambda regex: PrintGradient(regex).process(pairs()),
    "add_param_summary": summarize,
    "regularize_cost": regularize,
}
users = pytest.mark.parametrize("who", USERS)


def use(who, regex, names=NAMES, frozen=()):
    """The function is called in a training tower that has these variables."""
    with TowerContext("", is_training=True):
        with freeze_variables(stop_gradient=False, skip_collection=True):
            build(frozen)
        build(names)
        USERS[who](regex)


@users
@pytest.mark.parametrize("regex, near", [("cnv2/.*", "'conv2/W' or 'conv2/b'"), ("fcc/W", "'fc/W'"), (".*/Wx", "'conv2/W'")])
def test_a_pattern_that_matches_nothing_is_told_once_with_near_names(who, regex, near, log_records):
    use(who, regex)
    use(who, regex)
    message, = warnings_of(log_records)
    assert message.startswith("{}: {!r} matches no variable; ".format(who, regex))
    assert "did you mean {}".format(near) in message


@users
def test_a_pattern_is_told_again_in_another_graph(who, log_records):
    for _ in range(2):
        with tf.Graph().as_default():
            use(who, "cnv2/.*")
    assert len(warnings_of(log_records)) == 2


@pytest.mark.parametrize("who", sorted(set(USERS) - {"regularize_cost"}))
def test_whole_names_are_matched_and_a_scope_alone_is_no_name(who, log_records):
    use(who, "conv2")
    message, = warnings_of(log_records)
    assert "did you mean 'conv2/W' or 'conv2/b'?" in message and "whole name" in message


@users
@pytest.mark.parametrize("regex", ["conv2/.*", ".*/W", "fc/b"])
def test_a_pattern_that_matches_is_not_told(who, regex, log_records):
    use(who, regex)
    assert warnings_of(log_records) == []


@users
def test_a_pattern_of_what_is_frozen_is_not_told(who, log_records):
    use(who, "conv2/.*", names=["fc/W"], frozen=["conv2/W"])
    assert warnings_of(log_records) == []


@pytest.mark.parametrize("who", ["ScaleGradient", "MapGradient"])
def test_copies_of_towers_go_without_their_prefix(who, log_records):
    use(who, "fcc/W", NAMES + tuple("tower1/" + name for name in NAMES))
    message, = warnings_of(log_records)
    assert "did you mean 'fc/W'" in message and "tower1" not in message


def test_towers_with_variables_of_their_own_tell_it_once(log_records):
    for index, name in enumerate(["tower0", "tower1"]):
        with TrainTowerContext(name, name if index else "", index, 2):
            build()
            regularize("fcc/W")
            regularize("fc/W")
    message, = warnings_of(log_records)
    assert "did you mean 'fc/W'" in message and "tower1" not in message


def test_each_pattern_of_a_list_is_looked_at(log_records):
    build()
    ScaleGradient([("fc/.*", 10), ("cnv2/.*", 0), ("fc/b", 2), ("fcc/W", 1)]).process(pairs())
    assert [message.split("'")[1] for message in warnings_of(log_records)] == ["cnv2/.*", "fcc/W"]


@pytest.mark.parametrize("who", ["add_param_summary", "regularize_cost"])
def test_what_is_called_before_the_layers_is_told(who, log_records):
    use(who, ".*/W", names=())
    message, = warnings_of(log_records)
    assert message.endswith("there is none yet.") and "made before" in message


def test_towers_for_inference_regularize_and_summarize_nothing_in_silence(log_records):
    with TowerContext("", is_training=False):
        FullyConnected("fc", tf.ones([1, 2]), 3)
        regularize("fcc/W")
        summarize("fcc/W")
    assert warnings_of(log_records) == []
