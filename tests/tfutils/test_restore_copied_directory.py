"""A directory that was copied or moved has its own checkpoints, whatever paths its state file lists."""
import os
import shutil

import numpy as np
import pytest

from tensorpack import AutoResumeTrainConfig, ModelSaver, tfv1
from tensorpack.tfutils.sesscreate import NewSessionCreator
from tensorpack.tfutils.sessinit import DictRestore, SmartInit
from tensorpack.tfutils.varmanip import get_checkpoint_path, load_checkpoint_vars, save_checkpoint_vars
from tensorpack.train._resume import find_checkpoint
from tensorpack.train.base import Trainer

tf = tfv1
EACH_WAY = pytest.mark.parametrize("find", [
    get_checkpoint_path, lambda directory: get_checkpoint_path(os.path.join(directory, "checkpoint")),
    lambda directory: SmartInit(directory).path, find_checkpoint,
    lambda directory: AutoResumeTrainConfig.get_sessinit_resume(directory).path,
], ids=["directory", "state-file", "SmartInit", "resume", "AutoResumeTrainConfig"])


def save(directory, value, *steps):
    """What a plain Saver leaves: a state file with absolute paths."""
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.get_variable("a", initializer=np.float32(value))
        sess.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        for step in steps:
            saver.save(sess, os.path.join(directory, "model"), global_step=step, write_meta_graph=False)
    with open(os.path.join(directory, "checkpoint")) as f:
        assert '"' + directory + "/model-" in f.read()


@pytest.fixture
def original(tmp_path):
    path = str(tmp_path / "original")
    os.mkdir(path)
    save(path, 1., 1, 2)
    return path


@pytest.fixture
def copy(original, tmp_path):
    path = str(tmp_path / "copy")
    shutil.copytree(original, path)
    return path


def warnings_in(records):
    return [r.getMessage() for r in records if r.levelname == "WARNING"]


@EACH_WAY
def test_a_copy_loads_its_own_checkpoint(original, copy, find, log_records):
    assert os.path.realpath(find(copy)) == os.path.join(copy, "model-2")
    assert os.path.realpath(find(original)) == os.path.join(original, "model-2")
    assert warnings_in(log_records) == []


@EACH_WAY
def test_a_copy_that_differs_is_warned_about(original, copy, find, log_records):
    save_checkpoint_vars({"a": np.float32(7)}, os.path.join(copy, "model-2"))
    assert load_checkpoint_vars(find(copy))["a"] == 7
    warning, = warnings_in(log_records)
    assert os.path.join(original, "model-2") in warning and copy in warning


@EACH_WAY
def test_a_moved_directory_has_its_own_checkpoint(original, tmp_path, find, log_records):
    moved = str(tmp_path / "moved")
    os.rename(original, moved)
    assert os.path.realpath(find(moved)) == os.path.join(moved, "model-2")
    assert warnings_in(log_records) == []


@EACH_WAY
def test_a_copy_of_some_files_falls_back_to_its_own_ones(original, copy, find):
    os.remove(os.path.join(copy, "model-2.data-00000-of-00001"))
    shutil.rmtree(original)
    assert os.path.realpath(find(copy)) == os.path.join(copy, "model-1")


@EACH_WAY
def test_a_checkpoint_elsewhere_is_found_if_there_is_none_beside_the_list(original, tmp_path, find, log_records):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(os.path.join(original, "checkpoint"), str(other))
    assert os.path.realpath(find(str(other))) == os.path.join(original, "model-2")
    assert any(original in m for m in warnings_in(log_records))


@EACH_WAY
def test_a_link_is_no_copy(original, tmp_path, find, log_records):
    link = str(tmp_path / "link")
    os.symlink(original, link)
    save_checkpoint_vars({"a": np.float32(7)}, os.path.join(original, "model-2"))
    assert load_checkpoint_vars(find(link))["a"] == 7
    assert warnings_in(log_records) == []


def test_relative_paths_stand_for_the_place_that_they_say(tmp_path):
    for place, value in [("sub", 1.), ("", 2.)]:
        save_checkpoint_vars({"a": np.float32(value)}, str(tmp_path / place / "m"))
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "sub/m"\n')
    assert load_checkpoint_vars(str(tmp_path))["a"] == 1


def test_a_training_in_a_copy_deletes_nothing_of_the_original(original, copy):
    """`max_to_keep` counts the checkpoints of the run that goes on."""
    before = sorted(os.listdir(original))
    with tf.Graph().as_default():
        trainer = Trainer()
        tf.get_variable("a", initializer=np.float32(0))
        trainer.train_op = tf.group(tf.no_op())
        trainer.train([ModelSaver(max_to_keep=2, checkpoint_dir=copy)], [], NewSessionCreator(),
                      DictRestore({"global_step": np.int64(2)}), 1, 3, 4)
    assert sorted(os.listdir(original)) == before
    assert sorted(name for name in os.listdir(copy) if name.endswith(".index")) == ["model-3.index", "model-4.index"]
