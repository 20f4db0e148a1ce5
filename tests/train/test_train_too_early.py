"""What a callback or a user reads before it is there is an error that says when it will be."""
import pytest
from told import notes

from tensorpack import Callback, CallbackFactory, DataFromList, EarlyStop, QueueInput, SimpleTrainer, Trainer, tfv1
from tensorpack.callbacks.monitor import MonitorBase


class CountingTrainer(Trainer):
    """Trains nothing: each step adds one to a variable."""

    def __init__(self):
        super().__init__()
        with self.graph.as_default():
            variable = tfv1.get_variable("steps_seen", shape=(), initializer=tfv1.zeros_initializer(), trainable=False)
            self.train_op = tfv1.assign_add(variable, 1.).op

    def go(self, callbacks):
        self.train_with_defaults(callbacks=callbacks, monitors=[], steps_per_epoch=2, max_epoch=3)


def put(cb):
    cb.trainer.monitors.put_scalar("size", 3)


SESSION = "there is no session before all callbacks have added to the graph; use it from _before_train on"


@pytest.mark.parametrize("read, words", [
    (lambda cb: cb.trainer.sess.run("x"), "CountingTrainer.sess: " + SESSION),
    (lambda cb: cb.trainer.hooked_sess.run("x"), "CountingTrainer.hooked_sess: " + SESSION),
    (lambda cb: cb.trainer.steps_per_epoch + 1, "TrainLoop.steps_per_epoch: it is known from _before_train on"),
    (lambda cb: cb.trainer.max_epoch + 1, "TrainLoop.max_epoch: it is known"),
    (lambda cb: cb.trainer.starting_epoch + 1, "TrainLoop.starting_epoch: it is known"),
    (put, "Monitors.trainer: statistics can be put from _before_train on"),
], ids=["sess", "hooked_sess", "steps_per_epoch", "max_epoch", "starting_epoch", "monitors"])
def test_in_setup_graph(read, words):
    with pytest.raises(RuntimeError, match=words):
        CountingTrainer().go([CallbackFactory(setup_graph=read)])


@pytest.mark.parametrize("read, words", [
    (lambda cb: cb.trainer.monitors, "Callback.trainer: a callback has its trainer from _setup_graph on"),
    (lambda cb: cb.epoch_num, "Callback.trainer: a callback has its trainer from _setup_graph on"),
    (lambda cb: cb.graph.get_operations(), "Callback.graph: a callback has its graph from _setup_graph on"),
], ids=["trainer", "epoch_num", "graph"])
def test_in_the_constructor_of_a_callback(read, words):
    with pytest.raises(RuntimeError, match=words):
        read(Callback())


def test_they_are_there_when_training_begins():
    seen = []

    def look(cb):
        seen.append(cb.trainer.sess.run(cb.trainer.graph.get_tensor_by_name("steps_seen:0")))
        seen.extend([cb.trainer.steps_per_epoch, cb.trainer.max_epoch, cb.trainer.starting_epoch])

    CountingTrainer().go([CallbackFactory(before_train=look)])
    assert seen == [0, 2, 3, 1]


def test_operations_that_are_made_too_late_are_explained(log_records):
    with pytest.raises(RuntimeError, match="finalized") as e:
        CountingTrainer().go([CallbackFactory(trigger=lambda cb: tfv1.constant(1))])
    assert any("makes its operations and predictors in _setup_graph" in note for note in notes(e.value, log_records))


def test_asking_whether_they_are_there_is_possible():
    trainer = CountingTrainer()
    assert getattr(trainer, "sess", None) is None and not hasattr(trainer, "hooked_sess")
    assert Trainer.sess is None and Trainer.hooked_sess is None
    assert not hasattr(Callback(), "trainer") and not hasattr(MonitorBase(), "graph")


def test_an_early_stop_reads_as_a_normal_end(log_records):
    class Put(Callback):
        def _trigger(self):
            self.trainer.monitors.put_scalar("error", 1.)

    CountingTrainer().go([Put(), EarlyStop("error", 1)])
    last = log_records[-1].getMessage()
    assert last.startswith("Training ends here: EarlyStop: 'error' has not become better")
    assert not [record for record in log_records if "exception" in record.getMessage().lower()]


@pytest.mark.parametrize("call", [
    lambda trainer: trainer.train_with_defaults(callbacks=[], steps_per_epoch=1, max_epoch=1),
    lambda trainer: trainer.get_predictor(["x"], ["y"]),
], ids=["train", "get_predictor"])
def test_a_trainer_without_a_graph_says_what_makes_it(call):
    words = r"^SimpleTrainer.*: .*; call setup_graph\(...\) before, or launch_train_with_config\(config, trainer\), which does"
    with pytest.raises(RuntimeError, match=words):
        call(SimpleTrainer())


class OwnSteps(SimpleTrainer):
    """Needs no graph of the usual kind."""

    steps = 0

    def run_step(self):
        self.steps += 1


def test_a_trainer_with_steps_of_its_own_needs_none():
    trainer = OwnSteps()
    trainer.train_with_defaults(callbacks=[], monitors=[], steps_per_epoch=2, max_epoch=2)
    assert trainer.steps == 4


X = [tfv1.TensorSpec([], "float32", "x")]


@pytest.mark.parametrize("input, optimizer, words", [
    (QueueInput(DataFromList([[1.0]])), tfv1.train.AdamOptimizer(1e-2),
     "SimpleTrainer: get_opt_fn must be a function without arguments.*; if you have one, lambda: optimizer; got .*Adam"),
    (DataFromList([[1.0]]), lambda: tfv1.train.AdamOptimizer(1e-2),
     r"setup_graph: input must be an InputSource; got .*DataFromList.*; try QueueInput\(dataflow\)"),
], ids=["optimizer", "dataflow"])
def test_what_setup_graph_does_not_take(input, optimizer, words):
    with pytest.raises(TypeError, match=words):
        SimpleTrainer().setup_graph(X, input, lambda x: x * tfv1.get_variable("w", []), optimizer)


def test_data_of_a_step_beside_the_step_are_explained(log_records):
    x = tfv1.placeholder(tfv1.float32, [], "x")
    with pytest.raises(tfv1.errors.InvalidArgumentError, match="must feed a value for placeholder") as e:
        CountingTrainer().go([CallbackFactory(trigger=lambda cb: cb.trainer.sess.run(x))])
    assert any("let _before_run of the callback return tf.train" in note for note in notes(e.value, log_records))
