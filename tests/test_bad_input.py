"""Mistakes of users, seen from the outside: the call must raise an error that names the mistake, and leave nothing behind.

What one module checks of its own arguments is tested beside that module.
"""
import os
import shutil
import threading

import numpy as np
import pytest
from told import messages

from tensorpack import (
    AutoResumeTrainConfig,
    Callback,
    FakeData,
    FullyConnected,
    InferenceRunner,
    MinSaver,
    ModelDesc,
    ModelSaver,
    OfflinePredictor,
    PredictConfig,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    SmartInit,
    TrainConfig,
    launch_train_with_config,
    logger,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.varmanip import save_chkpt_vars

WEIGHTS = {"fc/W": np.ones((4, 3), "float32"), "fc/b": np.zeros(3, "float32")}
DATA_FILE = "model.data-00000-of-00001"


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 4), tf.float32, "x")]

    def build_graph(self, x):
        return tf.reduce_mean(tf.square(FullyConnected("fc", x, 3)), name="cost")

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(.1)


def data():
    return FakeData([[8, 4]], 3, dtype="float32")


class Steps(Callback):
    """Counts the steps of the training."""

    count = 0

    def _trigger_step(self):
        self.count += 1


def train(session_init=None, callbacks=(), **kwargs):
    launch_train_with_config(TrainConfig(**dict(dict(
        model=Model(), data=QueueInput(data()), callbacks=list(callbacks), session_init=session_init, monitors=[],
        extra_callbacks=[], max_epoch=2), **kwargs)), SimpleTrainer())


def predict(session_init=None, **kwargs):
    with OfflinePredictor(PredictConfig(**dict(dict(
            model=Model(), session_init=session_init, input_names=["x"], output_names=["fc/output"]), **kwargs))) as predictor:
        return predictor(np.ones((1, 4)))[0]


# ---- checkpoints -------------------------------------------------------------------------------------------------------

def cut(name, size):
    def change(directory):
        with open(str(directory / name), "r+b") as f:
            f.truncate(size)
    return change


def flip_a_bit(directory):
    content = bytearray((directory / DATA_FILE).read_bytes())
    content[3] ^= 1
    (directory / DATA_FILE).write_bytes(bytes(content))


BROKEN = {
    "no index": (lambda directory: (directory / "model.index").unlink(), "there must be a checkpoint.*no such file"),
    "no data": (lambda directory: (directory / DATA_FILE).unlink(), "data-.*must lie beside.*incomplete"),
    "half of the data": (cut(DATA_FILE, 20), "reading 'fc/.' failed.*damaged"),
    "no bytes of data": (cut(DATA_FILE, 0), "reading 'fc/.' failed.*damaged"),
    "half of the index": (cut("model.index", 30), "opening it failed.*damaged"),
    "no bytes of index": (cut("model.index", 0), "opening it failed.*damaged"),
    "one wrong bit": (flip_a_bit, "reading 'fc/W' failed.*[Cc]hecksum.*damaged"),
}


@pytest.mark.parametrize("kind", sorted(BROKEN))
@pytest.mark.parametrize("use", [train, predict])
def test_a_broken_checkpoint_is_named_before_anything_runs(tmp_path, use, kind):
    directory = tmp_path / "run-7"
    directory.mkdir()
    save_chkpt_vars(WEIGHTS, str(directory / "model"))
    change, words = BROKEN[kind]
    change(directory)
    steps = Steps()
    with pytest.raises(ValueError, match="(?s)run-7/model.*" + words):
        use(SmartInit(str(directory / "model")), **(dict(callbacks=[steps]) if use is train else {}))
    assert steps.count == 0


@pytest.mark.parametrize("use", [train, predict])
@pytest.mark.parametrize("name, remedy", [("model", "prefix="), ("model.npz", "rename the keys")])
def test_a_file_of_another_model_is_an_error_with_names_of_both(tmp_path, use, name, remedy):
    save_chkpt_vars({"conv0/W": np.ones(3, "float32")}, str(tmp_path / name))
    with pytest.raises(ValueError, match=r"(?s)no match.*'fc/W', 'fc/b'.*'conv0/W'.*" + remedy):
        use(SmartInit(str(tmp_path / name)))


@pytest.mark.parametrize("name", ["model", "model.npz"])
@pytest.mark.parametrize("use, advice, not_advised", [
    (train, "pass ignore_mismatch=True", "for training"), (predict, "build it as it was for training", "ignore_mismatch"),
], ids=["train", "predict"])
def test_weights_of_another_shape_are_all_named_with_both_shapes_and_their_file(tmp_path, name, use, advice, not_advised):
    other = {"fc/W": np.ones((5, 3), "float32"), "fc/b": np.ones(5, "float32")}
    save_chkpt_vars(dict(WEIGHTS, **other), str(tmp_path / name))
    words = r"(?s)2 of \d values in the .*{}.* do not fit: .*fc/W.*\(4, 3\).*\(5, 3\).*fc/b.*\(3,\).*\(5,\).*{}".format(
        str(tmp_path / "model"), advice)
    with tf.Graph().as_default(), pytest.raises(ValueError, match=words) as e:
        use(SmartInit(str(tmp_path / name)))
    assert not_advised not in str(e.value)


def truncate_all(directory, ending):
    """Cut all files with this ending to ten bytes; returns the names of their checkpoints."""
    names = [name for name in sorted(os.listdir(directory)) if name.endswith(ending)]
    for name in names:
        with open(os.path.join(directory, name), "r+b") as f:
            f.truncate(10)
    return [name[:-len(ending)] for name in names]


def resume():
    with tf.Graph().as_default():
        launch_train_with_config(AutoResumeTrainConfig(
            model=Model(), dataflow=data(), monitors=[], max_epoch=3), SimpleTrainer())


def test_a_run_whose_checkpoints_are_all_damaged_names_each_and_skips_no_epoch(log_dir, log_records):
    train(callbacks=[ModelSaver()])
    checkpoints = truncate_all(log_dir, ".index")
    del log_records[:]
    resume()
    assert checkpoints == ["model-3", "model-6"]
    for checkpoint in checkpoints:
        assert any(checkpoint in m and "damaged" in m for m in messages(log_records, "WARNING")), checkpoint
    assert [m for m in messages(log_records, "INFO") if m.startswith("Start Epoch")] == [
        "Start Epoch {} ...".format(n) for n in (1, 2, 3)]


def test_a_run_is_never_resumed_from_half_a_checkpoint_without_a_word(log_dir, log_records):
    train(callbacks=[ModelSaver()])
    truncate_all(log_dir, ".data-00000-of-00001")
    del log_records[:]
    try:
        resume()
    except ValueError as e:
        assert "model-6" in str(e) and "damaged" in str(e)
    else:
        assert any("model-6" in m and "damaged" in m for m in messages(log_records, "WARNING"))


# ---- the log directory -------------------------------------------------------------------------------------------------

def test_training_without_a_log_directory_works_and_writes_nothing(tmp_path, monkeypatch, log_records):
    monkeypatch.chdir(tmp_path)
    assert logger.get_logger_dir() is None
    train(callbacks=[InferenceRunner(data(), ScalarStats("cost"))], monitors=None, extra_callbacks=None)
    assert os.listdir(str(tmp_path)) == []
    for writer in ("TFEventWriter", "JSONWriter"):
        assert any(writer in m for m in messages(log_records, "WARNING")), writer


@pytest.mark.parametrize("replace_by_file", [False, True], ids=["deleted", "a file instead"])
def test_a_log_directory_that_is_lost_while_training_does_not_end_it(log_dir, log_records, replace_by_file):
    class Lose(Callback):
        def _before_epoch(self):
            if self.epoch_num == 2:
                shutil.rmtree(log_dir)
                if replace_by_file:
                    open(log_dir, "w").close()

    steps = Steps()
    train(callbacks=[Lose(), ModelSaver(), InferenceRunner(data(), ScalarStats("cost")), MinSaver("validation_cost"), steps],
          monitors=None, extra_callbacks=None, max_epoch=4)
    assert steps.count == 12
    if replace_by_file:
        errors = messages(log_records, "ERROR")
        assert any("ModelSaver: cannot save" in m and "model-6" in m for m in errors)
        assert any("JSONWriter: cannot write" in m for m in errors)
    else:
        assert {"checkpoint", "model-12.index", "stats.json"} <= set(os.listdir(log_dir))


# ---- callbacks ---------------------------------------------------------------------------------------------------------

class Broken(Callback):
    def _setup_graph(self):
        raise LookupError("broken in setup_graph")


def test_an_error_before_the_first_step_is_raised_as_it_is_and_the_next_training_works():
    before = set(threading.enumerate())
    with pytest.raises(LookupError, match="broken in setup_graph"):
        train(callbacks=[Broken()])
    assert not [t for t in threading.enumerate() if t not in before]
    steps = Steps()
    with tf.Graph().as_default():
        train(callbacks=[steps])
    assert steps.count == 6


def test_a_callback_that_was_set_up_in_another_training_is_explained():
    runner = InferenceRunner(data(), ScalarStats("cost"))
    train(callbacks=[runner])
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match="set up once.*make another"):
        train(callbacks=[runner])


def test_a_typo_in_the_name_of_a_fetched_tensor_is_explained():
    class Fetch(Callback):
        def _before_run(self, _):
            return ["fc/ouput"]

    with pytest.raises(KeyError, match="fc/ouput.*fc/output"):
        train(callbacks=[Fetch()])


# ---- exports -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("export", ["export_compact", "export_serving"])
@pytest.mark.parametrize("names, words", [
    (dict(output_names=["fc/ouput"]), "output name 'fc/ouput'.*did you mean 'fc/output:0'"),
    (dict(input_names=["X"]), "input name 'X'.*did you mean 'x:0'"),
], ids=["output", "input"])
def test_a_typo_in_a_name_is_answered_before_anything_is_written(tmp_path, export, names, words):
    config = PredictConfig(**dict(dict(model=Model(), input_names=["x"], output_names=["fc/output"]), **names))
    with pytest.raises(KeyError, match=words):
        getattr(ModelExporter(config), export)(str(tmp_path / "export"))
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("export, target", [
    ("export_compact", "directory"), ("export_compact", "file/below"), ("export_serving", "file"),
    ("export_serving", "file/below"), ("export_serving", "directory"),
])
def test_an_export_to_an_impossible_path_names_it_and_leaves_nothing(tmp_path, export, target):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "kept").write_text("mine")
    config = PredictConfig(model=Model(), input_names=["x"], output_names=["fc/output"])
    with pytest.raises(OSError, match=target.split("/")[0]):
        getattr(ModelExporter(config), export)(str(tmp_path / target))
    assert sorted(os.listdir(str(tmp_path))) == ["directory", "file"]
    assert os.listdir(str(tmp_path / "directory")) == ["kept"] and (tmp_path / "file").read_text() == "mine"
