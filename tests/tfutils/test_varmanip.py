"""Values of variables as files and in sessions."""
import os
import re
import weakref

import numpy as np
import pytest

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils._restore import assigning
from tensorpack.tfutils.sessinit import SmartInit
from tensorpack.tfutils.varmanip import (
    SessionUpdate,
    dump_session_params,
    get_all_checkpoints,
    get_checkpoint_path,
    get_savename_from_varname,
    is_training_name,
    load_checkpoint_vars,
    load_chkpt_vars,
    save_checkpoint_vars,
    save_chkpt_vars,
)

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "data", "golden")
BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


def save(path, **values):
    save_checkpoint_vars(values or {"a": np.float32([1, 2])}, str(path))
    return str(path)


def texts(records, level):
    return [r.getMessage() for r in records if r.levelname == level]


# ---- files


@pytest.mark.parametrize("suffix", [".npz", ""], ids=["npz", "checkpoint"])
def test_saved_values_load_bit_equal_under_bare_names(tmp_path, suffix):
    values = {"fc/W:0": np.random.rand(3, 4).astype("float32"), "step": np.int64(7), "half:0": np.float16([1.5]),
              "flag": np.array([True, False]), "d": np.float64(1) / 3}
    path = str(tmp_path / "model") + suffix
    save_checkpoint_vars(values, path)
    loaded = load_checkpoint_vars(path)
    assert sorted(loaded) == ["d", "fc/W", "flag", "half", "step"]
    for name, value in values.items():
        got = loaded[name.replace(":0", "")]
        assert np.asarray(got).dtype == np.asarray(value).dtype and np.array_equal(got, value)


def test_npz_keeps_keys_verbatim(tmp_path):
    path = str(tmp_path / "x.npz")
    save_chkpt_vars({"a:0": np.zeros(2), "b": np.ones(1)}, path)
    with np.load(path) as f:
        assert sorted(f.files) == ["a:0", "b"]
    assert sorted(load_chkpt_vars(path)) == ["a", "b"]


def test_strings_survive_a_checkpoint(tmp_path):
    path = save(tmp_path / "m", words=np.array(["one", "three"]), raw=np.array([b"x\x00y"], dtype=object))
    loaded = load_checkpoint_vars(path)
    assert loaded["words"].tolist() == [b"one", b"three"] and loaded["raw"].tolist() == [b"x\x00y"]


@pytest.mark.parametrize("read", [load_checkpoint_vars, SmartInit])
@pytest.mark.parametrize("saved, asked", [
    ("x.npz", "x"), ("x.npz", "x.npz.npz"), ("x.npz", "x.npy"), ("x", "x.npz"),
])
def test_a_name_with_another_ending_is_told(tmp_path, read, saved, asked):
    save(tmp_path / "much_like_x.npz"), save(tmp_path / saved)
    with pytest.raises(ValueError) as e:
        read(str(tmp_path / asked))
    assert "did you mean {!r}".format(str(tmp_path / saved)) in str(e.value).replace("/./", "/")


def test_a_saved_checkpoint_is_read_by_a_saver_and_has_no_other_files(tmp_path):
    path = save(tmp_path / "sub" / "m", v=np.float32([1, 2, 3]))
    assert sorted(os.listdir(str(tmp_path / "sub"))) == ["m.data-00000-of-00001", "m.index"]
    v = tf.get_variable("v", [3])
    with tf.Session() as sess:
        tf.train.Saver([v]).restore(sess, path)
        assert sess.run(v).tolist() == [1, 2, 3]


def test_saving_a_checkpoint_leaves_the_state_file_alone(tmp_path):
    state = tmp_path / "checkpoint"
    state.write_text('model_checkpoint_path: "model-30"\n')
    save(tmp_path / "stripped")
    assert state.read_text() == 'model_checkpoint_path: "model-30"\n'


def test_saving_over_a_checkpoint_replaces_it(tmp_path):
    path = save(tmp_path / "m", a=np.zeros(5))
    save(tmp_path / "m", b=np.ones(3))
    assert {k: v.tolist() for k, v in load_checkpoint_vars(path).items()} == {"b": [1, 1, 1]}
    assert len(os.listdir(str(tmp_path))) == 2


@pytest.mark.parametrize("values, name, word", [
    ({"a": 1.}, "x.npy", ".npz"),
    ({}, "x", "empty"),
    ({"a": 1., "a:0": 2.}, "x", "'a' twice"),
], ids=["npy", "empty", "same-name-twice"])
def test_save_refuses(tmp_path, values, name, word):
    with pytest.raises(ValueError, match=word):
        save_checkpoint_vars(values, str(tmp_path / name))
    assert os.listdir(str(tmp_path)) == []


@BOTH_KINDS
def test_dump_session_params_takes_trainable_and_model_variables(tmp_path, use_resource):
    with tf.variable_scope("", use_resource=use_resource):
        w = tf.get_variable("fc/W", [2], initializer=tf.ones_initializer())
        ema = tf.get_variable("bn/mean/EMA", [2], trainable=False)
        tf.get_variable("learning_rate", [], trainable=False)
        tf.get_variable("local", [], collections=[tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES])
    tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, ema)
    tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, w)  # in both: saved once
    path = str(tmp_path / "p.npz")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.graph.finalize()
        dump_session_params(path)
    with np.load(path) as f:
        assert sorted(f.files) == ["bn/mean/EMA:0", "fc/W:0"] and f["fc/W:0"].tolist() == [1, 1]


def test_dump_session_params_needs_a_session(tmp_path):
    with pytest.raises(RuntimeError, match="default session"):
        dump_session_params(str(tmp_path / "p.npz"))


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_checkpoints_of_the_original_load_with_its_names(optimizer):
    import json

    directory = os.path.join(GOLDEN, "layers_" + optimizer)
    loaded = load_checkpoint_vars(directory)
    with open(os.path.join(directory, "variables.json")) as f:
        expected = json.load(f)
    assert {k: [list(v.shape), v.dtype.name] for k, v in loaded.items()} == expected
    params = load_checkpoint_vars(os.path.join(directory, "params.npz"))
    assert len(params) > 20
    for name, value in params.items():
        assert np.array_equal(value, loaded[name])


# ---- finding checkpoints


@pytest.fixture
def run_dir(tmp_path):
    """A directory with model-9 and model-10 (the latest), and min-loss."""
    for name in ["model-9", "model-10", "min-loss"]:
        save(tmp_path / name)
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "model-10"\nall_model_checkpoint_paths: "model-9"\nall_model_checkpoint_paths: "model-10"\n')
    return tmp_path


@pytest.mark.parametrize("spelling, handle", [
    ("model-9", "model-9"),
    ("model-9.index", "model-9"),
    ("model-9.data-00000-of-00001", "model-9"),
    ("model-9.meta", "model-9"),
    ("model-9.data-00001-of-00003", "model-9"),
    ("checkpoint", "model-10"),
    ("", "model-10"),
], ids=["handle", "index", "data", "meta", "shard", "state-file", "directory"])
def test_get_checkpoint_path_takes_any_spelling(run_dir, spelling, handle):
    assert os.path.normpath(get_checkpoint_path(str(run_dir / spelling))) == str(run_dir / handle)


def test_get_checkpoint_path_of_a_bare_name_is_in_the_current_directory(run_dir, monkeypatch):
    monkeypatch.chdir(run_dir)
    assert get_checkpoint_path("model-9") == "./model-9"
    assert get_checkpoint_path("checkpoint") == "./model-10"


def test_a_moved_directory_is_found_by_its_state_file(run_dir):
    (run_dir / "checkpoint").write_text('model_checkpoint_path: "/nowhere/model-9"\n')
    assert get_checkpoint_path(str(run_dir)) == str(run_dir / "model-9")


def test_an_incomplete_latest_checkpoint_is_passed_over_with_a_warning(run_dir, log_records):
    os.remove(str(run_dir / "model-10.data-00000-of-00001"))
    assert get_checkpoint_path(str(run_dir)) == str(run_dir / "model-9")
    assert "model-10" in texts(log_records, "WARNING")[0]


def test_a_directory_without_state_file_gives_the_highest_step(run_dir):
    os.remove(str(run_dir / "checkpoint"))
    assert get_checkpoint_path(str(run_dir)) == str(run_dir / "model-10")


def test_brackets_in_a_path_are_literal(tmp_path):
    (tmp_path / "run[1]*").mkdir()
    path = save(tmp_path / "run[1]*" / "m")
    assert get_checkpoint_path(path) == path
    assert get_all_checkpoints(str(tmp_path / "run[1]*"), "nothing") == []


def test_a_missing_checkpoint_is_named_with_what_is_there(run_dir):
    with pytest.raises(ValueError, match="model-11.*did you mean .*model-10"):
        get_checkpoint_path(str(run_dir / "model-11"))


def test_an_empty_directory_has_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="no checkpoint in"):
        get_checkpoint_path(str(tmp_path))


def test_a_saved_model_is_told_from_a_directory_of_checkpoints(tmp_path):
    x = tf.placeholder(tf.float32, [1])
    y = x + tf.get_variable("a", initializer=tf.constant([3.]))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(sess, str(tmp_path / "saved"), {"x": x}, {"y": y})
    weights = str(tmp_path / "saved" / "variables" / "variables")
    with pytest.raises(ValueError, match="saved is a SavedModel, whose weights are the checkpoint " + re.escape(weights)):
        SmartInit(str(tmp_path / "saved"))
    assert load_checkpoint_vars(weights)["a"].tolist() == [3.]


def test_get_all_checkpoints_honours_the_prefix_and_returns_handles(run_dir):
    save(run_dir / "max-acc-3")
    save(run_dir / "model-x")
    os.remove(save(run_dir / "model-12") + ".data-00000-of-00001")  # incomplete
    assert get_all_checkpoints(str(run_dir)) == [(str(run_dir / "model-9"), 9), (str(run_dir / "model-10"), 10)]
    assert get_all_checkpoints(str(run_dir), "max-acc") == [(str(run_dir / "max-acc-3"), 3)]
    assert load_checkpoint_vars(get_all_checkpoints(str(run_dir))[0][0])["a"].tolist() == [1, 2]


def write_bytes(path, content):
    with open(path, "wb") as f:
        f.write(content)


@pytest.mark.parametrize("damage", ["index-cut", "index-empty", "data-cut", "data-garbage", "data-missing", "no-checkpoint"])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    path = save(tmp_path / "broken", a=np.arange(300.))
    index, data = path + ".index", path + ".data-00000-of-00001"
    with open(index, "rb") as f:
        content = f.read()
    if damage == "data-missing":
        os.remove(data)
    elif damage == "no-checkpoint":
        path = str(tmp_path / "broken.txt")
        write_bytes(path, b"hello")
    else:
        new = {"index-cut": content[:40], "index-empty": b"", "data-cut": b"x" * 100, "data-garbage": b"x" * 2400}[damage]
        write_bytes(index if damage.startswith("index") else data, new)
    with pytest.raises(ValueError, match="broken"):
        load_checkpoint_vars(path)


def test_an_index_that_asks_for_more_memory_than_there_is_is_damaged(tmp_path, monkeypatch):
    def refuse(path):
        raise MemoryError("std::bad_alloc")

    path = save(tmp_path / "broken")
    monkeypatch.setattr(compat, "new_checkpoint_reader", refuse)
    with pytest.raises(ValueError, match="broken: must be a TensorFlow checkpoint.*bad_alloc.*damaged"):
        load_checkpoint_vars(path)


def test_a_damaged_npz_is_named(tmp_path):
    path = str(tmp_path / "broken.npz")
    write_bytes(path, b"PK nonsense")
    with pytest.raises(ValueError, match="broken.npz"):
        load_checkpoint_vars(path)


# ---- names


@pytest.mark.parametrize("name, expected", [
    ("conv/W/Adam", True), ("conv/W/Adam_1:0", True), ("fc/W/Momentum", True), ("W/Adadelta", True), ("W/Adadelta_1", True),
    ("W/RMSProp", True), ("W/RMSProp_1", True), ("W/Adagrad", True), ("W/AccumGrad", True), ("AccumGrad/counter", True),
    ("apply_gradients/beta1_power", True), ("EMA/cost", True), ("tower0/EMA/cost", True),
    ("bn/mean/EMA", False), ("beta1_power", False), ("global_step", False), ("learning_rate", False),
    ("async_apply_gradients/beta1_power", False), ("Adam", False),
])
def test_is_training_name(name, expected):
    assert is_training_name(name) is expected


@pytest.mark.parametrize("args, expected", [
    (("a/W",), "a/W"),
    (("a/W", "a"), "W"),
    (("ab/W", "a"), "ab/W"),
    (("a/W", "a", "b"), "b/W"),
    (("a/W", None, "b"), "b/a/W"),
], ids=["plain", "prefix", "scope-boundary", "both", "save-prefix"])
def test_get_savename_from_varname(args, expected):
    assert get_savename_from_varname(*args) == expected


# ---- assigning


@BOTH_KINDS
def test_session_update_assigns_without_growing_the_graph(use_resource):
    with tf.variable_scope("", use_resource=use_resource):
        a = tf.get_variable("a", [2, 3])
        b = tf.get_variable("b", [], dtype=tf.int64, initializer=tf.zeros_initializer())
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.graph.finalize()
        count = len(sess.graph.get_operations())
        SessionUpdate(sess, [a, b]).update({"a:0": np.arange(6.).reshape(2, 3).astype("float32"), "b": 5})
        assert sess.run(a).ravel().tolist() == [0, 1, 2, 3, 4, 5] and sess.run(b) == 5
        assert len(sess.graph.get_operations()) == count


def test_variables_that_share_their_initial_tensor_get_their_own_values():
    initial = tf.zeros([2])
    a, b = tf.Variable(initial, name="a"), tf.Variable(initial, name="b")
    with tf.Session() as sess:
        SessionUpdate(sess, [a, b]).update({"a:0": np.float32([1, 1]), "b:0": np.float32([2, 2])})
        assert [x.tolist() for x in sess.run([a, b])] == [[1, 1], [2, 2]]


def test_session_update_names_near_variables():
    a = tf.get_variable("conv0/W", [2])
    with tf.Session() as sess, pytest.raises(KeyError, match="conv0/W"):
        SessionUpdate(sess, [a]).update({"conv0/w:0": np.zeros(2)})


@pytest.mark.parametrize("value, dtype, shape, expected", [
    (np.zeros((1, 1, 4, 2), "float32"), "float32", [4, 2], ("float32", (4, 2))),
    (np.zeros((2,), "float64"), "float32", [2], ("float32", (2,))),
    (np.zeros((2,), "float16"), "float32", [2], ("float32", (2,))),
    (np.zeros((), "int32"), "int64", [], ("int64", ())),
    (np.zeros((), "uint8"), "int32", [], ("int32", ())),
    (3.5, "float32", [1], ("float32", (1,))),
], ids=["reshape", "float-narrower", "float-wider", "int-wider", "uint8", "python-scalar"])
def test_harmless_differences_are_mended_with_a_warning(log_records, value, dtype, shape, expected):
    var = tf.get_variable("v", shape, dtype=dtype, initializer=tf.zeros_initializer())
    result = SessionUpdate.relaxed_value_for_var(value, var)
    assert (result.dtype.name, result.shape) == expected
    assert texts(log_records, "WARNING")


@pytest.mark.parametrize("value, dtype, error", [
    (np.zeros(3, "float32"), "float32", ValueError),
    (np.zeros(2, "int32"), "float32", TypeError),
    (np.zeros(2, "float32"), "int32", TypeError),
    (np.zeros(2, "int64"), "int32", TypeError),
    (np.array(["a", "b"]), "float32", TypeError),
], ids=["elements", "int-to-float", "float-to-int", "int-narrower", "string"])
def test_harmful_differences_raise_or_are_left_out(log_records, value, dtype, error):
    var = tf.get_variable("some/v", [2], dtype=dtype, initializer=tf.zeros_initializer())
    with pytest.raises(error, match="some/v"):
        SessionUpdate.relaxed_value_for_var(value, var)
    assert SessionUpdate.relaxed_value_for_var(value, var, ignore_mismatch=True) is None
    assert "some/v" in texts(log_records, "WARNING")[0]


def test_large_values_are_fed_in_several_calls(monkeypatch):
    monkeypatch.setattr(assigning, "_BYTES_PER_CALL", 100)
    variables = [tf.get_variable("v{}".format(i), [20]) for i in range(4)]
    with tf.Session() as sess:
        SessionUpdate(sess, variables).update({v.name: np.full(20, i, "float32") for i, v in enumerate(variables)})
        assert [x[0] for x in sess.run(variables)] == [0, 1, 2, 3]


def where_tensors_begin(values):
    """The values in memory that TensorFlow takes for a tensor without a copy."""
    values = np.asarray(values, "float32")
    memory = np.zeros(values.nbytes + 64, "uint8")
    array = np.ndarray(values.shape, values.dtype, memory, -memory.ctypes.data % 64)
    array[...] = values
    return array


@BOTH_KINDS
@pytest.mark.parametrize("parts", [1, 2])
def test_a_variable_does_not_share_the_memory_of_the_assigned_array(use_resource, parts):
    with tf.variable_scope("", use_resource=use_resource, partitioner=tf.fixed_size_partitioner(parts)):
        a = tf.get_variable("a", [200, 8])
    value = where_tensors_begin(np.ones([200, 8]))
    with tf.Session() as sess:
        SessionUpdate(sess, [a]).update({"a": value})
        value[:] = 7
        assert all((part == 1).all() for part in sess.run(list(a)))


def test_a_large_value_is_gone_when_the_next_one_is_read(monkeypatch):
    monkeypatch.setattr(assigning, "_BYTES_PER_CALL", 100)
    variables = [tf.get_variable("v{}".format(i), [200]) for i in range(3)]
    alive = []

    def read():
        seen = []
        for i, variable in enumerate(variables):
            alive.append(sum(each() is not None for each in seen))
            value = where_tensors_begin(np.full(200, i))
            seen.append(weakref.ref(value))
            pair = [(variable, value)]
            del value
            yield pair.pop()

    with tf.Session() as sess:
        assert SessionUpdate(sess, variables).assign(read()) == 3
        assert [x[0] for x in sess.run(variables)] == [0, 1, 2]
    assert alive == [0, 0, 0]
