"""The training loop: order, counters, endings."""
import gc

import numpy as np
import pytest

from tensorpack import (
    Callback,
    CallbackFactory,
    FeedInput,
    InferenceRunner,
    JSONWriter,
    JustCurrentSession,
    ModelSaver,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    StopTraining,
    TrainConfig,
    Trainer,
    launch_train_with_config,
    tfv1,
)
from tensorpack.tfutils.sesscreate import NewSessionCreator


class CountingTrainer(Trainer):
    """Trains nothing: each step adds one to a variable."""

    def __init__(self):
        super().__init__()
        with self.graph.as_default():
            self.variable = tfv1.get_variable("steps_seen", shape=(), initializer=tfv1.zeros_initializer(), trainable=False)
            self.train_op = tfv1.assign_add(self.variable, 1.).op

    def go(self, callbacks=(), steps_per_epoch=4, **kwargs):
        kwargs.setdefault("max_epoch", 2)
        self.train_with_defaults(callbacks=list(callbacks), monitors=[], steps_per_epoch=steps_per_epoch, **kwargs)


class Journal(Callback):
    """Notes what is called with (epoch_num, global_step, local_step)."""

    _chief_only = False

    def __init__(self, fail_at=None, error=None):
        self.calls, self.fail_at, self.error = [], fail_at, error

    def _note(self, event):
        self.calls.append((event, self.epoch_num, self.global_step, self.local_step))
        if event == self.fail_at:
            raise self.error

    def _before_train(self):
        self._note("before_train")

    def _before_epoch(self):
        self._note("before_epoch")

    def _before_run(self, ctx):
        self._note("before_run")

    def _after_run(self, ctx, values):
        self._note("after_run")

    def _trigger_step(self):
        self._note("trigger_step")

    def _after_epoch(self):
        self._note("after_epoch")

    def _trigger_epoch(self):
        self._note("trigger_epoch")

    def _after_train(self):
        self._note("after_train")

    def names(self):
        return [call[0] for call in self.calls]


def test_events_come_in_order_with_the_counters_of_the_contract():
    journal = Journal()
    CountingTrainer().go([journal], steps_per_epoch=2, max_epoch=2)
    assert journal.calls == [
        ("before_train", 0, 0, -1),
        ("before_epoch", 1, 0, -1),
        ("before_run", 1, 0, 0), ("after_run", 1, 1, 0), ("trigger_step", 1, 1, 0),
        ("before_run", 1, 1, 1), ("after_run", 1, 2, 1), ("trigger_step", 1, 2, 1),
        ("after_epoch", 1, 2, 1), ("trigger_epoch", 1, 2, 1),
        ("before_epoch", 2, 2, 1),
        ("before_run", 2, 2, 0), ("after_run", 2, 3, 0), ("trigger_step", 2, 3, 0),
        ("before_run", 2, 3, 1), ("after_run", 2, 4, 1), ("trigger_step", 2, 4, 1),
        ("after_epoch", 2, 4, 1), ("trigger_epoch", 2, 4, 1),
        ("after_train", 2, 4, 1),
    ]


@pytest.mark.parametrize("kwargs, events", [
    (dict(steps_per_epoch=0, max_epoch=1), ["before_train", "before_epoch", "after_epoch", "trigger_epoch", "after_train"]),
    (dict(starting_epoch=3, max_epoch=2), ["before_train", "after_train"]),
], ids=["no-steps", "no-epochs"])
def test_empty_loops_still_call_what_is_around_them(kwargs, events):
    journal = Journal()
    CountingTrainer().go([journal], **kwargs)
    assert journal.names() == events


def test_starting_epoch_numbers_the_epochs():
    journal = Journal()
    CountingTrainer().go([journal], starting_epoch=3, max_epoch=4, steps_per_epoch=1)
    assert [call[1] for call in journal.calls if call[0] == "trigger_epoch"] == [3, 4]
    assert journal.calls[0] == ("before_train", 2, 0, -1)


@pytest.mark.parametrize("moment", ["before_train", "before_run", "after_run", "trigger_step", "trigger_epoch"])
def test_stop_training_ends_normally_from_anywhere(moment):
    first, middle, last = Journal(), Journal(moment, StopTraining("enough")), Journal()
    CountingTrainer().go([first, middle, last])
    assert first.names()[-2] == moment and moment not in last.names()
    assert [journal.names()[-1] for journal in (first, middle, last)] == ["after_train"] * 3


@pytest.mark.parametrize("moment", ["before_train", "before_epoch", "before_run", "after_run", "trigger_step", "after_epoch",
                                    "trigger_epoch"])
@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), SystemExit(3)], ids=lambda e: type(e).__name__)
def test_any_other_exception_is_raised_after_the_clean_up(moment, error):
    trainer, others = CountingTrainer(), [Journal(), Journal()]
    with pytest.raises(type(error)) as info:
        trainer.go([others[0], Journal(moment, error), others[1]])
    assert info.value is error
    assert [journal.names()[-1] for journal in others] == ["after_train"] * 2
    with pytest.raises(RuntimeError):
        trainer.sess.run(trainer.variable)


@pytest.mark.parametrize("others", [[], [("trigger_step", StopTraining("enough"))]], ids=["finished", "stopped"])
def test_an_error_in_after_train_is_raised_when_nothing_else_failed(log_records, others):
    last = Journal()
    with pytest.raises(ValueError, match="late"):
        CountingTrainer().go([Journal("after_train", ValueError("late")), last] + [Journal(*args) for args in others])
    assert last.names()[-1] == "after_train"
    assert any("after_train failed" in r.getMessage() for r in log_records if r.levelname == "ERROR")


def test_stop_training_in_after_train_is_no_error():
    last = Journal()
    CountingTrainer().go([Journal("after_train", StopTraining("too late")), last])
    assert last.names()[-1] == "after_train"


def test_an_error_in_after_train_does_not_hide_the_first_error():
    with pytest.raises(KeyError, match="first"):
        CountingTrainer().go([Journal("after_train", ValueError("late")), Journal("trigger_step", KeyError("first"))])


def test_data_that_ends_stops_the_training_with_a_warning(log_records):
    def end():
        raise tfv1.errors.OutOfRangeError(None, None, "no more data")

    class Ending(Callback):
        def _trigger_step(self):
            if self.local_step == 2:
                end()

    journal = Journal()
    CountingTrainer().go([journal, Ending()])
    assert journal.names()[-1] == "after_train"
    assert any("step 3 of 4 in epoch 1" in r.getMessage() for r in log_records if r.levelname == "WARNING")


def test_a_hook_that_requests_a_stop_ends_the_training():
    class Stopper(Callback):
        def _after_run(self, context, values):
            if self.global_step == 3:
                context.request_stop()

    trainer = CountingTrainer()
    trainer.go([Stopper()])
    assert trainer.global_step == 3


def test_a_step_may_run_the_hooked_session_several_times():
    class Twice(CountingTrainer):
        def run_step(self):
            for _ in range(2):
                self.hooked_sess.run(self.train_op)

    trainer = Twice()
    trainer.go()
    assert trainer.global_step == 16


def test_a_trainer_without_train_op_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="set train_op, or override run_step"):
        Trainer().train_with_defaults(steps_per_epoch=1, max_epoch=1, monitors=[])


def test_a_trainer_trains_once():
    trainer = CountingTrainer()
    trainer.go()
    with pytest.raises(RuntimeError, match="once"):
        trainer.go()


def test_a_second_trainer_in_the_process_works_in_a_graph_of_its_own(linear_model, linear_data):
    graphs = []
    for _ in range(2):
        trainer = SimpleTrainer()
        launch_train_with_config(
            TrainConfig(model=linear_model(), dataflow=linear_data(), monitors=[], max_epoch=1), trainer)
        assert trainer.global_step == 8
        graphs.append(trainer.graph)
    assert graphs[0] is not graphs[1]


def test_callbacks_are_registered_before_the_setup_only():
    trainer, late = CountingTrainer(), []

    class Late(Callback):
        def _before_train(self):
            try:
                self.trainer.register_callback(Journal())
            except RuntimeError as e:
                late.append(str(e))

    assert trainer.register_callback(Journal()) is True
    assert trainer.register_callback([Journal(), Journal()]) is None
    with pytest.raises(TypeError, match="must be a Callback"):
        trainer.register_callback(lambda: None)
    trainer.go([Late()])
    assert len(late) == 1 and "before setup_callbacks" in late[0]


def test_other_processes_than_the_chief_skip_chief_only_callbacks(log_records):
    class Worker(CountingTrainer):
        is_chief = False

    chief, everybody, trainer = Journal().set_chief_only(True), Journal(), Worker()
    trainer.go([chief, everybody])
    assert chief.calls == [] and everybody.calls
    told = [record for record in log_records if "Left to the chief: " in record.getMessage()]
    assert [record.levelname for record in told] == ["INFO"] and "Journal, " in told[0].getMessage()
    assert not any("List of Trainable Variables" in record.getMessage() for record in log_records)
    assert "ProgressBar" in [str(cb) for cb in trainer._callbacks.cbs]
    assert "MergeAllSummaries" not in " ".join(str(cb) for cb in trainer._callbacks.cbs)


def test_monitors_among_the_callbacks_are_refused(log_dir):
    with pytest.raises(ValueError, match="monitors must be given as"):
        CountingTrainer().go([JSONWriter()])


@pytest.mark.parametrize("kwargs, error, words", [
    (dict(callbacks=()), TypeError, "callbacks must be a list"),
    (dict(monitors=()), TypeError, "monitors must be a list"),
    (dict(session_init="model"), TypeError, "must be a SessionInit"),
    (dict(session_creator="model"), TypeError, "must be a SessionCreator"),
    (dict(steps_per_epoch=-1), ValueError, "steps_per_epoch must be >= 0"),
    (dict(max_epoch=-1), ValueError, "max_epoch must be >= 0"),
], ids=lambda v: next(iter(v)) if isinstance(v, dict) else None)
def test_wrong_arguments_of_train_are_named(kwargs, error, words):
    arguments = dict(callbacks=[], monitors=[], session_creator=NewSessionCreator(), session_init=JustCurrentSession(),
                     steps_per_epoch=1, starting_epoch=1, max_epoch=1)
    with pytest.raises(error, match=words):
        CountingTrainer().train(**dict(arguments, **kwargs))


def test_train_with_defaults_takes_keywords_and_needs_steps():
    with pytest.raises(TypeError, match="keyword arguments only"):
        Trainer().train_with_defaults([])
    with pytest.raises(ValueError, match="steps_per_epoch must be given"):
        Trainer().train_with_defaults(monitors=[])


def test_final_order_of_callbacks(linear_model, linear_data, log_dir):
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(
        model=linear_model(), dataflow=linear_data(), callbacks=[ModelSaver(), CallbackFactory()], max_epoch=1), trainer)
    assert [str(cb) for cb in trainer._callbacks.cbs] == [
        "CallbackFactory", "_FeedCallback", "CallbackFactory", "MaintainStepCounter", "ModelSaver", "CallbackFactory",
        "MovingAverageSummary", "ProgressBar", "MergeAllSummaries_RunWithOp", "RunUpdateOps",
        "TFEventWriter", "JSONWriter", "ScalarPrinter", "Monitors"]


def test_the_graph_is_final_and_the_trainer_is_released(linear_model, linear_data):
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(model=linear_model(), dataflow=linear_data(), monitors=[], max_epoch=1), trainer)
    assert trainer.graph.finalized
    loop = trainer.loop
    callback = trainer._callbacks.cbs[0]
    del trainer
    gc.collect()
    with pytest.raises(ReferenceError):  # callbacks hold the trainer weakly
        callback.trainer.loop  # noqa: B018
    assert loop.global_step == 8


@pytest.mark.parametrize("make_input", [FeedInput, QueueInput], ids=["feed", "queue"])
def test_training_learns_the_weights(linear_model, linear_data, make_input):
    weights = []

    class Watch(Callback):
        def _trigger_epoch(self):
            weights.append(self.trainer.sess.run("W:0")[:, 0])

    launch_train_with_config(TrainConfig(
        model=linear_model(lambda: tfv1.train.AdamOptimizer(0.05)), data=make_input(linear_data(16)), callbacks=[Watch()],
        monitors=[], steps_per_epoch=100, max_epoch=3), SimpleTrainer())
    np.testing.assert_allclose(weights[-1], [1, -2, 0.5], atol=0.05)


def test_validation_during_training_equals_the_training_cost(linear_model, linear_data, log_dir):
    launch_train_with_config(TrainConfig(
        model=linear_model(lambda: tfv1.train.GradientDescentOptimizer(0.)), dataflow=linear_data(),
        callbacks=[InferenceRunner(linear_data(), ScalarStats("cost"))], max_epoch=1), SimpleTrainer())
    expected = np.mean([np.square(y).mean() for _, y in linear_data()])
    record, = JSONWriter.load_existing_json()
    np.testing.assert_allclose(record["validation_cost"], expected, rtol=1e-5)
