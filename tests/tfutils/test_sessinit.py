"""Loading models into sessions."""
import os
import re

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sessinit import (
    ChainInit,
    CheckpointReaderAdapter,
    DictRestore,
    JustCurrentSession,
    MismatchLogger,
    SaverRestore,
    SaverRestoreRelaxed,
    SessionInit,
    SmartInit,
    get_model_loader,
)
from tensorpack.tfutils.varmanip import save_checkpoint_vars

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "data", "golden")
BOTH_KINDS = pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])


def variable(name, shape=(2,), dtype="float32", **kwargs):
    return tf.get_variable(name, list(shape), dtype=dtype, initializer=tf.zeros_initializer(), **kwargs)


def load(init, fetch=None):
    """Values of all global variables after `init` in a new session of the default graph."""
    variables = {v.op.name: v for v in tf.global_variables()}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        init.init(sess)
        return {name: value.tolist() for name, value in sess.run(variables).items()}


def checkpoint(tmp_path, name="m", **values):
    path = str(tmp_path / name)
    save_checkpoint_vars({k.replace("__", "/"): np.asarray(v) for k, v in values.items()}, path)
    return path


def texts(records, *levels):
    return [r.getMessage() for r in records if r.levelname in (levels or ("INFO", "WARNING"))]


F = np.float32


@BOTH_KINDS
def test_saver_restore_loads_by_exact_name_and_adds_no_operation(tmp_path, use_resource):
    path = checkpoint(tmp_path, a=F([1, 2]), b__c=F([3, 4]))
    with tf.variable_scope("", use_resource=use_resource):
        variable("a"), variable("b/c")
    init = SaverRestore(path)
    assert init.path == path
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = len(sess.graph.get_operations())
        init.init(sess)
        init.init(sess)
        assert len(sess.graph.get_operations()) == before
        assert sess.run([v for v in tf.global_variables()])[1].tolist() == [3, 4]


def test_saver_restore_works_on_a_finalized_graph(tmp_path):
    variable("a")
    init = SaverRestore(checkpoint(tmp_path, a=F([1, 2])))
    init._setup_graph()
    with tf.Session() as sess:
        sess.graph.finalize()
        init._run_init(sess)
        assert sess.run(tf.global_variables()[0]).tolist() == [1, 2]


def test_what_does_not_fit_is_logged_as_one_line_and_two_groups(tmp_path, log_records):
    path = checkpoint(tmp_path, a=F([1, 2]), optimizer__step=np.int64(3), z=F([0]), a__Momentum=F([1, 1]), EMA__cost=F(0),
                      **{"old__v{}".format(i): F([0]) for i in range(20)})
    variable("a"), variable("head/W"), variable("head/b"), variable("a/Adam")
    load(SaverRestore(path))
    graph_only, stored_only = texts(log_records, "WARNING")
    assert "head/W, head/b" in graph_only and "Adam" not in graph_only and path in graph_only
    assert re.search(r"old/\* \(20 variables: old/v0, .*\), optimizer/step, z$", stored_only)
    assert "Momentum" not in stored_only and "EMA" not in stored_only and "old/v15" not in stored_only
    summary = texts(log_records, "INFO")[-1]
    assert "loaded 1, missing 2, unused 22" in summary and path in summary


def test_missing_variables_keep_their_values(tmp_path):
    variable("a")
    tf.get_variable("b", initializer=5.)
    assert load(SaverRestore(checkpoint(tmp_path, a=F([1, 2])))) == {"a": [1, 2], "b": 5}


def test_nothing_in_common_is_an_error_with_names_of_both_sides(tmp_path):
    path = checkpoint(tmp_path, conv0__W=F([1]))
    variable("conv1/W")
    with pytest.raises(ValueError, match=r"(?s)conv1/W.*conv0/W|conv0/W.*conv1/W") as e:
        SaverRestore(path)._setup_graph()  # before any session is made
    assert path in str(e.value)


@pytest.mark.parametrize("got, wanted", [
    ((3, 2), (2, 3)), ((4, 2, 3, 3), (3, 3, 2, 4)), ((1, 3, 2), (2, 3)), ((2, 3), (3, 1, 2))])
@pytest.mark.parametrize("ignore_mismatch", [False, True])
def test_the_same_sizes_in_another_order_are_a_mismatch(got, wanted, ignore_mismatch, log_records):
    value = np.arange(np.prod(got), dtype="float32").reshape(got)
    variable("a", wanted), variable("b", ())
    init = DictRestore({"a": value, "b": F(1)}, ignore_mismatch=ignore_mismatch)
    if ignore_mismatch:
        assert np.unique(load(init)["a"]).tolist() == [0]
    else:
        with pytest.raises(ValueError, match="variable a:0: its value must have the shape .*the same sizes in another order"):
            load(init)
    assert not [m for m in texts(log_records, "WARNING") if "reshaped" in m]


@pytest.mark.parametrize("got, wanted", [
    ((6,), (2, 3)), ((2, 3), (6,)), ((1, 2, 3), (2, 3)), ((2, 2, 3), (4, 3)), ((1, 6), (6, 1))])
def test_axes_that_are_split_joined_or_of_one_element_are_reshaped(got, wanted):
    value = np.arange(np.prod(got), dtype="float32")
    variable("a", wanted)
    assert load(DictRestore({"a": value.reshape(got)})) == {"a": value.reshape(wanted).tolist()}


def test_harmless_differences_of_shape_and_dtype_are_mended(tmp_path, log_records):
    path = checkpoint(tmp_path, a=np.arange(6, dtype="float64").reshape(1, 6), step=np.int32(9))
    variable("a", (2, 3)), variable("step", (), "int64")
    assert load(SaverRestore(path)) == {"a": [[0, 1, 2], [3, 4, 5]], "step": 9}
    assert len([m for m in texts(log_records, "WARNING") if "cast" in m or "reshaped" in m]) == 3


@pytest.mark.parametrize("value, error", [(F([1, 2, 3]), ValueError), (np.int32([1, 2]), TypeError)], ids=["shape", "dtype"])
def test_mismatch_raises_strictly_and_is_left_out_relaxedly(tmp_path, log_records, value, error):
    path = checkpoint(tmp_path, a=value, b=F([7, 7]))
    variable("a"), variable("b")
    with pytest.raises(error, match="variable a:0"):
        load(SaverRestore(path))
    assert load(SaverRestoreRelaxed(path)) == {"a": [0, 0], "b": [7, 7]}
    assert "loaded 1" in texts(log_records, "INFO")[-1]


def test_the_prefix_ends_at_a_scope(tmp_path):
    path = checkpoint(tmp_path, W=F([1, 1]), pref__W=F([2, 2]), other=F([3, 3]))
    variable("pre/W"), variable("pref/W"), variable("other")
    assert load(SaverRestore(path, prefix="pre")) == {"pre/W": [1, 1], "pref/W": [2, 2], "other": [3, 3]}
    assert load(SaverRestore(path, prefix="pre/"))["pre/W"] == [1, 1]


def test_two_variables_for_one_stored_value_is_an_error(tmp_path):
    path = checkpoint(tmp_path, W=F([1, 1]))
    variable("pre/W"), variable("W")
    with pytest.raises(ValueError, match="pre/W"):
        load(SaverRestore(path, prefix="pre"))


@pytest.mark.parametrize("names", [["a/W", "pre/a/W"], ["pre/a/W", "a/W"]])
def test_relaxed_a_variable_and_its_namesake_in_the_scope_take_the_same_value(tmp_path, names):
    path = str(tmp_path / "model")
    save_checkpoint_vars({"a/W": np.float32([1, 2])}, path)
    for name in names:
        tf.get_variable(name, [2], initializer=tf.zeros_initializer())
    assert load(SaverRestoreRelaxed(path, prefix="pre")) == {name: [1, 2] for name in names}
    with pytest.raises(ValueError, match="prefix='pre': each stored value must go to one variable"):
        load(SaverRestore(path, prefix="pre"))



def test_ignored_names_are_those_of_the_checkpoint(tmp_path, log_records):
    path = checkpoint(tmp_path, a=F([1, 1]), b=F([2, 2]))
    variable("p/a"), variable("p/b")
    init = SaverRestore(path, prefix="p", ignore=["a"])
    assert init.ignore == ["a:0"] and init.prefix == "p"
    assert load(init) == {"p/a": [0, 0], "p/b": [2, 2]}
    assert any("p/a is ignored" in m for m in texts(log_records, "INFO"))
    with pytest.raises(TypeError, match="ignore"):
        SaverRestore(path, ignore="a")


def test_stored_names_with_output_index_match(tmp_path):
    # the library never writes such names, but others do
    path = str(tmp_path / "m")
    with tf.Graph().as_default(), tf.Session() as sess:
        sess.run(tf.raw_ops.SaveV2(
            prefix=path, tensor_names=["a:0"], shape_and_slices=[""], tensors=[tf.constant([1., 2.])]))
    reader = CheckpointReaderAdapter(tf.train.NewCheckpointReader(path))
    assert reader.get_variable_to_shape_map() == {"a:0": [2]} and reader.get_real_name("a") == "a:0"
    assert reader.has_tensor("a") and reader.has_tensor("a:0") and reader.get_tensor("a").tolist() == [1, 2]
    with pytest.raises(KeyError, match="'a'"):
        reader.get_tensor("A")
    variable("a")
    assert load(SaverRestore(path)) == {"a": [1, 2]}


@pytest.mark.parametrize("scope", ["", "apply_gradients__", "async_apply_gradients__", "AccumGradOptimizer__cond__"])
@pytest.mark.parametrize("kind", ["checkpoint", "dict"])
def test_powers_of_adam_are_found_where_former_trainers_left_them(tmp_path, scope, kind):
    values = {scope + "beta1_power": F(.5), scope + "beta2_power": F(.25), "a": F([1, 2])}
    variable("a"), variable("beta1_power", ()), variable("beta2_power", ())
    if kind == "checkpoint":
        init = SaverRestore(checkpoint(tmp_path, **values))
    else:
        init = DictRestore({k.replace("__", "/"): v for k, v in values.items()})
    assert load(init) == {"a": [1, 2], "beta1_power": .5, "beta2_power": .25}


def test_the_plain_power_of_adam_wins(tmp_path):
    path = checkpoint(tmp_path, apply_gradients__beta1_power=F(.5), beta1_power=F(.25))
    variable("beta1_power", ())
    assert load(SaverRestore(path)) == {"beta1_power": .25}


def test_former_powers_do_not_go_to_two_variables(tmp_path):
    path = checkpoint(tmp_path, apply_gradients__beta1_power=F(.5))
    variable("beta1_power", ()), variable("apply_gradients/beta1_power", ())
    assert load(SaverRestore(path)) == {"beta1_power": 0, "apply_gradients/beta1_power": .5}


def test_what_is_left_out_on_purpose_is_no_news(tmp_path, log_records):
    path = checkpoint(tmp_path, a=F([1, 2]), b=F([3, 4]))
    variable("a"), variable("b")
    assert load(SaverRestore(path, ignore=["b"])) == {"a": [1, 2], "b": [0, 0]}
    assert not [m for m in texts(log_records, "WARNING") if "found" in m]
    assert "loaded 1, missing 0, unused 0" in texts(log_records, "INFO")[-1]


def test_dict_restore_takes_names_with_and_without_index_and_scalars(log_records):
    variable("a"), variable("b", ()), variable("c")
    assert load(DictRestore({"a:0": F([1, 2]), "b": 3., "z": F([0])})) == {"a": [1, 2], "b": 3, "c": [0, 0]}
    graph_only, dict_only = [m for m in texts(log_records, "WARNING") if "found" in m]
    assert graph_only.endswith(": c") and dict_only.endswith(": z")
    assert "loaded 2, missing 1, unused 1" in texts(log_records, "INFO")[-1]


def test_dict_restore_is_strict_unless_told_otherwise():
    variable("a"), variable("b")
    values = {"a": F([1, 2, 3]), "b": F([4, 4])}
    with pytest.raises(ValueError, match="a:0"):
        load(DictRestore(values))
    assert load(DictRestore(values, ignore_mismatch=True)) == {"a": [0, 0], "b": [4, 4]}
    with pytest.raises(TypeError, match="dict"):
        DictRestore([1])


def test_later_inits_of_a_chain_win_and_all_set_up_first(tmp_path):
    calls = []

    class Spy(SessionInit):
        def _setup_graph(self):
            calls.append("setup")

        def _run_init(self, sess):
            calls.append("run")

    variable("a")
    chain = ChainInit([Spy(), DictRestore({"a": F([1, 1])}), DictRestore({"a": F([2, 2])}), Spy()])
    assert load(chain) == {"a": [2, 2]} and calls == ["setup", "setup", "run", "run"] and len(chain.inits) == 4


@pytest.mark.parametrize("empty", [None, "", {}, [], ()], ids=repr)
def test_smart_init_of_nothing_is_just_the_current_session(empty):
    assert type(SmartInit(empty)) is JustCurrentSession


def test_smart_init_takes_every_kind(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = checkpoint(tmp_path, "model-3", a=F([1, 2]))
    save_checkpoint_vars({"a:0": F([3, 4])}, path + ".npz")
    np.save(path + ".npy", {"a": F([5, 6])})
    variable("a")
    kinds = [(path, [1, 2]), ("~/model-3", [1, 2]), (str(tmp_path), [1, 2]), (tmp_path / "model-3.index", [1, 2]),
             (path + ".npz", [3, 4]), ("~/model-3.npz", [3, 4]), (path + ".npy", [5, 6]), ({"a:0": F([7, 8])}, [7, 8]),
             ([path, path + ".npz"], [3, 4]), ((path + ".npz", path), [1, 2]), (SaverRestore(path), [1, 2])]
    for obj, expected in kinds:
        assert load(SmartInit(obj)) == {"a": expected}, obj
    assert type(SmartInit(path)) is SaverRestore
    assert type(SmartInit(path, ignore_mismatch=True)) is SaverRestoreRelaxed
    assert get_model_loader is SmartInit


def test_smart_init_passes_ignore_mismatch_on():
    variable("a"), variable("b")
    init = SmartInit([{"a": F([1, 2, 3])}, {"b": F([4, 4])}], ignore_mismatch=True)
    assert load(init) == {"a": [0, 0], "b": [4, 4]}
    with pytest.raises(TypeError):
        SmartInit({}, True)


def test_smart_init_takes_brackets_literally(tmp_path):
    (tmp_path / "run[a]").mkdir()
    path = checkpoint(tmp_path / "run[a]", "m", a=F([1, 2]))
    variable("a")
    assert load(SmartInit(path)) == {"a": [1, 2]}
    with pytest.raises(ValueError, match="ru"):
        SmartInit(str(tmp_path / "ru*" / "m"))


@pytest.mark.parametrize("obj, error, words", [
    (3, TypeError, "int"),
    ([3], TypeError, "int"),
    ("/no/where", ValueError, "/no/where"),
    ("/no/where.npz", ValueError, "/no/where.npz"),
], ids=["int", "int-in-list", "missing", "missing-npz"])
def test_smart_init_refuses(obj, error, words):
    with pytest.raises(error, match=words):
        SmartInit(obj)


def test_an_npy_file_without_a_dict_is_named(tmp_path):
    path = str(tmp_path / "x.npy")
    np.save(path, np.zeros(3))
    with pytest.raises(ValueError, match="x.npy"):
        SmartInit(path)


def test_a_damaged_checkpoint_is_named_at_restore(tmp_path):
    path = checkpoint(tmp_path, "broken", a=np.zeros(100, "float32"))
    with open(path + ".data-00000-of-00001", "wb") as f:
        f.write(b"x" * 400)
    variable("a", (100,))
    with pytest.raises(ValueError, match="broken.*damaged"):
        load(SaverRestore(path))


def test_saver_restore_warns_about_numpy_files(tmp_path, log_records):
    save_checkpoint_vars({"a": F([1])}, str(tmp_path / "x.npz"))
    with pytest.raises(ValueError):
        SaverRestore(str(tmp_path / "x.npz"))._setup_graph()
    assert any("SmartInit" in m for m in texts(log_records, "WARNING"))


def test_mismatch_logger_logs_once_and_only_if_there_is_something(log_records):
    logger = MismatchLogger("graph", "file")
    logger.log()
    assert texts(log_records) == []
    logger.add("a/b:0")
    logger.add("c")
    logger.log()
    assert len(texts(log_records)) == 1 and "a/b, c" in texts(log_records)[0]


def test_a_checkpoint_of_the_original_restores_every_variable(log_records):
    import json

    directory = os.path.join(GOLDEN, "layers_adam")
    with open(os.path.join(directory, "variables.json")) as f:
        names = json.load(f)
    for name, (shape, dtype) in names.items():
        variable(name, shape, dtype)
    loaded = load(SmartInit(directory))
    assert any(np.any(v) for v in loaded.values()) and loaded["global_step"] == 30
    assert texts(log_records, "WARNING") == []
    assert "loaded {}, missing 0, unused 0".format(len(names)) in texts(log_records, "INFO")[-1]


@pytest.mark.parametrize("given, near", [
    ("lgo", "log"), ("lgo/model-7", "log"), ("log/modle-7", "log/model-7"), ("log/model-7.indx", "log/model-7"),
    ("log/model-7.data-00001-of-00002", None), ("elsewhere", None), ("log/sub/model-7", ""), ("wights.npz", "weights.npz"),
])
def test_a_path_that_is_not_there_is_told_with_those_like_it(given, near, tmp_path):
    save_checkpoint_vars({"a": F(1)}, str(tmp_path / "log" / "model-7"))
    np.savez(str(tmp_path / "weights.npz"), a=F(1))
    if near is None and given.startswith("log/model-7.data"):
        SmartInit(str(tmp_path / given))
        return
    with pytest.raises((ValueError, OSError)) as info:
        SmartInit(str(tmp_path / given))
    otherwise = "there is no directory" if near == "" else "checkpoint in"
    words = "did you mean {!r}".format(str(tmp_path / near)) if near else otherwise
    assert words in str(info.value)
