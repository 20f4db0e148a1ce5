"""A log directory that is set after the callbacks were made is the one that they use."""
import os

import pytest
from small_training import Call, PutEachEpoch, strict_json, train

from tensorpack import ModelDesc, SimpleTrainer, TrainConfig, launch_train_with_config
from tensorpack.callbacks import DumpTensors, GraphProfiler, HumanHyperParamSetter, MaxSaver, MinSaver, ModelSaver
from tensorpack.callbacks.monitor import JSONWriter, TFEventWriter
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromList
from tensorpack.train.config import DEFAULT_MONITORS
from tensorpack.utils import logger


@pytest.fixture
def later(tmp_path):
    """A function that sets the log directory."""

    def set_it():
        logger.set_logger_dir(str(tmp_path / "log"))
        return str(tmp_path / "log")

    return set_it


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([], tf.float32, "x")]

    def build_graph(self, x):
        return x * tf.get_variable("w", [])

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.1)


def test_a_config_that_was_made_before(later, log_records):
    config = TrainConfig(model=Model(), dataflow=DataFromList([[1.]]), callbacks=[ModelSaver()], steps_per_epoch=2, max_epoch=1)
    names = os.listdir(later())
    launch_train_with_config(config, SimpleTrainer())
    made = sorted(set(os.listdir(logger.get_logger_dir())) - set(names))
    assert [name for name in made if name.startswith("events.out.tfevents")] and "checkpoint" in made
    assert not [r for r in log_records if "no log directory" in r.getMessage()]


@pytest.mark.parametrize("make, expected", [
    (lambda: ([ModelSaver()], []), "model-2.index"),
    (lambda: ([MinSaver("x")], []), "min-x.index"), (lambda: ([MaxSaver("x", keep=2)], []), "max-x-2-5.index"),
    (lambda: ([DumpTensors(["v:0"])], []), "DumpTensor-1.npz"), (lambda: ([GraphProfiler()], []), "chrome-trace-1.json"),
    (lambda: ([], [JSONWriter()]), "stats.json"), (lambda: ([], [TFEventWriter()]), "events.out."),
    (lambda: ([], DEFAULT_MONITORS()), "stats.json")])
def test_each_callback_that_writes_files(make, expected, later):
    callbacks, monitors = make()
    directory = later()
    train([PutEachEpoch("x", {1: 5.})] + callbacks, monitors, steps=2, epochs=1)
    assert any(name.startswith(expected) for name in os.listdir(directory)), os.listdir(directory)
    if expected == "stats.json":
        assert [record["x"] for record in strict_json(os.path.join(directory, "stats.json"))] == [5]


def test_a_parameter_is_read_from_it(later):
    tf.get_variable("rate", [], initializer=tf.zeros_initializer(), trainable=False)
    setter, values = HumanHyperParamSetter("rate"), []
    with open(os.path.join(later(), "hyper.txt"), "w") as f:
        f.write("rate:7\n")
    train([setter, Call(trigger_step=lambda cb: values.append(cb.trainer.sess.run("rate:0")))], steps=1, epochs=1)
    assert values == [7]
