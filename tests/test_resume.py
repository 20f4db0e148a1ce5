"""A training that is killed with SIGKILL and started again goes on at the right epoch, with valid files."""
import json
import os
import signal

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = os.path.join(ROOT, "tests", "scripts", "resumable_training.py")


@pytest.fixture(scope="module")
def run(run_program):
    """`run(logdir, *arguments)`: (exit status, output) of one run of the script."""
    return lambda logdir, *arguments: run_program(SCRIPT, logdir, *arguments, folder=ROOT)


def weights(output):
    line = next(line for line in output.splitlines() if line.startswith("WEIGHTS"))
    return line


def epochs_of(logdir):
    with open(os.path.join(str(logdir), "stats.json")) as f:
        return [record["epoch_num"] for record in json.load(f) if record["global_step"] % 6 == 0]


@pytest.fixture(scope="module")
def uninterrupted(run, tmp_path_factory):
    status, output = run(tmp_path_factory.mktemp("resume") / "whole", 4)
    assert status == 0, output[-3000:]
    return weights(output)


@pytest.mark.parametrize("moment, epoch, resumed_at, epochs", [
    ("before_train", 0, 1, [1, 2, 3, 4]),
    ("step", 1, 1, [1, 2, 3, 4]),
    ("step", 3, 3, [1, 2, 3, 4]),
    # the checkpoint of the epoch is there, its statistics are those that came before it
    ("after_saver", 2, 3, [1, 2, 3, 4]),
], ids=["before-training", "before-the-first-checkpoint", "within-an-epoch", "between-checkpoint-and-statistics"])
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(run, tmp_path, uninterrupted, moment, epoch, resumed_at,
                                                                  epochs):
    logdir = tmp_path / "log"
    status, output = run(logdir, 4, moment, epoch)
    assert status == -signal.SIGKILL, output[-3000:]
    if os.path.exists(str(logdir / "stats.json")):
        json.loads((logdir / "stats.json").read_text())  # valid at the moment of the kill

    status, output = run(logdir, 4)
    assert status == 0, output[-3000:]
    assert "Start Epoch {} ...".format(resumed_at) in output
    assert "Start Epoch {} ...".format(resumed_at - 1) not in output
    assert weights(output) == uninterrupted
    assert epochs_of(logdir) == epochs


def test_a_finished_training_can_be_prolonged(run, tmp_path, uninterrupted):
    assert run(tmp_path / "log", 2)[0] == 0
    status, output = run(tmp_path / "log", 4)
    assert status == 0 and "Start Epoch 3 ..." in output and "Start Epoch 2 ..." not in output, output[-3000:]
    assert weights(output) == uninterrupted
    assert epochs_of(tmp_path / "log") == [1, 2, 3, 4]


@pytest.mark.parametrize("damaged", ["model-18.index", "model-18.data-00000-of-00001"], ids=["index", "data"])
def test_a_damaged_newest_checkpoint_is_passed_over(run, tmp_path, uninterrupted, damaged):
    assert run(tmp_path / "log", 3)[0] == 0
    with open(str(tmp_path / "log" / damaged), "r+b") as f:
        f.truncate(10)
    status, output = run(tmp_path / "log", 4)
    assert status == 0, output[-3000:]
    assert "model-18" in output and "missing or damaged" in output and "Start Epoch 3 ..." in output
    assert weights(output) == uninterrupted
    assert epochs_of(tmp_path / "log") == [1, 2, 3, 4]
