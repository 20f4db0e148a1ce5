"""A partitioned variable is one variable wherever it is saved and loaded, however many parts it has in the graph."""
import os
import shutil

import numpy as np
import pytest

from tensorpack import (
    AutoResumeTrainConfig,
    DataFromList,
    ModelDesc,
    ModelSaver,
    OfflinePredictor,
    PredictConfig,
    QueueInput,
    SimpleTrainer,
    launch_train_with_config,
    logger,
    tfv1,
)
from tensorpack._cli import checkpoint_manipulate, dump_model_params, ls_checkpoint
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sessinit import DictRestore, SaverRestore, SmartInit
from tensorpack.tfutils.varmanip import SessionUpdate, dump_session_params, load_checkpoint_vars, save_checkpoint_vars

tf = tfv1
WHOLE = np.arange(21, dtype="float32").reshape(7, 3)
BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


def build(parts, use_resource=False, shape=(7, 3), axis=0):
    """The variable `big/emb` in so many parts (0: not partitioned), as one tensor."""
    partitioner = tf.fixed_size_partitioner(parts, axis) if parts else None
    with tf.variable_scope("big", partitioner=partitioner, use_resource=use_resource):
        embedding = tf.get_variable("emb", shape, initializer=tf.zeros_initializer())
    return tf.convert_to_tensor(embedding)


def value_after(init, parts, use_resource=False, **kwargs):
    with tf.Graph().as_default(), tf.Session() as sess:
        value = build(parts, use_resource, **kwargs)
        sess.run(tf.global_variables_initializer())
        init.init(sess)
        return sess.run(value)


def texts(records, *levels):
    return [r.getMessage() for r in records if r.levelname in levels]


@pytest.fixture(params=[0, 2, 3], ids="stored-in-{}".format)
def checkpoint(request, tmp_path):
    """A checkpoint of TensorFlow's own Saver, from a graph with this number of parts."""
    path = str(tmp_path / "model-1")
    with tf.Graph().as_default(), tf.Session() as sess:
        build(request.param)
        sess.run(tf.global_variables_initializer())
        SessionUpdate(sess, tf.global_variables()).update({"big/emb": WHOLE})
        tf.train.Saver().save(sess, path, write_meta_graph=False)
    return path


PARTS = pytest.mark.parametrize("parts", [0, 2, 3], ids="built-in-{}".format)


@PARTS
@BOTH_KINDS
def test_a_checkpoint_loads_whatever_the_number_of_parts(checkpoint, parts, use_resource, log_records):
    assert np.array_equal(value_after(SmartInit(checkpoint), parts, use_resource), WHOLE)
    assert texts(log_records, "WARNING") == []
    assert "loaded 1, missing 0, unused 0" in texts(log_records, "INFO")[-1]


STORED = {
    "whole": {"big/emb:0": WHOLE},
    "two-parts": {"big/emb/part_0:0": WHOLE[:4], "big/emb/part_1:0": WHOLE[4:]},
    "three-columns": {"big/emb/part_{}".format(i): WHOLE[:, i:i + 1] for i in range(3)},
    "one-part": {"big/emb/part_0": WHOLE},
}


@PARTS
@pytest.mark.parametrize("stored", sorted(STORED))
@pytest.mark.parametrize("kind", ["dict", "npz", "npy", "checkpoint"])
def test_a_dict_or_file_of_a_whole_or_of_parts_loads(tmp_path, parts, stored, kind, log_records):
    source = STORED[stored]
    if kind != "dict":
        source = str(tmp_path / ("a" if kind == "checkpoint" else "a." + kind))
        np.save(source, STORED[stored]) if kind == "npy" else save_checkpoint_vars(STORED[stored], source)
    assert np.array_equal(value_after(SmartInit(source), parts), WHOLE)
    assert texts(log_records, "WARNING") == []


@pytest.mark.parametrize("axis, parts", [(1, 3), (1, 2), (0, 7)])
def test_other_axes_and_many_parts(checkpoint, axis, parts):
    assert np.array_equal(value_after(SmartInit(checkpoint), parts, axis=axis), WHOLE)


def test_parts_are_in_the_order_of_their_numbers():
    stored = {"big/emb/part_{}".format(i): np.full((1, 2), i, "float32") for i in range(12)}
    assert value_after(DictRestore(stored), 3, shape=(12, 2))[:, 0].tolist() == list(range(12))


def test_slots_of_optimizers_load_from_parts_too():
    def graph(parts):
        loss = tf.reduce_sum(build(parts))
        tf.train.MomentumOptimizer(.1, .9).minimize(loss)
        return {v.name: v for v in tf.global_variables()}

    with tf.Graph().as_default(), tf.Session() as sess:
        variables = graph(3)
        sess.run(tf.global_variables_initializer())
        sess.run([tf.assign(v, tf.random_uniform(v.shape)) for v in variables.values()])
        saved = sess.run(variables)
    assert "big/emb/part_2/Momentum:0" in saved
    slot = np.concatenate([saved["big/emb/part_{}/Momentum:0".format(i)] for i in range(3)])
    with tf.Graph().as_default(), tf.Session() as sess:
        variables = graph(2)
        SmartInit(saved).init(sess)
        assert np.array_equal(sess.run(variables["big/emb/part_1/Momentum:0"]), slot[4:])


@pytest.mark.parametrize("parts", [0, 2, 3])
@pytest.mark.parametrize("wrong", ["whole", "parts"])
def test_a_wrong_total_shape_names_both_shapes(parts, wrong, log_records):
    stored = {"big/emb": np.zeros((8, 3), "float32")} if wrong == "whole" else {
        "big/emb/part_0": np.zeros((5, 3), "float32"), "big/emb/part_1": np.zeros((3, 3), "float32")}
    with pytest.raises(ValueError, match=r"big/emb.*\(7, 3\).*got \((8, 3|24,)\)"):
        value_after(SmartInit(stored), parts)
    assert not value_after(SmartInit(stored, ignore_mismatch=True), parts).any()
    assert any("big/emb" in m and "(7, 3)" in m for m in texts(log_records, "WARNING"))


def test_the_scope_that_is_left_out_may_be_around_parts(tmp_path):
    path = str(tmp_path / "m")
    save_checkpoint_vars({"emb": WHOLE}, path)
    assert np.array_equal(value_after(SaverRestore(path, prefix="big"), 2), WHOLE)
    with pytest.raises(ValueError, match="no match"):
        value_after(SaverRestore(path, prefix="big", ignore=["emb"]), 2)


def test_what_is_missing_is_named_as_a_whole(log_records):
    with tf.Graph().as_default(), tf.Session() as sess:
        build(2)
        tf.get_variable("a", [2])
        DictRestore({"a": np.zeros(2, "float32")}).init(sess)
    assert texts(log_records, "WARNING")[-1].endswith("not found in the dict: big/emb")


def test_an_update_takes_the_whole_a_part_or_a_partitioned_variable():
    with tf.variable_scope("big", partitioner=tf.fixed_size_partitioner(2)):
        embedding = tf.get_variable("emb", [7, 3])
    with tf.Session() as sess:
        assert SessionUpdate(sess, [embedding]).update({"big/emb:0": WHOLE}) == 1
        assert np.array_equal(sess.run(tf.convert_to_tensor(embedding)), WHOLE)
        SessionUpdate(sess, tf.global_variables()).update({"big/emb/part_1": WHOLE[4:] + 1})
        assert np.array_equal(sess.run(tf.convert_to_tensor(embedding))[4:], WHOLE[4:] + 1)


@pytest.mark.parametrize("suffix", ["", ".npz"], ids=["checkpoint", "npz"])
@BOTH_KINDS
def test_dump_session_params_saves_the_whole(tmp_path, suffix, use_resource):
    path = str(tmp_path / "params") + suffix
    with tf.Session() as sess:
        build(3, use_resource)
        sess.run(tf.global_variables_initializer())
        DictRestore({"big/emb": WHOLE}).init(sess)
        dump_session_params(path)
    loaded = load_checkpoint_vars(path)
    assert list(loaded) == ["big/emb"] and np.array_equal(loaded["big/emb"], WHOLE)


# ---- a training, and everything that is done with what it leaves


class Model(ModelDesc):
    parts = 2

    def inputs(self):
        return [tf.TensorSpec((None,), tf.int32, "row")]

    def build_graph(self, row):
        partitioner = tf.fixed_size_partitioner(self.parts) if self.parts else None
        with tf.variable_scope("big", partitioner=partitioner):
            embedding = tf.get_variable("emb", [7, 3])
        found = tf.nn.embedding_lookup(embedding, row, partition_strategy="div", name="found")
        tf.identity(found, name="y")
        return tf.reduce_mean(tf.square(found), name="cost")

    def optimizer(self):
        return tf.train.AdamOptimizer(.01)


ROWS = np.arange(7, dtype="int32")


def train(parts, epochs):
    with tf.Graph().as_default():
        model = Model()
        model.parts = parts
        launch_train_with_config(AutoResumeTrainConfig(
            model=model, data=QueueInput(DataFromList([[ROWS]])), callbacks=[ModelSaver()], extra_callbacks=[],
            monitors=[], steps_per_epoch=2, max_epoch=epochs), SimpleTrainer())


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("partitions") / "log")
    logger.set_logger_dir(path)
    train(2, epochs=1)
    logger._close_log_file()
    logger.LOG_DIR = None
    return path


@pytest.fixture
def trained(run_dir):
    return load_checkpoint_vars(run_dir)["big/emb"]


def config(parts, source):
    model = Model()
    model.parts = parts
    return PredictConfig(model=model, session_init=SmartInit(source), input_names=["row"], output_names=["y"])


@PARTS
def test_a_predictor_has_the_trained_weights(run_dir, trained, parts, log_records):
    with OfflinePredictor(config(parts, run_dir)) as predictor:
        assert np.array_equal(predictor(ROWS)[0], trained)
    assert texts(log_records, "WARNING") == []


@pytest.mark.parametrize("method", ["export_compact", "export_serving"])
def test_an_export_has_the_trained_weights(run_dir, trained, method, tmp_path):
    target = str(tmp_path / "model")
    getattr(ModelExporter(config(2, run_dir)), method)(target)
    with tf.Graph().as_default(), tf.Session() as sess:
        if method == "export_serving":
            tf.saved_model.loader.load(sess, ["serve"], target)
        else:
            with open(target, "rb") as f:
                tf.import_graph_def(tf.GraphDef.FromString(f.read()), name="")
        assert np.array_equal(sess.run("y:0", {"row:0": ROWS}), trained)


@pytest.mark.parametrize("suffix", ["", ".npz"], ids=["checkpoint", "npz"])
def test_the_tools_know_the_whole(run_dir, trained, tmp_path, suffix, capsys):
    target = str(tmp_path / "params") + suffix
    assert dump_model_params.main([run_dir, target]) == 0
    loaded = load_checkpoint_vars(target)
    assert list(loaded) == ["big/emb"] and np.array_equal(loaded["big/emb"], trained)
    assert checkpoint_manipulate.main([run_dir, "--dump", str(tmp_path / "all.npz")]) == 0
    assert np.array_equal(load_checkpoint_vars(str(tmp_path / "all.npz"))["big/emb"], trained)
    capsys.readouterr()
    assert ls_checkpoint.main([run_dir]) == 0
    assert "'big/emb': [7, 3]" in capsys.readouterr().out


def test_dump_model_params_joins_what_a_numpy_file_has_in_parts(run_dir, trained, tmp_path):
    save_checkpoint_vars({"big/emb/part_0:0": trained[:4], "big/emb/part_1:0": trained[4:]}, str(tmp_path / "parts.npz"))
    meta = next(os.path.join(run_dir, name) for name in os.listdir(run_dir) if name.endswith(".meta"))
    target = str(tmp_path / "whole.npz")
    assert dump_model_params.main(["--meta", meta, str(tmp_path / "parts.npz"), target]) == 0
    assert np.array_equal(load_checkpoint_vars(target)["big/emb"], trained)


@PARTS
def test_a_training_goes_on(run_dir, parts, tmp_path, log_records):
    path = str(tmp_path / "log")
    shutil.copytree(run_dir, path)
    before = load_checkpoint_vars(path)
    logger.set_logger_dir(path, "k")
    log_records.clear()
    train(parts, epochs=2)
    after = load_checkpoint_vars(os.path.join(path, "model-4"))
    assert sorted(after) == sorted(before) and after["big/emb"].shape == (7, 3)
    # Adam moves by at most its rate a step: the weights and moments are those of before
    assert 0 < np.abs(after["big/emb"] - before["big/emb"]).max() <= .021
    assert np.abs(after["big/emb/Adam"]).max() > .5 * np.abs(before["big/emb/Adam"]).max()
    assert [m for m in texts(log_records, "WARNING") if "not found" in m] == []
    assert any("loaded 6, missing 0, unused 0" in m for m in texts(log_records, "INFO"))
