"""Callbacks with a memory go on where they were when a training is resumed."""
import json
import os

import numpy as np
import pytest
from small_training import Call, PutEachEpoch, messages, train_in_new_graph

from tensorpack.callbacks import _memory
from tensorpack.callbacks._memory import FILENAME
from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.callbacks.monitor import JSONWriter
from tensorpack.callbacks.param import GraphVarParam, HyperParamSetterWithFunc, ObjAttrParam, StatMonitorParamSetter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.summary import SimpleMovingAverage
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.raw import DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.train.config import AutoResumeTrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer
from tensorpack.utils import logger
from tensorpack.utils.fs import atomic_write

STEPS = 4


def run(callbacks, start=1, epochs=10, monitors=True):
    """Train from epoch `start` on, of which the checkpoint before is restored; the trainer."""
    restore = os.path.join(logger.get_logger_dir(), "model-{}".format(STEPS * (start - 1))) if start > 1 else None
    return train_in_new_graph(callbacks, [JSONWriter()] if monitors else [], steps=STEPS, starting_epoch=start, epochs=epochs,
                              restore=restore)


# ---- EarlyStop ----

# the best value is of epoch 2; with a patience of 3 it stops after epoch 5, with one of 5 after epoch 7
ERRORS = {1: 5., 2: 4., 3: 4.5, 4: 4.5, 5: 4.5, 6: 4.5, 7: 4.5, 8: 4.5, 9: 4.5, 10: 4.5}
ORDERS = {
    "saver first": lambda stop: [ModelSaver(), PutEachEpoch("err", ERRORS), stop],
    "saver between": lambda stop: [PutEachEpoch("err", ERRORS), ModelSaver(), stop],
    "saver last": lambda stop: [PutEachEpoch("err", ERRORS), stop, ModelSaver()],
}
ANY_ORDER = pytest.mark.parametrize("order", sorted(ORDERS))


@ANY_ORDER
@pytest.mark.parametrize("interrupted", [1, 2, 3, 4])
def test_a_resumed_training_stops_when_one_in_one_go_does(log_dir, interrupted, order):
    run(ORDERS[order](EarlyStop("err", 3)), epochs=interrupted)
    assert run(ORDERS[order](EarlyStop("err", 3)), start=interrupted + 1).epoch_num == 5


def test_a_training_that_is_interrupted_twice(log_dir):
    for start, end in ((1, 3), (4, 4), (5, 10)):
        trainer = run(ORDERS["saver first"](EarlyStop("err", 3)), start=start, epochs=end)
    assert trainer.epoch_num == 5


@ANY_ORDER
def test_a_training_that_has_stopped_early_is_not_begun_again(log_dir, log_records, order):
    assert run(ORDERS[order](EarlyStop("err", 3))).epoch_num == 5
    start = 5 if order == "saver last" else 6  # of epoch 5 there is no checkpoint, when it stops before the saver is asked
    before = sorted(os.listdir(log_dir))
    steps = []
    trainer = run(ORDERS[order](EarlyStop("err", 3)) + [Call(trigger_step=steps.append)], start=start)
    assert trainer.epoch_num == start - 1 and not steps
    (line,) = [m for m in messages(log_records, "INFO") if "has stopped early already" in m]
    assert "'err' has not become better 3 times in a row; its best value is 4, of epoch 2" in line and "patience" in line
    assert [name for name in os.listdir(log_dir) if name not in before and not name.startswith("graph-")] == []


@ANY_ORDER
def test_a_larger_patience_lets_it_go_on(log_dir, order):
    run(ORDERS[order](EarlyStop("err", 3)))
    start = 5 if order == "saver last" else 6
    assert run(ORDERS[order](EarlyStop("err", 5)), start=start).epoch_num == 7


def test_an_older_checkpoint_brings_the_older_memory(log_dir):
    """And what was after it is forgotten."""
    run(ORDERS["saver first"](EarlyStop("err", 3)))
    values = dict(ERRORS)
    values[4] = 3.
    trainer = run([ModelSaver(), PutEachEpoch("err", values), EarlyStop("err", 3)], start=4)
    assert trainer.epoch_num == 7


def test_the_schedule_of_triggers_is_kept(log_dir):
    def callbacks():
        return [ModelSaver(), PutEachEpoch("err", ERRORS), PeriodicTrigger(EarlyStop("err", 2), every_k_epochs=2)]

    run(callbacks(), epochs=5)
    assert run(callbacks(), start=6).epoch_num == 6


def test_two_of_them_have_each_their_own(log_dir):
    def callbacks():
        rare = PeriodicTrigger(EarlyStop("err", 9), every_k_epochs=4)
        return [ModelSaver(), PutEachEpoch("err", ERRORS), rare, EarlyStop("err", 4), EarlyStop("other", 1)]

    run(callbacks(), epochs=4)
    assert run(callbacks(), start=5).epoch_num == 6


@pytest.mark.parametrize("monitors", [True, False], ids=["stats", "no-stats"])
def test_a_new_training_in_the_same_directory_begins_without_memory(log_dir, monitors):
    run(ORDERS["saver first"](EarlyStop("err", 3)), epochs=4, monitors=monitors)
    assert run(ORDERS["saver first"](EarlyStop("err", 3)), monitors=monitors).epoch_num == 5


def test_weights_of_another_training_bring_no_memory(log_dir, tmp_path):
    """Its steps are counted on, its epochs are not."""
    run(ORDERS["saver first"](EarlyStop("err", 3)), epochs=4)
    restore = os.path.join(log_dir, "model-16")
    trainer = train_in_new_graph(ORDERS["saver first"](EarlyStop("err", 3)), [JSONWriter()], steps=STEPS, epochs=10,
                                 restore=restore)
    assert trainer.global_step == 16 + 5 * STEPS


def test_without_a_log_directory_nothing_is_kept(tmp_path):
    saver = ModelSaver(checkpoint_dir=str(tmp_path))
    trainer = train_in_new_graph([saver, PutEachEpoch("err", ERRORS), EarlyStop("err", 3)], epochs=10)
    assert trainer.epoch_num == 5 and not os.path.exists(str(tmp_path / FILENAME))


@pytest.mark.parametrize("content", [
    "{", "[]", '{"EarlyStop/err/min": 3}', '{"EarlyStop/err/min": [{"global_step": "x"}]}', ""],
    ids=["cut", "list", "number", "wrong type", "empty"])
def test_a_damaged_file_is_no_memory(log_dir, content):
    run(ORDERS["saver first"](EarlyStop("err", 3)), epochs=3)
    with open(os.path.join(log_dir, FILENAME), "w") as f:
        f.write(content)
    assert run(ORDERS["saver first"](EarlyStop("err", 3)), start=4).epoch_num == 7


def test_a_directory_that_cannot_be_written_stops_no_training(log_dir, log_records):
    os.mkdir(os.path.join(log_dir, FILENAME))
    assert run([PutEachEpoch("err", ERRORS), EarlyStop("err", 3)]).epoch_num == 5
    assert len([m for m in messages(log_records, "WARNING") if FILENAME in m]) == 1


def test_the_file_does_not_grow_without_bound(log_dir, monkeypatch):
    monkeypatch.setattr(_memory, "_MAX_STATES", 5)
    run([PutEachEpoch("err", ERRORS), EarlyStop("err", 100)])
    with open(os.path.join(log_dir, FILENAME)) as f:
        (states,) = json.load(f).values()
    assert [state["global_step"] for state in states] == [24, 28, 32, 36, 40]


class Net(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None], tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_mean(tf.square(x * tf.get_variable("w", [], initializer=tf.ones_initializer())), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


def test_a_script_that_is_started_again(log_dir, log_records):
    """Twice the same, with what finds the checkpoint by itself; it ends normally."""
    epochs = []
    for _ in range(2):
        with tf.Graph().as_default():
            config = AutoResumeTrainConfig(
                model=Net(), dataflow=DataFromList([[[1.0, 2.0]]] * STEPS), max_epoch=9, extra_callbacks=[],
                callbacks=[ModelSaver(), PutEachEpoch("err", ERRORS), EarlyStop("err", 2), Call(trigger_epoch=epochs.append)])
            launch_train_with_config(config, SimpleTrainer())
    assert len(epochs) == 3
    assert len([m for m in messages(log_records, "INFO") if "has stopped early already" in m]) == 1


# ---- SimpleMovingAverage ----

def averages(**kwargs):
    trainer = run([NumberOfStep(), ModelSaver(), SimpleMovingAverage("number", 6)], **kwargs)
    return trainer.monitors.get_history("number/SMA")


class NumberOfStep(Call):
    """Makes the tensor `number`: how many steps there were before."""

    def _setup_graph(self):
        with self.graph.name_scope(None):
            number = tf.py_func(lambda: np.float32(self.trainer.global_step), [], tf.float32)
            number.set_shape([])
            tf.identity(number, name="number")


def test_a_moving_average_covers_its_window_after_a_restart(tmp_path):
    logger.set_logger_dir(str(tmp_path / "one_go"))
    expected = averages(epochs=6)
    assert expected == [(6, 2.5), (12, 8.5), (18, 14.5), (24, 20.5)]
    logger.set_logger_dir(str(tmp_path / "two_parts"))
    assert averages(epochs=2) + averages(start=3, epochs=4) + averages(start=5, epochs=6) == expected


# ---- hyper-parameters ----

class Holder:
    rate = 1.0


def rates(make_setter, use_attribute, saver_first, **kwargs):
    """The value of the parameter in each epoch."""
    seen, holder = {}, Holder()

    class Variable(Call):
        def _setup_graph(self):
            with self.graph.name_scope(None), tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
                tf.get_variable("lr", [], initializer=tf.ones_initializer(), trainable=False)

        def _before_epoch(self):
            seen[self.epoch_num] = holder.rate if use_attribute else float(self.trainer.sess.run("lr:0"))

    setter = make_setter(ObjAttrParam(holder, "rate") if use_attribute else GraphVarParam("lr"))
    order = [ModelSaver(), setter] if saver_first else [setter, ModelSaver()]
    run([Variable(), PutEachEpoch("err", ERRORS)] + order, **kwargs)
    return seen


SETTERS = {
    "function of the value": lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: x / 2 if epoch else x),
    "function of the epoch": lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: 0.5 ** epoch),
    "seldom": lambda param: PeriodicTrigger(HyperParamSetterWithFunc(param, lambda epoch, x: x / 2 if epoch else x),
                                            every_k_epochs=2),
    "statistic": lambda param: StatMonitorParamSetter(param, "err", lambda x: x / 2, threshold=0, last_k=2),
}


@pytest.mark.parametrize("use_attribute, saver_first", [
    pytest.param(True, True, id="attribute, saver first"), pytest.param(False, False, id="variable, saver last"),
    pytest.param(True, False, id="attribute, saver last", marks=pytest.mark.slow),
    pytest.param(False, True, id="variable, saver first", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(SETTERS))
def test_a_hyper_parameter_has_the_values_of_a_training_in_one_go(tmp_path, name, use_attribute, saver_first):
    logger.set_logger_dir(str(tmp_path / "one_go"))
    expected = rates(SETTERS[name], use_attribute, saver_first, epochs=6)
    assert len(set(expected.values())) > 2
    for stop in (1, 4):
        logger.set_logger_dir(str(tmp_path / "two_parts-{}".format(stop)))
        found = rates(SETTERS[name], use_attribute, saver_first, epochs=stop)
        found.update(rates(SETTERS[name], use_attribute, saver_first, start=stop + 1, epochs=6))
        assert found == expected


def test_a_function_that_was_changed_counts_at_once(log_dir):
    rates(lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: 0.5), False, True, epochs=3)
    found = rates(lambda param: HyperParamSetterWithFunc(param, lambda epoch, x: 0.25), False, True, start=4, epochs=5)
    assert found == {4: 0.25, 5: 0.25}


def test_values_that_are_no_numbers_are_not_kept(log_dir):
    holder = Holder()
    setter = HyperParamSetterWithFunc(ObjAttrParam(holder, "rate"), lambda epoch, x: np.ones(2))
    run([ModelSaver(), setter], epochs=2)
    assert holder.rate.tolist() == [1, 1] and not os.path.exists(os.path.join(log_dir, FILENAME))


def test_triggers_of_each_step_do_not_write_a_file_each(log_dir, monkeypatch):
    written = []

    def counted(path):
        written.append(path)
        return atomic_write(path)

    monkeypatch.setattr(_memory, "atomic_write", counted)
    setter = HyperParamSetterWithFunc(ObjAttrParam(Holder(), "rate"), lambda epoch, x: x + 1)
    train_in_new_graph([PeriodicTrigger(setter, every_k_steps=1)], steps=200, epochs=1)
    assert 2 <= len(written) <= 20  # before and after the epoch, and once in a second
    with open(os.path.join(log_dir, FILENAME)) as f:
        (states,) = json.load(f).values()
    assert states[-1]["global_step"] == 200 and states[-1]["state"]["after"] == 202


@pytest.mark.parametrize("is_chief", [True, False])
def test_of_several_processes_the_chief_alone_keeps_what_is_remembered(log_dir, counting_trainer, is_chief):
    trainer = counting_trainer()
    trainer.is_chief = is_chief
    trainer.go([HyperParamSetterWithFunc(ObjAttrParam(Holder(), "rate"), lambda epoch, x: x + 1)])
    assert os.path.exists(os.path.join(log_dir, FILENAME)) == is_chief


# ---- ModelSaver ----

def test_what_is_kept_for_ever_is_kept_in_time_over_restarts(log_dir):
    """Runs that are shorter than the period keep a checkpoint of each period together: one is saved every 0.4 hours."""
    def files():
        return sorted(int(name[len("model-"):-len(".index")]) for name in os.listdir(log_dir)
                      if name.startswith("model-") and name.endswith(".index"))

    def make_older(hours):
        for name in os.listdir(log_dir):
            path = os.path.join(log_dir, name)
            moment = os.stat(path).st_mtime - hours * 3600
            os.utime(path, (moment, moment))

    def saver():
        return ModelSaver(max_to_keep=1, keep_checkpoint_every_n_hours=1)

    run([saver()], epochs=1)
    for start in range(2, 12):
        make_older(0.4)
        run([saver()], start=start, epochs=start)
    assert files() == [16, 28, 40, 44]  # of hours 1.2, 2.4 and 3.6, and the newest one
