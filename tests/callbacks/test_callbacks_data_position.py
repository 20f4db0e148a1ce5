"""A training that is resumed sees exactly the datapoints that it would have seen without the interruption."""
import json
import os
import signal
import threading

import numpy as np
import pytest
from data_position_training import numbers, train
from slow_tests import few_on
from small_training import messages
from small_training import train as train_small

from tensorpack import DataFromList, ModelSaver, MultiProcessRunner
from tensorpack.callbacks.data_position import DataPosition
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlowTerminated
from tensorpack.dataflow.resumable import ResumableData
from tensorpack.tfutils.varmanip import load_checkpoint_vars, save_checkpoint_vars
from tensorpack.utils import logger

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "tests", "callbacks", "data_position_training.py")


def run(folder, name, **options):
    """Train in a new graph; {step: rows that it has seen}, in the last run that made the step, and the step that ended it."""
    path = str(folder / name)
    with tf.Graph().as_default():
        if "end_at" in options:
            with pytest.raises(ArithmeticError):
                train(path, path + ".notes", **options)
        else:
            train(path, path + ".notes", **options)
    return notes(path + ".notes")


def notes(path):
    with open(path) as f:
        return dict(map(json.loads, f))


CASES = {
    # epochs of 4 steps over a flow of 7 batches
    "feed": dict(kind="feed"),
    "queue": dict(kind="queue"),
    "staging": dict(kind="staging"),
    "batch-queue": dict(kind="batch-queue", batch=None, per_step=3),
    "dataset": dict(kind="dataset"),
    "another-flow-around": dict(kind="inside"),
    "two-towers": dict(kind="queue", towers=2),
    "triggered-rarely": dict(kind="queue", keep_every=3, save_every=5),
    "never-triggered": dict(kind="queue", keep_every=100),
    "passes-shorter-than-the-queue": dict(kind="queue", size=6),
    "one-datapoint": dict(kind="queue", size=3),
    "mid-epoch": dict(kind="queue", save_every=3),
    "mid-epoch-two-towers-staged": dict(kind="staging", save_every=1, towers=2),
}


@pytest.mark.parametrize("name", few_on(1, sorted(CASES), 3))
def test_the_steps_after_a_restart_see_what_they_would_have_seen(tmp_path, name):
    options = CASES[name]
    expected = run(tmp_path, "whole", **options)
    assert sorted(expected) == list(range(1, 17))
    # the first run ends in the middle of an epoch, the second one as well
    run(tmp_path, "resumed", end_at=6, **options)
    run(tmp_path, "resumed", end_at=11, seed=2, **options)
    got = run(tmp_path, "resumed", seed=3, **options)
    assert {step: rows for step, rows in got.items() if step in expected} == expected


def test_without_the_callback_they_would_see_something_else(tmp_path):
    expected = run(tmp_path, "whole", position=False)
    run(tmp_path, "resumed", position=False, end_at=6)
    assert run(tmp_path, "resumed", position=False, seed=2) != expected


@pytest.fixture
def script(run_program):
    """`script(path, options)` runs a training; (exit status, output)."""
    def run_script(path, options, launcher=()):
        return run_program(*launcher, SCRIPT, path, path + ".notes", json.dumps(options), folder=ROOT)

    return run_script


def test_a_training_that_was_killed_goes_on_with_its_data(script, tmp_path):
    expected = run(tmp_path, "whole", steps=5, save_every=3)
    path = str(tmp_path / "killed")
    status, output = script(path, dict(steps=5, save_every=3, end_at=8, by="kill"))
    assert status == -signal.SIGKILL, output[-3000:]
    assert sorted(notes(path + ".notes")) == list(range(1, 9))
    os.rename(path + ".notes", path + ".before")
    status, output = script(path, dict(steps=5, save_every=3, seed=2))
    assert status == 0, output[-3000:]
    got = notes(path + ".notes")
    assert min(got) == 7  # after the checkpoint of step 6
    assert notes(path + ".before") == {step: rows for step, rows in expected.items() if step <= 8}
    assert {step: rows for step, rows in got.items() if step in expected} == {
        step: rows for step, rows in expected.items() if step > 6}


@pytest.mark.slow
def test_each_worker_of_several_goes_on_with_its_own_data(script, tmp_path):
    def both(name, **options):
        path = str(tmp_path / name)
        status, output = script(path, dict(options, collective=True, size=12), ["-m", "tensorpack.launch", "-n", "2"])
        return status, output, [notes(path + ".notes"), notes(path + ".notes-1")]

    status, output, expected = both("whole")
    assert status == 0, output[-3000:]
    assert expected[0] != expected[1]
    status, output, _ = both("resumed", end_at=6)
    assert status != 0 and "ArithmeticError" in output
    status, output, got = both("resumed", seed=2)
    assert status == 0, output[-3000:]
    assert got == expected


def test_the_position_is_in_every_checkpoint_and_passes_through_files(tmp_path):
    run(tmp_path, "log", save_every=3)
    for name, step in [("model-3", 0), ("model-9", 8), ("max-steps", 16)]:
        values = load_checkpoint_vars(str(tmp_path / "log" / name))
        state = json.loads(values["data_position"])[0]
        assert (state["global_step"], state["datapoints_per_step"], state["flow"]["position"]) == (step, 1, step)
    save_checkpoint_vars(values, str(tmp_path / "copy"))
    assert load_checkpoint_vars(str(tmp_path / "copy"))["data_position"] == values["data_position"]


def test_it_must_come_before_the_saver(log_dir):
    with pytest.raises(RuntimeError, match="must come before ModelSaver"):
        train_small([ModelSaver(), DataPosition(ResumableData(numbers(5, None)))])


def resume_with(tmp_path, log_records, **options):
    run(tmp_path, "log", end_at=6)
    del log_records[:]
    got = run(tmp_path, "log", seed=2, **options)
    assert sorted(got) == list(range(1, 17))  # it has trained on
    return messages(log_records, "WARNING")


def test_a_checkpoint_without_position_begins_a_new_pass_with_a_warning(tmp_path, log_records):
    run(tmp_path, "log", position=False, end_at=6)
    run(tmp_path, "log")
    assert any("has no position" in text for text in messages(log_records, "WARNING"))


def test_another_flow_begins_a_new_pass_with_a_warning(tmp_path, log_records):
    flow = ResumableData(DataFromList([[[[k, k]]] for k in range(5)], shuffle=False))
    warnings = resume_with(tmp_path, log_records, flow=flow)
    assert any("is not that of this flow" in text and "ds.ds.ds.rng" in text for text in warnings)


@pytest.mark.parametrize("stored, warning", [
    ([{"global_step": 7, "datapoints_per_step": 1, "flow": {"position": 7}}], "is of global_step 7, but training starts at 3"),
    ([{}, {}], "positions of 2 workers, but there are 1"),
], ids=["later step", "more workers"])
def test_a_position_of_another_training_begins_a_new_pass_with_a_warning(log_dir, log_records, stored, warning):
    path = os.path.join(log_dir, "model")
    save_checkpoint_vars({"v": np.zeros(1, "float32"), "global_step": np.int64(3), "data_position": json.dumps(stored)}, path)
    flow = ResumableData(numbers(5, None))
    flow.reset_state()
    train_small([DataPosition(flow)], steps=0, restore=path)
    assert any(warning in text for text in messages(log_records, "WARNING"))
    assert flow.state_dict()["position"] == 0


def test_a_flow_that_the_trainer_does_not_read_is_an_error(tmp_path):
    other = ResumableData(numbers(5, None))
    other.reset_state()
    logger.set_logger_dir(str(tmp_path))
    with pytest.raises(ValueError, match="DataPosition: the trainer must read this flow, in this process, and take 2 "
                                         "datapoints in each step; .*datapoints_per_step"):
        train_small([DataPosition(other, 2)])


def test_other_flows_are_refused():
    with pytest.raises(TypeError, match="flow must be a ResumableData; got DataFromList"):
        DataPosition(DataFromList([1]))
    with pytest.raises(ValueError, match="got MultiProcessRunner"):
        DataPosition(ResumableData(MultiProcessRunner(numbers(5, None), 2, 1)))


def test_the_number_of_datapoints_must_be_given_with_a_batch_queue(tmp_path):
    with pytest.raises(ValueError, match="datapoints_per_step must be given .* the batch size of a BatchQueueInput"):
        train(str(tmp_path / "log"), str(tmp_path / "notes"), kind="batch-queue", batch=None)


def test_who_waits_for_the_other_workers_is_let_go_when_the_training_ends(monkeypatch):
    position = DataPosition(ResumableData(numbers(5, None)))
    monkeypatch.setattr(position, "_num_workers", lambda: 2)
    ended = []

    def wait():
        with pytest.raises(DataFlowTerminated):
            position._restore()
        ended.append(True)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive()
    position.after_train()
    thread.join(120)
    assert ended == [True]


def test_horovod_is_refused():
    class Hvd:
        @staticmethod
        def size():
            return 2

    class Trainer:
        hvd = Hvd
        is_chief = True

    with pytest.raises(RuntimeError, match="processes of Horovod"):
        DataPosition(ResumableData(numbers(5, None))).setup_graph(Trainer())
