"""A relative log directory stays where it was when the program goes to another directory."""
import os

import pytest
from small_training import Call, train

from tensorpack.callbacks.graph import DumpTensors
from tensorpack.callbacks.monitor import JSONWriter, TFEventWriter
from tensorpack.callbacks.param import HumanHyperParamSetter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.compat import tfv1 as tf
from tensorpack.train._resume import checkpoint_directory, find_checkpoint
from tensorpack.utils import logger


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def files(folder):
    return sorted(os.path.relpath(os.path.join(where, name), str(folder)).split(".tfevents")[0]
                  for where, _, names in os.walk(str(folder)) for name in names)


@pytest.mark.parametrize("moment", ["before the callbacks are made", "after the callbacks are made"])
def test_all_files_are_in_the_log_directory(folders, moment):
    logger.set_logger_dir("log/run")
    (folders / "log" / "run" / "hyper.txt").write_text("rate:3\n")
    rate = tf.get_variable("rate", [], initializer=tf.zeros_initializer())
    if moment.startswith("before"):
        os.chdir("elsewhere")
    callbacks = [ModelSaver(), DumpTensors(["v"]), HumanHyperParamSetter("rate")]
    os.chdir(str(folders / "elsewhere"))
    values = []
    callbacks.append(Call(after_train=lambda cb: values.append(cb.trainer.sess.run(rate))))
    train(callbacks, [JSONWriter(), TFEventWriter()], steps=2, epochs=1)
    assert values == [3]
    assert files(folders / "elsewhere") == []
    found = files(folders / "log" / "run")
    assert {"log.log", "stats.json", "checkpoint", "events.out", "DumpTensor-1.npz", "model-2.index"} <= set(found)
    assert logger.get_logger_dir() == str(folders / "log" / "run")


def test_a_directory_of_the_users_own_is_as_in_any_program(folders):
    logger.set_logger_dir("log")
    saver = ModelSaver(checkpoint_dir="saved")
    os.chdir("elsewhere")
    train([saver], steps=1, epochs=1)
    assert "model-1.index" in files(folders / "elsewhere" / "saved")


def test_a_directory_is_as_it_was_given_until_then(folders):
    logger.set_logger_dir("log")
    assert logger.get_logger_dir() == logger.LOG_DIR == "log"
    os.chdir("elsewhere")
    assert logger.get_logger_dir() == str(folders / "log")
    os.chdir("..")
    assert logger.get_logger_dir() == "log"


@pytest.mark.parametrize("moment", ["before the callbacks are made", "after the callbacks are made"])
def test_a_resumed_training_finds_its_checkpoint(folders, moment):
    logger.set_logger_dir("log")
    train([ModelSaver()], steps=2, epochs=1)
    logger.set_logger_dir("log", "k")
    if moment.startswith("before"):
        os.chdir("elsewhere")
    callbacks = [ModelSaver()]
    os.chdir(str(folders / "elsewhere"))
    assert find_checkpoint(checkpoint_directory(callbacks)) == str(folders / "log" / "model-2")
