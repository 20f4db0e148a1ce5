"""Callbacks that change hyper-parameters: values and moments, what is logged, and resuming."""
import doctest
import os
import re

import numpy as np
import pytest
from small_training import Call, PutEachEpoch, messages, train, train_in_new_graph

from tensorpack.callbacks._param import schedule as schedules
from tensorpack.callbacks.monitor import JSONWriter
from tensorpack.callbacks.param import (
    GraphVarParam,
    HumanHyperParamSetter,
    HyperParam,
    HyperParamSetter,
    HyperParamSetterWithFunc,
    ObjAttrParam,
    ScheduledHyperParamSetter,
    StatMonitorParamSetter,
)
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.summary import MergeAllSummaries
from tensorpack.callbacks.trigger import EnableCallbackIf, PeriodicCallback, PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.train.base import Trainer
from tensorpack.utils import logger


class Holder:
    """Has a hyper-parameter `rate`, and keeps what it is set to."""

    def __init__(self, rate=1.0):
        self.__dict__["rate"], self.__dict__["log"] = rate, []

    def __setattr__(self, name, value):
        self.__dict__[name] = value
        self.log.append(value)


def watched(make, **kwargs):
    """The (global step, value) at which the parameter of a setter changed, from a training with `make(param)`."""
    holder, changes = Holder(kwargs.pop("rate", 1.0)), []

    def look(cb):
        changes.extend((cb.global_step, value) for value in holder.log)
        del holder.log[:]

    train_in_new_graph([make(ObjAttrParam(holder, "rate")), Call(before_train=look, trigger_step=look, trigger_epoch=look)],
                       **kwargs)
    return changes


# ---- HyperParam -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("collection", [tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.LOCAL_VARIABLES])
@pytest.mark.parametrize("name", ["scope/rate", "scope/rate:0"])
def test_a_variable_of_the_graph(name, collection, use_resource):
    with tf.variable_scope("scope"):
        tf.get_variable("rate", [], initializer=tf.constant_initializer(0.5), collections=[collection], trainable=False,
                        use_resource=use_resource)
    param = GraphVarParam(name)
    param.setup_graph()
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        assert param.get_value() == 0.5 and param.readable_name == "scope/rate"
        sess.graph.finalize()
        param.set_value(2)
        assert param.get_value() == 2
        param.set_value(np.float64(0.25))
        assert param.get_value() == 0.25


def test_a_vector():
    tf.get_variable("rates", [2], initializer=tf.zeros_initializer())
    param = GraphVarParam("rates", shape=(2,))
    param.setup_graph()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        param.set_value([1, 2])
        assert list(param.get_value()) == [1, 2]
        with pytest.raises(ValueError, match=r"'rates:0' has the shape \(2,\); got a value of shape \(3,\)"):
            param.set_value([1, 2, 3])
    with pytest.raises(ValueError, match=r"must have the shape \(3,\); got \(2,\)"):
        GraphVarParam("rates", shape=(3,)).setup_graph()


@pytest.mark.parametrize("name", ["lerning_rate", "LEARNING_RATE:0"])
def test_a_name_that_is_no_variable_is_an_error_with_near_names(name):
    tf.get_variable("learning_rate", [], trainable=False)
    with pytest.raises(ValueError, match="'{}(:0)?' must be a variable.*did you mean 'learning_rate'".format(name)):
        train([HyperParamSetterWithFunc(name, lambda epoch, x: x)])


@pytest.mark.parametrize("make_optimizer", [
    lambda: tf.train.AdamOptimizer(1e-3), lambda: tf.train.MomentumOptimizer(1e-3, 0.9)], ids=["Adam", "Momentum"])
def test_without_such_a_variable_the_error_says_how_to_make_it_and_lists_no_slots(make_optimizer):
    weights = [tf.get_variable("layer{}/W".format(k), [2]) for k in range(20)]
    tf.get_variable("dropout", [], trainable=False)
    make_optimizer().minimize(tf.add_n([tf.reduce_sum(w) for w in weights]))
    with pytest.raises(ValueError, match=r"got no such name; make it before.*`rate = tf.get_variable\('learning_rate', "
                                         r"initializer=1e-3, trainable=False\)`") as info:
        train([HyperParamSetterWithFunc("learning_rate", lambda epoch, x: x)])
    assert "variables that are not trained are 'dropout'" in str(info.value)
    assert not any(word in str(info.value) for word in ["layer", "Adam", "Momentum", "power"])


@pytest.mark.parametrize("value", [0.5, 1.0, np.float32(1)], ids=repr)
def test_a_float_does_not_go_into_a_variable_of_integers(value):
    tf.get_variable("size", [], tf.int32, initializer=tf.zeros_initializer())
    param = GraphVarParam("size")
    param.setup_graph()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        param.set_value(3)
        with pytest.raises(ValueError, match="holds int32; got the float"):
            param.set_value(value)
        assert param.get_value() == 3


def test_an_attribute_of_an_object():
    holder = Holder()
    param = ObjAttrParam(holder, "rate")
    assert param.readable_name == "rate" and param.get_value() == 1
    param.set_value(3)
    assert holder.rate == 3
    assert ObjAttrParam(holder, "rate", readable_name="speed").readable_name == "speed"
    assert repr(GraphVarParam("lr")) == "GraphVarParam(name='lr')"
    with pytest.raises(TypeError):
        HyperParam()


@pytest.mark.parametrize("param", [3, None, lambda: None], ids=["number", "None", "function"])
def test_what_is_no_parameter_is_refused(param):
    with pytest.raises(TypeError, match="HyperParamSetterWithFunc: param must be a HyperParam or the name"):
        HyperParamSetterWithFunc(param, lambda epoch, x: x)


# ---- HyperParamSetter -------------------------------------------------------------------------------------------------

def test_a_setter_of_ones_own(log_records):
    class Halve(HyperParamSetter):
        def _get_value_to_set(self):
            return None if self.epoch_num == 1 else self.get_current_value() / 2

    assert watched(Halve, epochs=3) == [(0, .5), (8, .25), (12, .125)]
    assert [m for m in messages(log_records, "INFO") if "[Halve]" in m] == [
        "[Halve] At global_step=0, rate changes from 1.000000 to 0.500000.",
        "[Halve] At global_step=8, rate changes from 0.500000 to 0.250000.",
        "[Halve] At global_step=12, rate changes from 0.250000 to 0.125000."]


def test_what_is_set_again_is_not_logged(log_records):
    assert watched(lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: 0.1), rate=np.float32(0.1)) == [
        (0, .1), (4, .1), (8, .1)]
    assert not [m for m in messages(log_records, "INFO") if "changes" in m]


def test_a_setter_without_a_rule():
    with pytest.raises(NotImplementedError, match="_get_value_to_set"):
        watched(HyperParamSetter)


def test_a_function_gets_the_epoch_and_the_value():
    got = []

    def function(epoch, value):
        got.append((epoch, value))
        return value * 2 if epoch != 1 else None

    assert watched(lambda param: HyperParamSetterWithFunc(param, function)) == [(0, 2), (8, 4)]
    assert got == [(0, 1), (1, 2), (2, 2)]
    with pytest.raises(TypeError, match="func must be a function"):
        HyperParamSetterWithFunc("x", 3)


def test_setters_run_on_every_process():
    assert HyperParamSetterWithFunc("x", max).chief_only is False


# ---- what monitors get ------------------------------------------------------------------------------------------------

def history_of(name, callbacks, **kwargs):
    with tf.Graph().as_default():
        tf.get_variable("rate", [], initializer=tf.ones_initializer(), trainable=False)
        return train(callbacks, **kwargs).monitors.get_history(name)


def test_a_value_is_put_at_the_end_of_each_epoch_that_had_it():
    setter = ScheduledHyperParamSetter("rate", [(0, .5), (2, .25)])
    assert history_of("rate", [setter], epochs=3) == [(4, .5), (8, .5), (12, .25)]


@pytest.mark.parametrize("make", [
    lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: 2. ** epoch),
    lambda param: ScheduledHyperParamSetter(param, [(0, 1.), (1, 2.)]),
    lambda param: StatMonitorParamSetter(param, "stat", lambda x: 2 * x, 0, 1)], ids=["func", "schedule", "statistic"])
def test_all_setters_put_it_also_of_attributes(make):
    holder = Holder()
    setter = make(ObjAttrParam(holder, "rate", readable_name="holder/rate"))
    assert history_of("holder/rate", [PutEachEpoch("stat", {1: 1., 2: 1.}), setter]) == [(4, 1.), (8, 2.)]


def test_what_a_person_sets_is_put(log_dir):
    def write(cb):
        with open(os.path.join(log_dir, "hyper.txt"), "w") as f:
            f.write("rate:{}".format(cb.epoch_num / 2))

    assert history_of("rate", [Call(trigger_epoch=write), HumanHyperParamSetter("rate")], epochs=3) == [
        (4, 1.), (8, .5), (12, 1.)]


def test_steps_put_no_more_than_epochs():
    setter = ScheduledHyperParamSetter("rate", [(0, 0.), (8, 8.)], interp="linear", step_based=True)
    assert history_of("rate", [setter]) == [(4, 4.), (8, 8.)]


def test_two_setters_put_one_value():
    setters = [ScheduledHyperParamSetter("rate", [(0, .5)]), HyperParamSetterWithFunc("rate", lambda epoch, x: x / 2)]
    assert history_of("rate", setters) == [(4, .25), (8, .125)]


def test_a_summary_of_the_same_name_is_not_repeated(log_dir):
    with tf.Graph().as_default():
        rate = tf.get_variable("rate", [], initializer=tf.ones_initializer(), trainable=False)
        tf.summary.scalar("rate-summary", rate)
        trainer = train([ScheduledHyperParamSetter("rate", [(1, .5)]), MergeAllSummaries()], [JSONWriter()])
        assert trainer.monitors.get_history("rate") == [(4, 1.), (8, .5)]
    assert [(record["epoch_num"], record["rate"]) for record in JSONWriter.load_existing_json()] == [(1, 1.), (2, .5)]


@pytest.mark.parametrize("value", ["text", [1, 2], None, 1j], ids=str)
def test_what_is_no_number_is_not_put(value, log_records):
    holder = Holder(value)
    assert history_of("rate", [HyperParamSetterWithFunc(ObjAttrParam(holder, "rate"), lambda epoch, x: None)]) == []
    assert [m for m in messages(log_records, "WARNING") if "was never set" not in m] == []


# ---- schedules: numbers only ------------------------------------------------------------------------------------------

STEPS = [(10, 1), (20, 2), (30, 4)]


@pytest.mark.parametrize("point, linear, exact, in_force", [
    (9, True, None, None), (10, True, 1, 1), (11, True, 1.1, 1.1), (15, True, 1.5, 1.5), (25, True, 3.0, 3.0),
    (30, True, 4, 4), (31, True, None, 4), (90, True, None, 4),
    (9, False, None, None), (10, False, 1, 1), (15, False, None, 1), (20, False, 2, 2), (31, False, None, 4)])
def test_values_of_a_schedule(point, linear, exact, in_force):
    assert schedules.value_to_set(STEPS, point - 1, point, linear) == pytest.approx(exact)
    assert schedules.value_in_force(STEPS, point, linear) == pytest.approx(in_force)


@pytest.mark.parametrize("linear", [True, False])
def test_the_value_in_force_is_the_last_one_that_was_set(linear):
    schedule, last = [(0, .5), (3, 0.), (7, 2.)], None
    for point in range(0, 12):
        value = schedules.value_to_set(schedule, point - 1, point, linear)
        last = last if value is None else value
        assert schedules.value_in_force(schedule, point, linear) == last


def test_the_example_in_the_documentation_is_true():
    results = doctest.testmod(schedules)
    assert results.attempted and not results.failed


def test_points_that_are_skipped_are_made_up_for():
    assert schedules.value_to_set(STEPS, 9, 11, False) == 1
    assert schedules.value_to_set(STEPS, 9, 20, False) == 2
    assert schedules.value_to_set(STEPS, 29, 31, True) == 4
    assert schedules.value_to_set(STEPS, 30, 32, True) is None


@pytest.mark.parametrize("schedule, error, message", [
    (3, TypeError, "list of"), ([1, 2], TypeError, "list of"), ([(1, "a")], TypeError, "numbers"),
    ([(1, float("nan"))], TypeError, "numbers"), ([(float("nan"), 1)], TypeError, "numbers"),
    ([(True, 1)], TypeError, "numbers"), ([(-1, 1)], ValueError, "at least 0"), ([(-0.5, 1)], ValueError, "at least 0"),
    ([(1e-3, 0), (1e-4, 1)], ValueError, r"must be \(epoch or step, value\), and these seem swapped.*try \[\(0, 0.001\), "
     r"\(1, 0.0001\)\]"), ([(.5, 3)], ValueError, "swapped"), ([(.1, 0), (.01, np.float32(9))], ValueError, "swapped")],
    ids=str)
def test_wrong_schedules(schedule, error, message):
    with pytest.raises(error, match="ScheduledHyperParamSetter.*" + message):
        ScheduledHyperParamSetter("x", schedule)


# ---- ScheduledHyperParamSetter ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("kwargs, expected", [
    (dict(schedule=[(0, .1), (2, .3)]), [(0, .1), (8, .3)]),
    (dict(schedule=[(2, .3), (1, .2)]), [(4, .2), (8, .3)]),
    (dict(schedule=[(1, .2), (1, .2)]), [(4, .2)]),
    (dict(schedule=[(1, 0.)]), [(4, 0.)]),
    (dict(schedule=[]), []),
    (dict(schedule=[], interp="linear"), []),
    (dict(schedule=[], step_based=True, interp="linear"), []),
    (dict(schedule=[(2, .3), (1, .2), (2, .4)]), [(4, .2), (8, .3)]),
    (dict(schedule=[(0, 1.), (2, 3.), (2, 1.)], interp="linear"), [(0, 1.), (4, 2.), (8, 3.)]),
    (dict(schedule=[(1.0, .2), (np.float32(2), .3)]), [(4, .2), (8, .3)]),
    (dict(schedule=[(1.9, .2), (2.5, .3)]), [(4, .2), (8, .3)]),
    (dict(schedule=[(4.5, .2)], step_based=True), [(4, .2)]),
    (dict(schedule=[(0, 1.), (2, 3.)], interp="linear"), [(0, 1.), (4, 2.), (8, 3.)]),
    (dict(schedule=[(0, .5), (3, .6), (9, .7)], step_based=True), [(0, .5), (3, .6), (9, .7)]),
    (dict(schedule=[(5, 1.), (7, 2.)], step_based=True, interp="linear"), [(5, 1.), (6, 1.5), (7, 2.)]),
], ids=str)
def test_a_schedule_in_a_training(kwargs, expected):
    kwargs = dict(kwargs)
    schedule = kwargs.pop("schedule")
    assert watched(lambda param: ScheduledHyperParamSetter(param, schedule, **kwargs), epochs=3) == expected


@pytest.mark.parametrize("schedule, words, sorted_schedule", [
    ([(2, .3), (1, .2), (2, .4)], "two values for 2.*0.3 counts, and 0.4 is left out", [(1, .2), (2, .3)]),
    ([(2, .4), (2, .3)], "two values for 2.*0.4 counts, and 0.3 is left out", [(2, .4)]),
    ([(30.5, .1)], "30.5 is taken for 30", [(30, .1)]),
    ([(0, .1), (7.25, .2)], "7.25 is taken for 7", [(0, .1), (7, .2)]),
], ids=str)
def test_what_a_schedule_leaves_out_is_warned_of(schedule, words, sorted_schedule, log_records):
    setter = ScheduledHyperParamSetter("lr", schedule)
    (warning,) = messages(log_records, "WARNING")
    assert re.search("ScheduledHyperParamSetter: .*" + words, warning)
    assert setter.schedule == sorted_schedule and all(type(point) is int for point, _ in setter.schedule)


@pytest.mark.parametrize("schedule", [[], [(1, .2), (1, .2)], [(1.0, .5), (2, .3)], [[0, 1], [1, 2]]], ids=str)
def test_plain_schedules_are_not_warned_of(schedule, log_records):
    ScheduledHyperParamSetter("lr", schedule)
    assert not messages(log_records, "WARNING")


def test_linear_by_steps_between_three_points():
    changes = watched(lambda param: ScheduledHyperParamSetter(param, [(30, .3), (40, .4), (50, .5)], interp="linear",
                                                              step_based=True), steps=60, epochs=1)
    assert [step for step, _ in changes] == list(range(30, 51))
    assert dict(changes)[45] == pytest.approx(.45)


def test_changes_by_steps_are_logged_once_an_epoch(log_records):
    watched(lambda param: ScheduledHyperParamSetter(param, [(0, 1.), (8, 2.)], interp="linear", step_based=True))
    assert len([m for m in messages(log_records, "INFO") if "rate changes" in m]) == 2


def test_steps_of_several_runs_pass_no_point_by():
    class TwoRuns(Trainer):
        def run_step(self):
            self.hooked_sess.run([])
            self.hooked_sess.run([])

    holder = Holder()
    setter = ScheduledHyperParamSetter(ObjAttrParam(holder, "rate"), [(3, .5), (7, .25)], step_based=True)
    TwoRuns().train_with_defaults(callbacks=[setter], extra_callbacks=[], monitors=[], steps_per_epoch=5, max_epoch=1)
    assert holder.log == [.5, .25]


@pytest.mark.parametrize("wrap, expected", [
    (lambda setter: PeriodicCallback(setter, every_k_steps=4), [(4, .5), (8, .25)]),
    (lambda setter: EnableCallbackIf(setter, lambda cb: cb.global_step % 2 == 0), [(4, .5), (8, .25)]),
    (lambda setter: PeriodicCallback(EnableCallbackIf(setter, lambda cb: cb.global_step >= 8), every_k_steps=2), [(8, .25)]),
], ids=["periodic", "enabled", "nested"])
def test_points_at_which_a_setter_may_not_act_count_at_the_next_step_at_which_it_may(wrap, expected):
    assert watched(lambda param: wrap(ScheduledHyperParamSetter(param, [(3, .5), (7, .25)], step_based=True)),
                   steps=5, epochs=2) == expected


@pytest.mark.parametrize("value", [0.5, 0.0])
@pytest.mark.parametrize("set_at_beginning", [True, False])
def test_a_training_that_starts_late(log_records, value, set_at_beginning):
    """Acceptance check 11; also with a value of 0."""
    changes = watched(lambda param: ScheduledHyperParamSetter(param, [(10, .3), (20, .4), (30, value)],
                                                              set_at_beginning=set_at_beginning),
                      starting_epoch=91, epochs=92)
    assert changes == ([(0, value)] if set_at_beginning else [])
    warnings = messages(log_records, "WARNING")
    assert len(warnings) == 2 - set_at_beginning and "should be {:.6f} at epoch 90, but it is 1.0".format(value) in warnings[0]


def test_a_training_that_starts_late_with_the_right_value_is_left_alone(log_records):
    assert watched(lambda param: ScheduledHyperParamSetter(param, [(10, .3)]), rate=np.float32(.3), starting_epoch=50,
                   epochs=50) == []
    assert not messages(log_records, "WARNING")


def test_a_late_start_at_a_point_of_the_schedule_sets_it_without_warning(log_records):
    assert watched(lambda param: ScheduledHyperParamSetter(param, [(49, .3)]), starting_epoch=50, epochs=50) == [(0, .3)]
    assert not messages(log_records, "WARNING")


def test_starting_after_a_million_steps_is_quick(log_dir):
    checkpoint = os.path.join(log_dir, "late")
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("v", [1])
        step = tf.train.create_global_step()
        sess.run(tf.global_variables_initializer())
        sess.run(step.assign(10 ** 9))
        tf.train.Saver().save(sess, checkpoint, write_meta_graph=False)
    changes = watched(lambda param: ScheduledHyperParamSetter(param, [(0, 1.5), (2 * 10 ** 9, 2.5)], interp="linear",
                                                              step_based=True), restore=checkpoint, epochs=1, steps=2)
    assert [step - 10 ** 9 for step, _ in changes] == [0, 1, 2]
    assert np.allclose([value for _, value in changes], 2)


def test_a_scheduled_setter_shows_its_schedule():
    setter = ScheduledHyperParamSetter("lr", [(2, .3), (1, .2)])
    assert str(setter) == "ScheduledHyperParamSetter(schedule=[(1, 0.2), (2, 0.3)])"
    with pytest.raises(ValueError, match="interp must be None or 'linear'; got 'cubic'"):
        ScheduledHyperParamSetter("lr", [(1, 1)], interp="cubic")


# ---- HumanHyperParamSetter --------------------------------------------------------------------------------------------

def human(log_dir, *contents, rate=1.0, **kwargs):
    """What a parameter is set to when the file has these contents before training, after epoch 1, ...; None for no file."""
    path = os.path.join(log_dir, kwargs.get("file_name", "hyper.txt"))

    def write(cb):
        content = contents[cb.epoch_num]
        if content is not None:
            with open(path, "w") as f:
                f.write(content)

    holder = Holder(rate)
    write_first = Call(before_train=write, trigger_epoch=write)
    train_in_new_graph([write_first, HumanHyperParamSetter(ObjAttrParam(holder, "rate"), **kwargs)], epochs=len(contents) - 1)
    return holder.log


def test_a_file_sets_the_value(log_dir, log_records):
    assert human(log_dir, None, None, "other:3\nrate:0.5\n\n", "rate: 1e-3") == [.5, .001]
    assert any(os.path.join(log_dir, "hyper.txt") in m and "'rate'" in m for m in messages(log_records, "INFO"))
    assert not messages(log_records, "WARNING")


@pytest.mark.parametrize("content, warning", [
    ("rate=0.5", "name:value"), ("other:3", "no line 'rate:value'"), ("rate:0.5\nother:x", "could not convert"),
    ("rate:nan", "finite"), ("rate:0.5\n:3", "name:value")], ids=repr)
def test_a_file_with_something_else_is_warned_of_and_changes_nothing(log_dir, log_records, content, warning):
    assert human(log_dir, None, content, "rate:0.25") == [.25]
    assert len(messages(log_records, "WARNING")) == 1 and warning in messages(log_records, "WARNING")[0]


def test_an_integer_stays_one(log_dir, log_records):
    assert human(log_dir, "rate:3", "rate:2.5", rate=1) == [3]
    assert human(log_dir, "rate:4", file_name="other.txt") == [4]
    assert len(messages(log_records, "WARNING")) == 1


def test_without_a_log_directory():
    setter = HumanHyperParamSetter("v")
    with pytest.raises(RuntimeError, match="HumanHyperParamSetter: there must be a log directory for 'hyper.txt'"):
        train([setter])


# ---- StatMonitorParamSetter -------------------------------------------------------------------------------------------

def monitored(values, **kwargs):
    """The epochs after which the parameter changes when a statistic has these values after epochs 1, 2, ..."""
    stat = PutEachEpoch("error", dict(enumerate(values, 1)))
    changes = watched(lambda param: _with(stat, StatMonitorParamSetter(param, "error", lambda x: x / 2, **kwargs)),
                      epochs=len(values), steps=1)
    return [step for step, _ in changes]


class _with(Call):
    """Two callbacks as one."""

    def __init__(self, first, second):
        super().__init__()
        self.both = [first, second]

    def _setup_graph(self):
        for cb in self.both:
            cb.setup_graph(self.trainer)

    def _before_train(self):
        for cb in self.both:
            cb.before_train()

    def _trigger_epoch(self):
        for cb in self.both:
            cb.trigger_epoch()


NAN = float("nan")


@pytest.mark.parametrize("values, kwargs, expected", [
    ([5, 4, 3, 2, 1], dict(threshold=0, last_k=3), []),
    ([5, 5, 5, 5, 5, 5], dict(threshold=0, last_k=3), [3, 6]),
    ([5, 4, 3, 3, 3, 2], dict(threshold=0, last_k=3), [5]),
    ([5, 4.95, 4.9, 4.8], dict(threshold=.5, last_k=3), [3]),
    ([5, 4.4, 4.9, 4.8], dict(threshold=.5, last_k=3), [4]),
    ([1, 2, 3, 4, 5], dict(threshold=0, last_k=3), [3]),
    ([1, 2, 3, 3, 3, 3], dict(threshold=0, last_k=3, reverse=True), [5]),
    ([5, 4, 3, 2, 1], dict(threshold=0, last_k=3, reverse=True), [3]),
    ([5, 5, 5, 6, 7], dict(threshold=-.5, last_k=3), []),
    ([NAN, NAN, NAN], dict(threshold=0, last_k=3), [3]),
    ([5, NAN, NAN], dict(threshold=0, last_k=3), [3]),
    ([NAN, 5, 4, 3], dict(threshold=0, last_k=3, reverse=True), [4]),
], ids=str)
def test_the_parameter_changes_when_the_statistic_stalls(values, kwargs, expected):
    assert monitored(values, **kwargs) == expected


def test_a_statistic_that_is_missing_or_old_is_warned_of(log_records):
    setter = StatMonitorParamSetter(ObjAttrParam(Holder(), "rate"), "error", lambda x: x / 2, 0, 5)
    train([PutEachEpoch("error", {2: 1., 4: 1.}), setter], epochs=4)
    warnings = messages(log_records, "WARNING")
    assert len(warnings) == 2 and "no value of 'error'" in warnings[0] and "last one is of global_step 8" in warnings[1]


@pytest.mark.parametrize("threshold, last_k, words", [(-0.1, 3, "threshold=-0.1.*never set"), (0, 1, "last_k=1.*each trigger")])
def test_numbers_with_which_the_statistic_does_not_count_are_warned_of(log_records, threshold, last_k, words):
    StatMonitorParamSetter("lr", "error", abs, threshold, last_k)
    warning, = messages(log_records, "WARNING")
    assert re.search(words, warning)


@pytest.mark.parametrize("kwargs, error, message", [
    (dict(value_func=3), TypeError, "value_func"), (dict(threshold="x"), TypeError, "threshold"),
    (dict(last_k=0), ValueError, "last_k"), (dict(last_k=2.5), ValueError, "last_k")], ids=str)
def test_wrong_arguments_of_a_monitoring_setter(kwargs, error, message):
    with pytest.raises(error, match="StatMonitorParamSetter: " + message):
        StatMonitorParamSetter(**dict(dict(param="x", stat_name="error", value_func=max, threshold=0, last_k=3), **kwargs))


ERRORS = {1: 5., 2: 4., 3: 4., 4: 4., 5: 3., 6: 3., 7: NAN, 8: 3., 9: 3., 10: 3.}


def monitoring_setter():
    return PeriodicTrigger(StatMonitorParamSetter("lr", "error", lambda x: x / 2, threshold=0, last_k=3), every_k_epochs=1)


def rates(starting_epoch=1, epochs=10, restore=None, saver_first=True, make_setter=monitoring_setter):
    """The learning rate at the first step of each epoch."""
    seen = {}

    class Look(Call):
        def _before_epoch(self):
            seen[self.epoch_num] = float(self.trainer.sess.run("lr:0"))

    with tf.Graph().as_default():
        tf.get_variable("lr", [], initializer=tf.ones_initializer(), trainable=False)
        order = [ModelSaver(), make_setter()] if saver_first else [make_setter(), ModelSaver()]
        train([Look(), PutEachEpoch("error", ERRORS)] + order, [JSONWriter()], starting_epoch=starting_epoch,
              epochs=epochs, restore=restore, steps=2)
    return seen


@pytest.mark.parametrize("stop, saver_first", [(1, True), (3, False), (4, True), (4, False), (5, True), (8, False)])
def test_a_resumed_training_changes_the_parameter_like_one_in_one_go(tmp_path, stop, saver_first):
    logger.set_logger_dir(str(tmp_path / "one_go"))
    expected = rates(saver_first=saver_first)
    assert len(set(expected.values())) > 2
    logger.set_logger_dir(str(tmp_path / "two_parts"))
    found = rates(epochs=stop, saver_first=saver_first)
    found.update(rates(starting_epoch=stop + 1, restore=str(tmp_path / "two_parts" / "model-{}".format(2 * stop)),
                       saver_first=saver_first))
    assert found == expected


@pytest.mark.parametrize("kwargs, saver_first", [
    (dict(schedule=[(0, .5), (3, .25), (6, .125)]), True), (dict(schedule=[(0, .5), (3, .25), (6, .125)]), False),
    (dict(schedule=[(1, .5), (8, .1)], interp="linear"), True),
    (dict(schedule=[(2, .5), (7, .1)], interp="linear", step_based=True), False)],
    ids=["points, saver first", "points, saver last", "linear", "steps"])
def test_a_resumed_training_has_the_same_schedule_as_one_in_one_go(tmp_path, kwargs, saver_first):
    def run(**where):
        return rates(saver_first=saver_first, make_setter=lambda: ScheduledHyperParamSetter("lr", **kwargs), **where)

    logger.set_logger_dir(str(tmp_path / "one_go"))
    expected = run()
    for stop in (3, 7):
        logger.set_logger_dir(str(tmp_path / str(stop)))
        found = run(epochs=stop)
        found.update(run(starting_epoch=stop + 1, restore=str(tmp_path / str(stop) / "model-{}".format(2 * stop))))
        assert found == pytest.approx(expected)


def test_statistics_of_work_that_was_lost_do_not_count(tmp_path, log_dir):
    rates(epochs=5)
    again = rates(starting_epoch=4, restore=os.path.join(log_dir, "model-6"))
    logger.set_logger_dir(str(tmp_path / "new"))
    expected = rates()
    assert again == {epoch: rate for epoch, rate in expected.items() if epoch >= 4}


def test_a_new_training_does_not_take_over_the_statistics_of_another(log_dir):
    first = rates(epochs=3)
    assert rates(epochs=3) == first
